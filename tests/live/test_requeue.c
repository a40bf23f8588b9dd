/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting tickets are queued again if etcd did not answer for longer than the
 * TTL, and only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "live/requeue.h"
#include "live/tool.h"
#include "support/test_live.h"
#include "support/wait.h"

#define WAITERS 3

static bool is_never(void *arg)
{
    (void)arg;
    return false;
}

static void open_waiters(struct waiter *waiters, const char *name)
{
    for (size_t i = 0; i < WAITERS; i++) {
        test_peer_open(etcd.endpoint, TTL_S, &waiters[i].peer);
        begin_all(&waiters[i], &name, 1, i == 1, LEASELOCK_FOREVER);
        test_await_place(waiters[i].ticket);
    }
}

/** Checks that each gets the lock, in any order. */
static void take_turns(struct waiter *waiters, size_t n)
{
    bool served[WAITERS] = {false};

    for (size_t turn = 0; turn < n; turn++) {
        size_t at = n;
        int64_t until_ns = ll_clock_now_ns() + TEST_WAIT_MS * LL_NS_PER_MS;

        while (at == n && ll_clock_now_ns() < until_ns) {
            for (size_t i = 0; i < n; i++) {
                at = !served[i] && test_call_count(&waiters[i].call) > 0 ? i
                                                                         : at;
            }
            test_pause_step();
        }
        assert_true(at < n);
        served[at] = true;
        assert_int_equal(test_call_status(&waiters[at].call), 0);
        assert_int_equal(leaselock_ticket_state(waiters[at].ticket),
                         LEASELOCK_TICKET_HELD);
        assert_int_equal(test_call_count(&waiters[at].requeued), 1);
        assert_int_equal(leaselock_ticket_requeues(waiters[at].ticket), 1);
        assert_int_equal(leaselock_session_state(waiters[at].peer.session),
                         LEASELOCK_SESSION_LOST);
        assert_true(leaselock_ticket_lease(waiters[at].ticket) !=
                    leaselock_session_lease(waiters[at].peer.session));
        assert_int_equal(test_call_count(&waiters[at].call), 1);
        test_release(waiters[at].ticket);
    }
}

/** Waits until every waiter has lost its place. */
static void await_loss(struct waiter *waiters, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(test_call_await(&waiters[i].requeued), 0);
        assert_int_equal(leaselock_ticket_state(waiters[i].ticket),
                         LEASELOCK_TICKET_WAITING);
    }
}

/** etcd is frozen for longer than the TTL: the holder loses the lock, each
 * waiter gets it in turn, and no key or lease is left in etcd. */
static void test_silence(void **state)
{
    static const char name[] = "requeue/silence";
    struct waiter waiters[WAITERS];
    struct test_peer holder;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TTL_S, &holder);
    held = test_acquire(&holder, name);
    open_waiters(waiters, name);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    await_loss(waiters, WAITERS);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_LOST);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    take_turns(waiters, WAITERS);
    assert_int_equal(leaselock_release(held, NULL), LEASELOCK_E_LOST);
    /* After its tickets' release, the session that replaced the lost one is
     * gone. */
    test_await_keys(&etcd, name, 0);
    assert_true(test_until(TEST_WAIT_MS, has_no_leases, NULL));
    for (size_t i = 0; i < WAITERS; i++) {
        test_peer_close(&waiters[i].peer);
    }
    test_peer_close(&holder);
}

/** etcd is killed, stays down for longer than two TTLs, and restarts with its
 * data: leases then last for a whole TTL again, but the old keys do not block
 * the waiters for that long. */
