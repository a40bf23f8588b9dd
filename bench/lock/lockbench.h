/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKBENCH_H
#define LOCKBENCH_H

#include "bench.h"

#include <leaselock/leaselock.h>

/** Scenarios, scenario_*.c. */
bench_scenario_fn bench_async;
bench_scenario_fn bench_elect;
bench_scenario_fn bench_failover;
bench_scenario_fn bench_growth;
bench_scenario_fn bench_handoff;
bench_scenario_fn bench_hold;
bench_scenario_fn bench_kept;
bench_scenario_fn bench_kept_remote;
bench_scenario_fn bench_modes;
bench_scenario_fn bench_queue;
bench_scenario_fn bench_start;
bench_scenario_fn bench_try;
bench_scenario_fn bench_uncontended;
bench_scenario_fn bench_waiters;
bench_scenario_fn bench_waiting;

/** metrics.c */
bench_server_fn bench_metrics;

/** Clients, and sessions that are distributed over them in turn. */
struct bench_sessions {
    leaselock_client **clients;
    int clients_n;
    leaselock_session **sessions;
    int sessions_n;
    /** Set before they are opened: receives the clients' most detailed log; or
     *  NULL. */
    leaselock_log_fn *log;
    void *log_arg;
};

/** sessions.c; a failure is printed on stderr. The sessions' TTL is the
 * options' ttl_s.
 * @param sessions  zeros, apart from `log` */
int bench_sessions_open(const struct bench_options *options,
                        int clients_n,
                        int sessions_n,
                        struct bench_sessions *sessions);
void bench_sessions_close(struct bench_sessions *sessions);

/** scenario_modes.c: sets the mode that the options name. */
void bench_mode(const struct bench_options *options,
                struct leaselock_acquire_options *how);

/** Prints on stderr what failed and why. Always 1. */
int bench_fail(const char *what, const struct leaselock_error *error);

#endif
