/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets that queue again, interrupted by another outage, a close or a lack of
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "live/requeue.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Outages with one allocation that fails, after one without. */
#define MEMORY_RUNS 9

struct again {
    leaselock_ticket *ticket;
    int times;
};

static bool is_requeued(void *arg)
{
    const struct again *again = arg;

    return leaselock_ticket_requeues(again->ticket) >= again->times;
}

/** Opens a client and queues in it. */
static void begin(struct waiter *waiter,
                  const char *name,
                  bool find_deadlock,
                  int timeout_ms)
{
    test_peer_open(etcd.endpoint, TTL_S, &waiter->peer);
    begin_all(waiter, &name, 1, find_deadlock, timeout_ms);
    test_await_place(waiter->ticket);
}

/** The session that replaced the lost one is lost, too: the ticket queues again
 * on a third one, with another token and lease. Its wait has a timeout, and
 * ends with UNAVAILABLE in the next outage. */
static void test_twice(void **state)
{
    static const char name[] = "requeue/twice";
    struct waiter waiter;
    struct test_peer holder;
    leaselock_ticket *held;
    int64_t leases[3];
    int64_t tokens[3];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    held = test_acquire(&holder, name);
    begin(&waiter, name, false, 15000);
    for (int i = 0; i < 3; i++) {
        leases[i] = leaselock_ticket_lease(waiter.ticket);
        tokens[i] = leaselock_ticket_token(waiter.ticket);
        assert_true(tokens[i] > (i > 0 ? tokens[i - 1] : 0));
        assert_true(i == 0 || leases[i] != leases[i - 1]);
        if (i < 2) {
            assert_int_equal(test_etcd_pause(&etcd), 0);
            assert_true(test_until(TEST_WAIT_MS, is_requeued,
                                   &(struct again){waiter.ticket, i + 1}));
            assert_int_equal(test_etcd_resume(&etcd), 0);
            test_await_place(waiter.ticket);
        }
    }
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_int_equal(test_call_await(&waiter.call), LEASELOCK_E_UNAVAILABLE);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    test_release(held);
    test_await_keys(&etcd, name, 0);
    test_peer_close(&waiter.peer);
    test_peer_close(&holder);
}

/** While etcd does not answer the grant of the replacing session, the caller's
 * session or its whole client is closed: the acquire ends with CLOSED, the
 * close in time, and nothing is left in etcd. */
static void test_closed_meanwhile(void **state)
{
    static const char name[] = "requeue/closed";
    struct test_call closed = TEST_CALL_INIT;
    struct waiter waiters[2];
    struct test_peer holder;
    leaselock_ticket *held;
    int status;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    held = test_acquire(&holder, name);
    for (size_t i = 0; i < 2; i++) {
        begin(&waiters[i], name, i == 0, LEASELOCK_FOREVER);
    }
    assert_int_equal(test_etcd_pause(&etcd), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(test_call_await(&waiters[i].requeued), 0);
    }
    assert_int_equal(leaselock_session_close_async(waiters[0].peer.session,
                                                   test_call_done, &closed,
                                                   NULL),
                     0);
    assert_int_equal(test_call_await(&waiters[0].call), LEASELOCK_E_CLOSED);
    /* Unknown, unless no grant is in flight and the lost lease has expired. */
    status = leaselock_client_close(waiters[1].peer.client, NULL);
    assert_true(status == 0 || status == LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(test_call_await(&waiters[1].call), LEASELOCK_E_CLOSED);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    (void)test_call_await(&closed);
    test_await_keys(&etcd, name, 1);
    test_peer_close(&waiters[0].peer);
    test_release(held);
    test_peer_close(&holder);
    assert_true(test_until(TEST_WAIT_MS, has_no_leases, NULL));
}

/** Memory is short while a ticket queues again: the nth allocation after the
 * outage's begin fails, n being one of the last before the ticket has queued
 * again. Its wait ends with NOMEM, or continues unaffected; nothing is left in
 * etcd. */
static void test_without_memory(void **state)
{
    static const char name[] = "requeue/memory";
    unsigned long count = 0;
    unsigned failed_n = 0;
    struct test_peer holder;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    held = test_acquire(&holder, name);
    for (unsigned long back = 0;
         back < MEMORY_RUNS || (failed_n == 0 && back < count); back++) {
        struct waiter waiter;
        int64_t until_ns = ll_clock_now_ns() + TEST_WAIT_MS * LL_NS_PER_MS;

        begin(&waiter, name, true, LEASELOCK_FOREVER);
        assert_int_equal(test_etcd_pause(&etcd), 0);
        ll_alloc_fail_once_at(back == 0 ? 0 : count - (back - 1));
        while (test_call_count(&waiter.requeued) == 0 &&
               test_call_count(&waiter.call) == 0 &&
               ll_clock_now_ns() < until_ns) {
            test_pause_step();
        }
        count = back == 0 ? ll_alloc_count() : count;
        ll_alloc_fail_at(0);
        assert_true(count > MEMORY_RUNS);
        assert_int_equal(test_etcd_resume(&etcd), 0);
        if (test_call_count(&waiter.call) == 0) {
            test_await_place(waiter.ticket);
            assert_int_equal(
                leaselock_release_async(waiter.ticket, NULL, NULL, NULL), 0);
            assert_int_equal(test_call_await(&waiter.call),
                             LEASELOCK_E_CANCELED);
        } else {
            assert_int_equal(test_call_status(&waiter.call), LEASELOCK_E_NOMEM);
            failed_n++;
        }
        test_peer_close(&waiter.peer);
        test_await_keys(&etcd, name, 1);
    }
    assert_true(failed_n > 0);
    test_release(held);
    test_peer_close(&holder);
    assert_true(test_until(TEST_WAIT_MS, has_no_leases, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_closed_meanwhile),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
