#ifndef LL_API_CYCLE_H
#define LL_API_CYCLE_H

#include "api/places.h"

/**
 * Circles of leases that wait for each other. A lease waits for another where
 * it has a place in a queue behind one of the other's: for every place ahead,
 * not the next alone, so that circles come out as short as they can be. Places
 * of one lease in one queue are not held against it: they are threads of one
 * session, which stand in line like strangers.
 */

/** One lease of a circle. */
struct ll_cycle_member {
    size_t waits; /* its place that waits for the next member's */
    size_t holds; /* its place that the member before waits for */
};

struct ll_cycle {
    size_t members_n;
    struct ll_cycle_member *members;
};

struct ll_cycles {
    size_t n;
    struct ll_cycle *cycles;
};

/**
 * Finds circles, none of which has a shorter one in it, and at least one where
 * there are any: who is merely caught between them is left out.
 *
 * @param places      sorted
 * @param ret_cycles  to be freed with ll_cycles_free, also after a failure
 * @return 0 or LEASELOCK_E_NOMEM
 */
int ll_cycles_find(const struct ll_places *places,
                   struct ll_cycles *ret_cycles);

void ll_cycles_free(struct ll_cycles *cycles);

#endif
