/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_FOLLOW_H
#define LL_CORE_FOLLOW_H

#include "core/object.h"

/**
 * Follows all keys of a range: reads them page by page at one revision, and
 * then reports every change, from a watch of the range.
 *
 *     state  | event                        | next  | does
 *     LOAD   | a page is read, more follow  | LOAD  | reports it; reads the next
 *            |                              |       | at the first one's revision
 *     LOAD   | the last page is read        | WATCH | reports it; watches from
 *            |                              |       | its revision on
 *     LOAD   | no answer                    | LOAD  | resends the read
 *     LOAD   | the answer was too large     | LOAD  | reads smaller pages
 *     LOAD   | a later page: an error, as   | LOAD  | begins again, with a pause
 *            | its revision is compacted    |       |
 *     WATCH, | the watch reports changes    | same  | reports them
 *     LOST   |                              |       |
 *     WATCH  | the stream is down           | LOST  | watches again, from the
 *            |                              |       | last revision that was seen
 *     WATCH  | a check is not answered      | LOST  | repeats it
 *     LOST   | the watch is on              | LOST  | checks at once
 *     LOST   | a check is answered, and the | WATCH |
 *            | watch is on                  |       |
 *     WATCH, | the watch ends (compacted)   | LOAD  | with a pause
 *     LOST   |                              |       |
 *     WATCH, | a check counts other keys    | same  | checks once more, soon
 *     LOST   | than the watch has reported  |       |
 *     WATCH, | the same, and the watch has  | LOAD  |
 *     LOST   | reported nothing in between  |       |
 *     WATCH, | a change comes after the     | LOAD  |
 *     LOST   | revision of a check, and the |       |
 *            | number of keys before it was |       |
 *            | another one                  |       |
 *     LOAD,  | an answer is of a revision   | same  | asks again a second later
 *     WATCH, | before what was seen when it |       |
 *     LOST   | was asked for                |       |
 *     LOAD,  | that is older too: the store | LOAD  | begins again
 *     WATCH, | went back                    |       |
 *     LOST   |                              |       |
 *     LOAD,  | refused; another error; too  | LOAD  | reports why; begins again,
 *     WATCH, | many keys; another cluster   |       | with a long pause
 *     LOST   | answered                     |       |
 *     LOAD,  | FOLLOW again: the driver had | LOAD  | begins again, with a pause
 *     WATCH, | no memory for a report       |       |
 *     LOST   |                              |       |
 *     any    | FOLLOW_END                   | gone  | the end
 *
 * It ends on command alone: what failed for a user without a permission may
 * succeed once the permission is granted.
 *
 * Checks go through the quorum, so that WATCH also says that the cluster has a
 * leader. They count keys, and read none. A read of all keys that is not the
 * first one replaces what was known: the driver compares the two. What began
 * and ended in between is then left out.
 */

/** The time between two checks, plus or minus a fifth at random. */
#define LL_FOLLOW_CHECK_NS INT64_C(10000000000)
/** The time until a check with a surprising answer is repeated. */
#define LL_FOLLOW_RECHECK_NS INT64_C(1000000000)
/** The pause after a failure that a new attempt is not likely to change. */
#define LL_FOLLOW_FAILED_NS INT64_C(15000000000)
/** Keys of a page: with the longest values that this library writes, a page is
 *  below the largest message that a client accepts. */
#define LL_FOLLOW_PAGE 1000
/** The most keys of one range; with more, as its first page counts them or as
 *  they are reported, it fails with LIMIT. */
#define LL_FOLLOW_KEYS_MAX 200000

enum ll_follow_state {
    LL_FOLLOW_LOAD,
    LL_FOLLOW_WATCH,
    LL_FOLLOW_LOST,
    LL_FOLLOW_GONE, /* freed once all is reported and the watch is OFF */
};

struct ll_follow {
    struct ll_object object;
    struct ll_link link; /* in core->follows.list, until it ends */
    enum ll_follow_state state;
    struct ll_watch watch;
    int64_t revision;       /* the newest that was seen */
    int64_t asked_revision; /* the same when the last request was made */
    int64_t load_revision;  /* of the pages; 0: none is read yet */
    int64_t page;           /* keys of each */
    char *next; /* the key that the next page begins with, or NULL */
    size_t next_size;
    int64_t count; /* of the keys, as they were reported */
    int64_t check_ns;
    /** A check counted so many keys at a revision that the watch has not
     *  passed yet; 0: none. */
    int64_t checked_revision;
    int64_t checked_count;
    int64_t suspect_revision; /* what was seen when a check differed; or 0 */
    bool looks_back;          /* an answer was older than what was seen, once */
    bool state_due;
    bool failure_due;
    int failure;
    bool end_due;
    /** What this step reports: borrowed from its event until it is drained. */
    const struct ll_range_answer *loaded;
    bool loaded_first;
    const struct ll_watch_event *changes;
    size_t changes_n;
    size_t from_size;
    size_t end_size;
    char from[LL_PREFIX_MAX];
    char end[LL_PREFIX_MAX];
};

extern const struct ll_object_ops ll_follow_ops;

static inline struct ll_follow *ll_follow_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_follow, object);
}

int ll_follow_start(struct ll_core *core, const struct ll_event *event);
int ll_follow_end(struct ll_core *core, const struct ll_event *event);

/** Steps of the machine, for follow_watch.c. */
extern const struct ll_watch_ops ll_follow_watch_ops;
/** Reads all keys again. */
void ll_follow_load(struct ll_core *core,
                    struct ll_follow *follow,
                    int64_t at_ns);
/** Checks now. */
void ll_follow_check(struct ll_core *core, struct ll_follow *follow);
/** Enters a state, or stays in it, and reports that. */
void ll_follow_turn(struct ll_core *core,
                    struct ll_follow *follow,
                    enum ll_follow_state state);
/** Reports a failure, and begins again after a pause. */
void ll_follow_fail(struct ll_core *core, struct ll_follow *follow, int status);

#endif
