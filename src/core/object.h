/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_OBJECT_H
#define LL_CORE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "core/backoff.h"
#include "core/batch.h"
#include "core/beat.h"
#include "core/cluster.h"
#include "core/core.h"
#include "core/endpoint.h"
#include "core/keepalive.h"
#include "core/key.h"
#include "core/number.h"
#include "core/queue.h"
#include "core/stream.h"
#include "core/timer.h"
#include "core/watch.h"

/**
 * What core's modules share: the core itself, and the part that sessions,
 * tickets, queries, writes and observers have in common: an id, a timer, one
 * unary call, and things to tell the user.
 */

struct ll_object;

/** What a kind of object does; a table stands at the end of each kind's
 *  file. This one and those for batches and watches are made with macros that
 *  take every operation as an argument: a kind that leaves one out does not
 *  compile, and none does when an operation is added. */
struct ll_object_ops {
    /** Frees an object that has left core, or that core is freed with. */
    void (*free)(struct ll_object *object);
    /** The deadline, or that of a call, is reached. */
    void (*on_time)(struct ll_core *core, struct ll_object *object);
    /** When on_time is due, calls aside; LL_NEVER: it is not. */
    int64_t (*deadline_ns)(const struct ll_core *core,
                           struct ll_object *object);
    /** Builds the call that goes out now, in a part where it needs room. */
    void (*build)(struct ll_core *core,
                  struct ll_object *object,
                  struct ll_part *part,
                  struct ll_request *ret_request);
    /** Takes in the answer to the newest call; the event has the whole one
     *  where that was a batch's. */
    void (*on_answer)(struct ll_core *core,
                      struct ll_object *object,
                      const struct ll_answer *answer,
                      const struct ll_event *event);
    /** Draws the next effect of an object in core->pending. With none left it
     *  takes the object off that list, frees it where it is over, and returns
     *  false. */
    bool (*next)(struct ll_core *core,
                 struct ll_object *object,
                 struct ll_effect *ret_effect);
    /** The one endpoint that an object asks, by its deadline, and whose answers
     *  are believed whatever their cluster; or LL_ENDPOINT_ANY. NULL: a kind
     *  that asks the one in use. */
    uint32_t (*endpoint)(struct ll_object *object);
    /** Releases an object on its user's command. NULL: a kind that is not
     *  released. @return 0 or why the command is refused */
    int (*release)(struct ll_core *core,
                   struct ll_object *object,
                   int64_t timeout_ns);
    /** Another cluster has answered (see cluster.h). NULL: a kind that is not
     *  ended for it, or by its session. */
    void (*on_cluster)(struct ll_core *core, struct ll_object *object);
    const struct ll_lease_ops *lease; /* NULL: it is in no session's list */
    const struct ll_batch_ops *batch; /* NULL: its calls go out alone */
    const struct ll_watch_ops *watch; /* NULL: it has no watches */
};

#define LL_OBJECT_OPS(free_, on_time_, deadline_ns_, build_, on_answer_,       \
                      next_, endpoint_, release_, on_cluster_, lease_, batch_, \
                      watch_)                                                  \
    {                                                                          \
        .free = (free_), .on_time = (on_time_), .deadline_ns = (deadline_ns_), \
        .build = (build_), .on_answer = (on_answer_), .next = (next_),         \
        .endpoint = (endpoint_), .release = (release_),                        \
        .on_cluster = (on_cluster_), .lease = (lease_), .batch = (batch_),     \
        .watch = (watch_)                                                      \
    }

/**
 * An object has at most one call that it still wants the answer to. A new call
 * makes the older one stale: its answer is known by its seq and dropped.
 */
struct ll_object {
    struct ll_entry entry; /* in core->objects, by id */
    const struct ll_object_ops *ops;
    struct ll_timer timer;
    struct ll_link calling; /* in core->calling, gathering or reading: its call
                             * can go out */
    struct ll_link pending; /* in core->pending: it has effects to draw */
    unsigned failures;      /* of calls, in a row */
    uint32_t seq;           /* of the newest call */
    bool in_flight;         /* the newest call is unanswered */
    bool is_unbatched;      /* its calls are in no batch */
    uint32_t queue_hash;    /* of the queue that its calls change or read: two
                             * of one queue share no batch */
    int64_t call_ns;        /* when the next call is due, or LL_NEVER */
    int64_t sent_ns;        /* when the newest call was sent */
};

/** A line of the log that is to be drawn. */
struct ll_log_line {
    struct ll_link link;
    int level;
    char text[];
};

/** Bytes kept of what etcd or gRPC said of a failure. */
#define LL_FAILURE_TEXT_SIZE 320

