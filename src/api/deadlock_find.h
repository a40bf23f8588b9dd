/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_DEADLOCK_FIND_H
#define LL_API_DEADLOCK_FIND_H

#include "api/places.h"

/**
 * Finds deadlocks: cycles in the wait-for graph, whose nodes are leases. A
 * lease waits for another if it has a place behind one of the other's in a
 * queue, and the modes of the two exclude each other (deadlock_waits.h). Every
 * such place ahead counts, not only the predecessor, so that each deadlock is
 * as short as possible. A lease does not wait for its own places in
 * a queue: they belong to threads of one session, which wait independently of
 * each other.
 */

/** One lease of a deadlock. */
struct ll_deadlock_member {
    size_t waits; /* its place that waits for the next member's */
    size_t holds; /* its place that the previous member waits for */
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
 * Finds deadlocks, none of which contains a shorter one, and at least one if
 * there are any. A lease that only waits between two deadlocks is in none.
 *
 *
 * @param places    sorted
 * @param ret_list  to be freed with ll_deadlocks_free, also after a failure
 * @return 0 or LEASELOCK_E_NOMEM
 */
int ll_deadlocks_find(const struct ll_places *places,
                      struct ll_deadlock_list *ret_list);

void ll_deadlocks_free(struct ll_deadlock_list *list);

#endif
