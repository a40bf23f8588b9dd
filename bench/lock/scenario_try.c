/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries that fail: workers try locks, a name each, that another session holds.
 */
#include "lockbench.h"

#include <stdio.h>
#include <stdlib.h>

#include <leaselock/status.h>

#define TIMEOUT_MS 30000

struct tries {
    const struct bench_options *options;
    leaselock_session *holder;
    /** One for each worker: */
    leaselock_session **sessions;
    leaselock_ticket **held;
    struct bench_samples *samples;
    int64_t end_ns;
};

static void
name_of(const struct tries *tries, int index, char name[LEASELOCK_NAME_MAX + 1])
{
    (void)snprintf(name, LEASELOCK_NAME_MAX + 1, "%s-%d", tries->options->name,
                   index);
}

/** Takes the lock that a worker will try. */
static int hold(int index, void *arg)
{
    struct tries *tries = arg;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char name[LEASELOCK_NAME_MAX + 1];

    name_of(tries, index, name);
    if (leaselock_acquire(tries->holder, name, NULL, TIMEOUT_MS,
                          &tries->held[index], &error) != 0) {
        return bench_fail("acquire", &error);
    }
    return 0;
}

static int let_go(int index, void *arg)
{
    struct tries *tries = arg;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    if (tries->held[index] != NULL &&
        leaselock_release(tries->held[index], &error) != 0) {
        return bench_fail("release", &error);
    }
    return 0;
}

static int try_again(int index, void *arg)
{
    struct tries *tries = arg;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char name[LEASELOCK_NAME_MAX + 1];
    int64_t from_ns = bench_now_ns();

    name_of(tries, index, name);
    while (from_ns < tries->end_ns) {
        leaselock_ticket *ticket = NULL;
        int64_t now_ns;

        if (leaselock_acquire(tries->sessions[index], name, NULL, 0, &ticket,
                              &error) != LEASELOCK_E_TIMEOUT) {
            return bench_fail("a try was not refused", &error);
        }
        now_ns = bench_now_ns();
        if (!bench_samples_add(&tries->samples[index], now_ns - from_ns)) {
            return bench_no_memory();
        }
        from_ns = now_ns;
    }
    return 0;
}

static int measure(struct tries *tries, struct bench_result *result)
{
    const struct bench_options *options = tries->options;
    struct bench_meter meter;
    int status = bench_in_parallel(options->workers, hold, tries);

    if (status == 0) {
        bench_meter_start(&meter, options);
        tries->end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
        status = bench_in_parallel(options->workers, try_again, tries);
        bench_meter_stop(&meter);
    }
    for (int i = 0; status == 0 && i < options->workers; i++) {
        if (!bench_samples_append(&result->samples, &tries->samples[i])) {
            status = bench_no_memory();
        }
    }
    if (status == 0) {
        bench_result_int(result, "workers", options->workers);
        bench_result_quantiles(result, "us", 1e3);
        bench_meter_report(&meter, (int64_t)result->samples.n, result);
    }
    if (bench_in_parallel(options->workers, let_go, tries) != 0) {
        status = 1;
    }
    return status;
}

int bench_try(const struct bench_options *options, struct bench_result *result)
{
    size_t workers = (size_t)options->workers;
    struct bench_sessions sessions = {0};
    struct tries tries = {.options = options};
    int status =
        bench_sessions_open(options, 2, options->workers + 1, &sessions);

    if (status != 0) {
        return status;
    }
    tries.holder = sessions.sessions[0];
    tries.sessions = &sessions.sessions[1];
    tries.held = calloc(workers, sizeof(*tries.held));
    tries.samples = calloc(workers, sizeof(*tries.samples));
    if (tries.held == NULL || tries.samples == NULL) {
        status = bench_no_memory();
    } else {
        status = measure(&tries, result);
        for (size_t i = 0; i < workers; i++) {
            bench_samples_free(&tries.samples[i]);
        }
    }
    free(tries.held);
    free(tries.samples);
    bench_sessions_close(&sessions);
    return status;
}
