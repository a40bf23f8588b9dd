/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feed.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clock.h"

/** Reads take at most one part of so many of the time. */
#define PAUSE_FACTOR 4

static int64_t later(int64_t one_ns, int64_t other_ns)
{
    return one_ns > other_ns ? one_ns : other_ns;
}

/** Sets when the next read is due, now that one has ended. */
static void plan(struct ll_feed *feed, int has_failed)
{
    int64_t at_ns = now_ns();
    int64_t interval_ns = feed->interval_ms * NS_PER_MS;
    int64_t event_ns = LL_FEED_EVENT_MS * NS_PER_MS;
    int64_t pause_ns = PAUSE_FACTOR * (at_ns - feed->asked_ns);

    if (has_failed) {
        pause_ns = later(pause_ns, interval_ns);
    }
    feed->least_ns = at_ns + pause_ns;
    feed->next_ns = later(feed->asked_ns + interval_ns, feed->least_ns);
    feed->least_ns = later(
        feed->least_ns,
        feed->asked_ns + (event_ns < interval_ns ? event_ns : interval_ns));
}

static void
on_answer(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_feed *feed = arg;
    struct leaselock_locks_info *locks = feed->locks;
    struct leaselock_queue_info *queue = feed->queue;
    int is_dropped = feed->is_dropped || feed->is_stopped;

    feed->is_asking = 0;
    feed->is_dropped = 0;
    feed->locks = NULL;
    feed->queue = NULL;
    if (is_dropped) {
        leaselock_locks_free(locks);
        leaselock_queue_free(queue);
        return;
    }
    plan(feed, status != 0);
    if (feed->is_asking_queue != (feed->name != NULL)) {
        feed->next_ns = 0; /* ll_feed_look was called meanwhile */
    }
    if (status != 0) {
        feed->on_failure(feed->arg, error);
    } else if (feed->is_asking_queue) {
        feed->on_queue(feed->arg, queue);
    } else {
        feed->on_locks(feed->arg, locks);
    }
}

/** The leader of the queue has changed, or is reported for the first time. */
static void on_leader(leaselock_observer *observer,
                      const struct leaselock_leader_info *leader,
                      void *arg)
{
    struct ll_feed *feed = arg;

    (void)observer;
    (void)leader;
    feed->is_behind = 1; /* also what is being read may be older */
}

/** The observer has ended by itself: the interval alone counts from now on. */
static void
on_unobserved(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_feed *feed = arg;

    (void)status;
    (void)error;
    feed->observer = NULL;
}

int ll_feed_look(struct ll_feed *feed, const char *name)
{
    char *copy = name != NULL ? strdup(name) : NULL;

    if (name != NULL && copy == NULL) {
        return -1;
    }
    leaselock_observer_close(feed->observer);
    feed->observer = NULL;
    free(feed->name);
    feed->name = copy;
    feed->is_behind = 0;
    if (copy != NULL) {
        /* Without it, the interval alone counts. */
        (void)leaselock_observe(feed->client, copy, on_leader, on_unobserved,
                                feed, &feed->observer, NULL);
    }
    if (feed->is_asking && feed->is_asking_queue) {
        feed->is_dropped = 1;
    }
    feed->next_ns = 0;
    return 0;
}

int ll_feed_due_ms(const struct ll_feed *feed)
{
    int64_t next_ns = feed->next_ns;
    int64_t left_ms;

    if (feed->is_asking) {
        return -1;
    }
    if (feed->is_behind && feed->least_ns < next_ns) {
        next_ns = feed->least_ns;
    }
    left_ms = (next_ns - now_ns() + NS_PER_MS - 1) / NS_PER_MS;
    if (left_ms > INT_MAX) {
        return INT_MAX;
    }
    return left_ms > 0 ? (int)left_ms : 0;
}

static int ask_list(struct ll_feed *feed, struct leaselock_error *reterr)
{
    struct leaselock_locks_options options = LEASELOCK_LOCKS_OPTIONS_INIT;

    options.timeout_ms = feed->timeout_ms;
    return leaselock_locks_async(feed->client, feed->prefix, &options,
                                 &feed->locks, on_answer, feed, reterr);
}

static int ask_queue(struct ll_feed *feed, struct leaselock_error *reterr)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;

    options.timeout_ms = feed->timeout_ms;
    options.limit = feed->limit;
    options.with_ttl = feed->with_ttl;
    return leaselock_queue_async(feed->client, feed->name, &options,
                                 &feed->queue, on_answer, feed, reterr);
}

void ll_feed_update(struct ll_feed *feed)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int status;

    if (ll_feed_due_ms(feed) != 0) {
        return;
    }
    feed->is_asking = 1;
    feed->is_behind = 0;
    feed->is_asking_queue = feed->name != NULL;
    feed->asked_ns = now_ns();
    status = feed->is_asking_queue ? ask_queue(feed, &error)
                                   : ask_list(feed, &error);
    if (status != 0) {
        on_answer(status, &error, feed);
    }
}

int ll_feed_waits_ms(const struct ll_feed *feed)
{
    int64_t waits_ms = (now_ns() - feed->asked_ns) / NS_PER_MS;

    return feed->is_asking && waits_ms < INT_MAX ? (int)waits_ms : 0;
}

void ll_feed_stop(struct ll_feed *feed)
{
    leaselock_observer_close(feed->observer);
    feed->observer = NULL;
    feed->is_stopped = 1;
}

void ll_feed_free(struct ll_feed *feed)
{
    leaselock_locks_free(feed->locks);
    leaselock_queue_free(feed->queue);
    free(feed->name);
    feed->locks = NULL;
    feed->queue = NULL;
    feed->name = NULL;
}
