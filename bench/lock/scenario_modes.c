/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that take one lock again and again in one of its modes: alone, shared
 * with one another, or as one of several permits. Each has a thread and a
 * session; the sessions are spread over one client or several. What is measured
 * is the wait, from the call of acquire to its return. */
#include "lockbench.h"

#include <pthread.h>
#include <stdlib.h>

/** A lost grant ends the run instead of hanging it. */
#define WAIT_MAX_MS 30000

struct modes {
    const struct bench_options *options;
    const struct bench_sessions *sessions;
    struct leaselock_acquire_options how;
    int64_t end_ns;
    struct bench_samples *samples; /* one for each worker */
    pthread_mutex_t mutex;         /* guards what follows */
    int holding;
    int holding_most;
};

void bench_mode(const struct bench_options *options,
                struct leaselock_acquire_options *how)
{
    how->mode = options->permits > 0 ? LEASELOCK_PERMIT
                : options->shared    ? LEASELOCK_SHARED
                                     : LEASELOCK_EXCLUSIVE;
    how->permits = options->permits;
}

/** Counts those that hold at the same time. */
static void count(struct modes *modes, int change)
{
    (void)pthread_mutex_lock(&modes->mutex);
    modes->holding += change;
    if (modes->holding > modes->holding_most) {
        modes->holding_most = modes->holding;
    }
    (void)pthread_mutex_unlock(&modes->mutex);
}

static int work(int index, void *arg)
{
    struct modes *modes = arg;
    leaselock_session *session = modes->sessions->sessions[index];
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    for (;;) {
        leaselock_ticket *ticket = NULL;
        int64_t from_ns = bench_now_ns();

        if (from_ns >= modes->end_ns) {
            return 0;
        }
        if (leaselock_acquire(session, modes->options->name, &modes->how,
                              WAIT_MAX_MS, &ticket, &error) != 0) {
            return bench_fail("acquire", &error);
        }
        if (!bench_samples_add(&modes->samples[index],
                               bench_now_ns() - from_ns)) {
            return bench_no_memory();
        }
        count(modes, 1);
        bench_sleep_us(modes->options->hold_us);
        count(modes, -1);
        if (leaselock_release(ticket, &error) != 0) {
            return bench_fail("release", &error);
        }
    }
}

static int measure(struct modes *modes, struct bench_result *result)
{
    const struct bench_options *options = modes->options;
    struct bench_meter meter;
    int status;

    bench_meter_start(&meter, options);
    modes->end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
    status = bench_in_parallel(options->workers, work, modes);
    bench_meter_stop(&meter);
    for (int i = 0; status == 0 && i < options->workers; i++) {
        if (!bench_samples_append(&result->samples, &modes->samples[i])) {
            status = bench_no_memory();
        }
    }
    if (status == 0) {
        bench_result_int(result, "holding_most", modes->holding_most);
        bench_result_quantiles(result, "ms", 1e6);
        bench_meter_report(&meter, (int64_t)result->samples.n, result);
    }
    return status;
}

int bench_modes(const struct bench_options *options,
                struct bench_result *result)
{
    struct bench_sessions sessions = {0};
    struct modes modes = {.options = options,
                          .sessions = &sessions,
                          .how = LEASELOCK_ACQUIRE_OPTIONS_INIT,
                          .mutex = PTHREAD_MUTEX_INITIALIZER};
    int clients = options->clients > 0 ? options->clients : 1;
    int status;

    bench_mode(options, &modes.how);
    modes.samples = calloc((size_t)options->workers, sizeof(*modes.samples));
    if (modes.samples == NULL) {
        return bench_no_memory();
    }
    status = bench_sessions_open(options, clients, options->workers, &sessions);
    if (status == 0) {
        bench_result_int(result, "workers", options->workers);
        bench_result_int(result, "clients", clients);
        bench_result_int(result, "hold_us", options->hold_us);
        status = measure(&modes, result);
        bench_sessions_close(&sessions);
    }
    for (int i = 0; i < options->workers; i++) {
        bench_samples_free(&modes.samples[i]);
    }
    free(modes.samples);
    return status;
}
