/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that take turns on one lock: how long after a holder begins to
 * release does the next one hold it? They are threads of one process, and so
 * share a clock. */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct bench_turns {
    int64_t end_ns;
    pthread_mutex_t mutex; /* guards what follows */
    int last;              /* the last to release; -1 before the first */
    int64_t released_ns;
    int64_t grants;
    bool failed;
    struct bench_samples samples;
};

struct bench_turns *bench_turns_new(int64_t end_ns)
{
    struct bench_turns *turns = calloc(1, sizeof(*turns));

    if (turns == NULL) {
        (void)bench_no_memory();
        return NULL;
    }
    turns->end_ns = end_ns;
    turns->last = -1;
    (void)pthread_mutex_init(&turns->mutex, NULL);
    return turns;
}

void bench_turns_free(struct bench_turns *turns)
{
    if (turns == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&turns->mutex);
    bench_samples_free(&turns->samples);
    free(turns);
}

bool bench_turns_go_on(struct bench_turns *turns)
{
    bool failed;

    (void)pthread_mutex_lock(&turns->mutex);
    failed = turns->failed;
    (void)pthread_mutex_unlock(&turns->mutex);
    return !failed && bench_now_ns() < turns->end_ns;
}

/* Every grant counts as an operation, but only one that changes the holder
 * before the end is a handover. */
void bench_turns_granted(struct bench_turns *turns, int who, int64_t at_ns)
{
    (void)pthread_mutex_lock(&turns->mutex);
    turns->grants++;
    if (at_ns < turns->end_ns && turns->last >= 0 && turns->last != who &&
        !bench_samples_add(&turns->samples, at_ns - turns->released_ns)) {
        turns->failed = bench_no_memory() != 0;
    }
    (void)pthread_mutex_unlock(&turns->mutex);
}

void bench_turns_releasing(struct bench_turns *turns, int who)
{
    (void)pthread_mutex_lock(&turns->mutex);
    turns->last = who;
    turns->released_ns = bench_now_ns();
    (void)pthread_mutex_unlock(&turns->mutex);
}

int bench_turns_fail(struct bench_turns *turns)
{
    (void)pthread_mutex_lock(&turns->mutex);
    turns->failed = true;
    (void)pthread_mutex_unlock(&turns->mutex);
    return 1;
}

void bench_turns_report(struct bench_turns *turns,
                        const struct bench_meter *meter,
                        int seconds,
                        struct bench_result *result)
{
    result->samples = turns->samples;
    turns->samples = (struct bench_samples){0};
    bench_result_int(result, "handovers", (int64_t)result->samples.n);
    bench_result_real(result, "handovers_per_second",
                      (double)result->samples.n / seconds);
    bench_result_quantiles(result, "ms", 1e6);
    bench_meter_report(meter, turns->grants, result);
}
