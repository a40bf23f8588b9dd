/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_WATCH_H
#define LL_CORE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/event.h"
#include "core/watch_index.h"
#include "core/watch_server.h"

struct ll_core;
struct ll_object;
struct ll_part;

/**
 * The watches of tickets, of lines of permits, and of observers, all on one
 * stream (stream.h).
 *
 * If a whole stream is refused before it has delivered anything, its watches
 * are refused one by one: another stream would change nothing.
 *
 * A watch (its link is in the list of its state):
 *     state    | event                   | next
 *     OFF      | want                    | WANTED
 *     WANTED   | drawn while UP          | CREATING
 *     WANTED   | drop                    | OFF
 *     CREATING | created                 | ON; reports it
 *     CREATING | refused                 | OFF; reports it
 *     CREATING | drop                    | DROPPED
 *     ON       | drop                    | ENDING
 *     ON       | canceled by etcd        | OFF; reports it
 *     DROPPED  | created                 | ENDING
 *     DROPPED  | refused                 | OFF
 *     ENDING   | cancel drawn            | OFF
 *     CREATING, ON | stream down         | WANTED; reports it
 *     DROPPED, ENDING | stream down      | OFF
 * etcd answers creations in their order, so a refusal without a usable id (-1)
 * is that of the oldest one in CREATING or DROPPED, which share a list; that is
 * why a creation that is not wanted any more stays there until it is answered.
 * A proxy may number the watches itself: see watch_number.h.
 */

/** If the oldest creation is unanswered for this long, and no other was
 *  answered in the meantime, the stream is stuck. A server that makes many
 *  watches slowly is not stuck: a restart would discard those that it has
 *  made. */
#define LL_WATCH_CREATE_TIMEOUT_NS INT64_C(5000000000)

/** The pause after etcd refused or ended a watch for another reason than a
 *  permission. */
#define LL_WATCH_REFUSED_PAUSE_NS INT64_C(250000000)

/** The most unanswered creations; further ones wait in their order. */
#define LL_WATCHES_CREATING_MAX 1024

enum ll_watch_state {
    LL_WATCH_OFF,
    LL_WATCH_WANTED,
    LL_WATCH_CREATING,
    LL_WATCH_ON,
    LL_WATCH_DROPPED,
    LL_WATCH_ENDING,
};

/** Which key of a ticket is watched; for other owners, OWN. Further slots are
 *  those of permits ahead (see permit.h). */
#define LL_WATCH_OWN 0U
#define LL_WATCH_AHEAD 1U
#define LL_WATCH_SLOTS 2

/** The bits of a watch's id: its owner's, its uses, its slot. */
#define LL_WATCH_USES_BITS 10
#define LL_WATCH_SLOT_BITS 10

static inline uint64_t ll_watch_owner_of(int64_t id)
{
    return (uint64_t)id >> (LL_WATCH_USES_BITS + LL_WATCH_SLOT_BITS);
}

static inline unsigned ll_watch_uses_of(int64_t id)
{
    return (unsigned)(id >> LL_WATCH_SLOT_BITS) &
           ((1U << LL_WATCH_USES_BITS) - 1);
}

static inline unsigned ll_watch_slot_of(int64_t id)
{
    return (unsigned)id & ((1U << LL_WATCH_SLOT_BITS) - 1);
}

static inline int64_t ll_watch_id(uint64_t owner, unsigned uses, unsigned slot)
{
    return (int64_t)(owner << (LL_WATCH_USES_BITS + LL_WATCH_SLOT_BITS) |
                     (uint64_t)uses << LL_WATCH_SLOT_BITS | slot);
}

struct ll_watch {
    struct ll_link link;
    struct ll_object *owner;
    enum ll_watch_state state;
    /** How often it was wanted: makes each id unique. It wraps within its bits;
     *  by then etcd has ended the watch that had the same id. */
    uint32_t uses : LL_WATCH_USES_BITS;
    /** Every later deletion is certain to arrive at once (see ticket.h). */
    uint32_t settled : 1;
    /** etcd has made it one of the synced ones (see watch_server.h). */
    uint32_t prompt : 1;
    uint32_t slot : LL_WATCH_SLOT_BITS;
    /** Of the present use; of an ON or ENDING watch on a numbered stream: the
     *  server's. */
    int64_t id;
    union {
        /** Of an ON watch: etcd's revision when it was created. */
        int64_t created_revision;
        /** Of a CREATING or DROPPED watch: when it was requested. */
        int64_t sent_ns;
    };
};

/** What an owner of watches does for them. The owner is watch->owner. */
struct ll_watch_ops {
    /** The watch in a slot; NULL: the kind has no such slot. */
    struct ll_watch *(*find)(struct ll_object *owner, unsigned slot);
    /** Fills a WATCH_CREATE with what is watched. */
    void (*create)(struct ll_core *core,
                   struct ll_watch *watch,
                   struct ll_part *part,
                   struct ll_effect *effect);
    /** The watch is ON, from its created_revision. */
    void (*on_created)(struct ll_core *core, struct ll_watch *watch);
    void (*on_changed)(struct ll_core *core,
                       struct ll_watch *watch,
                       const struct ll_event *event);
    /** etcd refused or ended the watch: it is OFF. */
    void (*on_refused)(struct ll_core *core,
                       struct ll_watch *watch,
                       enum ll_outcome outcome);
    /** The stream of the watch went down: it is WANTED again. */
    void (*on_down)(struct ll_core *core, struct ll_watch *watch);
    /** The watch was dropped and is OFF. */
    void (*on_off)(struct ll_core *core, struct ll_watch *watch);
};

#define LL_WATCH_OPS(find_, create_, on_created_, on_changed_, on_refused_,    \
                     on_down_, on_off_)                                        \
    {                                                                          \
        .find = (find_), .create = (create_), .on_created = (on_created_),     \
        .on_changed = (on_changed_), .on_refused = (on_refused_),              \
        .on_down = (on_down_), .on_off = (on_off_)                             \
    }

struct ll_watches {
    struct ll_link wanted;
    struct ll_link creating;
    struct ll_link on;
    struct ll_link ending;
    unsigned creating_n;
    uint64_t member_id;  /* of the member that creates them */
    int64_t answered_ns; /* when a creation was answered last */
    bool numbered;       /* the server numbers them, or may do so */
    bool decided;        /* one has been created on this stream */
    struct ll_watch_server server;
    struct ll_watch_index index; /* while numbered: what is ON */
};

void ll_watches_init(struct ll_core *core);
void ll_watches_free(struct ll_core *core);

/** Restarts the stream if it is stuck. */
void ll_watches_on_time(struct ll_core *core);
/** When ll_watches_on_time is due. */
int64_t ll_watches_deadline_ns(const struct ll_core *core);
/** LL_EVENT_WATCH_... */
void ll_watches_on_event(struct ll_core *core, const struct ll_event *event);
/** Draws a creation or a cancel; false when there is none. */
bool ll_watches_next(struct ll_core *core, struct ll_effect *ret_effect);

/** Makes the watch in a slot of an owner, which has a struct ll_watch_ops;
 *  OFF. */
void ll_watch_init(struct ll_watch *watch,
                   struct ll_object *owner,
                   unsigned slot);
/** Requests an OFF watch. */
void ll_watch_want(struct ll_core *core, struct ll_watch *watch);
/** Ends a watch; the owner must exist until it is OFF. */
void ll_watch_drop(struct ll_core *core, struct ll_watch *watch);

#endif
