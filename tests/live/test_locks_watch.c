/* SPDX-License-Identifier: Apache-2.0 */
/* The view of all locks that a watch keeps up to date, and what leases have
 * left. */
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

/** What a test waits for in a view. */
struct expected {
    leaselock_locks_watch *watch;
    int state;
    const char *name; /* NULL: no lock */
    size_t places_n;
    size_t holders_n;
    uint64_t loads_min;
    /** The lock when it was as expected; its name is not valid. */
    struct leaselock_watched_lock lock;
};

static bool is_as_expected(void *arg)
{
    struct expected *expected = arg;
    struct leaselock_locks_watch_info *info = NULL;
    bool is_so;

    assert_int_equal(
        leaselock_locks_watch_read(expected->watch, 0, &info, NULL), 0);
    is_so = info->state == expected->state &&
            info->loads >= expected->loads_min && expected->name == NULL;
    for (size_t i = 0; i < info->locks_n; i++) {
        if (expected->name != NULL && info->state == expected->state &&
            info->loads >= expected->loads_min &&
            strcmp(info->locks[i].name, expected->name) == 0 &&
            info->locks[i].places_n == expected->places_n &&
            info->locks[i].holders_n == expected->holders_n) {
            expected->lock = info->locks[i];
            is_so = true;
        }
    }
    leaselock_locks_watch_free(info);
    return is_so;
}

static void await(struct expected *expected)
{
    assert_true(test_until(TEST_WAIT_MS, is_as_expected, expected));
}

/** Goal: the view follows acquires, waits, hand-overs and releases. Method: one
 * lock from free to free, with its tokens. */
static void test_follow(void **state)
{
    struct expected expected = {.state = LEASELOCK_LOCKS_WATCH_CURRENT};
    struct leaselock_locks_watch_info *info = NULL;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer holder;
    struct test_peer other;
    leaselock_ticket *held;
    leaselock_ticket *waiting;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    assert_int_equal(leaselock_locks_watch_open(other.client, "view/",
                                                &expected.watch, NULL),
                     0);
    await(&expected);
    held = test_acquire(&holder, "view/a");
    expected.name = "view/a";
    expected.places_n = 1;
    expected.holders_n = 1;
    await(&expected);
    assert_int_equal(expected.lock.token, leaselock_ticket_token(held));
    assert_true(expected.lock.held_ms >= 0);
    assert_true(expected.lock.held_exactly);
    assert_int_equal(expected.lock.waiting_ms, -1);
    assert_int_equal(expected.lock.holder_changes, 1);
    waiting = test_acquire_async(&other, "view/a", &call);
    expected.places_n = 2;
    await(&expected);
    assert_true(expected.lock.waiting_ms >= 0);
    assert_true(expected.lock.waiter_since_unix_s > 0);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    expected.places_n = 1;
    await(&expected);
    assert_int_equal(expected.lock.token, leaselock_ticket_token(waiting));
    assert_int_equal(expected.lock.holder_changes, 2);
    test_release(waiting);
    expected.places_n = 0;
    expected.holders_n = 0;
    await(&expected);
    assert_int_equal(expected.lock.held_ms, -1);
    assert_int_equal(expected.lock.token, 0);
    /* A lock of another prefix is not in the view. */
    held = test_acquire(&holder, "views");
    assert_int_equal(leaselock_locks_watch_read(expected.watch, 1, &info, NULL),
                     0);
    assert_int_equal(info->total, 1);
    assert_int_equal(info->locks_n, 1);
    assert_int_equal(info->loads, 1);
    assert_true(info->contact_ms >= 0);
    leaselock_locks_watch_free(info);
    test_release(held);
    assert_int_equal(leaselock_locks_watch_close(expected.watch), 0);
    test_peer_close(&holder);
    test_peer_close(&other);
}

/** Goal: more keys than a page has are read, in the client's namespace. Method:
 * locks of one session. */
