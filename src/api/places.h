/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_PLACES_H
#define LL_API_PLACES_H

#include "api/entry.h"

/**
 * Places in queues: the keys that are places, as opposed to other keys in the
 * same store.
 *
 * A queue is recognized by a key that has the shape of a place (below). Once
 * there is such a key below NAME/, every key below NAME/ counts, since all
 * clients wait behind it. Of the keys of other shapes, the oldest is kept as a
 * place if it is older than all places, and the others are only counted.
 * Without such a key, the keys below NAME/ are data of another program.
 */

struct ll_place {
    char *name; /* of the lock, without the namespace */
    struct leaselock_queue_entry entry;
    size_t keys_n; /* itself, and the keys counted with it */
    /** Of the oldest of a queue: the token of the oldest key that is not a
     *  place of its own and blocks all modes; INT64_MAX: there is none. */
    int64_t blocked_from;
};

struct ll_directory;

struct ll_places {
    struct ll_place *places;
    size_t n;
    size_t max;
    /** While keys are added: the directories that contain the last key, the
     *  outermost first, and that key. */
    struct ll_directory *open;
    size_t open_n;
    size_t open_max;
    char *last;
    size_t last_size;
};

/** Limit of the places that one call reads. */
#define LL_PLACES_MAX 200000

/** The shape of a key's last component. */
enum ll_place_shape {
    LL_PLACE_NONE,    /* not a place */
    LL_PLACE_OWN,     /* LEASE.NUMBER and an optional suffix: this library's */
    LL_PLACE_FOREIGN, /* LEASE in hexadecimal, as Go's clients write it, or
                         in decimal, as npm's etcd3 does */
};

/**
 * The shape of a key, which is a place if its last component is the lease that
 * is attached to it.
 *
 * @param ret_name_size  bytes of the key before the last '/'; set for a place
 */
enum ll_place_shape ll_place_shape(const struct ll_kv *kv,
                                   size_t *ret_name_size);

/**
 * Adds a key; keys must be added in key order.
 *
 * @param namespace_size   of the namespace that the key begins with
 * @param prefix_size  of the prefix of all names of locks, namespace included;
 *                     the key begins with it, too
 * @return 0, LEASELOCK_E_NOMEM, or _LIMIT when there are LL_PLACES_MAX
 */
int ll_places_add(struct ll_places *places,
                  const struct ll_kv *kv,
                  size_t namespace_size,
                  size_t prefix_size);

/** To be called after the last key: sorts by name, and each queue by place,
 *  and finds the places that hold their lock.
 *  @return as ll_places_add */
int ll_places_end(struct ll_places *places, size_t namespace_size);

void ll_places_free(struct ll_places *places);

#endif
