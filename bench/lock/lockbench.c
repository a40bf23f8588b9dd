/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures leaselock against a running etcd; README.md explains the figures. A
 * new scenario is a function, a prototype in lockbench.h and a line here. */
#include "lockbench.h"

static const struct bench_scenario scenarios[] = {
    {"uncontended", bench_uncontended,
     "workers lock and unlock a name each, on clients (default 1)"},
    {"kept", bench_kept,
     "workers of one session lock and unlock one name, which it keeps"},
    {"kept-remote", bench_kept_remote,
     "another session waits for a lock that is kept idle"},
    {"try", bench_try, "workers try a name each, which somebody else holds"},
    {"start", bench_start,
     "a client is opened, a session, and a lock is taken; again and again"},
    {"async", bench_async,
     "tickets are acquired and released from callbacks, a name each"},
    {"handoff", bench_handoff,
     "clients (default 2) take turns on one lock; --hold-us, --rejoin"},
    {"queue", bench_queue,
     "tickets queue for one name, and get it one after another; --permits"},
    {"waiters", bench_waiters, "tickets wait, for a name each"},
    {"waiting", bench_waiting,
     "acquires come at random, or from --clients that ask again; --load,\n"
     "                   --hold-us, --exponential"},
    {"growth", bench_growth,
     "one worker locks and unlocks, beside --held locks or in a --queue;\n"
     "                   --clients 2: from a client of its own"},
    {"modes", bench_modes,
     "workers take one lock: alone, or with --shared or --permits; --hold-us"},
    {"elect", bench_elect, "clients (default 2) lead in turn; --hold-us"},
    {"failover", bench_failover,
     "holders (--clients, default 8) are killed; --ttl"},
    {"hold", bench_hold, "holds the lock: what failover kills"},
};

int main(int argc, char **argv)
{
    static const struct bench_program program = {
        .name = "lockbench",
        .peer = "leaselock",
        .endpoints = "127.0.0.1:2379",
        .server = bench_metrics,
        .scenarios = scenarios,
        .scenarios_n = sizeof(scenarios) / sizeof(scenarios[0]),
    };

    return bench_main(&program, argc, argv);
}
