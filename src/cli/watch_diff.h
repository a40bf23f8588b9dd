/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What has changed between two snapshots, for `ls --watch` and `queue --watch`.
 * Without a snapshot before, all of the first is a change.
 *
 *   of locks   before          after            change
 *              -               held             HELD
 *              held            another first    PASSED
 *                              holder
 *              held            the same first   PLACES, if the number of places
 *                              holder           or of holders is another
 *              held            -                FREE
 *   of places  -               holds            HOLDS
 *              -               waits, blocks    JOINED
 *              does not hold   holds            HOLDS
 *              was not asked   asked (again)    ASKED
 *              there           -                LEFT
 *
 * Locks come by name. Places come in the queue's order: those that left, then
 * those that are there.
 */
#ifndef LL_CLI_WATCH_DIFF_H
#define LL_CLI_WATCH_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/admin.h"

enum ll_change {
    LL_CHANGE_HELD,
    LL_CHANGE_PASSED,
    LL_CHANGE_PLACES,
    LL_CHANGE_FREE,
    LL_CHANGE_HOLDS,
    LL_CHANGE_JOINED,
    LL_CHANGE_ASKED,
    LL_CHANGE_LEFT
};

/** The word for it: "held", "passed" and so on. */
const char *ll_change_name(enum ll_change change);

/** Takes a change of a lock; of LL_CHANGE_FREE @lock is what it was before.
 *  @return 0, or anything else to end the comparison, which returns it */
typedef int ll_lock_change_fn(void *arg,
                              enum ll_change change,
                              const struct leaselock_lock_info *lock);

/** The same of a place.
 *  @param position  from 1; of LL_CHANGE_LEFT 0 */
typedef int ll_place_change_fn(void *arg,
                               enum ll_change change,
                               const struct leaselock_queue_entry *entry,
                               size_t position);

/**
 * Compares two lists.
 *
 * @param before  NULL: there is none
 * @return 0, or what on_change has returned
 */
int ll_diff_locks(const struct leaselock_locks_info *before,
                  const struct leaselock_locks_info *after,
                  ll_lock_change_fn *on_change,
                  void *arg);

/** Compares two queues in the same way. */
int ll_diff_queues(const struct leaselock_queue_info *before,
                   const struct leaselock_queue_info *after,
                   ll_place_change_fn *on_change,
                   void *arg);

#endif
