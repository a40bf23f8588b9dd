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
#include "core/log.h"
#include "core/nearest.h"
#include "core/number.h"
#include "core/pace.h"
#include "core/queue.h"
#include "core/stream.h"
#include "core/survey.h"
#include "core/timer.h"
#include "core/watch.h"

/**
 * What core's modules share: the core itself, and the part that sessions,
 * tickets, queries, writes and observers have in common: an id, a timer, one
 * unary call, and reports to the user.
 */

struct ll_object;

/** The operations of a kind of object; its table is at the end of the kind's
 *  file. This table and those for batches and watches are made with macros that
 *  take every operation as an argument: a kind that omits one does not compile,
 *  and none compiles when an operation is added. */
struct ll_object_ops {
    /** Frees an object that has left core, or that is freed with core. */
    void (*free)(struct ll_object *object);
    /** The deadline of the object, or of its call, has come. */
    void (*on_time)(struct ll_core *core, struct ll_object *object);
    /** When on_time is due, apart from calls; LL_NEVER: it is not. */
    int64_t (*deadline_ns)(const struct ll_core *core,
                           struct ll_object *object);
    /** Builds the call that is sent now, in a part if it needs memory. */
    void (*build)(struct ll_core *core,
                  struct ll_object *object,
                  struct ll_part *part,
                  struct ll_request *ret_request);
    /** Processes the answer to the newest call; the event has the whole answer
     *  if it is a batch's. */
    void (*on_answer)(struct ll_core *core,
                      struct ll_object *object,
                      const struct ll_answer *answer,
                      const struct ll_event *event);
    /** Draws the next effect of an object in core->pending. If none is left,
     *  takes the object off that list, frees it if it is over, and returns
     *  false. */
    bool (*next)(struct ll_core *core,
                 struct ll_object *object,
                 struct ll_effect *ret_effect);
    /** The one endpoint that an object queries, until its deadline, and whose
     *  answers are accepted whatever their cluster; or LL_ENDPOINT_ANY. NULL: a
     *  kind that uses the selected endpoint. */
    uint32_t (*endpoint)(struct ll_object *object);
    /** Releases an object on its user's command. NULL: a kind that is not
     *  released. @return 0 or why the command is refused */
    int (*release)(struct ll_core *core,
                   struct ll_object *object,
                   int64_t timeout_ns);
    /** Another cluster has answered (see cluster.h). NULL: a kind that does not
     *  end then, or that its session ends. */
    void (*on_cluster)(struct ll_core *core, struct ll_object *object);
    const struct ll_lease_ops *lease; /* NULL: it is in no session's list */
    const struct ll_batch_ops *batch; /* NULL: its calls are unbatched */
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
 * An object has at most one call whose answer it still needs. A new call makes
 * the older one stale: core recognizes its answer by the seq and drops it.
 */
struct ll_object {
    struct ll_entry entry; /* in core->objects, by id */
    const struct ll_object_ops *ops;
    struct ll_timer timer;
    struct ll_link calling; /* in core->calls.alone, batched or reads: its call
                             * can be sent */
    struct ll_link pending; /* in core->pending: it has effects to draw */
    unsigned failures;      /* of calls, in a row */
    uint32_t seq;           /* of the newest call */
    bool in_flight;         /* the newest call is unanswered */
    bool is_unbatched;      /* its calls are in no batch */
    uint32_t queue_hash;    /* of the queue that its calls change or read, for
                             * ll_batch_ops.share */
    int64_t call_ns;        /* when the next call is due, or LL_NEVER */
    int64_t sent_ns;        /* when the newest call was sent */
};

/** Bytes kept of the text of a failure, from etcd or gRPC. */
#define LL_FAILURE_TEXT_SIZE 320

/** What session.c and its like keep of all sessions. */
struct ll_sessions {
    struct ll_link list;
    struct ll_table by_lease;
    unsigned n;
    uint64_t opened_n;       /* all that there have been */
    unsigned alive_n;        /* of the n, ACTIVE or SUSPECT */
    unsigned late_revokes_n; /* of the n, LOST with a revoke unanswered */
};

/** What ticket.c and its like keep of all tickets. */
struct ll_tickets {
    unsigned n;
    unsigned waiting_n;     /* in WAIT, DELAYED or NEXT */
    struct ll_link lines;   /* see permit_line.h */
    struct ll_link reaping; /* those that watch for a late key */
    unsigned reaps_n;
    struct ll_survey surveys[LL_SURVEYS];
    struct ll_pace paces[LL_PACES];
};

/** What keep.c keeps of all keeps. */
struct ll_keeps {
    struct ll_table by_name;
    struct ll_link idle; /* those with an idle entry, as they were released */
    unsigned idle_n;
};

struct ll_observers {
    struct ll_link list;
    unsigned n;
};

struct ll_follows {
    struct ll_link list;
    unsigned n;
};

/** Objects whose next call is due, by how it is sent. */
struct ll_calls {
    struct ll_link alone;
    struct ll_link batched; /* see batch.h */
    struct ll_link reads;   /* serializable reads, batched: see read.h */
    unsigned in_flight;
};

struct ll_log_line;
struct ll_logs {
    struct ll_link lines; /* not drawn yet */
    struct ll_log_line *drawn;
};

struct ll_core {
    struct ll_core_config config;
    int64_t now_ns;
    struct ll_random random;
    struct ll_table objects;
    uint64_t own_ids_n; /* of objects that no command made */
    struct ll_timers timers;
    struct ll_link pending; /* objects with something to report */
    struct ll_sessions sessions;
    struct ll_tickets tickets;
    struct ll_keeps keeps;
    struct ll_observers observers;
    struct ll_follows follows;
    struct ll_calls calls;
    struct ll_logs logs;
    struct ll_stream streams[LL_STREAMS];
    struct ll_watches watches;
    struct ll_queue_note queue_notes[LL_QUEUE_NOTES];
    struct ll_numbers numbers;
    struct ll_keepalive keepalive;
    struct ll_endpoints endpoints;
    struct ll_cluster cluster;
    struct ll_nearest nearest;
    struct leaselock_stats stats; /* see stats.h */
    /** The newest failure of a call or stream, for the user's error. */
    struct {
        int grpc_status;
        uint32_t endpoint;
        char text[LL_FAILURE_TEXT_SIZE];
    } failure;
    /** The parts of the request or text in the effect that was drawn last. */
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
/** An id for an object that no command makes. A caller's ids count up from 1,
 *  these down from LL_ID_MAX; none is used again, as watches have it. */
uint64_t ll_object_own_id(struct ll_core *core);
/** Takes an object out, with its call and timer; the caller frees it. */
void ll_object_leave(struct ll_core *core, struct ll_object *object);

/** The object of a kind that has an id, or NULL. */
struct ll_object *ll_object_find(const struct ll_core *core,
                                 uint64_t id,
                                 const struct ll_object_ops *ops);

/** The one endpoint that an object queries, or LL_ENDPOINT_ANY. */
uint32_t ll_object_endpoint(struct ll_object *object);

/** LL_EVENT_RELEASE. */
int ll_object_release(struct ll_core *core, const struct ll_event *event);

/** Recalculates an object's timer after what it depends on has changed. */
void ll_object_reschedule(struct ll_core *core, struct ll_object *object);

/** Requests a call at a time; an older call becomes stale. */
void ll_call_at(struct ll_core *core, struct ll_object *object, int64_t at_ns);
/** Requests the call again after LOST or AGAIN: at once while there are
 *  endpoints not tried yet; otherwise, and for AGAIN always, after a pause. */
void ll_call_again(struct ll_core *core,
                   struct ll_object *object,
                   enum ll_outcome outcome);
/** Requests no call; one in flight becomes stale. */
void ll_call_none(struct ll_core *core, struct ll_object *object);
/** Builds the call that is sent now, in a part that stays valid until the
 *  effect is carried out; the call is in flight from here on. */
void ll_call_begin(struct ll_core *core,
                   struct ll_object *object,
                   struct ll_part *part,
                   struct ll_request *ret_request);
/** The object whose newest call this is, unanswered; or NULL. */
struct ll_object *ll_call_find(struct ll_core *core, uint64_t id, uint32_t seq);
/** Passes an object the answer to its call, or its part of one. */
void ll_call_end(struct ll_core *core,
                 struct ll_object *object,
                 const struct ll_answer *answer,
                 const struct ll_event *event);
/** To be called with the timer: a call that is due is listed for sending. */
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
/** gRPC's RESOURCE_EXHAUSTED: with LOST, an answer too large for the client. */
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
/** The same of a call that was sent at sent_ns and not answered in time. */
void ll_note_silence(struct ll_core *core,
                     uint32_t endpoint,
                     int64_t sent_ns,
                     const char *text);

/** A detail that names the newest failure if the status is of that kind. */
struct ll_detail
ll_detail_of(const struct ll_core *core, int status, const char *text);

static inline int64_t ll_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ll_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** a + b for b >= 0, or LL_NEVER if that is not below it. */
static inline int64_t ll_after(int64_t a, int64_t b)
{
    return b >= LL_NEVER - a ? LL_NEVER : a + b;
}

#endif
