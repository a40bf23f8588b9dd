/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one lock costs beside many: a worker acquires and releases a free name
 * while its client holds other locks; or it enters a long queue and leaves it
 * again, as its turn will not come. */
#include "crowd.h"

#include <stdio.h>

#define TIMEOUT_MS 120000
/** The resolution of the time at which a ticket is in its queue. */
#define LOOK_US 10

struct growth {
    const struct bench_options *options;
    struct bench_sessions sessions; /* of the crowd, and of the worker */
    struct crowd held;
    struct crowd queue; /* its first member holds the lock */
};

static void
on_given_up(int status, const struct leaselock_error *error, void *arg)
{
    (void)status;
    (void)error;
    (void)arg;
}

/** Enters the queue and leaves it. */
static int pass_queue(leaselock_session *session, const char *name)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire_async(session, name, NULL, LEASELOCK_FOREVER,
                                on_given_up, NULL, &ticket, &error) != 0) {
        return bench_fail("acquire", &error);
    }
    while (leaselock_ticket_token(ticket) == 0) {
        bench_sleep_us(LOOK_US);
    }
    return leaselock_release(ticket, &error) != 0
               ? bench_fail("release", &error)
               : 0;
}

static int take(leaselock_session *session, const char *name)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire(session, name, NULL, TIMEOUT_MS, &ticket, &error) !=
        0) {
        return bench_fail("acquire", &error);
    }
    return leaselock_release(ticket, &error) != 0
               ? bench_fail("release", &error)
               : 0;
}

/** Until etcd has all watches, as in a program that has been running for a while:
 *  their creation takes it much longer than the locks. */
static void settle(const struct bench_options *options)
{
    struct bench_options patient = *options;
    int64_t settled_ns;

    patient.seconds = BENCH_GROWTH_PREPARE_S;
    crowd_wait_watchers(&patient, options->held);
    (void)crowd_settle(&patient, bench_now_ns(), &settled_ns);
}

/** The locks that are held, and the queue. */
static int prepare(struct growth *growth, int64_t end_ns)
{
    const struct bench_options *options = growth->options;
    leaselock_session *session = growth->sessions.sessions[0];
    char name[CROWD_NAME_SIZE];

    (void)snprintf(name, sizeof(name), "%s-held", options->name);
    if (options->held > 0 &&
        (crowd_acquire(&growth->held, session, name, options->held) != 0 ||
         crowd_wait_held(&growth->held, end_ns) < options->held)) {
        fprintf(stderr, "lockbench: not all of the locks are held\n");
        return 1;
    }
    if (options->queue > 0 &&
        (crowd_acquire(&growth->queue, session, options->name, 1) != 0 ||
         crowd_wait_queued(&growth->queue, end_ns) < options->queue)) {
        fprintf(stderr, "lockbench: not all of the tickets are queued\n");
        return 1;
    }
    if (options->held > 0 || options->queue > 0) {
        settle(options);
    }
    return 0;
}

static int measure(struct growth *growth, struct bench_result *result)
{
    const struct bench_options *options = growth->options;
    leaselock_session *session = growth->sessions.sessions[1];
    int (*cycle)(leaselock_session *, const char *) =
        options->queue > 0 ? pass_queue : take;
    struct bench_meter meter;
    int64_t from_ns;
    int64_t end_ns;

    if (cycle(session, options->name) != 0) { /* to be connected */
        return 1;
    }
    bench_meter_start(&meter, options);
    from_ns = meter.start_ns;
    end_ns = from_ns + options->seconds * INT64_C(1000000000);
    while (from_ns < end_ns) {
        int64_t now_ns;

        if (cycle(session, options->name) != 0) {
            return 1;
        }
        now_ns = bench_now_ns();
        if (!bench_samples_add(&result->samples, now_ns - from_ns)) {
            return bench_no_memory();
        }
        from_ns = now_ns;
    }
    bench_meter_stop(&meter);
    bench_result_quantiles(result, "us", 1e3);
    bench_meter_report(&meter, (int64_t)result->samples.n, result);
    return crowd_failed(&growth->held) || crowd_failed(&growth->queue);
}

int bench_growth(const struct bench_options *options,
                 struct bench_result *result)
{
    struct growth growth = {.options = options};
    int clients = options->clients > 0 ? options->clients : 1;
    int64_t start_ns = bench_now_ns();
    int status = 1;

    if (crowd_new(options->held > 0 ? options->held : 1, &growth.held) == 0 &&
        crowd_new(options->queue > 0 ? options->queue : 1, &growth.queue) ==
            0 &&
        bench_sessions_open(options, clients, 2, &growth.sessions) == 0) {
        bench_result_int(result, "held", options->held);
        bench_result_int(result, "queue", options->queue);
        bench_result_int(result, "clients", clients);
        status = prepare(&growth, start_ns + BENCH_GROWTH_PREPARE_S *
                                                 INT64_C(1000000000));
        if (status == 0) {
            bench_result_real(result, "prepare_s",
                              (double)(bench_now_ns() - start_ns) / 1e9);
            status = measure(&growth, result);
        }
        crowd_ending(&growth.held);
        crowd_ending(&growth.queue);
    }
    bench_sessions_close(&growth.sessions);
    crowd_free(&growth.held);
    crowd_free(&growth.queue);
    return status;
}
