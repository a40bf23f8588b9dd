/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_CORE_H
#define LL_CORE_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "leaselock/stats.h"

/**
 * The protocol of one client, without clock, threads or connections.
 *
 *     ll_core_step(core, &event);
 *     while (ll_core_next(core, &effect)) carry out the effect
 *
 * Everything that an effect needs is kept in the session, ticket or query that
 * it belongs to, so no effect is lost when memory is short: only the commands
 * that create such an object can fail with NOMEM.
 */
struct ll_core;

/** The most unary calls in flight; further ones wait in their order. etcd
 *  refuses writes beyond 5 000 unapplied entries of all its clients. */
#define LL_CALLS_MAX 512
/** The most sessions and tickets of a client. */
#define LL_SESSIONS_MAX 65536
#define LL_TICKETS_MAX 1048576
/** See batch.h. */
#define LL_BATCH_WINDOW 2
#define LL_BATCH_NEVER 255
/** The most names of one ticket: each takes two operations of a Txn, and etcd
 *  accepts 128. */
#define LL_NAMES_MAX 60
/** Longest value of a ticket's key. */
#define LL_VALUE_MAX 16384
/** The most abandoned tickets that watch for their key; beyond it the oldest is
 *  given up, which is logged. */
#define LL_REAPS_MAX 4096
/** The most observers of a client. */
#define LL_OBSERVERS_MAX 4096
/** The most followers of ranges of keys. */
#define LL_FOLLOWS_MAX 64
/** Ids are below this: the other bits of a watch's id distinguish its uses. A
 *  caller's ids count up from 1; those of core count down from it. */
#define LL_ID_MAX (UINT64_C(1) << 43)

struct ll_core_config {
    uint32_t endpoints_n; /* at least 1 */
    /** The endpoint to begin with; a value above their number wraps. */
    uint32_t endpoint_first;
    /** Txns that may be in flight before further ones are pending, up to
     *  LL_BATCHES_MAX; 0 stands for the default, LL_BATCH_WINDOW, or more if
     *  answers take long (see batch.h), and with
     *  LL_BATCH_NEVER nothing is batched. */
    unsigned batch_window;
    /** The client has a user: batches list what their parts read and write. */
    bool batch_lists;
    /** The contention threshold in tickets, see ticket.h; 0 stands for the
     *  default, LL_CONTENTION_THRESHOLD. */
    unsigned contention_threshold;
    /** From how many keys on a queue is long, and how many of them a survey
     *  lists: see survey.h; 0 stands for the defaults. */
    unsigned long_queue;
    unsigned survey_keys;
    /** The prefix of every name; borrowed as long as core lives. */
    struct ll_bytes namespace;
    /** A hash of the host, and where its processes begin to look for a slot
     *  (see slot.h). */
    uint8_t host_tag;
    uint16_t slot_first;
    /** Longest wait for one answer. */
    int64_t request_timeout_ns;
    /** The seed of the jitter. */
    uint64_t seed;
    /** Opening a session queries every endpoint for its cluster: cluster.h. */
    bool check_clusters;
    /** The interval of the rounds that find the nearest member: nearest.h; 0:
     *  none, the endpoint in use is kept until it fails. */
    int64_t nearest_ns;
    /** The most detailed LL_EFFECT_LOG: enum leaselock_log_level. */
    int log_level;
};

struct ll_core *ll_core_new(const struct ll_core_config *config);
/** NULL does nothing. */
void ll_core_free(struct ll_core *core);

/**
 * Processes an event: first the time that has passed, then the event itself.
 *
 * @return 0, or for a command that is refused and leaves no trace:
 *         LEASELOCK_E_NOMEM, _LIMIT, _NAME, _HANDLE (no such object), _STATE,
 *         _LOST or _CLOSED (the session is)
 */
int ll_core_step(struct ll_core *core, const struct ll_event *event);

/** Draws the next effect; false when there is none. */
bool ll_core_next(struct ll_core *core, struct ll_effect *ret_effect);

/** When an LL_EVENT_TIME is due; LL_NEVER when none is. */
int64_t ll_core_deadline_ns(const struct ll_core *core);

/** The part of it that sends a request which gathers others (see batch.h). */
int64_t ll_core_send_ns(const struct ll_core *core);
/** That, or when such a request would be due if it became pending from now on:
 *  a thread that sleeps until then need not be woken for it. */
int64_t ll_core_look_ns(const struct ll_core *core);

/** Whether there is a session, open or being closed. */
bool ll_core_has_sessions(const struct ll_core *core);

/** The id of the accepted cluster, or 0. */
uint64_t ll_core_cluster_id(const struct ll_core *core);

/** The counters until now; struct_size is not set. */
void ll_core_stats(const struct ll_core *core,
                   struct leaselock_stats *ret_stats);

/** The endpoint to which calls go now. */
uint32_t ll_core_endpoint(const struct ll_core *core);

/** A session's state at a time, with its deadline taken into account. */
struct ll_session_view {
    enum ll_session_state state;
    int64_t lease;
    int64_t ttl_s;
    int64_t remaining_ns;
    bool has_slots; /* its keys have names of slot.h */
};

/** The states that a user sees of a ticket. */
enum ll_ticket_phase {
    LL_TICKET_PHASE_WAITING,
    LL_TICKET_PHASE_HELD,
    LL_TICKET_PHASE_LOST,
    LL_TICKET_PHASE_LEAVING,
};

struct ll_ticket_view {
    enum ll_ticket_phase phase;
    int64_t token; /* 0: not known yet */
    int64_t ahead; /* -1: not known yet */
    int64_t remaining_ns;
    struct ll_bytes key;
    struct ll_bytes name;
    uint32_t hold; /* which of the holds that share its token, from 1 on */
};

/** Each returns whether there is such an object. */
bool ll_core_session_view(const struct ll_core *core,
                          uint64_t id,
                          int64_t now_ns,
                          struct ll_session_view *ret_view);
bool ll_core_ticket_view(const struct ll_core *core,
                         uint64_t id,
                         int64_t now_ns,
                         struct ll_ticket_view *ret_view);

#endif
