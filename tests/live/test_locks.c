/* SPDX-License-Identifier: Apache-2.0 */
/* All locks below a prefix, a broken lock, and deadlocks of sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** More than one page of the scan. */
#define MANY 2300

static struct leaselock_locks_info *list(struct test_peer *peer,
                                         const char *prefix)
{
    struct leaselock_locks_info *locks = NULL;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    if (leaselock_locks(peer->client, prefix, NULL, &locks, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return locks;
}

/** Goal: locks are listed by name with their holder, other keys are not.
 *  Method: a queue of two, a nested lock, and keys of other sorts. */
static void test_list(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct leaselock_locks_info *locks;
    leaselock_ticket *outer;
    leaselock_ticket *inner;
    leaselock_ticket *waiting;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    locks = list(&peer, NULL);
    assert_int_equal(locks->locks_n, 0);
    leaselock_locks_free(locks);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", "list/other", "x", NULL), 0);
    inner = test_acquire(&peer, "list/b/in");
    outer = test_acquire(&peer, "list/a");
    waiting = test_acquire_async(&peer, "list/a", &call);
    test_await_place(waiting);
    locks = list(&peer, "list/");
    assert_int_equal(locks->locks_n, 2);
    assert_string_equal(locks->locks[0].name, "list/a");
    assert_int_equal(locks->locks[0].places_n, 2);
    assert_int_equal(locks->locks[0].holder->token,
                     leaselock_ticket_token(outer));
    assert_true(locks->locks[0].holder->pid > 0);
    assert_string_equal(locks->locks[1].name, "list/b/in");
    assert_int_equal(locks->locks[1].places_n, 1);
    assert_true(locks->revision > 0);
    leaselock_locks_free(locks);
    locks = list(&peer, "list/b");
    assert_int_equal(locks->locks_n, 1);
    leaselock_locks_free(locks);
    locks = list(&peer, "list/c");
    assert_int_equal(locks->locks_n, 0);
    leaselock_locks_free(locks);
    leaselock_locks_free(NULL);
    test_release(inner);
    test_release(outer);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waiting);
    test_peer_close(&peer);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", "list/other", NULL),
                     0);
}

/** Goal: a list of many pages has each lock once, and stays within a client's
 * namespace. Method: more locks than a page holds, in a namespace. */
static void test_pages(void **state)
{
    static struct test_call calls[MANY];
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_locks_info *locks;
    leaselock_ticket *outside;
    struct test_peer inside;
    struct test_peer other;
    char name[32];

    (void)state;
    options.namespace_prefix = "space/";
    session.ttl_s = TEST_TTL_LONG_S;
    test_peer_open_with(etcd.endpoint, &options, &session, &inside);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    outside = test_acquire(&other, "spac");
    for (int i = 0; i < MANY; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        (void)snprintf(name, sizeof(name), "many/%04d", i);
        (void)test_acquire_async(&inside, name, &calls[i]);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(test_call_await(&calls[i]), 0);
    }
    locks = list(&inside, "");
    assert_int_equal(locks->locks_n, MANY);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "many/%04d", i);
        assert_string_equal(locks->locks[i].name, name);
    }
    leaselock_locks_free(locks);
    locks = list(&other, "");
    assert_int_equal(locks->locks_n, MANY + 1);
    leaselock_locks_free(locks);
    test_release(outside);
    test_peer_close(&inside);
    test_peer_close(&other);
}

/** Goal: a broken lock is granted to the next waiter, and only the intended key
 * is deleted. Method: break a holder, then once more with the old token. */
