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
 * What a client calls of the public objects, which stand on it: sessions,
 * tickets, writes, observers and leaderships. All are called with the mutex.
 */
struct ll_client_hooks {
    /** Takes an effect of core's on a session, ticket, write or observer. */
    void (*on_effect)(struct ll_client *client, const struct ll_effect *effect);
    /** Acts on what steps have left to do, before the mutex is unlocked. */
    void (*settle)(struct ll_client *client);
    /** Whose callback one of an object is besides its own: the session's of a
     *  ticket. An id; 0: nobody's. */
    uint64_t (*owner_of)(struct ll_handle *object);
    /** When on_time is to be called at the latest. */
    int64_t (*deadline_ns)(const struct ll_client *client);
    void (*on_time)(struct ll_client *client, int64_t now_ns);
};

/** Of a client that keeps up with the list of members: see client/sync.h. */
struct ll_sync {
    int64_t interval_ns; /* 0: it does not */
    int64_t next_ns;
    uint64_t first;      /* the endpoints that the user named */
    uint32_t n;          /* how many there are, as core knows */
    uint64_t usable;     /* which of them are used, as core knows */
    uint64_t listed;     /* which of them the newest list names */
    uint64_t proven;     /* which of these have answered for this cluster */
    uint64_t cluster_id; /* of the newest list; 0: not known */
};

/**
 * A client: core, the transport, the mutex around both, and the background
 * thread that waits for time to pass and, while no call blocks, for etcd.
 *
 * Any thread that holds the mutex may step core and carry its effects out; a
 * caller's own thread thereby sends its request and reads the answer itself,
 * without a hop to the background thread (see client/poller.h). Callbacks of the
 * user's are put into a queue under the mutex and called without it, by the
 * background thread or in the dispatch.
 */
struct ll_client {
    struct ll_handle handle;
    const struct ll_client_hooks *hooks;
    /** What it was opened with; the options' texts are the setup's. */
    struct ll_setup setup;
    struct leaselock_client_options options;
    int event_fd; /* of a client in dispatch mode, else -1 */
    pthread_t thread;
    bool thread_runs; /* of the opener's own */

    pthread_mutex_t mutex; /* of all that follows */
    /** `closes` went down, a callback returned, or core may have closed its
     *  last session. */
    pthread_cond_t changed;
    struct ll_core *core;
    struct ll_transport *transport;
    struct ll_link notices;
    struct ll_handle *calling; /* whose callback is running, or NULL */
    struct ll_link sessions;   /* API objects that are not over */
    struct ll_link tickets;
    struct ll_link requeues; /* ll_requeue: of these, which queue again */
    struct ll_link heirs;    /* sessions that no ticket needs any more */
    bool requeuing;          /* ll_requeue_run is at it */
    unsigned granting_n; /* of these, with a callback that waits for a grant */
    struct ll_link queries;
    struct ll_link writes;
    struct ll_link observers;
    struct ll_link leaderships;
    struct ll_sync sync;
    struct ll_guardian *guardian; /* NULL: none was needed yet */
    struct ll_poller poller;
    unsigned closes; /* sessions whose CLOSED is to come */
    bool closing;    /* leaselock_client_close was called */
    /** The first close of a session that etcd refused since then. */
    struct leaselock_error close_error;
    /** The newest one whose outcome another cluster's answer left unknown. */
    struct leaselock_error close_unknown;
    bool stopping; /* the background thread is to end */
    bool dispatching;
    unsigned log_lines; /* due */
};

/** A look-up of a handle, with the client's mutex locked when it succeeds. */
int ll_client_enter(const void *user, struct ll_client **ret_client);

void ll_client_lock(struct ll_client *client);
/** Wakes whoever has to act on what has changed, and unlocks. */
void ll_client_unlock(struct ll_client *client);

/** Fills an error with what core says; the endpoint becomes its name. */
int ll_client_error(struct ll_client *client,
                    const struct ll_detail *detail,
                    struct leaselock_error *reterr);

/** Steps a command of the user's, and carries out what comes of it. */
int ll_client_command(struct ll_client *client, struct ll_event *event);

/** Whether this thread is inside a callback: then blocking is a dead-lock. */
bool ll_client_in_callback(void);

/** Waits, with the mutex held, until a completion's waiter is done. */
int ll_client_await(struct ll_client *client, struct ll_waiter *waiter);

/** Waits, with the mutex held, for a change that `changed` tells of, so long at
 *  most. */
void ll_client_wait_change(struct ll_client *client, int timeout_ms);

/** Steps what the transport brings; arg is the client. */
void ll_client_on_event(struct ll_event *event, void *arg);

/** The background thread; arg is the client. */
void *ll_client_main(void *arg);

/** Ends a completion with core's detail. */
void ll_client_complete(struct ll_client *client,
                        struct ll_completion *completion,
                        const struct ll_detail *detail);

/** Waits, with the mutex held, until no callback of an object is running, nor
 *  of a ticket of it where it is a session: what the user gave for them may
 *  go then. */
void ll_client_await_callbacks(struct ll_client *client,
                               const struct ll_handle *object);

/** What an effect means to a query. */
void ll_query_effect(struct ll_client *client, const struct ll_effect *effect);

/** Ends what is left of queries by force. */
void ll_queries_close(struct ll_client *client);

/** When there is something to do at the latest. */
int64_t ll_client_deadline_ns(const struct ll_client *client);

/** What goes before every name; lives as long as the client. */
struct ll_bytes ll_client_namespace(const struct ll_client *client);

#endif
