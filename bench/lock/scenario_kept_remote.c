/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the first waiter of another process pays for a lock that is kept idle:
 * the time from the answer to its enqueue to its grant, in which etcd's event
 * reaches the keeper, the keeper's deletion etcd, and that event the waiter. Beside
 * it, in turns, the same three steps of an ordinary hand-over: from the answer to a
 * request to let go (leaselock_yield) to the grant, of a holder that releases when
 * it gets the request, to a waiter that has been in the queue. The keeper and the
 * waiter have a client each. */
#include "lockbench.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <leaselock/admin.h>

#define TIMEOUT_MS 30000
#define KEEP_MS 60000
/** Until the keeper's watch exists, or the waiter's. */
#define SETTLE_US 20000
/** A look at whether the waiter is in the queue. */
#define LOOK_US 1000

struct remote {
    const struct bench_options *options;
    struct bench_sessions sessions;
    leaselock_session *keeper;
    leaselock_session *waiter;
    _Atomic int64_t queued_ns; /* the answer to the enqueue; 0: none yet */
    _Atomic int64_t asked_ns;  /* to the request to let go */
    int64_t granted_ns;
    int status; /* of the wait */
    sem_t is_granted;
    sem_t is_asked;
    int asked_n;
    struct bench_samples told;
    int64_t missed; /* of the locks that were to be kept: not kept by then */
};

/** The waiter's log says when it begins to wait. */
static void on_log(enum leaselock_log_level level, const char *text, void *arg)
{
    struct remote *remote = arg;

    (void)level;
    if (strstr(text, " waits for ") != NULL) {
        atomic_store(&remote->queued_ns, bench_now_ns());
    }
}

static void
on_granted(int status, const struct leaselock_error *error, void *arg)
{
    struct remote *remote = arg;

    remote->granted_ns = bench_now_ns();
    remote->status = status;
    if (status != 0) {
        (void)bench_fail("wait", error);
    }
    (void)sem_post(&remote->is_granted);
}

static void on_asked(int status, const struct leaselock_error *error, void *arg)
{
    struct remote *remote = arg;

    atomic_store(&remote->asked_ns, bench_now_ns());
    if (status != 0) {
        (void)bench_fail("yield", error);
    }
    (void)sem_post(&remote->is_asked);
}

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    (void)arg;
    if (status != 0) {
        (void)bench_fail("release", error);
    }
}

static void let_go(leaselock_ticket *ticket,
                   const struct leaselock_yield_request *request,
                   void *arg)
{
    (void)request;
    (void)leaselock_release_async(ticket, on_released, arg, NULL);
}

static int wait_begin(struct remote *remote,
                      const char *name,
                      leaselock_ticket **ret_ticket)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    atomic_store(&remote->queued_ns, 0);
    return leaselock_acquire_async(remote->waiter, name, NULL, TIMEOUT_MS,
                                   on_granted, remote, ret_ticket, &error) != 0
               ? bench_fail("acquire", &error)
               : 0;
}

/** Waits for the grant, and releases the lock. */
static int wait_end(struct remote *remote, leaselock_ticket *ticket)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    while (sem_wait(&remote->is_granted) != 0) {
    }
    if (remote->status != 0) {
        return 1; /* its handle is closed */
    }
    return leaselock_release(ticket, &error) != 0
               ? bench_fail("release", &error)
               : 0;
}

/** Acquires and releases a lock that is kept then.
 *  @param ret_hold  of the holds that follow each other, which it was */
static int
keep(const struct remote *remote, const char *name, int64_t *ret_hold)
{
    struct leaselock_acquire_options how = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    how.keep_ms = KEEP_MS;
    if (leaselock_acquire(remote->keeper, name, &how, TIMEOUT_MS, &ticket,
                          &error) != 0) {
        return bench_fail("acquire", &error);
    }
    *ret_hold = leaselock_ticket_hold(ticket);
    return leaselock_release(ticket, &error) != 0
               ? bench_fail("release", &error)
               : 0;
}

