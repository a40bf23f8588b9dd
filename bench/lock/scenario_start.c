/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From nothing to the first lock: a client is opened, a session, and a lock of
 * that session, which nobody else wants; again and again. What follows the
 * lock, its release and the closing, is not in the time. */
#include "lockbench.h"

#include <stdio.h>

#define TIMEOUT_MS 30000

/** Opens a client and takes a lock; sets what took how long. */
static int start_once(const struct bench_options *options, int64_t *ret_ns)
{
    struct bench_sessions sessions = {0};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    int64_t from_ns = bench_now_ns();
    int status = bench_sessions_open(options, 1, 1, &sessions);

    if (status != 0) {
        return status;
    }
    if (leaselock_acquire(sessions.sessions[0], options->name, NULL, TIMEOUT_MS,
                          &ticket, &error) != 0) {
        status = bench_fail("acquire", &error);
    } else {
        *ret_ns = bench_now_ns() - from_ns;
        if (leaselock_release(ticket, &error) != 0) {
            status = bench_fail("release", &error);
        }
    }
    bench_sessions_close(&sessions);
    return status;
}

int bench_start(const struct bench_options *options,
                struct bench_result *result)
{
    int64_t end_ns = bench_now_ns() + options->seconds * INT64_C(1000000000);

    do {
        int64_t took_ns = 0;
        int status = start_once(options, &took_ns);

        if (status != 0) {
            return status;
        }
        if (!bench_samples_add(&result->samples, took_ns)) {
            return bench_no_memory();
        }
    } while (bench_now_ns() < end_ns);
    bench_result_int(result, "ops", (int64_t)result->samples.n);
    bench_result_quantiles(result, "ms", 1e6);
    return 0;
}
