/* SPDX-License-Identifier: Apache-2.0 */
#include "cycles.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 30000

struct worker {
    struct bench_samples samples;
    int64_t ops;
};

struct run {
    const struct bench_options *options;
    const struct bench_cycles *cycles;
    int64_t end_ns;
    struct worker *workers;
};

static int cycle(leaselock_session *session,
                 const char *name,
                 const struct leaselock_acquire_options *how)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire(session, name, how, TIMEOUT_MS, &ticket, &error) !=
        0) {
        return bench_fail("acquire", &error);
    }
    return leaselock_release(ticket, &error) != 0
               ? bench_fail("release", &error)
               : 0;
}

static int work(int index, void *arg)
{
    const struct run *run = arg;
    const struct bench_cycles *cycles = run->cycles;
    struct worker *worker = &run->workers[index];
    leaselock_session *session =
        cycles->sessions->sessions[index % cycles->sessions->sessions_n];
    char own[LEASELOCK_NAME_MAX + 1];
    const char *name = cycles->has_own_name ? own : run->options->name;
    int64_t from_ns = bench_now_ns();

    (void)snprintf(own, sizeof(own), "%s-%d", run->options->name, index);
    while (from_ns < run->end_ns) {
        int64_t now_ns;

        for (int i = 0; i < cycles->timed_n; i++) {
            if (cycle(session, name, cycles->how) != 0) {
                return 1;
            }
        }
        now_ns = bench_now_ns();
        worker->ops += cycles->timed_n;
        if (!bench_samples_add(&worker->samples,
                               (now_ns - from_ns) / cycles->timed_n)) {
            return bench_no_memory();
        }
        from_ns = now_ns;
    }
    return 0;
}

static int measure(struct run *run, struct bench_result *result)
{
    const struct bench_options *options = run->options;
    struct bench_meter meter;
    int64_t ops = 0;
    int status;

    bench_meter_start(&meter, options);
    run->end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
    status = bench_in_parallel(options->workers, work, run);
    bench_meter_stop(&meter);
    for (int i = 0; status == 0 && i < options->workers; i++) {
        ops += run->workers[i].ops;
        if (!bench_samples_append(&result->samples, &run->workers[i].samples)) {
            status = bench_no_memory();
        }
    }
    if (status == 0) {
        bench_result_quantiles(result, "us", 1e3);
        bench_meter_report(&meter, ops, result);
    }
    return status;
}

int bench_cycles_run(const struct bench_options *options,
                     const struct bench_cycles *cycles,
                     struct bench_result *result)
{
    struct run run = {.options = options, .cycles = cycles};
    int status;

    run.workers = calloc((size_t)options->workers, sizeof(*run.workers));
    if (run.workers == NULL) {
        return bench_no_memory();
    }
    status = measure(&run, result);
    for (int i = 0; i < options->workers; i++) {
        bench_samples_free(&run.workers[i].samples);
    }
    free(run.workers);
    return status;
}