static void test_restart(void **state)
{
    static const char name[] = "requeue/restart";
    struct waiter waiters[WAITERS];

    (void)state;
    for (size_t i = 0; i < WAITERS; i++) {
        /* Long leases, so that a wait for their expiry is visible. */
        test_peer_open(etcd.endpoint, 5, &waiters[i].peer);
        begin_all(&waiters[i], (const char *const[]){name}, 1, false,
                  LEASELOCK_FOREVER);
        if (i == 0) {
            assert_int_equal(test_call_await(&waiters[i].call), 0);
        } else {
            test_await_place(waiters[i].ticket);
        }
    }
    assert_int_equal(test_etcd_kill(&etcd), 0);
    await_loss(waiters + 1, WAITERS - 1);
    /* Longer than the late revoke is retried: twice the TTL. */
    assert_false(test_until(11000, is_never, NULL));
    assert_int_equal(test_etcd_restart(&etcd), 0);
    take_turns(waiters + 1, WAITERS - 1);
    assert_int_equal(leaselock_release(waiters[0].ticket, NULL),
                     LEASELOCK_E_LOST);
    test_await_keys(&etcd, name, 0);
    for (size_t i = 0; i < WAITERS; i++) {
        test_peer_close(&waiters[i].peer);
    }
}

/** Two tickets of one session, one of them over two names, queue again on one
 *  lease, and closing the session closes it with both. */
static void test_close(void **state)
{
    static const char *const names[] = {"requeue/close/a", "requeue/close/b"};
    struct waiter waiters[2];
    struct test_peer holder;
    leaselock_ticket *held[2];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    held[0] = test_acquire(&holder, names[0]);
    held[1] = test_acquire(&holder, names[1]);
    test_peer_open(etcd.endpoint, TTL_S, &waiters[0].peer);
    waiters[1].peer = waiters[0].peer;
    begin_all(&waiters[0], names, 2, true, LEASELOCK_FOREVER);
    begin_all(&waiters[1], names, 1, false, LEASELOCK_FOREVER);
    test_await_place(waiters[0].ticket);
    test_await_place(waiters[1].ticket);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    await_loss(waiters, 2);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    test_await_place(waiters[0].ticket);
    test_await_place(waiters[1].ticket);
    assert_true(leaselock_ticket_lease(waiters[0].ticket) ==
                leaselock_ticket_lease(waiters[1].ticket));
    assert_int_equal(leaselock_session_close(waiters[0].peer.session, NULL), 0);
    assert_int_equal(test_call_await(&waiters[0].call), LEASELOCK_E_CLOSED);
    assert_int_equal(test_call_await(&waiters[1].call), LEASELOCK_E_CLOSED);
    /* The lease that closing revokes is gone when it returns. */
    assert_int_equal(test_keys(&etcd, names[0]), 1);
    assert_int_equal(test_keys(&etcd, names[1]), 1);
    assert_int_equal(leaselock_release(waiters[0].ticket, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_client_close(waiters[0].peer.client, NULL), 0);
    test_release(held[0]);
    test_release(held[1]);
    test_peer_close(&holder);
}

/** etcd stays down: a wait with a timeout ends then, with UNAVAILABLE; one that
 * is released meanwhile ends with CANCELED; the client can be closed. */
static void test_stays_away(void **state)
{
    static const char name[] = "requeue/away";
    struct waiter waiters[2];
    struct test_peer holder;
    int64_t start_ns = ll_clock_now_ns();
    int64_t took_ms;

    (void)state;
    test_peer_open(etcd.endpoint, TTL_S, &holder);
    (void)test_acquire(&holder, name);
    for (size_t i = 0; i < 2; i++) {
        test_peer_open(etcd.endpoint, TTL_S, &waiters[i].peer);
        begin_all(&waiters[i], (const char *const[]){name}, 1, false,
                  i == 0 ? 4000 : LEASELOCK_FOREVER);
        test_await_place(waiters[i].ticket);
    }
    assert_int_equal(test_etcd_pause(&etcd), 0);
    await_loss(waiters, 2);
    assert_int_equal(
        leaselock_release_async(waiters[1].ticket, NULL, NULL, NULL), 0);
    assert_int_equal(test_call_await(&waiters[1].call), LEASELOCK_E_CANCELED);
    assert_int_equal(test_call_await(&waiters[0].call),
                     LEASELOCK_E_UNAVAILABLE);
    took_ms = (ll_clock_now_ns() - start_ns) / LL_NS_PER_MS;
    assert_in_range(took_ms, 3900, 8000);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    test_peer_close(&waiters[0].peer);
    test_peer_close(&waiters[1].peer);
    test_peer_close(&holder);
    test_await_keys(&etcd, name, 0);
}

/** A lock broken by a third party is not queued again: a deleted key and a
 * revoked lease end the wait with LOST, and without the option so does an
 * outage. */
static void test_by_hand(void **state)
{
    static const char name[] = "requeue/hand";
    struct waiter waiters[2];
    struct test_peer holder;
    struct test_peer plain;
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *held;
    leaselock_ticket *waits;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    held = test_acquire(&holder, name);
    for (size_t i = 0; i < 2; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiters[i].peer);
        begin_all(&waiters[i], (const char *const[]){name}, 1, false,
                  LEASELOCK_FOREVER);
        test_await_place(waiters[i].ticket);
    }
    test_delete(&etcd, waiters[0].ticket);
    assert_int_equal(test_call_await(&waiters[0].call), LEASELOCK_E_LOST);
    test_revoke(&etcd, waiters[1].peer.session);
    assert_int_equal(test_call_await(&waiters[1].call), LEASELOCK_E_LOST);
    assert_int_equal(test_call_count(&waiters[0].requeued), 0);
    assert_int_equal(test_call_count(&waiters[1].requeued), 0);
    test_peer_open(etcd.endpoint, TTL_S, &plain);
    waits = test_acquire_async(&plain, name, &call);
    test_await_place(waits);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_LOST);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    test_release(held);
    test_peer_close(&waiters[0].peer);
    test_peer_close(&waiters[1].peer);
    test_peer_close(&plain);
    test_peer_close(&holder);
}

