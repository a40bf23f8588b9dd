/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a lock, counted by etcd's own metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** The requests of a step, by method. */
struct cost {
    int64_t writes; /* Txns, and deletions by themselves */
    int64_t others;
    int64_t watch_messages;
    int64_t revisions;
};

static struct cost cost_now(void)
{
    static const char *const others[] = {"Range",       "Put",
                                         "Compact",     "LeaseGrant",
                                         "LeaseRevoke", "LeaseTimeToLive",
                                         "LeaseLeases", "Authenticate"};
    struct cost now = {.writes = test_etcd_requests(&etcd, "Txn") +
                                 test_etcd_requests(&etcd, "DeleteRange"),
                       .watch_messages = test_etcd_messages(&etcd, "Watch"),
                       .revisions = test_etcd_revision(&etcd)};
    size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        now.others += test_etcd_requests(&etcd, others[i]);
    }
    return now;
}

static struct cost cost_since(struct cost start)
{
    struct cost now = cost_now();

    return (struct cost){.writes = now.writes - start.writes,
                         .others = now.others - start.others,
                         .watch_messages =
                             now.watch_messages - start.watch_messages,
                         .revisions = now.revisions - start.revisions};
}

/** Whether etcd has received a number of watch messages. */
static bool watches_were_asked_for(void *arg)
{
    return test_etcd_messages(&etcd, "Watch") >= *(const int64_t *)arg;
}

/** Acquires a free lock and waits until its key is watched, a second later, so
 * that the watch is not counted with the next step. */
static leaselock_ticket *acquire_and_settle(struct test_peer *peer,
                                            const char *name)
{
    int64_t messages = test_etcd_messages(&etcd, "Watch") + 1;
    leaselock_ticket *ticket = test_acquire(peer, name);

    assert_true(test_until(TEST_WAIT_MS, watches_were_asked_for, &messages));
    test_await_settled(&etcd);
    return ticket;
}

/** A free lock takes one Txn to acquire and one deletion to release, no watch:
 * the counters before and after 10 rounds. */
static void test_free_lock_costs_two_requests(void **state)
{
    enum { ROUNDS = 10 };
    struct test_peer peer;
    struct cost start;
    struct cost cost;
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    start = cost_now();
    for (i = 0; i < ROUNDS; i++) {
        test_release(test_acquire(&peer, "cost/free"));
    }
    cost = cost_since(start);
    assert_int_equal(cost.writes, 2 * ROUNDS);
    assert_int_equal(cost.others, 0);
    assert_int_equal(cost.watch_messages, 0);
    assert_int_equal(cost.revisions, 2 * ROUNDS);
    test_peer_close(&peer);
}

/** Between the holder's delete and the grant to the waiter there is no further
 * request: with the waiter's watches established, the whole handover is one
 * deletion. */
static void test_handover_costs_one_request(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_peer holder;
    struct test_peer waiter;
    leaselock_ticket *held;
    leaselock_ticket *waiting;
    struct cost start;
    struct cost cost;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiter);
    held = acquire_and_settle(&holder, "cost/handover");
    waiting = test_acquire_async(&waiter, "cost/handover", &call);
    test_await_place(waiting);
    test_await_settled(&etcd);
    start = cost_now();
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    cost = cost_since(start);
    assert_int_equal(cost.writes, 1);
    assert_int_equal(cost.others, 0);
    assert_int_equal(cost.revisions, 1);
    test_await_settled(&etcd);
    cost = cost_since(start);
    assert_int_equal(cost.writes, 1);
    assert_int_equal(cost.others, 0);
    test_release(waiting);
    test_peer_close(&holder);
    test_peer_close(&waiter);
}

/** A release wakes one waiter: with five in the queue, of three clients, the
 * first handover, to another session, takes no more requests than with one,
 * since only the second in the queue watches the holder; the others need one
 * read each when they become the first. */
static void test_handover_in_a_queue_wakes_one(void **state)
{
    enum { WAITERS = 5 };
    struct test_call calls[WAITERS];
    leaselock_ticket *tickets[WAITERS];
    struct test_peer peers[3];
    leaselock_ticket *held;
    struct cost start;
    struct cost cost;
    int64_t messages;
    int i;

    (void)state;
    for (i = 0; i < 3; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[i]);
    }
    held = acquire_and_settle(&peers[0], "cost/queue");
    /* The predecessor's key and, for most of them after a second, their own. */
    messages = test_etcd_messages(&etcd, "Watch") + 2 * WAITERS;
    for (i = 0; i < WAITERS; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        tickets[i] =
            test_acquire_async(&peers[(i + 1) % 3], "cost/queue", &calls[i]);
        test_await_place(tickets[i]);
    }
    assert_true(test_until(TEST_WAIT_MS, watches_were_asked_for, &messages));
    test_await_settled(&etcd);
    start = cost_now();
    test_release(held);
    assert_int_equal(test_call_await(&calls[0]), 0);
    test_await_settled(&etcd);
    cost = cost_since(start);
    assert_int_equal(cost.writes, 1);
    assert_int_equal(cost.others, 0);
    for (i = 0; i < WAITERS; i++) {
        assert_int_equal(test_call_await(&calls[i]), 0);
        test_release(tickets[i]);
    }
    cost = cost_since(start);
    assert_int_equal(cost.writes, 1 + WAITERS);
    assert_int_equal(cost.others, WAITERS - 1);
    for (i = 0; i < 3; i++) {
        test_peer_close(&peers[i]);
    }
}

/** A try of a held lock takes one Txn and writes nothing: the store's revision
 * does not change. */
static void test_failed_try_writes_nothing(void **state)
{
    struct test_peer holder;
    struct test_peer other;
    leaselock_ticket *held;
    leaselock_ticket *none = NULL;
    struct cost start;
    struct cost cost;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    held = acquire_and_settle(&holder, "cost/try");
    start = cost_now();
    assert_int_equal(
        leaselock_acquire(other.session, "cost/try", NULL, 0, &none, NULL),
        LEASELOCK_E_TIMEOUT);
    cost = cost_since(start);
    assert_null(none);
    assert_int_equal(cost.writes, 1);
    assert_int_equal(cost.revisions, 0);
    assert_int_equal(cost.others, 0);
    test_release(held);
    start = cost_now();
    assert_int_equal(
        leaselock_acquire(other.session, "cost/try", NULL, 0, &none, NULL), 0);
    cost = cost_since(start);
    assert_int_equal(cost.writes, 1);
    assert_int_equal(cost.revisions, 1);
    test_release(none);
    test_peer_close(&holder);
    test_peer_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_lock_costs_two_requests),
        cmocka_unit_test(test_handover_costs_one_request),
        cmocka_unit_test(test_handover_in_a_queue_wakes_one),
        cmocka_unit_test(test_failed_try_writes_nothing),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
