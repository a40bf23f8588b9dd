/*
 * Workers that lock and unlock names which nobody else wants: the cost of a
 * lock where it never waits. Each worker has a thread, a session and a name;
 * the sessions are spread over one client or several.
 */
#include "lockbench.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 30000

struct cycles {
    const struct bench_options *options;
    int64_t start_ns;
    int64_t end_ns;
    struct bench_samples *samples; /* one for each worker */
};

static int cycle(const struct bench_worker *worker)
{
    const struct cycles *cycles = worker->shared;
    struct bench_samples *samples = &cycles->samples[worker->index];
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char name[LEASELOCK_NAME_MAX + 1];
    int64_t from_ns = bench_now_ns();

    (void)snprintf(name, sizeof(name), "%s-%d", cycles->options->name,
                   worker->index);
    while (from_ns < cycles->end_ns) {
        leaselock_ticket *ticket = NULL;
        int64_t now_ns;

        if (leaselock_acquire(worker->session, name, NULL, TIMEOUT_MS, &ticket,
                              &error) != 0) {
            return bench_fail("acquire", &error);
        }
        if (leaselock_release(ticket, &error) != 0) {
            return bench_fail("release", &error);
        }
        now_ns = bench_now_ns();
        if (!bench_samples_add(samples, now_ns - from_ns)) {
            fprintf(stderr, "lockbench: out of memory\n");
            return 1;
        }
        from_ns = now_ns;
    }
    return 0;
}

static json_t *report(const struct bench_options *options,
                      const struct bench_samples *samples,
                      double seconds)
{
    return json_pack(
        "{s:s, s:i, s:i, s:I, s:f, s:f, s:f, s:f}", "peer", "leaselock",
        "workers", options->workers, "clients", options->clients, "cycles",
        (json_int_t)samples->n, "seconds", seconds, "per_second",
        (double)samples->n / seconds, "p50_us",
        (double)bench_samples_quantile(samples, 0.50) / 1e3, "p99_us",
        (double)bench_samples_quantile(samples, 0.99) / 1e3);
}

int bench_uncontended(const struct bench_options *options,
                      struct bench_result *ret_result)
{
    struct bench_options chosen = *options;
    struct bench_sessions sessions = {0};
    struct bench_samples all = {0};
    struct cycles cycles = {.options = &chosen};
    double seconds;
    int status;

    if (chosen.clients == 0) {
        chosen.clients = 1;
    }
    cycles.samples = calloc((size_t)chosen.workers, sizeof(*cycles.samples));
    if (cycles.samples == NULL) {
        fprintf(stderr, "lockbench: out of memory\n");
        return 1;
    }
    status = bench_sessions_open(chosen.endpoints, chosen.clients,
                                 chosen.workers, &sessions);
    if (status != 0) {
        goto out;
    }
    cycles.start_ns = bench_now_ns();
    cycles.end_ns = cycles.start_ns + chosen.seconds * INT64_C(1000000000);
    status = bench_in_parallel(&sessions, cycle, &cycles);
    seconds = (double)(bench_now_ns() - cycles.start_ns) / 1e9;
    bench_sessions_close(&sessions);
    for (int i = 0; status == 0 && i < chosen.workers; i++) {
        if (!bench_samples_append(&all, &cycles.samples[i])) {
            fprintf(stderr, "lockbench: out of memory\n");
            status = 1;
        }
    }
    if (status == 0) {
        bench_samples_sort(&all);
        ret_result->fields = report(&chosen, &all, seconds);
        ret_result->samples = all;
    } else {
        bench_samples_free(&all);
    }
out:
    for (int i = 0; i < chosen.workers; i++) {
        bench_samples_free(&cycles.samples[i]);
    }
    free(cycles.samples);
    return status;
}
