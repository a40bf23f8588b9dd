/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_DEADLOCK_FIND_H
#define LL_API_DEADLOCK_FIND_H

#include "api/places.h"

/**
 * Deadlocks of leases that wait for each other. A lease waits for another where
 * it has a place in a queue behind one of the other's: for every place ahead,
 * not the next alone, so that each deadlock is as short as it can be. A lease
 * does not wait for its own places in one queue: they belong to threads of one
 * session, which stand in line like strangers.
 */

/** One lease of a deadlock. */
struct ll_deadlock_member {
    size_t waits; /* its place that waits for the next member's */
    size_t holds; /* its place that the member before waits for */
};

struct ll_deadlock_entry {
    size_t members_n;
    struct ll_deadlock_member *members;
};

struct ll_deadlock_list {
    size_t n;
    struct ll_deadlock_entry *entries;
};

/**
 * Finds deadlocks, none of which has a shorter one in it, and at least one if
 * there are any. A lease that only waits between two of them is left out.
 *
 * @param places    sorted
 * @param ret_list  to be freed with ll_deadlocks_free, also after a failure
 * @return 0 or LEASELOCK_E_NOMEM
 */
int ll_deadlocks_find(const struct ll_places *places,
                      struct ll_deadlock_list *ret_list);

void ll_deadlocks_free(struct ll_deadlock_list *list);

#endif
