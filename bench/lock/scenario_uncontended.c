/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that lock and unlock uncontended names: the cost of a lock without a
 * wait. Each worker has a thread, a session and a name; the sessions are spread
 * over one client or several. */
#include "lockbench.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 30000

struct cycles {
    const struct bench_options *options;
    const struct bench_sessions *sessions;
    int64_t end_ns;
    struct bench_samples *samples; /* one for each worker */
};

static int cycle(int index, void *arg)
{
    const struct cycles *cycles = arg;
    leaselock_session *session = cycles->sessions->sessions[index];
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char name[LEASELOCK_NAME_MAX + 1];
    struct leaselock_acquire_options own = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    int64_t from_ns = bench_now_ns();

    own.watch_own_key_ms = cycles->options->watch_own_ms;
    (void)snprintf(name, sizeof(name), "%s-%d", cycles->options->name, index);
    while (from_ns < cycles->end_ns) {
        leaselock_ticket *ticket = NULL;
        int64_t now_ns;

        if (leaselock_acquire(session, name, &own, TIMEOUT_MS, &ticket,
                              &error) != 0) {
            return bench_fail("acquire", &error);
        }
        if (leaselock_release(ticket, &error) != 0) {
            return bench_fail("release", &error);
        }
        now_ns = bench_now_ns();
        if (!bench_samples_add(&cycles->samples[index], now_ns - from_ns)) {
            return bench_no_memory();
        }
        from_ns = now_ns;
    }
    return 0;
}

static int measure(struct cycles *cycles, struct bench_result *result)
{
    const struct bench_options *options = cycles->options;
    struct bench_meter meter;
    int status;

    bench_meter_start(&meter, options);
    cycles->end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
    status = bench_in_parallel(options->workers, cycle, cycles);
    bench_meter_stop(&meter);
    for (int i = 0; status == 0 && i < options->workers; i++) {
        if (!bench_samples_append(&result->samples, &cycles->samples[i])) {
            status = bench_no_memory();
        }
    }
    if (status == 0) {
        bench_result_quantiles(result, "us", 1e3);
        bench_meter_report(&meter, (int64_t)result->samples.n, result);
    }
    return status;
}

int bench_uncontended(const struct bench_options *options,
                      struct bench_result *result)
{
    struct bench_sessions sessions = {0};
    struct cycles cycles = {.options = options, .sessions = &sessions};
    int clients = options->clients > 0 ? options->clients : 1;
    int status;

    cycles.samples = calloc((size_t)options->workers, sizeof(*cycles.samples));
    if (cycles.samples == NULL) {
        return bench_no_memory();
    }
    status = bench_sessions_open(options, clients, options->workers, &sessions);
    if (status == 0) {
        bench_result_int(result, "workers", options->workers);
        bench_result_int(result, "clients", clients);
        status = measure(&cycles, result);
        bench_sessions_close(&sessions);
    }
    for (int i = 0; i < options->workers; i++) {
        bench_samples_free(&cycles.samples[i]);
    }
    free(cycles.samples);
    return status;
}
