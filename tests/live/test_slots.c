/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of short sessions have names that other sessions use again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"

#define NAMES_MAX 64
#define NAME_SIZE 64

/** Names that keys had. */
struct names {
    char names[NAMES_MAX][NAME_SIZE];
    size_t n;
};

static void names_add(struct names *names, leaselock_ticket *ticket)
{
    char key[LEASELOCK_KEY_MAX + 1];
    size_t i = 0;

    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    while (i < names->n && strcmp(names->names[i], key) != 0) {
        i++;
    }
    if (i == names->n) {
        assert_true(names->n < NAMES_MAX && strlen(key) < NAME_SIZE);
        memcpy(names->names[names->n++], key, strlen(key) + 1);
    }
}

static leaselock_session *session_open(leaselock_client *client,
                                       enum leaselock_key_names key_names)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_session *session = NULL;

    options.key_names = (int)key_names;
    assert_int_equal(leaselock_session_open(client, &options, &session, NULL),
                     0);
    return session;
}

/** A session that lives for one lock: its token. */
static int64_t session_once(leaselock_client *client,
                            enum leaselock_key_names key_names,
                            const char *lock,
                            int timeout_ms,
                            struct names *names)
{
    leaselock_session *session = session_open(client, key_names);
    leaselock_ticket *ticket = NULL;
    int64_t token;

    assert_int_equal(
        leaselock_acquire(session, lock, NULL, timeout_ms, &ticket, NULL), 0);
    names_add(names, ticket);
    token = leaselock_ticket_token(ticket);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    test_release(ticket);
    assert_int_equal(leaselock_session_close(session, NULL), 0);
    return token;
}

/** Goal: sessions that come and go in a program leave few names, by default and
 * if the program asks for it. Method: 500 of them, waits and tries. */
static void test_sessions_come_and_go(void **state)
{
    struct names names = {.n = 0};
    leaselock_client *client = NULL;
    int64_t last = 0;

    (void)state;
    assert_int_equal(leaselock_client_open(etcd.endpoint, NULL, &client, NULL),
                     0);
    for (int i = 0; i < 500; i++) {
        int64_t token =
            session_once(client, LEASELOCK_KEY_NAMES_AUTO, "slots/auto",
                         i % 2 == 0 ? LEASELOCK_FOREVER : 0, &names);

        assert_true(token > last);
        last = token;
    }
    /* Those of the first eight, and then one. */
    assert_int_equal(names.n, 9);
    assert_int_equal(leaselock_client_close(client, NULL), 0);

    names.n = 0;
    assert_int_equal(leaselock_client_open(etcd.endpoint, NULL, &client, NULL),
                     0);
    for (int i = 0; i < 20; i++) {
        (void)session_once(client, LEASELOCK_KEY_NAMES_HOST, "slots/host",
                           LEASELOCK_FOREVER, &names);
    }
    assert_int_equal(names.n, 1);
    for (int i = 0; i < 20; i++) {
        (void)session_once(client, LEASELOCK_KEY_NAMES_LEASE, "slots/host",
                           LEASELOCK_FOREVER, &names);
    }
    assert_int_equal(names.n, 21);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    test_await_keys(&etcd, "slots/", 0);
}

/** Goal: two clients of one process, which begin with the same slot, queue in
 * order under different names, and each may use the other's name later. Method:
 * one holds and one waits; then the second one takes the lock again, and writes
 * under its fence. */
static void test_two_clients(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct names names = {.n = 0};
    struct test_peer one;
    struct test_peer other;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_ticket *held;
    leaselock_ticket *waiting;

    (void)state;
    options.ttl_s = TEST_TTL_LONG_S;
    options.key_names = LEASELOCK_KEY_NAMES_HOST;
    test_peer_open_with(etcd.endpoint, NULL, &options, &one);
    test_peer_open_with(etcd.endpoint, NULL, &options, &other);
    held = test_acquire(&one, "slots/two");
    names_add(&names, held);
    waiting = test_acquire_async(&other, "slots/two", &call);
    test_await_place(waiting);
    assert_int_equal(leaselock_ticket_position(waiting), 1);
    assert_int_equal(test_call_count(&call), 0);
    names_add(&names, waiting);
    assert_int_equal(names.n, 2);

    /* The name is free again, and the other client takes it. */
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waiting);
    held = test_acquire(&other, "slots/two");
    names_add(&names, held);
    assert_int_equal(names.n, 2);
    assert_int_equal(leaselock_fenced_put(held, "slots.data", 10, "x", 1,
                                          TEST_WAIT_MS, NULL),
                     0);
    test_release(held);
    test_peer_close(&one);
    test_peer_close(&other);
    test_await_keys(&etcd, "slots/", 0);
}

/** Goal: an unknown choice of names is refused. Method: one beyond the last. */
static void test_bad_options(void **state)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;

    (void)state;
    assert_int_equal(leaselock_client_open(etcd.endpoint, NULL, &client, NULL),
                     0);
    options.key_names = LEASELOCK_KEY_NAMES_HOST + 1;
    assert_int_equal(leaselock_session_open(client, &options, &session, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "key_names"));
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_come_and_go),
        cmocka_unit_test(test_two_clients),
        cmocka_unit_test(test_bad_options),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
