/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers of one session that lock and unlock one name, which the session
 * keeps: the cost of a lock without a request, and of a hand-over from thread
 * to thread. */
#include "lockbench.h"

#include <stdlib.h>

#define TIMEOUT_MS 30000
#define KEEP_MS 60000
/** A cycle takes about a microsecond, so not each is timed. */
#define CYCLES_TIMED 64

struct cycles {
    const struct bench_options *options;
    leaselock_session *session;
    int64_t end_ns;
    struct bench_samples *samples; /* one for each worker */
    int64_t *ops;                  /* the same */
};

static int cycle_once(const struct cycles *cycles,
                      const struct leaselock_acquire_options *own)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire(cycles->session, cycles->options->name, own,
                          TIMEOUT_MS, &ticket, &error) != 0) {
        return bench_fail("acquire", &error);
    }
    return leaselock_release(ticket, &error) != 0
               ? bench_fail("release", &error)
               : 0;
}

static int work(int index, void *arg)
{
    const struct cycles *cycles = arg;
    struct leaselock_acquire_options own = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    int64_t from_ns = bench_now_ns();

    own.keep_ms = KEEP_MS;
    own.watch_own_key_ms = cycles->options->watch_own_ms;
    while (from_ns < cycles->end_ns) {
        int64_t now_ns;

        for (int i = 0; i < CYCLES_TIMED; i++) {
            if (cycle_once(cycles, &own) != 0) {
                return 1;
            }
        }
        now_ns = bench_now_ns();
        cycles->ops[index] += CYCLES_TIMED;
        if (!bench_samples_add(&cycles->samples[index],
                               (now_ns - from_ns) / CYCLES_TIMED)) {
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
    int64_t ops = 0;
    int status;

    bench_meter_start(&meter, options);
    cycles->end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
    status = bench_in_parallel(options->workers, work, cycles);
    bench_meter_stop(&meter);
    for (int i = 0; status == 0 && i < options->workers; i++) {
        ops += cycles->ops[i];
        if (!bench_samples_append(&result->samples, &cycles->samples[i])) {
            status = bench_no_memory();
        }
    }
    if (status == 0) {
        bench_result_quantiles(result, "us", 1e3);
        bench_meter_report(&meter, ops, result);
    }
    return status;
}

int bench_kept(const struct bench_options *options, struct bench_result *result)
{
    struct bench_sessions sessions = {0};
    struct cycles cycles = {.options = options};
    size_t n = (size_t)options->workers;
    int status = 1;

    cycles.samples = calloc(n, sizeof(*cycles.samples));
    cycles.ops = calloc(n, sizeof(*cycles.ops));
    if (cycles.samples == NULL || cycles.ops == NULL) {
        status = bench_no_memory();
    } else {
        status = bench_sessions_open(options, 1, 1, &sessions);
    }
    if (status == 0) {
        cycles.session = sessions.sessions[0];
        bench_result_int(result, "workers", options->workers);
        status = measure(&cycles, result);
        bench_sessions_close(&sessions);
    }
    for (size_t i = 0; cycles.samples != NULL && i < n; i++) {
        bench_samples_free(&cycles.samples[i]);
    }
    free(cycles.samples);
    free(cycles.ops);
    return status;
}
