/*
 * Clients that take turns on one lock: how soon after a holder begins to
 * release does the next one have it? Each has its own client, session and
 * thread, as processes on several machines would; being in one process they
 * share a clock.
 */
#include "lockbench.h"

#include <pthread.h>
#include <stdio.h>

/** A lost hand-over ends the run instead of hanging it. */
#define WAIT_MAX_MS 30000

struct turns {
    const struct bench_options *options;
    int64_t end_ns;
    pthread_mutex_t mutex; /* guards what follows */
    int last;              /* who released last; -1 before the first */
    int64_t released_ns;
    bool failed;
    struct bench_samples samples;
};

static bool turns_failed(struct turns *turns)
{
    bool failed;

    (void)pthread_mutex_lock(&turns->mutex);
    failed = turns->failed;
    (void)pthread_mutex_unlock(&turns->mutex);
    return failed;
}

static int turns_fail(struct turns *turns,
                      const char *what,
                      const struct leaselock_error *error)
{
    (void)pthread_mutex_lock(&turns->mutex);
    turns->failed = true;
    (void)pthread_mutex_unlock(&turns->mutex);
    return bench_fail(what, error);
}

/* Only a grant that changes the holder is a hand-over. */
static void turns_granted(struct turns *turns, int who, int64_t at_ns)
{
    if (at_ns >= turns->end_ns) {
        return;
    }
    (void)pthread_mutex_lock(&turns->mutex);
    if (turns->last >= 0 && turns->last != who &&
        !bench_samples_add(&turns->samples, at_ns - turns->released_ns)) {
        fprintf(stderr, "lockbench: out of memory\n");
        turns->failed = true;
    }
    (void)pthread_mutex_unlock(&turns->mutex);
}

static void turns_releasing(struct turns *turns, int who)
{
    (void)pthread_mutex_lock(&turns->mutex);
    turns->last = who;
    turns->released_ns = bench_now_ns();
    (void)pthread_mutex_unlock(&turns->mutex);
}

static int take_turns(const struct bench_worker *worker)
{
    struct turns *turns = worker->shared;
    const struct bench_options *options = turns->options;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    while (bench_now_ns() < turns->end_ns && !turns_failed(turns)) {
        leaselock_ticket *ticket = NULL;

        if (leaselock_acquire(worker->session, options->name, NULL,
                              WAIT_MAX_MS +
                                  options->hold_us / 1000 * options->clients,
                              &ticket, &error) != 0) {
            return turns_fail(turns, "acquire", &error);
        }
        turns_granted(turns, worker->index, bench_now_ns());
        if (options->hold_us > 0) {
            bench_sleep_us(options->hold_us);
        }
        turns_releasing(turns, worker->index);
        if (leaselock_release(ticket, &error) != 0) {
            return turns_fail(turns, "release", &error);
        }
    }
    return 0;
}

static json_t *report(const struct bench_options *options,
                      const struct bench_samples *samples)
{
    double seconds = options->seconds;

    return json_pack(
        "{s:s, s:i, s:i, s:I, s:f, s:f, s:f, s:f, s:f}", "peer", "leaselock",
        "clients", options->clients, "hold_us", options->hold_us, "handovers",
        (json_int_t)samples->n, "seconds", seconds, "per_second",
        (double)samples->n / seconds, "p50_ms",
        (double)bench_samples_quantile(samples, 0.50) / 1e6, "p90_ms",
        (double)bench_samples_quantile(samples, 0.90) / 1e6, "p99_ms",
        (double)bench_samples_quantile(samples, 0.99) / 1e6);
}

int bench_handoff(const struct bench_options *options,
                  struct bench_result *ret_result)
{
    struct bench_options chosen = *options;
    struct bench_sessions sessions = {0};
    struct turns turns = {.options = &chosen, .last = -1};
    int status;

    if (chosen.clients == 0) {
        chosen.clients = 2;
    }
    if (bench_sessions_open(chosen.endpoints, chosen.clients, chosen.clients,
                            &sessions) != 0) {
        return 1;
    }
    (void)pthread_mutex_init(&turns.mutex, NULL);
    turns.end_ns = bench_now_ns() + chosen.seconds * INT64_C(1000000000);
    status = bench_in_parallel(&sessions, take_turns, &turns);
    bench_sessions_close(&sessions);
    (void)pthread_mutex_destroy(&turns.mutex);
    if (status != 0 || turns.failed) {
        bench_samples_free(&turns.samples);
        return 1;
    }
    bench_samples_sort(&turns.samples);
    ret_result->fields = report(&chosen, &turns.samples);
    ret_result->samples = turns.samples;
    return 0;
}
