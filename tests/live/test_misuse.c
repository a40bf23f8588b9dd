/* SPDX-License-Identifier: Apache-2.0 */
/* Invalid arguments give an error code and have no effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/test_live.h"

static struct test_etcd etcd;
static struct test_peer peer;

static int start_etcd(void **state)
{
    (void)state;
    if (test_etcd_start(&etcd) != 0) {
        return -1;
    }
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    return 0;
}

static int stop_etcd(void **state)
{
    (void)state;
    test_peer_close(&peer);
    test_etcd_stop(&etcd);
    return 0;
}

/** NULL for each argument: an error, or no effect, and outputs are
 * unchanged. */
static void test_null_arguments(void **state)
{
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_ping ping;
    char text[8];

    (void)state;
    assert_int_equal(leaselock_client_open(etcd.endpoint, NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_client_close(NULL, NULL), 0);
    assert_int_equal(leaselock_client_fd(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_client_dispatch(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ping(NULL, 0, 1, &ping, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ping(peer.client, 0, 1, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_ping_async(peer.client, 0, 1, &ping, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_session_open(NULL, NULL, &session, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_session_open(peer.client, NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_session_open_async(peer.client, NULL, NULL, NULL,
                                                  &session, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_session_close(NULL, NULL), 0);
    assert_int_equal(leaselock_session_state(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_session_lease(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_session_remaining_ms(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_acquire(NULL, "a", NULL, 0, &ticket, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(
        leaselock_acquire(peer.session, NULL, NULL, 0, &ticket, NULL),
        LEASELOCK_E_NAME);
    assert_int_equal(leaselock_acquire(peer.session, "a", NULL, 0, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_acquire_async(peer.session, "a", NULL, 0, NULL,
                                             NULL, &ticket, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_release(NULL, NULL), 0);
    assert_int_equal(leaselock_ticket_state(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_token(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_position(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_remaining_ms(NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_key(NULL, text, sizeof(text)),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_name(NULL, text, sizeof(text)),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_queue(NULL, "a", NULL, &queue, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_queue(peer.client, NULL, NULL, &queue, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_queue(peer.client, "a", NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_queue_async(peer.client, "a", NULL, &queue, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    leaselock_queue_free(NULL);
    assert_null(client);
    assert_null(session);
    assert_null(ticket);
    assert_null(queue);
}

/** Names: invalid ones are refused with a sentence, by an acquire and by a read
 * of the queue, and names at the limits work. */
static void test_names(void **state)
{
    static const char *const bad[] = {"",     "/",   "/a",    "a/",
                                      "a//b", "a\n", "a\x7f", "\x01"};
    static const char *const good[] = {"a", "a/b", "\xc3\xa9", "a b", "%", "."};
    struct leaselock_queue_info *queue = NULL;
    char longest[LEASELOCK_NAME_MAX + 2];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        leaselock_ticket *ticket = NULL;

        assert_int_equal(
            leaselock_acquire(peer.session, bad[i], NULL, 0, &ticket, &error),
            LEASELOCK_E_NAME);
        assert_int_equal(error.code, LEASELOCK_E_NAME);
        assert_true(strlen(error.message) > 20);
        assert_int_equal(
            leaselock_queue(peer.client, bad[i], NULL, &queue, NULL),
            LEASELOCK_E_NAME);
    }
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        test_release(test_acquire(&peer, good[i]));
    }
    (void)memset(longest, 'n', sizeof(longest));
    longest[LEASELOCK_NAME_MAX] = '\0';
    test_release(test_acquire(&peer, longest));
    longest[LEASELOCK_NAME_MAX] = 'n';
    longest[LEASELOCK_NAME_MAX + 1] = '\0';
    assert_int_equal(leaselock_queue(peer.client, longest, NULL, &queue, NULL),
                     LEASELOCK_E_NAME);
}

/** Invalid numbers and sizes: timeouts, TTLs, labels, numbers of endpoints and
 * options of another size. */
static void test_bad_options(void **state)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_queue_options queue_options = LEASELOCK_QUEUE_OPTIONS_INIT;
    static const int ttls_s[] = {-1, 86401};
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_ping ping;
    char label[LEASELOCK_LABEL_MAX + 2];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(ttls_s) / sizeof(ttls_s[0]); i++) {
        options.ttl_s = ttls_s[i];
        assert_int_equal(
            leaselock_session_open(peer.client, &options, &session, NULL),
            LEASELOCK_E_ARGUMENT);
    }
    options.ttl_s = 0;
    options.struct_size = 0;
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &session, NULL),
        LEASELOCK_E_ARGUMENT);
    client_options.struct_size = 1;
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &client_options, &client, NULL),
        LEASELOCK_E_ARGUMENT);
    client_options.struct_size = sizeof(client_options);
    client_options.request_timeout_ms = -1;
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &client_options, &client, NULL),
        LEASELOCK_E_ARGUMENT);
    acquire.struct_size = 0;
    assert_int_equal(
        leaselock_acquire(peer.session, "a", &acquire, 0, &ticket, NULL),
        LEASELOCK_E_ARGUMENT);
    acquire.struct_size = sizeof(acquire);
    acquire.label = "two\nlines";
    assert_int_equal(
        leaselock_acquire(peer.session, "a", &acquire, 0, &ticket, NULL),
        LEASELOCK_E_ARGUMENT);
    acquire.label = label;
    (void)memset(label, 'l', sizeof(label));
    label[LEASELOCK_LABEL_MAX + 1] = '\0';
    assert_int_equal(
        leaselock_acquire(peer.session, "a", &acquire, 0, &ticket, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_acquire(peer.session, "a", NULL, -2, &ticket, NULL),
        LEASELOCK_E_ARGUMENT);
    queue_options.limit = -1;
    assert_int_equal(
        leaselock_queue(peer.client, "a", &queue_options, &queue, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_ping(peer.client, 1, 100, &ping, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_ping(peer.client, 0, 0, &ping, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(test_keys(&etcd, ""), 0);
}

/** Options of a program that was compiled with a later header: more bytes are
 *  accepted as long as they are 0. */
static void test_options_of_another_size(void **state)
{
    struct {
        struct leaselock_session_options options;
        int later;
    } grown = {.options = LEASELOCK_SESSION_OPTIONS_INIT};
    leaselock_session *session = NULL;

    (void)state;
    grown.options.struct_size = sizeof(grown);
    assert_int_equal(
        leaselock_session_open(peer.client, &grown.options, &session, NULL), 0);
    assert_int_equal(leaselock_session_close(session, NULL), 0);
    grown.later = 1;
    assert_int_equal(
        leaselock_session_open(peer.client, &grown.options, &session, NULL),
        LEASELOCK_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_arguments),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_options_of_another_size),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
