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
 * A callback that is due. It is part of the object that it tells of, so that
 * nothing must be allocated when something happens.
 */
struct ll_notice {
    struct ll_link link; /* in client->notices while due */
    /** Calls the user back; without the mutex. */
    void (*call)(struct ll_client *client, struct ll_notice *notice);
    /** Afterwards, with the mutex; may be NULL. */
    void (*after)(struct ll_client *client, struct ll_notice *notice);
    /** A reference that the queue holds while the notice is due. */
    struct ll_handle *owner;
};

/** A thread that waits for a completion. */
struct ll_waiter {
    struct ll_link link; /* in the poller's `aside` while it sleeps there */
    /** To be woken: see ll_poller_unlock. */
    struct ll_waiter *next;
    enum {
        LL_WAKE_NONE,
        LL_WAKE_DUE,   /* in the poller's `due` */
        LL_WAKE_COMES, /* taken from there: the semaphore is being posted */
    } wake;
    sem_t woken;
    bool done;
    int status;
    struct leaselock_error *reterr; /* may be NULL */
};

/** The end of one asynchronous call: a callback, a waiter or nobody. */
struct ll_completion {
    struct ll_notice notice;
    struct ll_waiter *waiter; /* NULL: the callback */
    leaselock_done_fn *done;  /* NULL: nobody */
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

/** Puts a notice into the client's queue, unless it is due already. */
void ll_notice_post(struct ll_client *client, struct ll_notice *notice);

/** Takes back a notice that is due; one that is being called is not. */
void ll_notice_withdraw(struct ll_notice *notice);

/** Calls what is due, with the mutex held around it; returns how much. */
int ll_notices_call(struct ll_client *client);

/** Whether this thread is inside a callback. */
bool ll_notice_in_callback(void);

/** Puts a line of the log into the queue; lost when there is no memory. */
void ll_notice_post_log(struct ll_client *client, int level, const char *text);

#endif
