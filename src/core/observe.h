#ifndef LL_CORE_OBSERVE_H
#define LL_CORE_OBSERVE_H

#include "core/object.h"

/**
 * Follows who leads a queue: whose key is the oldest, with its value, through
 * every change, in their order.
 *
 *     state | event                       | next  | does
 *     LOOK  | the queue answered          | WATCH | takes it in; watches from
 *           |                             |       | its revision on
 *     LOOK  | no answer                   | LOOK  | again
 *     LOOK  | refused, error              | gone  | OBSERVED, the end
 *     WATCH | the watch tells of changes  | WATCH | takes them in
 *     WATCH | the stream is down          | WATCH | watches again, from the
 *           |                             |       | last revision that was
 *           |                             |       | seen
 *     WATCH | the watch ends (compacted)  | LOOK  | with a pause
 *     WATCH | the watch is refused        | gone  | OBSERVED, the end
 *     WATCH | a check shows another       | WATCH | checks once more, soon; if
 *           | leader                      |       | it is so still: watches
 *           |                             |       | again
 *     WATCH | the same, and watching      | LOOK  |
 *           | again has brought nothing   |       |
 *     WATCH | the watch begins at, or a   | WATCH | checks through the
 *           | check shows, a revision     |       | quorum; older twice, a
 *           | before what was seen        |       | second apart:
 *     WATCH,| the store went back         | LOOK  | begins anew
 *     LOOK  |                             |       |
 *     any   | another cluster answered    | gone  | OBSERVED, the end
 *     any   | OBSERVE_END                 | gone  | OBSERVED, the end
 *
 * Whatever is taken in, a revision at a time, the leader that comes of it is
 * told unless it is the one that was told last: the same key with the same
 * value; so is that nobody leads any more. The watch covers the whole queue
 * and its history, so no leader is left out, however short its time; only after
 * a compaction while the watch was down those are missed that came and went
 * meanwhile. What a dead member or a stuck proxy swallows is found by a check
 * of the oldest key every half minute or so.
 *
 * A snapshot is restored, or a data directory emptied: then etcd takes the
 * watch for one of the future, and is silent. A lagging member looks alike, and
 * older versions answer a read through the quorum late for a moment (#20418);
 * taking that for a store that went back would do no harm but to report a
 * leader of the past once more.
 *
 * Keys of locks nested below the name are no candidates. A key without a lease
 * is none either, and while it is the oldest nobody leads: it blocks the queue.
 */

/** Candidates of one queue at most; beyond it the observer ends with LIMIT. */
#define LL_CANDIDATES_MAX 100000
/** The distance of checks; give or take a fifth at random. */
#define LL_OBSERVE_CHECK_NS INT64_C(30000000000)
/** And of the second look at something that does not fit. */
#define LL_OBSERVE_DOUBT_NS INT64_C(1000000000)

enum ll_observer_state {
    LL_OBSERVER_LOOK,
    LL_OBSERVER_WATCH,
    LL_OBSERVER_GONE, /* freed once all is told and the watch is OFF */
};

/** A key of the queue. */
struct ll_candidate {
    struct ll_link link;    /* in the queue, oldest first; alone: it has left */
    struct ll_link telling; /* in observer->telling */
    struct ll_kv kv;
    bool was_told; /* as the leader */
    bool last;     /* it left, and nobody leads after it */
    char bytes[];  /* key, value */
};

struct ll_observer {
    struct ll_object object;
    struct ll_link link; /* in core->observers, until it ends */
    enum ll_observer_state state;
    struct ll_watch watch;
    struct ll_link queue;   /* ll_candidate, oldest first */
    struct ll_link telling; /* ll_candidate whose turn as leader, or whose
                             * going, is to be told */
    size_t candidates_n;
    struct ll_candidate *leader; /* told, or to be told; NULL: nobody */
    struct ll_candidate *drawn;  /* by the last effect; to be freed */
    int64_t revision;            /* seen up to here */
    int64_t check_ns;
    int64_t doubted_revision;  /* a check did not fit while this was seen */
    int64_t replayed_revision; /* the watch began again here for a doubt */
    bool by_quorum;            /* the next check goes through the quorum */
    bool looks_back;           /* that was older than what was seen, once */
    bool vacancy_due;          /* nothing has been told yet, not even that */
    bool end_due;
    int end_status;
    size_t prefix_size;
    char prefix[LL_PREFIX_MAX];
};

int ll_observer_start(struct ll_core *core, const struct ll_event *event);
int ll_observer_end(struct ll_core *core, const struct ll_event *event);
void ll_observer_on_time(struct ll_core *core, struct ll_observer *observer);
int64_t ll_observer_deadline_ns(const struct ll_observer *observer);
void ll_observer_build(struct ll_core *core,
                       struct ll_observer *observer,
                       struct ll_request *ret_request);
void ll_observer_on_answer(struct ll_core *core,
                           struct ll_observer *observer,
                           const struct ll_answer *answer);
bool ll_observer_next(struct ll_core *core,
                      struct ll_observer *observer,
                      struct ll_effect *ret_effect);
void ll_observer_free(struct ll_observer *observer);

/** Another cluster has answered: it ends. */
void ll_observer_on_cluster(struct ll_core *core, struct ll_observer *observer);

/** What its watch tells. */
void ll_observer_on_created(struct ll_core *core,
                            struct ll_observer *observer,
                            int64_t revision);
void ll_observer_watch(struct ll_core *core,
                       struct ll_observer *observer,
                       struct ll_effect *effect);
void ll_observer_on_changed(struct ll_core *core,
                            struct ll_observer *observer,
                            const struct ll_event *event);
void ll_observer_on_refused(struct ll_core *core,
                            struct ll_observer *observer,
                            enum ll_outcome outcome);
void ll_observer_on_off(struct ll_core *core, struct ll_observer *observer);

#endif
