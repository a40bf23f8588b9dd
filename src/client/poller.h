/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_POLLER_H
#define LL_CLIENT_POLLER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct ll_client;
struct ll_waiter;

/**
 * The poller role: one thread of a client at a time waits for what etcd sends
 * (ll_transport_wait), and processes it for all threads (the leader of a
 * leader/followers pattern).
 *
 * A thread that blocks in a call takes the role itself if it is free, so that
 * its answer needs no second thread: reading it on the background thread and
 * waking the caller would cost two more switches for each request. The
 * background thread always handles deadlines (renewals, timeouts) and
 * callbacks; it has the role while no call blocks, and otherwise sleeps aside.
 *
 *     role       | event                     | next       | action
 *     NONE       | a call blocks             | CALLER     | takes the role
 *     BACKGROUND | a call blocks             | BACKGROUND | sleeps aside
 *     CALLER     | another call blocks       | CALLER     | sleeps aside
 *     CALLER     | something arrived         | NONE       | processes it; then
 *                |                           |            | leaves, or takes
 *                |                           |            | the role again
 *     CALLER     | another thread received   | NONE       | is woken, leaves
 *                | its result                |            |
 *     BACKGROUND | something arrived         | NONE       | processes it
 *     NONE       | a call sleeps aside       | NONE       | the first of them
 *                |                           |            | is woken
 *     NONE       | none does, calls are      | NONE       | the background
 *                | unanswered                |            | thread is woken
 *     NONE       | requests gather, and none | NONE       | a caller sleeps aside
 *                | is unanswered             |            | until they are due,
 *                |                           |            | or the background
 *                |                           |            | thread; who sends
 *                |                           |            | them takes the role
 *     NONE       | neither, for a moment     | BACKGROUND | takes the role
 *     any        | the client is stopping    | BACKGROUND | callers leave; it
 *                |                           |            | drains
 *
 * For a moment after a blocking call has returned, no thread takes the role: a
 * caller that has just locked is about to unlock, and otherwise each call would
 * have to wake the background thread. What etcd sends without a request
 * meanwhile (a watch's event) is read at most that much later. A call that ends
 * without a wait, as of a lock that is kept, does not count.
 *
 * While requests gather (core/batch.h) and none is unanswered there is nothing
 * to read for a call; a semaphore ends its sleep to the microsecond, gRPC's
 * timeouts are rounded up to milliseconds.
 *
 * All state here is under the client's mutex.
 */
struct ll_poller {
    enum {
        LL_POLLER_NONE,
        LL_POLLER_BACKGROUND,
        LL_POLLER_CALLER,
    } state;
    /** The call that has the role and polls; NULL: none. */
    struct ll_waiter *polling;
    struct ll_link aside;     /* ll_waiter: sleep on their own semaphores */
    struct ll_waiter *called; /* the one of them woken to take the role */
    struct ll_waiter *timer;  /* the one of them that wakes to send; or NULL */
    int64_t timer_ns;         /* when it does */
    struct ll_waiter *due;    /* to be woken */
    int64_t left_ns;          /* when the last blocking call was completed */
    sem_t background;         /* the background thread sleeps on it */
    /** When the background thread wakes by itself, in the role or aside;
     *  INT64_MIN: it is awake, or was woken. */
    int64_t background_until_ns;
    /** Until when the caller in the role polls. */
    int64_t caller_until_ns;
    /** A thread that polled waits for the mutex, and has this one. */
    atomic_bool is_urgent;
    pthread_mutex_t turn;
};

/** How long the role stays free after a blocking call; the short time applies
 *  while a callback waits for an event of a watch. */
#define LL_POLLER_LINGER_NS INT64_C(10000000)
#define LL_POLLER_LINGER_SHORT_NS INT64_C(1000000)

/**
 * Locks the mutex for a thread that has come from elsewhere. Calls that do not
 * wait follow each other so closely that a thread with something from etcd
 * could wait for the mutex for a long time; so the others let it go first.
 */
void ll_poller_lock(struct ll_client *client);
/** Locks the mutex before any thread that waits in ll_poller_lock. */
void ll_poller_lock_first(struct ll_client *client);

/** @return 0 or LEASELOCK_E_NOMEM */
int ll_poller_init(struct ll_poller *poller);
void ll_poller_free(struct ll_poller *poller);

/**
 * Unlocks the mutex, and then wakes the threads that have to act: one answer
 * can end dozens of calls, and a thread that is woken before the mutex is free
 * only blocks again.
 */
void ll_poller_unlock(struct ll_client *client);

/** As ll_poller_unlock, before a wait that unlocks the mutex itself. */
void ll_poller_settle(struct ll_client *client);

/** For the background thread: waits until a time, or until something arrives,
 *  and processes that. */
void ll_poller_wait(struct ll_client *client, int64_t until_ns);

/** Waits until a waiter is done, or until a time.
 *  @return whether it is done */
bool ll_poller_await(struct ll_client *client,
                     struct ll_waiter *waiter,
                     int64_t until_ns);

/** Marks a waiter as done, and wakes its thread. */
void ll_poller_done(struct ll_client *client, struct ll_waiter *waiter);

#endif