/** A resumed ticket cannot be queued again: resume refuses the option with a
 * sentence. */
static void test_resume_refuses(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket = NULL;

    (void)state;
    options.requeue = 1;
    test_peer_open(etcd.endpoint, TTL_S, &peer);
    assert_int_equal(leaselock_resume(peer.session, "a/1.1", 0, &options, 1000,
                                      &ticket, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, "requeue"));
    test_peer_close(&peer);
}

/** The tool, if etcd is frozen while it waits: within its --wait it queues
 * again, reports that, and runs its command; with --no-requeue the exit status
 * is 70, and if etcd stays down until the timeout it is 69. */
static void test_tool_waits_on(void **state)
{
    static const char name[] = "requeue/tool";
    struct test_process on = TEST_PROCESS_INIT;
    struct test_process off = TEST_PROCESS_INIT;
    struct test_process ends = TEST_PROCESS_INIT;
    struct test_peer holder;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TTL_S, &holder);
    held = test_acquire(&holder, name);
    start_tool(&on, etcd.endpoint, "lock", "-t", "2", "-w", "1m", name, "--",
               "sh", "-c", "echo $LEASELOCK_LEASE", NULL);
    start_tool(&off, etcd.endpoint, "lock", "-t", "2", "--no-requeue", name,
               NULL);
    start_tool(&ends, etcd.endpoint, "lock", "-t", "2", "-w", "6", name, NULL);
    test_await_keys(&etcd, name, 4);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_int_equal(test_process_wait(&off, TEST_WAIT_MS), 70);
    assert_int_equal(test_process_wait(&ends, TEST_WAIT_MS), 69);
    expect_output(&ends, TEST_STDERR, "queued again");
    assert_int_equal(test_etcd_resume(&etcd), 0);
    assert_int_equal(test_process_wait(&on, TEST_WAIT_MS), 0);
    expect_output(&on, TEST_STDERR,
                  "the place in the queue of requeue/tool is lost");
    /* 16 digits and the end of the line: the present lease. */
    assert_int_equal(strlen(test_process_output(&on, TEST_STDOUT)), 17);
    assert_int_equal(leaselock_release(held, NULL), LEASELOCK_E_LOST);
    test_await_keys(&etcd, name, 0);
    test_process_end(&on);
    test_process_end(&off);
    test_process_end(&ends);
    test_peer_close(&holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_stays_away),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_resume_refuses),
        cmocka_unit_test(test_tool_waits_on),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
