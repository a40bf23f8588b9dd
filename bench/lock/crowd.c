/* SPDX-License-Identifier: Apache-2.0 */
#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/** The resolution of a time that is found by polling. */
#define LOOK_US 1000
/** The page of metrics takes etcd some milliseconds. */
#define SETTLE_LOOK_US 50000
#define SETTLE_LOOKS 6

int crowd_new(int members_n, struct crowd *ret_crowd)
{
    pthread_condattr_t attributes;

    *ret_crowd = (struct crowd){.members_n = members_n,
                                .how = LEASELOCK_ACQUIRE_OPTIONS_INIT};
    ret_crowd->members = calloc((size_t)members_n, sizeof(struct crowd_member));
    if (ret_crowd->members == NULL) {
        return bench_no_memory();
    }
    (void)pthread_mutex_init(&ret_crowd->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&ret_crowd->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return 0;
}

void crowd_free(struct crowd *crowd)
{
    if (crowd->members == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&crowd->changed);
    (void)pthread_mutex_destroy(&crowd->mutex);
    free(crowd->members);
    crowd->members = NULL;
}

static void crowd_fail(struct crowd *crowd,
                       const char *what,
                       const struct leaselock_error *error)
{
    (void)pthread_mutex_lock(&crowd->mutex);
    if (!crowd->ending && !crowd->failed) { /* the first one says it all */
        crowd->failed = bench_fail(what, error) != 0;
        (void)pthread_cond_signal(&crowd->changed);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

static void count(struct crowd *crowd, int *counter)
{
    (void)pthread_mutex_lock(&crowd->mutex);
    if (++*counter == crowd->members_n) {
        (void)pthread_cond_signal(&crowd->changed);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    struct crowd_member *member = arg;

    if (status != 0) {
        crowd_fail(member->crowd, "release", error);
    } else {
        count(member->crowd, &member->crowd->released);
    }
}

static void on_held(int status, const struct leaselock_error *error, void *arg)
{
    struct leaselock_error failure = LEASELOCK_ERROR_INIT;
    struct crowd_member *member = arg;
    struct crowd *crowd = member->crowd;

    if (status != 0) {
        crowd_fail(crowd, "acquire", error);
        return;
    }
    (void)pthread_mutex_lock(&crowd->mutex);
    member->held_ns = bench_now_ns();
    (void)pthread_mutex_unlock(&crowd->mutex);
    count(crowd, &crowd->held);
    if (crowd->release && leaselock_release_async(member->ticket, on_released,
                                                  member, &failure) != 0) {
        crowd_fail(crowd, "release", &failure);
    }
}

int crowd_acquire(struct crowd *crowd,
                  leaselock_session *session,
                  const char *name,
                  int names_n)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    for (int i = 0; i < crowd->members_n; i++) {
        struct crowd_member *member = &crowd->members[i];
        char own_name[CROWD_NAME_SIZE];

        member->crowd = crowd;
        (void)snprintf(own_name, sizeof(own_name), "%s-%d", name, i % names_n);
        if (leaselock_acquire_async(session, names_n == 1 ? name : own_name,
                                    &crowd->how, LEASELOCK_FOREVER, on_held,
                                    member, &member->ticket, &error) != 0) {
            return bench_fail("acquire", &error);
        }
    }
    return 0;
}

int crowd_wait_queued(const struct crowd *crowd, int64_t end_ns)
{
    int queued = 0;

    while (queued < crowd->members_n) {
        if (leaselock_ticket_token(crowd->members[queued].ticket) != 0) {
            queued++;
        } else if (bench_now_ns() < end_ns) {
            bench_sleep_us(LOOK_US);
        } else {
            break;
        }
    }
    return queued;
}

int crowd_wait_held(struct crowd *crowd, int64_t end_ns)
{
    const int *counter = crowd->release ? &crowd->released : &crowd->held;
    struct timespec end = {end_ns / 1000000000, end_ns % 1000000000};
    int status = 0;
    int n;

    (void)pthread_mutex_lock(&crowd->mutex);
    while (status == 0 && !crowd->failed && *counter < crowd->members_n) {
        status = pthread_cond_timedwait(&crowd->changed, &crowd->mutex, &end);
    }
    n = *counter;
    (void)pthread_mutex_unlock(&crowd->mutex);
    return n;
}

bool crowd_failed(struct crowd *crowd)
{
    bool failed;

    (void)pthread_mutex_lock(&crowd->mutex);
    failed = crowd->failed;
    (void)pthread_mutex_unlock(&crowd->mutex);
    return failed;
}

void crowd_ending(struct crowd *crowd)
{
    if (crowd->members == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->ending = true;
    (void)pthread_mutex_unlock(&crowd->mutex);
}

double crowd_settle(const struct bench_options *options,
                    int64_t start_ns,
                    int64_t *ret_settled_ns)
{
    struct bench_server server = {0};
    double watchers = -1;
    int64_t settled_ns = start_ns;
    int64_t end_ns = bench_now_ns() + options->seconds * INT64_C(1000000000);
    int same = 0;

    while (same < SETTLE_LOOKS && bench_now_ns() < end_ns &&
           options->server(options->endpoints, &server)) {
        if (server.watchers > watchers || server.watchers < watchers) {
            watchers = server.watchers;
            settled_ns = bench_now_ns();
            same = 0;
        } else {
            same++;
        }
        bench_sleep_us(SETTLE_LOOK_US);
    }
    *ret_settled_ns = settled_ns;
    return watchers;
}

void crowd_wait_watchers(const struct bench_options *options, int n)
{
    struct bench_server server = {0};
    int64_t end_ns = bench_now_ns() + options->seconds * INT64_C(1000000000);

    while (bench_now_ns() < end_ns &&
           options->server(options->endpoints, &server) &&
           server.watchers < n) {
        bench_sleep_us(SETTLE_LOOK_US);
    }
}
