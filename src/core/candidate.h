/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_CANDIDATE_H
#define LL_CORE_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "core/event.h"

/**
 * The keys of an observed queue, oldest first, and which of them are to be
 * reported as its leader.
 *
 * The oldest key leads. Keys of locks nested below the name are not candidates.
 * A key without a lease never leads, nor does a shared ticket or a permit,
 * beside which others may hold: while one of these is the oldest, there is no
 * leader. A leader is reported unless it is the one that was reported last: the
 * same key with the same value. It stays in memory until it is reported, even
 * if it has left the queue.
 */

/** The most candidates of one queue; with more the observer ends with LIMIT. */
#define LL_CANDIDATES_MAX 100000

struct ll_candidate {
    struct ll_link link; /* in the queue, oldest first; alone: it has left */
    struct ll_link due;  /* in candidates->due */
    struct ll_kv kv;
    bool was_reported; /* as the leader */
    bool last;         /* it left, and there is no leader after it */
    char bytes[];      /* key, value */
};

struct ll_candidates {
    struct ll_link queue; /* ll_candidate, oldest first */
    struct ll_link due;   /* ll_candidate that is to be reported as the leader,
                           * or that no longer leads */
    size_t n;
    struct ll_candidate *leader; /* reported, or due; NULL: none */
    struct ll_candidate *drawn;  /* by the last report; to be freed */
    size_t prefix_size;          /* of the queue's keys */
};

void ll_candidates_init(struct ll_candidates *candidates, size_t prefix_size);
void ll_candidates_free(struct ll_candidates *candidates);

/** Replaces all candidates by the answer to a read of the whole queue; false:
 *  out of memory, and nothing has changed. */
bool ll_candidates_take(struct ll_candidates *candidates,
                        const struct ll_range_answer *range);
/** Applies a put or a deletion; false: out of memory. */
bool ll_candidates_change(struct ll_candidates *candidates,
                          const struct ll_watch_event *change);
/** To be called when all changes of a revision have been applied; returns
 *  whether a report is due. */
bool ll_candidates_settle(struct ll_candidates *candidates);
/** Whether a read of the queue's oldest keys shows the same first key; true if
 *  all of them are nested. */
bool ll_candidates_fit(const struct ll_candidates *candidates,
                       const struct ll_range_answer *oldest);
/**
 * Draws the next report.
 *
 * @param ret_leader  valid until the next call; NULL: there is no leader now
 * @return false: there is none
 */
bool ll_candidates_next(struct ll_candidates *candidates,
                        const struct ll_kv **ret_leader);

#endif
