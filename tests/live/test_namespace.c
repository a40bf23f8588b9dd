/* SPDX-License-Identifier: Apache-2.0 */
/* A client's namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"

static void open_in(const char *space, struct test_peer *peer)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    options.namespace_prefix = space;
    test_peer_open_with(etcd.endpoint, &options, NULL, peer);
}

/** Goal: the same name in two namespaces and in none is three locks, and a
 * namespace and name with the same concatenation are the same lock. Method:
 * hold all three at once, read key, name and queue of each, and try the fourth.
 * */
static void test_same_name(void **state)
{
    static const char *const spaces[] = {NULL, "blue/", "/green/"};
    static const char *const prefixes[] = {"job/", "blue/job/", "/green/job/"};
    struct test_peer peers[3];
    leaselock_ticket *tickets[3];
    struct test_peer other;
    leaselock_ticket *ticket = NULL;

    (void)state;
    for (int i = 0; i < 3; i++) {
        open_in(spaces[i], &peers[i]);
        tickets[i] = test_acquire(&peers[i], "job");
    }
    for (int i = 0; i < 3; i++) {
        struct leaselock_queue_info *queue = NULL;
        char text[LEASELOCK_KEY_MAX + 1];

        assert_true(leaselock_ticket_key(tickets[i], text, sizeof(text)) > 0);
        assert_memory_equal(text, prefixes[i], strlen(prefixes[i]));
        assert_int_equal(test_keys(&etcd, prefixes[i]), 1);
        assert_int_equal(leaselock_ticket_name(tickets[i], text, sizeof(text)),
                         3);
        assert_string_equal(text, "job");
        assert_int_equal(
            leaselock_queue(peers[i].client, "job", NULL, &queue, NULL), 0);
        assert_int_equal(queue->entries_n, 1);
        assert_int_equal(queue->entries[0].token,
                         leaselock_ticket_token(tickets[i]));
        leaselock_queue_free(queue);
    }
    open_in("blu", &other);
    assert_int_equal(
        leaselock_acquire(other.session, "e/job", NULL, 0, &ticket, NULL),
        LEASELOCK_E_TIMEOUT);
    test_release(tickets[1]);
    ticket = test_acquire(&other, "e/job");
    test_release(ticket);
    test_peer_close(&other);
    test_release(tickets[0]);
    test_release(tickets[2]);
    for (int i = 0; i < 3; i++) {
        test_peer_close(&peers[i]);
    }
}

/** Goal: the longest namespace works with the longest name, and one that is
 * longer or contains control bytes is refused when the client is opened. */
static void test_limits(void **state)
{
    char space[LEASELOCK_NAMESPACE_MAX + 2];
    char name[LEASELOCK_NAME_MAX + 1];
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    struct test_peer peer;
    leaselock_ticket *ticket;
    char key[LEASELOCK_KEY_MAX + 1];

    (void)state;
    memset(space, 's', sizeof(space));
    space[LEASELOCK_NAMESPACE_MAX] = '\0';
    memset(name, 'n', sizeof(name));
    name[LEASELOCK_NAME_MAX] = '\0';
    open_in(space, &peer);
    ticket = test_acquire(&peer, name);
    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) >
                LEASELOCK_NAMESPACE_MAX + LEASELOCK_NAME_MAX);
    test_release(ticket);
    test_peer_close(&peer);

    space[LEASELOCK_NAMESPACE_MAX] = 's';
    space[LEASELOCK_NAMESPACE_MAX + 1] = '\0';
    options.namespace_prefix = space;
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &options, &client, &error),
        LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "namespace"));
    options.namespace_prefix = "a\nb";
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &options, &client, &error),
        LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "namespace"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_name),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
