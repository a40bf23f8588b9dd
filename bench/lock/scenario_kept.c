/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers of one session that lock and unlock one name, which the session
 * keeps: the cost of a lock without a request, and of a hand-over from thread
 * to thread. */
#include "cycles.h"

#define KEEP_MS 60000
/** A cycle takes about a microsecond, so not each is timed. */
#define CYCLES_TIMED 64

int bench_kept(const struct bench_options *options, struct bench_result *result)
{
    struct leaselock_acquire_options how = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct bench_sessions sessions = {0};
    struct bench_cycles cycles = {
        .sessions = &sessions, .how = &how, .timed_n = CYCLES_TIMED};
    int status;

    how.keep_ms = KEEP_MS;
    how.watch_own_key_ms = options->watch_own_ms;
    status = bench_sessions_open(options, 1, 1, &sessions);
    if (status == 0) {
        bench_result_int(result, "workers", options->workers);
        status = bench_cycles_run(options, &cycles, result);
        bench_sessions_close(&sessions);
    }
    return status;
}
