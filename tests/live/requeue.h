/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_LIVE_REQUEUE_H
#define TEST_LIVE_REQUEUE_H

#include "support/one_etcd.h"
#include "support/test_live.h"

/** What the tests of tickets that queue again have in common. */

/** The TTL of sessions that are to be lost. */
#define TTL_S 2

/** A client of its own that waits for a lock. */
struct waiter {
    struct test_peer peer;
    leaselock_ticket *ticket;
    struct test_call call;
    struct test_call requeued;
};

static bool has_no_leases(void *arg)
{
    (void)arg;
    return test_leases(&etcd) == 0;
}

/** Queues for locks, in the waiter's client. */
static void begin_all(struct waiter *waiter,
                      const char *const *names,
                      size_t names_n,
                      bool find_deadlock,
                      int timeout_ms)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const struct test_call none = TEST_CALL_INIT;

    waiter->call = none;
    waiter->requeued = none;
    options.requeue = 1;
    options.on_requeue = test_call_lost;
    options.on_requeue_arg = &waiter->requeued;
    options.label = "again and again";
    options.find_deadlock = find_deadlock;
    if (leaselock_acquire_all_async(
            waiter->peer.session, names, names_n, &options, timeout_ms,
            test_call_done, &waiter->call, &waiter->ticket, &error) != 0) {
        fail_msg("acquire: %s", error.message);
    }
}

#endif
