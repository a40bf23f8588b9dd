/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_NOTICE_H
#define LL_CLIENT_NOTICE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "base/list.h"
#include "client/handle.h"
#include "leaselock/client.h"

struct ll_client;

/**
 * A callback that is due. It is part of the object that it reports on, so that
 * an event needs no allocation.
 */
struct ll_notice {
    struct ll_link link; /* in client->notices while due */
    /** Calls the user's callback; without the mutex. */
    void (*call)(struct ll_client *client, struct ll_notice *notice);
    /** Called after `call`, with the mutex; may be NULL. */
    void (*after)(struct ll_client *client, struct ll_notice *notice);
    /** A reference that the queue holds while the notice is due. */
    struct ll_handle *owner;
};

/** A thread that waits for a completion. */
struct ll_waiter {
    struct ll_link link; /* in the poller's `aside` while it sleeps there */
    /** The next waiter in the poller's `due`. */
    struct ll_waiter *next;
    enum {
        LL_WAKE_NONE,
        LL_WAKE_DUE,   /* in the poller's `due` */
        LL_WAKE_COMES, /* taken from `due`: about to be posted */
    } wake;
    sem_t woken;
    bool blocks; /* its thread has begun to wait */
    bool done;
    int status;
    struct leaselock_error *reterr; /* may be NULL */
};

/** The end of one asynchronous call: a callback, a waiter or neither. */
struct ll_completion {
    struct ll_notice notice;
    struct ll_waiter *waiter; /* NULL: the callback */
    leaselock_done_fn *done;  /* NULL: none */
    void *arg;
    int status;
    int grpc_status;
    const char *endpoint; /* the transport's */
    char *text;           /* NULL: none, or no memory for it */
};

void ll_notice_init(struct ll_notice *notice, struct ll_handle *owner);

void ll_completion_init(struct ll_completion *completion,
                        struct ll_handle *owner,
                        leaselock_done_fn *done,
                        void *arg);
void ll_completion_free(struct ll_completion *completion);

int ll_waiter_init(struct ll_waiter *waiter, struct leaselock_error *reterr);
void ll_waiter_free(struct ll_waiter *waiter);

/** Puts a notice into the client's queue, unless it is already due. */
void ll_notice_post(struct ll_client *client, struct ll_notice *notice);

/** Removes a notice that is due; a call in progress is not affected. */
void ll_notice_withdraw(struct ll_notice *notice);

/** Makes the client's descriptor readable, in dispatch mode. */
void ll_notice_signal(struct ll_client *client);

/** Calls the notices that are due now, with the mutex held outside the calls;
 *  returns how many. Those that the calls make due are for the next time: a
 *  callback that makes the next one due, as with a lock that is kept, would not
 *  let the thread do anything else. */
int ll_notices_call(struct ll_client *client);

/** Whether this thread is inside a callback. */
bool ll_notice_in_callback(void);

#endif