static void test_break(void **state)
{
    struct leaselock_break_options options = LEASELOCK_BREAK_OPTIONS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_call done = TEST_CALL_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char key[LEASELOCK_KEY_MAX + 1];
    leaselock_ticket *holder;
    leaselock_ticket *next;
    struct test_peer peer;
    int64_t token;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    holder = test_acquire(&peer, "break");
    next = test_acquire_async(&peer, "break", &call);
    test_await_place(next);
    token = leaselock_ticket_token(holder);
    assert_true(leaselock_ticket_key(holder, key, sizeof(key)) > 0);
    assert_int_equal(leaselock_break(peer.client, key, token + 1, NULL, &error),
                     LEASELOCK_E_COMPARE);
    assert_int_equal(test_keys(&etcd, "break/"), 2);
    assert_int_equal(leaselock_break(peer.client, key, token, NULL, &error), 0);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_break(peer.client, key, token, NULL, &error),
                     LEASELOCK_E_COMPARE);
    assert_int_equal(leaselock_release(holder, NULL), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_ticket_state(next), LEASELOCK_TICKET_HELD);
    assert_true(leaselock_ticket_key(next, key, sizeof(key)) > 0);
    assert_int_equal(leaselock_break_async(peer.client, key,
                                           leaselock_ticket_token(next), NULL,
                                           test_call_done, &done, &error),
                     0);
    assert_int_equal(test_call_await(&done), 0);
    assert_int_equal(leaselock_release(next, NULL), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_break(peer.client, "", 1, NULL, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_break(peer.client, key, 0, NULL, &error),
                     LEASELOCK_E_ARGUMENT);
    options.timeout_ms = -1;
    assert_int_equal(leaselock_break(peer.client, key, 1, &options, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_break(NULL, key, 1, NULL, &error),
                     LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

/** Goal: a deadlock of three sessions is reported with each one's held and
 * awaited locks, ends when one withdraws, and tickets over several names are
 * never in one with each other. Method: hold and wait, one lock after
 * another. */
static void test_deadlock(void **state)
{
    static const char *const names[] = {"dl/a", "dl/b", "dl/c"};
    struct test_call calls[3] = {TEST_CALL_INIT, TEST_CALL_INIT,
                                 TEST_CALL_INIT};
    struct test_call done = TEST_CALL_INIT;
    struct leaselock_deadlocks_info *report = NULL;
    struct test_peer peers[3];
    leaselock_ticket *held[3];
    leaselock_ticket *waiting[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[i]);
        held[i] = test_acquire(&peers[i], names[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            leaselock_deadlocks(peers[0].client, "dl/", NULL, &report, NULL),
            0);
        assert_int_equal(report->deadlocks_n, 0);
        leaselock_deadlocks_free(report);
        waiting[i] =
            test_acquire_async(&peers[i], names[(i + 1) % 3], &calls[i]);
        test_await_place(waiting[i]);
    }
    assert_int_equal(leaselock_deadlocks_async(peers[1].client, NULL, NULL,
                                               &report, test_call_done, &done,
                                               NULL),
                     0);
    assert_int_equal(test_call_await(&done), 0);
    assert_int_equal(report->deadlocks_n, 1);
    assert_int_equal(report->deadlocks[0].members_n, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct leaselock_deadlock_member *member =
            &report->deadlocks[0].members[i];
        const struct leaselock_deadlock_member *next =
            &report->deadlocks[0].members[(i + 1) % 3];
        size_t who = 0;

        while (leaselock_session_lease(peers[who].session) != member->lease) {
            who++;
            assert_true(who < 3);
        }
        assert_string_equal(member->holds_name, names[who]);
        assert_int_equal(member->holds->token,
                         leaselock_ticket_token(held[who]));
        assert_string_equal(member->waits_name, names[(who + 1) % 3]);
        assert_int_equal(member->waits->token,
                         leaselock_ticket_token(waiting[who]));
        assert_string_equal(member->waits_name, next->holds_name);
    }
    leaselock_deadlocks_free(report);
    test_release(waiting[2]);
    assert_int_equal(test_call_await(&calls[2]), LEASELOCK_E_CANCELED);
    assert_int_equal(
        leaselock_deadlocks(peers[0].client, "", NULL, &report, NULL), 0);
    assert_int_equal(report->deadlocks_n, 0);
    leaselock_deadlocks_free(report);
    leaselock_deadlocks_free(NULL);
    for (size_t i = 3; i > 0; i--) {
        test_release(held[i - 1]);
        if (i > 1) {
            assert_int_equal(test_call_await(&calls[i - 2]), 0);
            test_release(waiting[i - 2]);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        test_peer_close(&peers[i]);
    }
}

/** Goal: errors of the arguments are reported. */
static void test_mistakes(void **state)
{
    struct leaselock_locks_options options = LEASELOCK_LOCKS_OPTIONS_INIT;
    struct leaselock_deadlocks_info *report = NULL;
    struct leaselock_locks_info *locks = NULL;
    struct test_call call = TEST_CALL_INIT;
    char longest[LEASELOCK_NAME_MAX + 2];
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(leaselock_locks(peer.client, longest, NULL, &locks, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_locks(peer.client, "/a", NULL, &locks, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(
        leaselock_deadlocks(peer.client, "a\n", NULL, &report, NULL),
        LEASELOCK_E_NAME);
    assert_int_equal(
        leaselock_locks(peer.client, longest + 1, NULL, &locks, NULL), 0);
    leaselock_locks_free(locks);
    assert_int_equal(leaselock_locks(peer.client, "a", NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    options.timeout_ms = -1;
    assert_int_equal(leaselock_locks(peer.client, "a", &options, &locks, NULL),
                     LEASELOCK_E_ARGUMENT);
    options.struct_size = 0;
    assert_int_equal(
        leaselock_deadlocks(peer.client, "a", &options, &report, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_locks_async(peer.client, "a", NULL, &locks, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_locks_async(NULL, "a", NULL, &locks,
                                           test_call_done, &call, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_deadlocks(NULL, "a", NULL, &report, NULL),
                     LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list), cmocka_unit_test(test_pages),
        cmocka_unit_test(test_break), cmocka_unit_test(test_deadlock),
        cmocka_unit_test(test_mistakes)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
