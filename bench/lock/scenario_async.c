/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A single-threaded program with thousands of locks in flight: each ticket is
 * acquired, released and acquired again from the callbacks of one client and
 * one session, for a name of its own. */
#include "lockbench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE 128

struct async;

struct slot {
    struct async *async;
    leaselock_ticket *ticket;
    int64_t from_ns;
    char name[NAME_SIZE];
};

struct async {
    leaselock_session *session;
    int64_t end_ns;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t ended;
    int running; /* slots that continue */
    bool failed;
    struct bench_samples samples;
};

static void begin(struct slot *slot);

/* Ends a slot. */
static void end(struct slot *slot, bool failed)
{
    struct async *async = slot->async;

    (void)pthread_mutex_lock(&async->mutex);
    async->failed |= failed;
    if (--async->running == 0) {
        (void)pthread_cond_signal(&async->ended);
    }
    (void)pthread_mutex_unlock(&async->mutex);
}

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    struct slot *slot = arg;
    struct async *async = slot->async;
    int64_t now_ns = bench_now_ns();
    bool failed;

    if (status != 0) {
        end(slot, bench_fail("release", error) != 0);
        return;
    }
    (void)pthread_mutex_lock(&async->mutex);
    if (!bench_samples_add(&async->samples, now_ns - slot->from_ns)) {
        async->failed = bench_no_memory() != 0;
    }
    failed = async->failed;
    (void)pthread_mutex_unlock(&async->mutex);
    if (failed || now_ns >= async->end_ns) {
        end(slot, false);
    } else {
        begin(slot);
    }
}

static void on_held(int status, const struct leaselock_error *error, void *arg)
{
    struct leaselock_error failure = LEASELOCK_ERROR_INIT;
    struct slot *slot = arg;

    if (status != 0) {
        end(slot, bench_fail("acquire", error) != 0);
    } else if (leaselock_release_async(slot->ticket, on_released, slot,
                                       &failure) != 0) {
        end(slot, bench_fail("release", &failure) != 0);
    }
}

static void begin(struct slot *slot)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    slot->from_ns = bench_now_ns();
    if (leaselock_acquire_async(slot->async->session, slot->name, NULL,
                                LEASELOCK_FOREVER, on_held, slot, &slot->ticket,
                                &error) != 0) {
        end(slot, bench_fail("acquire", &error) != 0);
    }
}

/* Each slot's cycle in progress at the end is still completed and counted, with
 * its time. */
static int measure(const struct bench_options *options,
                   struct async *async,
                   struct slot *slots,
                   struct bench_result *result)
{
    struct bench_meter meter;

    for (int i = 0; i < options->tickets; i++) {
        slots[i].async = async;
        (void)snprintf(slots[i].name, sizeof(slots[i].name), "%s-%d",
                       options->name, i);
    }
    bench_meter_start(&meter, options);
    async->end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
    async->running = options->tickets;
    for (int i = 0; i < options->tickets; i++) {
        begin(&slots[i]);
    }
    (void)pthread_mutex_lock(&async->mutex);
    while (async->running > 0) {
        (void)pthread_cond_wait(&async->ended, &async->mutex);
    }
    (void)pthread_mutex_unlock(&async->mutex);
    bench_meter_stop(&meter);
    result->samples = async->samples;
    if (!async->failed) {
        bench_result_int(result, "tickets", options->tickets);
        bench_result_quantiles(result, "ms", 1e6);
        bench_meter_report(&meter, (int64_t)result->samples.n, result);
    }
    return async->failed ? 1 : 0;
}

int bench_async(const struct bench_options *options,
                struct bench_result *result)
{
    struct bench_sessions sessions = {0};
    struct async async = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                          .ended = PTHREAD_COND_INITIALIZER};
    struct slot *slots = calloc((size_t)options->tickets, sizeof(*slots));
    int status;

    if (slots == NULL) {
        return bench_no_memory();
    }
    status = bench_sessions_open(options, 1, 1, &sessions);
    if (status == 0) {
        async.session = sessions.sessions[0];
        status = measure(options, &async, slots, result);
        bench_sessions_close(&sessions);
    }
    free(slots);
    return status;
}
