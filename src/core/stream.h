#ifndef LL_CORE_STREAM_H
#define LL_CORE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/event.h"
#include "core/watch_index.h"

struct ll_core;
struct ll_object;

/**
 * The long-lived streams and the watches on one of them.
 *
 * A stream:
 *     state | event                      | next  | does
 *     DOWN  | needed, pause over         | UP    | opens with a new generation
 *     UP    | STREAM_DOWN of it          | DOWN  | pauses, leaves the endpoint
 *     UP    | restart (an answer is      | DOWN  | closes; opens again at once,
 *           | overdue)                   |       | on the next endpoint
 *     UP    | its endpoint is left       | DOWN  | the same, of the watches';
 *           | (see endpoint.h)           |       | beats get a second stream
 *     UP    | not needed any more: the   | DOWN  | closes
 *           | loser of two for beats     |       |
 * The two for beats are told apart by their role, which they change (see
 * beat.h). A stream can be written to as soon as it is UP. What comes of an
 * older generation is dropped. The pause begins anew once a stream has brought
 * anything.
 *
 * Watches that are refused with their whole stream, before it has brought
 * anything, are refused one by one: nothing would change with another stream.
 *
 * A watch (its link is in the list of its state):
 *     state    | event                   | next
 *     OFF      | want                    | WANTED
 *     WANTED   | drawn while UP          | CREATING
 *     WANTED   | drop                    | OFF
 *     CREATING | created                 | ON; tells the owner
 *     CREATING | refused                 | OFF; tells the owner
 *     CREATING | drop                    | DROPPED
 *     ON       | drop                    | ENDING
 *     ON       | canceled by etcd        | OFF; tells the owner
 *     DROPPED  | created                 | ENDING
 *     DROPPED  | refused                 | OFF
 *     ENDING   | cancel drawn            | OFF
 *     CREATING, ON | stream down         | WANTED; tells the owner
 *     DROPPED, ENDING | stream down      | OFF
 * etcd answers creations in their order, so a refusal without a usable id (-1)
 * is the oldest one's in CREATING or DROPPED, which share a list; that is why
 * a creation that nobody wants any more stays there until it is answered.
 *
 * etcd's grpc-proxy numbers watches itself, from 0 upward on each stream, and
 * answers in any order: it makes each with another watch of its own. Only a
 * creation that is unanswered alone can be told from others then:
 *     numbered | event on the stream         | numbered | does
 *     no       | first created, with the id  | no       |
 *              | that was asked for          |          |
 *     no       | created, with another id,   | yes      | the id is the watch's
 *              | of the only creation        |          |
 *     no       | created, with another id,   | yes      | begins the stream
 *              | of one among several        |          | anew
 *     no       | nothing was created yet,    | yes      | the same
 *              | refused with -1, one among  |          |
 *              | several                     |          |
 *     yes      | first created, with the id  | no       |
 *              | that was asked for          |          |
 *     yes      | created, with another id    | yes      | the id is the watch's
 *     yes      | the same, but another watch | yes      | begins the stream
 *              | has it, or no memory        |          | anew, with a pause
 *     yes      | refused, with -1 or the id  | yes      | the only creation is
 *              | that was asked for          |          | refused
 * A new stream begins as the last one was: behind a proxy it need not be found
 * out again, and a stream to etcd itself is found out by its first answer.
 * While numbered, one creation is unanswered at most, and the watches that are
 * ON are found by the server's id in an index. The proxy itself takes in one
 * creation after the other, with a read at etcd for each.
 *
 * While numbered, nothing is known of the order of two watches' events: a
 * ticket reads before it is held (see ticket.h).
 */

/** The oldest creation unanswered for this long, and no other answered in the
 *  meantime: the stream is stuck. A server that makes many at its own pace is
 *  not: to begin anew would throw away what it has made. */
#define LL_WATCH_CREATE_TIMEOUT_NS INT64_C(5000000000)

/** The pause after etcd refused or ended a watch for another reason than a
 *  permission. */
