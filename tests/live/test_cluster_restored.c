/* SPDX-License-Identifier: Apache-2.0 */
/* A store that goes back in time: an emptied data directory and a restored
 * snapshot, with the same cluster id. The numbers are those of
 * docs/failures.md. */
#include "live/restored.h"
#include "support/one_etcd.h"

#define PAST_TTL_S 3

/** Writes until the store's revision is far above its former value. */
static void go_on(int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(
            test_etcdctl(&etcd, NULL, 0, "put", "other", "x", NULL), 0);
    }
}

/** Goal: with an emptied data directory and the same cluster id, the holder and
 *  the waiter are lost, the observer reports no leader and then the new leader,
 *  and the client continues (34). Method: etcd's own defaults give the same
 *  id. */
static void test_34_emptied(void **state)
{
    struct view view = VIEW_INIT;
    struct test_call call = TEST_CALL_INIT;
    leaselock_session *session = NULL;
    leaselock_observer *observer;
    leaselock_ticket *leader;
    leaselock_ticket *waits;
    leaselock_ticket *held;
    struct test_peer peer;
    struct test_peer waiter;
    char before[32];
    char after[32];

    (void)state;
    go_on(5);
    cluster_of(etcd.endpoint, before);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiter);
    held = test_acquire(&peer, "emptied");
    waits = test_acquire_async(&waiter, "emptied", &call);
    test_await_place(waits);
    leader = campaign(&peer, "emptied-lead", "old");
    observer = observe(waiter.client, "emptied-lead", &view);
    await_leader(&view, "old");
    wipe(&etcd);
    come_back(&etcd, false);
    cluster_of(etcd.endpoint, after);
    assert_string_equal(before, after);
    await_leader(&view, "-");
    assert_int_equal(test_call_await(&call), LEASELOCK_E_LOST);
    await_ticket(held, LEASELOCK_TICKET_LOST);
    await_ticket(leader, LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(held, NULL), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_release(leader, NULL), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_session_open(peer.client, NULL, &session, NULL),
                     0);
    peer.session = session;
    leader = campaign(&peer, "emptied-lead", "new");
    await_leader(&view, "new");
    test_release(leader);
    await_leader(&view, "-");
    assert_int_equal(leaselock_observer_close(observer), 0);
    test_peer_close(&peer);
    test_peer_close(&waiter);
}

/** Goal: after a restore whose snapshot has a client's lease in it, the ticket
 *  that is in the snapshot stays held, the later one is lost, a lock of a
 *  session that was closed since is free when its lease has expired (41), and
 *  an observer continues from the restored state (34). Method: a snapshot, some
 *  writes, the restore with the same cluster id. */
static void test_41_restored(void **state)
{
    struct view view = VIEW_INIT;
    leaselock_observer *observer;
    leaselock_ticket *later;
    leaselock_ticket *leads;
    leaselock_ticket *kept;
    struct test_peer peer;
    struct test_peer past;
    struct test_peer other;
    char before[32];
    char after[32];

    (void)state;
    cluster_of(etcd.endpoint, before);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    test_peer_open(etcd.endpoint, PAST_TTL_S, &past);
    kept = test_acquire(&peer, "kept");
    (void)test_acquire(&past, "past");
    (void)campaign(&past, "lead", "past");
    observer = observe(other.client, "lead", &view);
    await_leader(&view, "past");
    save_snapshot(&etcd);
    test_peer_close(&past);
    await_leader(&view, "-");
    leads = campaign(&other, "lead", "present");
    await_leader(&view, "present");
    later = test_acquire(&peer, "later");
    go_on(20);
    restore(&etcd, false);
    cluster_of(etcd.endpoint, after);
    assert_string_equal(before, after);
    await_ticket(later, LEASELOCK_TICKET_LOST);
    await_ticket(leads, LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_ticket_state(kept), LEASELOCK_TICKET_HELD);
    await_leader(&view, "-"); /* the old lease has expired */
    assert_int_equal(leaselock_release(leads, NULL), LEASELOCK_E_LOST);
    leads = campaign(&other, "lead", "next");
    await_leader(&view, "next");
    test_release(test_acquire(&other, "past"));
    assert_int_equal(leaselock_release(later, NULL), LEASELOCK_E_LOST);
    test_release(test_acquire(&other, "later"));
    test_release(leads);
    test_release(kept);
    test_release(test_acquire(&other, "kept"));
    assert_int_equal(leaselock_observer_close(observer), 0);
    test_peer_close(&peer);
    test_peer_close(&other);
}

/** Goal: a waiter that is in the snapshot keeps its place, behind the old
 * holder, and gets the lock; one that is not in it is lost (34). Method: as
 * above, with two waiters. */
static void test_34_waiters(void **state)
{
    struct test_call first_call = TEST_CALL_INIT;
    struct test_call second_call = TEST_CALL_INIT;
    leaselock_ticket *first;
    leaselock_ticket *second;
    struct test_peer past;
    struct test_peer peer;
    struct test_peer late;

    (void)state;
    test_peer_open(etcd.endpoint, PAST_TTL_S, &past);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &late);
    (void)test_acquire(&past, "waiters");
    first = test_acquire_async(&peer, "waiters", &first_call);
    test_await_place(first);
    save_snapshot(&etcd);
    go_on(20);
    second = test_acquire_async(&late, "waiters", &second_call);
    test_await_place(second);
    restore(&etcd, false);
    assert_int_equal(test_call_await(&second_call), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_session_close(past.session, NULL), 0);
    assert_int_equal(test_call_await(&first_call), 0);
    test_release(first);
    test_peer_close(&past);
    test_peer_close(&peer);
    test_peer_close(&late);
}

/** Goal: a restore that gives the cluster another id ends everything with both
 *  (34). Method: restore with another token. */
static void test_34_restored_with_another_id(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *held;
    leaselock_ticket *waits;
    struct test_peer peer;
    struct test_peer waiter;
    char before[32];
    char after[32];

    (void)state;
    cluster_of(etcd.endpoint, before);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiter);
    held = test_acquire(&peer, "another");
    waits = test_acquire_async(&waiter, "another", &call);
    test_await_place(waits);
    save_snapshot(&etcd);
    restore(&etcd, true);
    cluster_of(etcd.endpoint, after);
    assert_string_not_equal(before, after);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_LOST);
    assert_non_null(strstr(call.error.message, before));
    assert_non_null(strstr(call.error.message, after));
    await_ticket(held, LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(held, NULL), LEASELOCK_E_LOST);
    test_peer_close(&peer);
    test_peer_close(&waiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_34_emptied), cmocka_unit_test(test_41_restored),
        cmocka_unit_test(test_34_waiters),
        cmocka_unit_test(test_34_restored_with_another_id)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
