/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that lock and unlock uncontended names: the cost of a lock without a
 * wait. Each worker has a thread, a session and a name; the sessions are spread
 * over one client or several. */
#include "cycles.h"

int bench_uncontended(const struct bench_options *options,
                      struct bench_result *result)
{
    struct leaselock_acquire_options how = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct bench_sessions sessions = {0};
    struct bench_cycles cycles = {
        .sessions = &sessions, .how = &how, .has_own_name = true, .timed_n = 1};
    int clients = options->clients > 0 ? options->clients : 1;
    int status;

    how.watch_own_key_ms = options->watch_own_ms;
    status = bench_sessions_open(options, clients, options->workers, &sessions);
    if (status == 0) {
        bench_result_int(result, "workers", options->workers);
        bench_result_int(result, "clients", clients);
        status = bench_cycles_run(options, &cycles, result);
        bench_sessions_close(&sessions);
    }
    return status;
}