struct ll_core {
    struct ll_core_config config;
    int64_t now_ns;
    struct ll_random random;
    struct ll_table objects;
    struct ll_table leases; /* of sessions, by lease */
    struct ll_timers timers;
    struct ll_link sessions;
    struct ll_link observers;
    struct ll_link calling;       /* whose calls go out by themselves */
    struct ll_link pending_batch; /* or with others */
    struct ll_link reading;       /* or, serializable reads, with others' */
    struct ll_link pending;
    struct ll_link reaping; /* tickets that watch for a late key */
    struct ll_link log;     /* lines not drawn yet */
    struct ll_log_line *drawn_line;
    struct ll_stream streams[LL_STREAMS];
    struct ll_watches watches;
    struct ll_queue_note queue_notes[LL_QUEUE_NOTES];
    struct ll_numbers numbers;
    struct ll_keepalive keepalive;
    struct ll_endpoints endpoints;
    struct ll_cluster cluster;
    uint32_t endpoints_n;
    uint32_t endpoint; /* the one in use */
    unsigned calls_in_flight;
    unsigned sessions_n;
    unsigned alive_n;        /* of these, ACTIVE or SUSPECT */
    unsigned late_revokes_n; /* of these, LOST with a revoke unanswered */
    unsigned tickets_n;
    unsigned waiting_n; /* tickets in WAIT or NEXT */
    unsigned reaps_n;
    unsigned observers_n;
    /** The newest failure of a call or stream, for the user's error. */
    struct {
        int grpc_status;
        uint32_t endpoint;
        char text[LL_FAILURE_TEXT_SIZE];
    } failure;
    /** Parts of the request or text in the effect that was drawn last. */
    struct ll_batches batches;
    struct ll_part single;
    struct {
        char text[LL_FAILURE_TEXT_SIZE + LL_KEY_MAX];
    } scratch;
};

/** Enters a new object; false: out of memory, and nothing is entered. */
bool ll_object_enter(struct ll_core *core,
                     struct ll_object *object,
                     const struct ll_object_ops *ops,
                     uint64_t id);
/** Takes an object out, with its call and timer; the caller frees it. */
void ll_object_leave(struct ll_core *core, struct ll_object *object);

/** The object of a kind that has an id, or NULL. */
struct ll_object *ll_object_find(const struct ll_core *core,
                                 uint64_t id,
                                 const struct ll_object_ops *ops);

/** The one endpoint that an object asks, or LL_ENDPOINT_ANY. */
uint32_t ll_object_endpoint(struct ll_object *object);

/** LL_EVENT_RELEASE. */
int ll_object_release(struct ll_core *core, const struct ll_event *event);

/** Sets an object's timer anew, after anything that it depends on changed. */
void ll_object_reschedule(struct ll_core *core, struct ll_object *object);

/** Asks for a call at a time; an older call becomes stale. */
void ll_call_at(struct ll_core *core, struct ll_object *object, int64_t at_ns);
/** Asks for the call again after a LOST or AGAIN: at once while there are
 *  endpoints not tried yet, else, and for AGAIN always, after a pause. */
void ll_call_again(struct ll_core *core,
                   struct ll_object *object,
                   enum ll_outcome outcome);
/** Asks for no call; one in flight becomes stale. */
void ll_call_none(struct ll_core *core, struct ll_object *object);
/** Builds the call that goes out now, in a part that stays until the effect is
 *  carried out; it is in flight from here on. */
void ll_call_begin(struct ll_core *core,
                   struct ll_object *object,
                   struct ll_part *part,
                   struct ll_request *ret_request);
/** The object whose newest call this is, unanswered; or NULL. */
struct ll_object *ll_call_find(struct ll_core *core, uint64_t id, uint32_t seq);
/** Hands an object the answer to its call, or its part of one. */
void ll_call_end(struct ll_core *core,
                 struct ll_object *object,
                 const struct ll_answer *answer,
                 const struct ll_event *event);
/** To be called with the timer: a call that is due goes out. */
void ll_call_if_due(struct ll_core *core, struct ll_object *object);

static inline void ll_object_report(struct ll_core *core,
                                    struct ll_object *object)
{
    ll_link_append_once(&core->pending, &object->pending);
}

/** gRPC's DEADLINE_EXCEEDED: no answer in time. */
#define LL_GRPC_DEADLINE 4
/** gRPC's PERMISSION_DENIED. */
#define LL_GRPC_DENIED 7
/** gRPC's RESOURCE_EXHAUSTED: with LOST, an answer that is too large for us. */
#define LL_GRPC_RESOURCE_EXHAUSTED 8

/** Keeps a failure for the user's error. */
void ll_keep_failure(struct ll_core *core,
                     uint32_t endpoint,
                     int grpc_status,
                     const char *text);
/** Keeps a failure and takes it into account for its endpoint: one without an
 *  answer in time makes it SUSPECT. */
void ll_note_failure(struct ll_core *core,
                     uint32_t endpoint,
                     int grpc_status,
                     const char *text);
/** The same of a call that was sent then and not answered in time. */
void ll_note_silence(struct ll_core *core,
                     uint32_t endpoint,
                     int64_t sent_ns,
                     const char *text);

/** A detail that names the newest failure where the status is of that kind. */
struct ll_detail
ll_detail_of(const struct ll_core *core, int status, const char *text);

/** Adds a line to the log when its level is wanted; lost without memory. */
void ll_core_log(struct ll_core *core, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline int64_t ll_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ll_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** a + b for b >= 0, or LL_NEVER where that is no number. */
static inline int64_t ll_after(int64_t a, int64_t b)
{
    return b >= LL_NEVER - a ? LL_NEVER : a + b;
}

#endif
