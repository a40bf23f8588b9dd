#ifndef LL_CLIENT_SEAT_H
#define LL_CLIENT_SEAT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct ll_client;
struct ll_waiter;

/**
 * The seat: the one place of a client from which a thread waits for what etcd
 * sends (ll_transport_wait). Who sits there takes in what comes, for everybody.
 *
 * A thread that blocks in a call sits down itself where it can, so that its
 * answer needs no second thread: reading it on the background thread and waking
 * the caller would cost two more switches for each request. The background
 * thread keeps the clock (renewals, time-outs) and the callbacks all the time;
 * it sits when nobody blocks, and else sleeps beside the seat.
 *
 *     seat       | event                     | next       | does
 *     EMPTY      | a call blocks             | CALLER     | sits down
 *     BACKGROUND | a call blocks             | BACKGROUND | sleeps beside
 *     CALLER     | another call blocks       | CALLER     | sleeps beside
 *     CALLER     | something came            | EMPTY      | takes it in; then
 *                |                           |            | leaves, or sits
 *                |                           |            | down again
 *     CALLER     | its result came by        | EMPTY      | is woken, leaves
 *                | another thread            |            |
 *     BACKGROUND | something came            | EMPTY      | takes it in
 *     EMPTY      | a call sleeps beside      | EMPTY      | the first of them
 *                |                           |            | is called
 *     EMPTY      | none does, calls are      | EMPTY      | the background
 *                | unanswered                |            | thread is called
 *     EMPTY      | neither, for a moment     | BACKGROUND | it sits down
 *     any        | the client is stopping    | BACKGROUND | callers leave, it
 *                |                           |            | drains
 *
 * Nobody sits for a moment after a blocking call has returned, since who has
 * just locked is about to unlock: to have the background thread sit down in
 * between would have it woken for each call. What etcd sends of its own accord
 * meanwhile (a watch's event) is read that much later at most.
 *
 * All of it is under the client's mutex.
 */
struct ll_seat {
    enum {
        LL_SEAT_EMPTY,
        LL_SEAT_BACKGROUND,
        LL_SEAT_CALLER,
    } state;
    /** The call that sleeps in the seat; NULL while it does not. */
    struct ll_waiter *sitting;
    struct ll_link beside;     /* ll_waiter: who sleeps on its own condition */
    struct ll_waiter *called;  /* of these, who was woken to sit down */
    struct ll_waiter *due;     /* who is to be woken */
    int64_t left_ns;           /* when a blocking call was last served */
    pthread_cond_t background; /* where its thread sleeps beside the seat */
    /** When the background thread wakes of itself, in the seat or beside it;
     *  INT64_MIN: it is awake, or was woken. */
    int64_t background_until_ns;
};

/** How long the seat stays empty after a blocking call; and where a callback
 *  waits for what a watch brings. */
#define LL_SEAT_LINGER_NS INT64_C(10000000)
#define LL_SEAT_LINGER_SHORT_NS INT64_C(1000000)

/** @return 0 or LEASELOCK_E_NOMEM */
int ll_seat_init(struct ll_seat *seat);
void ll_seat_free(struct ll_seat *seat);

/**
 * Lets the mutex go, and then wakes who has to act on what has changed: one
 * answer can end dozens of calls, and a thread that is woken before the mutex
 * is free only goes to sleep again.
 */
void ll_seat_unlock(struct ll_client *client);

/** The same in front of a wait that lets the mutex go by itself. */
void ll_seat_settle(struct ll_client *client);

/** Of the background thread: waits until a time, or until something has come,
 *  and takes that in. */
void ll_seat_wait(struct ll_client *client, int64_t until_ns);

/** Waits until a waiter is done, or until a time.
 *  @return whether it is done */
bool ll_seat_await(struct ll_client *client,
                   struct ll_waiter *waiter,
                   int64_t until_ns);

/** A waiter is done: wakes its thread. */
void ll_seat_done(struct ll_client *client, struct ll_waiter *waiter);

#endif