static void test_pages(void **state)
{
    enum { LOCKS = 1100 };
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct expected expected = {.state = LEASELOCK_LOCKS_WATCH_CURRENT,
                                .name = "pages/1099",
                                .places_n = 1,
                                .holders_n = 1};
    struct leaselock_locks_watch_info *info = NULL;
    struct test_peer peer;
    char name[32];

    (void)state;
    options.namespace_prefix = "space/";
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    for (int i = 0; i < LOCKS; i++) {
        snprintf(name, sizeof(name), "pages/%d", i);
        (void)test_acquire(&peer, name);
    }
    assert_int_equal(leaselock_locks_watch_open(peer.client, "pages/",
                                                &expected.watch, NULL),
                     0);
    await(&expected);
    assert_int_equal(leaselock_locks_watch_read(expected.watch, 0, &info, NULL),
                     0);
    assert_int_equal(info->locks_n, LOCKS);
    assert_int_equal(info->keys_n, LOCKS);
    assert_false(expected.lock.held_exactly);
    assert_int_equal(expected.lock.holder_changes, 0);
    leaselock_locks_watch_free(info);
    test_peer_close(&peer); /* closes the watch, too */
    assert_int_equal(leaselock_locks_watch_close(expected.watch),
                     LEASELOCK_E_HANDLE);
}

/** Goal: the view survives etcd's end, says so, and goes on. Method: etcd is
 * killed and restarted, and a lock is released then. */
static void test_restart(void **state)
{
    struct expected expected = {.state = LEASELOCK_LOCKS_WATCH_CURRENT,
                                .name = "again/a",
                                .places_n = 1,
                                .holders_n = 1};
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "again/a");
    assert_int_equal(leaselock_locks_watch_open(peer.client, "again/",
                                                &expected.watch, NULL),
                     0);
    await(&expected);
    assert_int_equal(test_etcd_kill(&etcd), 0);
    expected.state = LEASELOCK_LOCKS_WATCH_LOST;
    await(&expected);
    assert_int_equal(test_etcd_restart(&etcd), 0);
    expected.state = LEASELOCK_LOCKS_WATCH_CURRENT;
    await(&expected);
    assert_int_equal(expected.lock.token, leaselock_ticket_token(held));
    assert_int_equal(expected.lock.holder_changes, 0);
    test_release(held);
    expected.places_n = 0;
    expected.holders_n = 0;
    await(&expected);
    assert_int_equal(leaselock_locks_watch_close(expected.watch), 0);
    test_peer_close(&peer);
}

/** Goal: misuse is an error. Method: each wrong argument. */
static void test_misuse(void **state)
{
    leaselock_locks_watch *watch = NULL;
    struct leaselock_locks_watch_info *info = NULL;
    struct leaselock_lease_info lease;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(
        leaselock_locks_watch_open(peer.client, "/x", &watch, NULL),
        LEASELOCK_E_NAME);
    assert_int_equal(leaselock_locks_watch_open(peer.client, NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_locks_watch_open(NULL, NULL, &watch, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_locks_watch_read(NULL, 0, &info, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_locks_watch_close(NULL), 0);
    leaselock_locks_watch_free(NULL);
    assert_int_equal(
        leaselock_locks_watch_open(peer.client, NULL, &watch, NULL), 0);
    assert_int_equal(leaselock_locks_watch_read(watch, 0, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_locks_watch_close(watch), 0);
    assert_int_equal(leaselock_locks_watch_close(watch), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_locks_watch_read(watch, 0, &info, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_lease(peer.client, 0, 0, &lease, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_lease(peer.client, 1, 0, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_lease_async(peer.client, 1, 0, &lease, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    test_peer_close(&peer);
}

/** Goal: what a lease has left is read by both forms. Method: a session's, and
 * one that does not exist. */
static void test_lease(void **state)
{
    struct leaselock_lease_info info = {0, 0};
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(leaselock_lease(peer.client,
                                     leaselock_session_lease(peer.session), 0,
                                     &info, NULL),
                     0);
    assert_int_equal(info.granted_s, TEST_TTL_LONG_S);
    assert_true(info.ttl_s > 0 && info.ttl_s <= TEST_TTL_LONG_S);
    assert_int_equal(leaselock_lease_async(peer.client, 0x1234, 0, &info,
                                           test_call_done, &call, NULL),
                     0);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(info.ttl_s, -1);
    assert_int_equal(info.granted_s, 0);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follow),  cmocka_unit_test(test_pages),
        cmocka_unit_test(test_misuse),  cmocka_unit_test(test_lease),
        cmocka_unit_test(test_restart),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
