/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What `leaselock top` shows: the locks of the last snapshot with their ages,
 * and what one snapshot alone does not say, how long a lock has been held and
 * how often it is granted. No clock, terminal or request: snapshots and times
 * are arguments.
 *
 * For each lock the model remembers the holder that asked first:
 *
 *   state  in the snapshot     state  what it counts
 *   -      held                HELD   a grant, but not in the first snapshot
 *   HELD   the same token      HELD
 *   HELD   another token       HELD   a grant; held since this snapshot
 *   HELD   no such lock        FREE
 *   FREE   held                HELD   a grant, unless the token is the same
 *   FREE   none for a minute   -      the lock is forgotten
 *
 * A lock that was granted several times between two snapshots counts once.
 */
#ifndef LL_CLI_TOP_MODEL_H
#define LL_CLI_TOP_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/admin.h"

/** The orders of the list. */
enum ll_top_sort {
    LL_TOP_AGE,
    LL_TOP_HELD,
    LL_TOP_WAITERS,
    LL_TOP_RATE,
    LL_TOP_NAME,
    LL_TOP_MODE
};
#define LL_TOP_SORTS_N 6

/** The name of an order, for --sort and for the screen. */
const char *ll_top_sort_name(enum ll_top_sort sort);

/** The order of that name; -1: there is none. */
int ll_top_sort_of(const char *name);

/** The time over which grants are counted. */
#define LL_TOP_WINDOW_S 60

/** A lock of the last snapshot. */
struct ll_top_row {
    /** Borrowed from the snapshot. */
    const struct leaselock_lock_info *lock;
    /** The places that do not hold it. */
    size_t waiters;
    /** Since the holder's request, by the holder's clock; -1: not known. */
    int64_t age_s;
    /** Since a snapshot has shown this holder first. */
    int64_t held_s;
    /** Not 0: the hold began while the model watched. Else held_s is the least
     *  that it can be. */
    int is_whole;
    /** Grants that were seen, a minute, times 1000; -1: not known yet. */
    int64_t rate_milli;
};

struct ll_top_past; /* what is remembered of a lock */

struct ll_top_model {
    /** The rows to show, see ll_top_model_arrange. */
    struct ll_top_row *rows;
    size_t rows_n;

    /** Of the whole snapshot. */
    struct ll_top_row *all;
    size_t all_n;
    size_t waiters_n;
    int64_t revision;
    int64_t rate_milli;
    /** When it was taken, as the caller said. */
    int64_t taken_ns;
    int64_t taken_unix_s;

    /* Private. */
    struct ll_top_past *past;
    size_t past_n;
    size_t snapshots_n;
    int64_t first_ns;
};

/**
 * Takes a snapshot. The rows are empty until ll_top_model_arrange.
 *
 * @param model       all zero at first
 * @param locks       borrowed until the next snapshot is taken or the model is
 *                    freed; sorted by name, as leaselock_locks has them
 * @param now_ns      of a clock that does not jump
 * @param now_unix_s  the time of day
 * @return 0, or -1: no memory; the model is empty then
 */
int ll_top_model_take(struct ll_top_model *model,
                      const struct leaselock_locks_info *locks,
                      int64_t now_ns,
                      int64_t now_unix_s);

/**
 * Fills the rows: those that match, in order. An order begins with the greatest
 * number, by name and mode with the first; what is not known comes last.
 *
 * @param is_reversed  not 0: the other way round
 * @param filter       part of the name or of the holder, as they are shown; the
 *                     case of ASCII letters does not matter; "" matches all
 */
void ll_top_model_arrange(struct ll_top_model *model,
                          enum ll_top_sort sort,
                          int is_reversed,
                          const char *filter);

void ll_top_model_free(struct ll_top_model *model);

#endif
