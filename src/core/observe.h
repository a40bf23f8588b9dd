/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_OBSERVE_H
#define LL_CORE_OBSERVE_H

#include "core/candidate.h"
#include "core/object.h"

/**
 * Follows the leader of a queue, the oldest key with its value if that is
 * exclusive, through every change, in their order.
 *
 *     state | event                       | next  | does
 *     LOOK  | the queue is read           | WATCH | takes it; watches from
 *           |                             |       | its revision on
 *     LOOK  | no answer                   | LOOK  | resends the read
 *     LOOK  | refused, error              | gone  | OBSERVED, the end
 *     WATCH | the watch reports changes   | WATCH | applies them
 *     WATCH | the stream is down          | WATCH | watches again, from the
 *           |                             |       | last revision that was
 *           |                             |       | seen
 *     WATCH | the watch ends (compacted)  | LOOK  | with a pause
 *     WATCH | the watch is refused        | gone  | OBSERVED, the end
 *     WATCH | a check shows another       | WATCH | checks once more, soon; if
 *           | leader                      |       | the leader still differs,
 *           |                             |       | watches again
 *     WATCH | the same, and the new watch | LOOK  |
 *           | has reported nothing        |       |
 *     WATCH | the same, but the new watch | WATCH | opens the stream of the
 *           | began before what was seen  |       | watches elsewhere
 *     WATCH | the watch begins at, or a   | WATCH | checks through the quorum,
 *           | check shows, a revision     |       | and, if that is older too,
 *           | before what was seen        |       | again a second later
 *     WATCH,| that is older too: the      | LOOK  | begins again
 *     LOOK  | store went back             |       |
 *     any   | another cluster answered    | gone  | OBSERVED, the end
 *     any   | OBSERVE_END                 | gone  | OBSERVED, the end
 *
 * Changes are applied one revision at a time. After each, the leader is
 * reported unless it is the one that was reported last (see candidate.h). That
 * there is no leader any more is reported, too. The watch covers the whole
 * queue and its history, so every leader is reported, however short its time.
 * The observer misses only what began and ended while the watch was down, if
 * etcd has compacted that history. A check of the oldest key about every half
 * minute finds what a failed member or a stuck proxy has not delivered; then
 * leaders may be left out, too. A member that is cut off from the others
 * delivers late: its watch is not taken for one that has lost events.
 *
 * If a snapshot is restored, or a data directory emptied, etcd treats the watch
 * as one of a future revision, and sends nothing. A lagging member looks the
 * same, and older versions answer a linearizable read from an old revision for
 * a moment (#20418). If the observer mistakes either for a store that went
 * back, an earlier leader is reported once more, which is the only harm.
 */

/** The time between two checks, plus or minus a fifth at random. */
#define LL_OBSERVE_CHECK_NS INT64_C(30000000000)
/** The time until a check that found a difference is repeated. */
#define LL_OBSERVE_RECHECK_NS INT64_C(1000000000)

enum ll_observer_state {
    LL_OBSERVER_LOOK,
    LL_OBSERVER_WATCH,
    LL_OBSERVER_GONE, /* freed once all is reported and the watch is OFF */
};

struct ll_observer {
    struct ll_object object;
    struct ll_link link; /* in core->observers.list, until it ends */
    enum ll_observer_state state;
    struct ll_watch watch;
    struct ll_candidates candidates;
    int64_t revision; /* the newest that was seen */
    int64_t check_ns;
    int64_t suspect_revision;  /* a check found a difference at it */
    int64_t replayed_revision; /* the watch began again at it, then */
    bool by_quorum;            /* the next check goes through the quorum */
    bool looks_back;           /* it was older than what was seen, once */
    bool vacancy_due;          /* no leader and no vacancy was reported yet */
    bool end_due;
    int end_status;
    size_t prefix_size;
    char prefix[LL_PREFIX_MAX];
};

extern const struct ll_object_ops ll_observer_ops;

static inline struct ll_observer *ll_observer_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_observer, object);
}

int ll_observer_start(struct ll_core *core, const struct ll_event *event);
int ll_observer_end(struct ll_core *core, const struct ll_event *event);

/** Steps of the machine, for observe_watch.c. */
extern const struct ll_watch_ops ll_observer_watch_ops;
/** All keys of the queue; the part has room for the range's end. */
struct ll_range ll_observer_range(const struct ll_observer *observer,
                                  struct ll_part *part);
/** All changes of a revision have been applied: reports the leader if it is
 *  another one. */
void ll_observer_settle(struct ll_core *core, struct ll_observer *observer);
/** Reads the queue again. */
void ll_observer_look(struct ll_core *core,
                      struct ll_observer *observer,
                      int64_t at_ns);
void ll_observer_finish(struct ll_core *core,
                        struct ll_observer *observer,
                        int status);

#endif