#define LL_WATCH_REFUSED_PAUSE_NS INT64_C(250000000)

/** Creations unanswered at most; further ones wait in their order. */
#define LL_WATCHES_CREATING_MAX 1024

struct ll_stream {
    enum ll_stream_kind kind;
    bool up;
    bool open_due;  /* the STREAM_OPEN is to be drawn */
    bool close_due; /* the STREAM_CLOSE of closing_generation is */
    bool proven;    /* it has brought something */
    uint32_t generation;
    uint32_t closing_generation;
    uint32_t endpoint;
    unsigned failures; /* in a row */
    int64_t retry_ns;  /* no new stream before it */
};

enum ll_watch_state {
    LL_WATCH_OFF,
    LL_WATCH_WANTED,
    LL_WATCH_CREATING,
    LL_WATCH_ON,
    LL_WATCH_DROPPED,
    LL_WATCH_ENDING,
};

/** What of a ticket is watched; an observer's is OWN. */
enum ll_watch_slot {
    LL_WATCH_OWN,
    LL_WATCH_AHEAD,
};
#define LL_WATCH_SLOTS 2

/** Of a watch's id, behind its owner's and before its slot. */
#define LL_WATCH_USES_BITS 19

struct ll_watch {
    struct ll_link link;
    struct ll_object *owner; /* a ticket or an observer */
    enum ll_watch_state state;
    /** How often it was wanted: makes each id new. */
    uint32_t uses : LL_WATCH_USES_BITS;
    /** Every later deletion is certain to come at once (see ticket.h). */
    bool settled : 1;
    /** Of the present use; of an ON or ENDING watch on a stream that is
     *  numbered: the server's. */
    int64_t id;
    union {
        /** Of an ON watch: etcd's revision when it was created. */
        int64_t created_revision;
        /** Of a CREATING or DROPPED watch: when it was asked for. */
        int64_t sent_ns;
    };
};

struct ll_watches {
    struct ll_link wanted;
    struct ll_link creating;
    struct ll_link on;
    struct ll_link ending;
    unsigned creating_n;
    uint64_t member_id;          /* that creates them, all on one stream */
    int64_t answered_ns;         /* when a creation was answered last */
    bool numbered;               /* the server numbers them, or may do so */
    bool decided;                /* one has been created on this stream */
    struct ll_watch_index index; /* while numbered: what is ON */
};

void ll_streams_init(struct ll_core *core);
/** Frees what they have. */
void ll_streams_free(struct ll_core *core);

/** Opens what is needed and due, restarts what is stuck. */
void ll_streams_on_time(struct ll_core *core);
/** When ll_streams_on_time is due. */
int64_t ll_streams_deadline_ns(const struct ll_core *core);

/** Closes a stream that is up, with doubts on its endpoint, and opens another
 *  if it is needed. */
void ll_stream_restart(struct ll_core *core,
                       enum ll_stream_kind kind,
                       const char *why);
/** Closes a stream, if it is up. */
void ll_stream_close(struct ll_core *core, enum ll_stream_kind kind);
/** Another endpoint does better than this one. */
void ll_streams_leave(struct ll_core *core, uint32_t endpoint);

void ll_streams_on_down(struct ll_core *core, const struct ll_event *event);
void ll_streams_on_watch(struct ll_core *core, const struct ll_event *event);
/** Whether an event is of the stream that is up; notes that it is alive. */
bool ll_stream_is_current(struct ll_core *core,
                          enum ll_stream_kind kind,
                          uint32_t generation);

/** Draws an effect of the streams or watches; false when there is none. */
bool ll_streams_next(struct ll_core *core, struct ll_effect *ret_effect);

void ll_watch_init(struct ll_watch *watch, struct ll_object *owner);
/** Asks for an OFF watch. */
void ll_watch_want(struct ll_core *core,
                   struct ll_watch *watch,
                   enum ll_watch_slot slot);
/** Asks for no watch; the owner must stay until it is OFF. */
void ll_watch_drop(struct ll_core *core, struct ll_watch *watch);

#endif
