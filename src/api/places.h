#ifndef LL_API_PLACES_H
#define LL_API_PLACES_H

#include "api/entry.h"

/**
 * Places in queues: the keys that stand for one, told from all others that
 * may lie in the same store.
 */

struct ll_place {
    char *name; /* of the lock, without the namespace */
    struct leaselock_queue_entry entry;
};

struct ll_places {
    struct ll_place *places;
    size_t n;
    size_t max;
};

/** Most places that are read at once. */
#define LL_PLACES_MAX 200000

/**
 * Whether a key stands for a place: its last part is the lease that it lives
 * on, in hexadecimal, as Go's clients write it, or that with a number behind a
 * '.', as this library does.
 *
 * @param ret_name_size  bytes of the key in front of the last '/'
 */
bool ll_place_is(const struct ll_kv *kv, size_t *ret_name_size);

/** Adds a key's place, or nothing where it is none.
 *  @return 0, LEASELOCK_E_NOMEM, or _LIMIT when there are LL_PLACES_MAX */
int ll_places_add(struct ll_places *places,
                  const struct ll_kv *kv,
                  size_t space_size);

/** Sorts by name, and in a queue by place. */
void ll_places_sort(struct ll_places *places);

void ll_places_free(struct ll_places *places);

#endif
