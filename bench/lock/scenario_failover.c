/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holders that are killed: how long after the kill does the waiter hold the
 * lock? Each pair has a lock of its own, a holder in a process of its own,
 * which renews its lease as usual, and a waiter here. The kills are spread over
 * the interval between two renewals, since a lease's remaining TTL is random.
 * */
#include "crowd.h"
#include "holder.h"

#include <stdio.h>
#include <stdlib.h>

#define PAIRS 8
#define NS_PER_S INT64_C(1000000000)
#define QUEUED_MAX_NS (30 * NS_PER_S)
/** etcd may be busy, or have many leases to revoke, but not for this long. */
#define TAKE_OVER_MAX_NS (60 * NS_PER_S)

static int report(const struct crowd *crowd,
                  const struct holder *holders,
                  struct bench_result *result)
{
    struct bench_samples *samples = &result->samples;
    size_t n = (size_t)crowd->members_n;

    for (size_t i = 0; i < n; i++) {
        if (!bench_samples_add(samples, crowd->members[i].held_ns -
                                            holders[i].killed_ns)) {
            return bench_no_memory();
        }
    }
    bench_samples_sort(samples);
    bench_result_int(result, "ops", crowd->members_n);
    bench_result_real(result, "least_s", (double)samples->items[0] / 1e9);
    bench_result_real(result, "p50_s",
                      (double)bench_samples_quantile(samples, 0.5) / 1e9);
    bench_result_real(result, "most_s", (double)samples->items[n - 1] / 1e9);
    return 0;
}

/* Holders first, then waiters, then the kills. */
static int measure(const struct bench_options *options,
                   struct crowd *crowd,
                   struct holder *holders,
                   leaselock_session *session)
{
    int n = crowd->members_n;
    int64_t end_ns;
    int64_t step_ns = options->ttl_s * NS_PER_S / 3 / n;

    for (int i = 0; i < n; i++) {
        char name[CROWD_NAME_SIZE];

        (void)snprintf(name, sizeof(name), "%s-%d", options->name, i);
        if (holder_start(options, name, 1, &holders[i]) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < n; i++) {
        if (holder_wait_held(&holders[i]) != 0) {
            return 1;
        }
    }
    end_ns = bench_now_ns() + QUEUED_MAX_NS;
    if (crowd_acquire(crowd, session, options->name, BENCH_TICKETS_MAX) != 0 ||
        crowd_wait_queued(crowd, end_ns) < n) {
        return 1;
    }
    for (int i = 0; i < n; i++) {
        bench_sleep_us((int)(step_ns / 1000));
        holder_kill(&holders[i]);
    }
    if (crowd_wait_held(crowd, bench_now_ns() + TAKE_OVER_MAX_NS) < n) {
        fprintf(stderr, "lockbench: not every lock was taken over\n");
        return 1;
    }
    return 0;
}

int bench_failover(const struct bench_options *options,
                   struct bench_result *result)
{
    int pairs = options->clients > 0 ? options->clients : PAIRS;
    struct bench_options waiters = *options;
    struct bench_sessions sessions = {0};
    struct crowd crowd = {0};
    struct holder *holders = calloc((size_t)pairs, sizeof(*holders));
    int status = 1;

    if (holders == NULL) {
        return bench_no_memory();
    }
    waiters.guardian = NULL;
    if (crowd_new(pairs, &crowd) == 0 &&
        bench_sessions_open(&waiters, 1, 1, &sessions) == 0) {
        bench_result_int(result, "ttl", options->ttl_s);
        bench_result_int(result, "guardian", options->guardian != NULL);
        status = measure(options, &crowd, holders, sessions.sessions[0]);
        crowd_ending(&crowd);
    }
    if (status == 0) {
        status = report(&crowd, holders, result);
    }
    for (int i = 0; i < pairs; i++) {
        holder_kill(&holders[i]);
    }
    bench_sessions_close(&sessions);
    crowd_free(&crowd);
    free(holders);
    return status;
}
