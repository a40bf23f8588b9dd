/* SPDX-License-Identifier: Apache-2.0 */
/** Workers that acquire and release, again and again. */
#ifndef BENCH_CYCLES_H
#define BENCH_CYCLES_H

#include "lockbench.h"

struct bench_cycles {
    /** Worker i has session i % sessions_n. */
    const struct bench_sessions *sessions;
    const struct leaselock_acquire_options *how;
    bool has_own_name; /* each worker; else all take one lock */
    int timed_n;       /* cycles that are timed together */
};

/** Runs the options' workers for the options' seconds, and adds what they did to
 *  the result. @return 0, or 1 with the reason on stderr */
int bench_cycles_run(const struct bench_options *options,
                     const struct bench_cycles *cycles,
                     struct bench_result *result);

#endif