static int
one_kept(struct remote *remote, const char *name, struct bench_samples *samples)
{
    leaselock_ticket *ticket = NULL;
    int64_t queued_ns;
    int64_t hold = 0;

    if (keep(remote, name, &hold) != 0) {
        return 1;
    }
    bench_sleep_us(SETTLE_US);
    if (keep(remote, name, &hold) != 0 ||
        wait_begin(remote, name, &ticket) != 0 ||
        wait_end(remote, ticket) != 0) {
        return 1;
    }
    queued_ns = atomic_load(&remote->queued_ns);
    if (hold < 2 || queued_ns == 0) {
        remote->missed++;
        return 0;
    }
    return bench_samples_add(samples, remote->granted_ns - queued_ns)
               ? 0
               : bench_no_memory();
}

static int one_told(struct remote *remote, const char *name)
{
    struct leaselock_acquire_options how = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *held = NULL;
    leaselock_ticket *ticket = NULL;

    how.on_yield = let_go;
    if (leaselock_acquire(remote->keeper, name, &how, TIMEOUT_MS, &held,
                          &error) != 0) {
        return bench_fail("acquire", &error);
    }
    if (wait_begin(remote, name, &ticket) != 0) {
        return 1;
    }
    while (atomic_load(&remote->queued_ns) == 0) {
        bench_sleep_us(LOOK_US);
    }
    bench_sleep_us(SETTLE_US);
    if (leaselock_yield_async(remote->sessions.clients[1], name, NULL,
                              &remote->asked_n, on_asked, remote,
                              &error) != 0) {
        return bench_fail("yield", &error);
    }
    while (sem_wait(&remote->is_asked) != 0) {
    }
    if (wait_end(remote, ticket) != 0) {
        return 1;
    }
    return bench_samples_add(&remote->told, remote->granted_ns -
                                                atomic_load(&remote->asked_ns))
               ? 0
               : bench_no_memory();
}

static int measure(struct remote *remote, struct bench_result *result)
{
    const struct bench_options *options = remote->options;
    struct bench_meter meter;
    int64_t end_ns;
    int status = 0;

    bench_meter_start(&meter, options);
    end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
    for (int i = 0; status == 0 && bench_now_ns() < end_ns; i++) {
        char name[LEASELOCK_NAME_MAX + 1];

        /* A lock is not kept again for a second after another one's visit. */
        (void)snprintf(name, sizeof(name), "%s-%d", options->name, i);
        status = i % 2 == 0 ? one_kept(remote, name, &result->samples)
                            : one_told(remote, name);
    }
    bench_meter_stop(&meter);
    return status;
}

static void report(struct remote *remote, struct bench_result *result)
{
    double told_us;

    bench_samples_sort(&remote->told);
    told_us = (double)bench_samples_quantile(&remote->told, 0.5) / 1e3;
    bench_result_int(result, "ops", (int64_t)result->samples.n);
    bench_result_int(result, "missed", remote->missed);
    bench_result_quantiles(result, "us", 1e3);
    bench_result_real(result, "told_p50_us", told_us);
    bench_result_real(
        result, "to_told",
        told_us > 0 ? (double)bench_samples_quantile(&result->samples, 0.5) /
                          1e3 / told_us
                    : 0);
}

int bench_kept_remote(const struct bench_options *options,
                      struct bench_result *result)
{
    struct remote remote = {.options = options};
    int status;

    remote.sessions.log = on_log;
    remote.sessions.log_arg = &remote;
    (void)sem_init(&remote.is_granted, 0, 0);
    (void)sem_init(&remote.is_asked, 0, 0);
    status = bench_sessions_open(options, 2, 2, &remote.sessions);
    if (status == 0) {
        remote.keeper = remote.sessions.sessions[0];
        remote.waiter = remote.sessions.sessions[1];
        status = measure(&remote, result);
        bench_sessions_close(&remote.sessions);
    }
    if (status == 0) {
        report(&remote, result);
    }
    bench_samples_free(&remote.told);
    (void)sem_destroy(&remote.is_granted);
    (void)sem_destroy(&remote.is_asked);
    return status;
}
