/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_PLACES_H
#define LL_API_PLACES_H

#include "api/entry.h"

/**
 * Places in queues: the keys that stand for one, told from all others that
 * may lie in the same store.
 *
 * A queue is known by a key whose shape says that it is a place (below). Once
 * there is one below NAME/, every key below NAME/ counts, since all clients
 * wait behind it: the oldest of those of another shape is kept as a place where
 * it is older than all others, and the rest are but counted. Without one what
 * is below NAME/ is somebody's data.
 */

struct ll_place {
    char *name; /* of the lock, without the namespace */
    struct leaselock_queue_entry entry;
    size_t keys_n; /* itself, and those that it is counted for */
};

struct ll_directory;

struct ll_places {
    struct ll_place *places;
    size_t n;
    size_t max;
    /** While keys are added: those that the last key is below of, the outermost
     *  first, and that key. */
    struct ll_directory *open;
    size_t open_n;
    size_t open_max;
    char *last;
    size_t last_size;
};

/** Most places that are read at once. */
#define LL_PLACES_MAX 200000

/** What a key's last part says. */
enum ll_place_shape {
    LL_PLACE_NONE,    /* not that it is a place */
    LL_PLACE_OWN,     /* LEASE.NUMBER and what may follow: this library's */
    LL_PLACE_FOREIGN, /* LEASE in hexadecimal, as Go's clients write it, or
                         in decimal, as npm's etcd3 does */
};

/**
 * Whether a key says that it is a place: its last part is the lease that it
 * lives on.
 *
 * @param ret_name_size  bytes of the key in front of the last '/'; of a place
 */
enum ll_place_shape ll_place_shape(const struct ll_kv *kv,
                                   size_t *ret_name_size);

/**
 * Adds a key; all keys come in their order.
 *
 * @param namespace_size   of the namespace that it begins with
 * @param prefix_size  of what the names of locks begin with, namespace
 *                     included; the key begins with it too
 * @return 0, LEASELOCK_E_NOMEM, or _LIMIT when there are LL_PLACES_MAX
 */
int ll_places_add(struct ll_places *places,
                  const struct ll_kv *kv,
                  size_t namespace_size,
                  size_t prefix_size);

/** After the last key: sorts by name, and in a queue by place.
 *  @return as ll_places_add */
int ll_places_end(struct ll_places *places, size_t namespace_size);

void ll_places_free(struct ll_places *places);

#endif
