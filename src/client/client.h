/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_CLIENT_H
#define LL_CLIENT_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "client/guardian.h"
#include "client/handle.h"
#include "client/notice.h"
#include "client/poller.h"
#include "config/setup.h"
#include "core/core.h"
#include "core/key.h"
#include "leaselock/client.h"
#include "rpc/transport.h"

struct ll_client;

/**
 * The functions that the client calls on the public objects above it: sessions,
 * tickets, writes, observers and leaderships. All are called with the mutex.
 */
struct ll_client_hooks {
    /** Handles an effect of core on a session, ticket, write or observer. */
    void (*on_effect)(struct ll_client *client, const struct ll_effect *effect);
    /** Does the work that steps have left, before the mutex is unlocked. */
    void (*settle)(struct ll_client *client);
    /** The id of the object that a callback of `object` also belongs to: the
     *  session of a ticket; 0: none. */
    uint64_t (*owner_of)(struct ll_handle *object);
    /** The latest time for the next call of on_time. */
    int64_t (*deadline_ns)(const struct ll_client *client);
    void (*on_time)(struct ll_client *client, int64_t now_ns);
};

/** State of the periodic update of the endpoints: see client/sync.h. */
struct ll_sync {
    int64_t interval_ns; /* 0: no updates */
    int64_t next_ns;
    uint64_t first;      /* the endpoints that the user named */
    uint32_t n;          /* how many there are, as last reported to core */
    uint64_t usable;     /* the used ones, as last reported to core */
    uint64_t listed;     /* the ones that the newest list names */
    uint64_t proven;     /* those of them that answered for this cluster */
    uint64_t cluster_id; /* of the newest list; 0: not known */
};

/**
 * A client: core, the transport, the mutex around both, and the background
 * thread, which waits for deadlines and, while no call blocks, for etcd.
 *
 * Any thread that holds the mutex may step core and carry out its effects; so a
 * caller's own thread sends its request and reads the answer itself, without a
 * switch to the background thread (see client/poller.h). The user's callbacks
 * are queued under the mutex and called without it, by the background thread or
 * in the dispatch.
 */
struct ll_client {
    struct ll_handle handle;
    const struct ll_client_hooks *hooks;
    /** The configuration; the texts in `options` belong to `setup`. */
    struct ll_setup setup;
    struct leaselock_client_options options;
    int event_fd; /* in dispatch mode; else -1 */
    pthread_t thread;
    bool thread_runs; /* used only by the thread that opens the client */

    pthread_mutex_t mutex; /* protects all that follows */
    /** `closes` went down, a callback returned, or core may have closed its
     *  last session. */
    pthread_cond_t changed;
    struct ll_core *core;
    struct ll_transport *transport;
    struct ll_link notices;
    struct ll_handle *calling; /* its callback is running; or NULL */
    struct ll_link sessions;   /* API objects that are not over */
    struct ll_link tickets;
    struct ll_link requeues; /* ll_requeue: tickets to queue again */
    struct ll_link heirs;    /* replacement sessions without tickets */
    bool requeuing;          /* ll_requeue_run is running */
    unsigned granting_n;     /* asynchronous acquires that wait for the lock */
    struct ll_link queries;
    struct ll_link writes;
    struct ll_link observers;
    struct ll_link locks_watches;
    struct ll_link leaderships;
    struct ll_sync sync;
    struct ll_guardian *guardian; /* NULL: not started yet */
    struct ll_poller poller;
    unsigned closes; /* sessions whose CLOSED is pending */
    bool closing;    /* leaselock_client_close was called */
    /** The first refusal by etcd of a session's close since then. */
    struct leaselock_error close_error;
    /** The newest close whose outcome another cluster's answer left unknown. */
    struct leaselock_error close_unknown;
    bool stopping; /* the background thread is to end */
    bool dispatching;
    unsigned log_lines;   /* due */
    bool logs_to_journal; /* log_fd is journald's */
};

/** Finds a client by its handle; on success, its mutex is locked. */
int ll_client_enter(const void *user, struct ll_client **ret_client);

void ll_client_lock(struct ll_client *client);
/** Wakes the threads that have to act on the changes, and unlocks. */
void ll_client_unlock(struct ll_client *client);

/** Fills an error with core's detail, whose endpoint is given by its name. */
int ll_client_error(struct ll_client *client,
                    const struct ll_detail *detail,
                    struct leaselock_error *reterr);

/** Steps a command of the user, and carries out the resulting effects. */
int ll_client_command(struct ll_client *client, struct ll_event *event);

/** Whether this thread is inside a callback, where blocking would deadlock. */
bool ll_client_in_callback(void);

/** Waits, with the mutex held, until the completion of a waiter has ended. */
int ll_client_await(struct ll_client *client, struct ll_waiter *waiter);

/** Waits, with the mutex held, for the condition `changed`, but no longer than
 *  the timeout. */
void ll_client_wait_change(struct ll_client *client, int timeout_ms);

/** Steps an event from the transport; arg is the client. */
void ll_client_on_event(struct ll_event *event, void *arg);

/** The background thread; arg is the client. */
void *ll_client_main(void *arg);

/** Ends a completion with core's detail. */
void ll_client_complete(struct ll_client *client,
                        struct ll_completion *completion,
                        const struct ll_detail *detail);

/** Waits, with the mutex held, until no callback of an object is running, and,
 *  if it is a session, none of its tickets: the user may then free the
 *  arguments of these callbacks. */
void ll_client_await_callbacks(struct ll_client *client,
                               const struct ll_handle *object);

/** Handles an effect on a query. */
void ll_query_effect(struct ll_client *client, const struct ll_effect *effect);

/** Ends the remaining queries by force. */
void ll_queries_close(struct ll_client *client);

/** The earliest deadline of core, the sync and the hooks. */
int64_t ll_client_deadline_ns(const struct ll_client *client);
/** Steps the time if what has gathered is due, or would be; with the mutex
 *  held. */
void ll_client_send_due(struct ll_client *client);

/** The prefix of every name; valid as long as the client. */
struct ll_bytes ll_client_namespace(const struct ll_client *client);

#endif
