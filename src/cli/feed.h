/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where the views that follow locks get them from: one snapshot after another,
 * of the locks below a prefix or of one queue. Nothing else of these views asks
 * etcd, so another source needs another feed.c alone.
 *
 *   state  event                        state  action
 *   IDLE   due, or a hand-over is seen  ASKED  the read is sent
 *   ASKED  its answer                   IDLE   on_locks or on_queue
 *   ASKED  its failure                  IDLE   on_failure
 *   ASKED  ll_feed_look                 ASKED  the answer of a queue is dropped
 *   IDLE   ll_feed_look                 IDLE   due at once
 *   any    ll_feed_stop                 -      nothing is reported any more
 *
 * What it costs etcd: one read at a time. A list is a Range for every 1000 keys
 * below the prefix, with their values; a queue is one Range, and with_ttl a
 * LeaseTimeToLive for each of its leases. A read is due an interval after the
 * last one was sent, and no sooner after its end than four times as long as it
 * took, so reads take a fifth of the time at most. In a queue, a change of its
 * leader (leaselock_observe: a watch on the queue) makes the read due at once,
 * but at most every LL_FEED_EVENT_MS.
 */
#ifndef LL_CLI_FEED_H
#define LL_CLI_FEED_H

#include <stdint.h>

#include "leaselock/admin.h"
#include "leaselock/leaselock.h"

/** The default of the time between two reads, and the least. */
#define LL_FEED_INTERVAL_MS 2000
#define LL_FEED_INTERVAL_MIN_MS 100
/** The least time between two reads of a queue that hand-overs cause. */
#define LL_FEED_EVENT_MS 200

struct ll_feed {
    /** In dispatch mode. */
    leaselock_client *client;
    /** Of the locks that are listed; NULL: all. */
    const char *prefix;
    int interval_ms;
    /** The longest wait for a read. */
    int timeout_ms;
    /** Limit of the entries of a queue; 0: all. */
    int limit;
    /** Not 0: a queue is read with the remaining times of its leases. */
    int with_ttl;

    /** Hand over a snapshot, which the receiver frees; from ll_feed_update or
     *  a dispatch of the client. */
    void (*on_locks)(void *arg, struct leaselock_locks_info *locks);
    void (*on_queue)(void *arg, struct leaselock_queue_info *queue);
    void (*on_failure)(void *arg, const struct leaselock_error *error);
    void *arg;

    /* Private. */
    /** The queue that is read; NULL: the list. */
    char *name;
    int is_asking;
    int is_asking_queue;
    int is_dropped;
    int is_stopped;
    /** The queue's leader has changed since the last read was sent. */
    int is_behind;
    int64_t asked_ns;
    int64_t next_ns;
    /** No read is sent before it. */
    int64_t least_ns;
    struct leaselock_locks_info *locks;
    struct leaselock_queue_info *queue;
    leaselock_observer *observer;
};

/**
 * Reads another queue from now on, or the list; the next read is due at once.
 *
 * @param name  copied; NULL: the list
 * @return 0, or -1: no memory
 */
int ll_feed_look(struct ll_feed *feed, const char *name);

/** Milliseconds until ll_feed_update has to be called; -1: an answer is
 *  awaited. */
int ll_feed_due_ms(const struct ll_feed *feed);

/** Sends the next read if it is due. */
void ll_feed_update(struct ll_feed *feed);

/** Milliseconds since the read that is not answered yet was sent; 0: there is
 *  none. */
int ll_feed_waits_ms(const struct ll_feed *feed);

/** To be called before the client is closed. */
void ll_feed_stop(struct ll_feed *feed);

/** To be called after the client is closed. */
void ll_feed_free(struct ll_feed *feed);

#endif
