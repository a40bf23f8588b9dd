/* SPDX-License-Identifier: Apache-2.0 */
#include "api/places.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/grants.h"
#include "base/alloc.h"
#include "core/key.h"
#include "leaselock/status.h"
#include "leaselock/ticket.h"

#define PLACES_MIN 64
#define NONE SIZE_MAX

/** Whether a key's last part is the lease in decimal. */
static bool is_decimal(struct ll_bytes key, int64_t lease)
{
    char decimal[24];
    size_t size =
        (size_t)snprintf(decimal, sizeof(decimal), "/%" PRId64, lease);

    return key.size > size &&
           memcmp(key.data + key.size - size, decimal, size) == 0;
}

enum ll_place_shape ll_place_shape(const struct ll_kv *kv,
                                   size_t *ret_name_size)
{
    struct ll_key_place place;

    if (kv->lease == 0) {
        return LL_PLACE_NONE;
    }
    if (ll_key_parse(kv->key, kv->lease, &place)) {
        *ret_name_size = place.prefix.size - 1;
        return place.has_number ? LL_PLACE_OWN : LL_PLACE_FOREIGN;
    }
    if (is_decimal(kv->key, kv->lease)) {
        *ret_name_size =
            (size_t)((const char *)memrchr(kv->key.data, '/', kv->key.size) -
                     kv->key.data);
        return LL_PLACE_FOREIGN;
    }
    return LL_PLACE_NONE;
}

static int places_grow(struct ll_places *places)
{
    size_t max = places->max > 0 ? 2 * places->max : PLACES_MIN;
    struct ll_place *grown;

    if (places->n >= LL_PLACES_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    if (places->n < places->max) {
        return 0;
    }
    grown = ll_alloc_zero(max, sizeof(*grown));
    if (grown == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (places->n > 0) {
        memcpy(grown, places->places, places->n * sizeof(*grown));
    }
    ll_free(places->places);
    places->places = grown;
    places->max = max;
    return 0;
}

/** The keys below NAME/, while keys are added. */
struct ll_directory {
    size_t prefix_size; /* of namespace and NAME/ */
    size_t oldest;      /* the oldest place's number; NONE: no queue */
    /** Keys of other shapes: their number, and the oldest of them. */
    size_t others_n;
    struct leaselock_queue_entry other;
    int64_t blocked_from; /* as of a place */
};

/** Adds a place to a queue; takes its name from the last key. */
static int places_append(struct ll_places *places,
                         size_t namespace_size,
                         const struct ll_directory *directory)
{
    int status = places_grow(places);
    struct ll_place *place;

    if (status != 0) {
        return status;
    }
    place = &places->places[places->n];
    *place = (struct ll_place){.keys_n = 1, .blocked_from = INT64_MAX};
    place->name = ll_alloc_copy(places->last + namespace_size,
                                directory->prefix_size - 1 - namespace_size);
    if (place->name == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    places->n++;
    return 0;
}

/** Closes the innermost directory: no later key is below it. */
static int directory_close(struct ll_places *places, size_t namespace_size)
{
    struct ll_directory *directory = &places->open[places->open_n - 1];
    struct ll_place *place;
    int status = 0;

    if (directory->oldest != NONE && directory->others_n > 0) {
        place = &places->places[directory->oldest];
        if (directory->other.token < place->entry.token) {
            status = places_append(places, namespace_size, directory);
            if (status == 0) {
                place = &places->places[places->n - 1];
                place->entry = directory->other;
                place->keys_n = directory->others_n;
                directory->others_n = 0;
            }
        } else {
            place->keys_n += directory->others_n;
        }
        place->blocked_from = directory->blocked_from;
    }
    if (directory->others_n > 0) {
        ll_entry_free(&directory->other);
    }
    places->open_n--;
    return status;
}

static int directory_open(struct ll_places *places, size_t prefix_size)
{
    if (places->open_n == places->open_max) {
        size_t max = places->open_max > 0 ? 2 * places->open_max : 8;
        struct ll_directory *grown = ll_alloc_zero(max, sizeof(*grown));

        if (grown == NULL) {
            return LEASELOCK_E_NOMEM;
        }
        if (places->open_n > 0) {
            memcpy(grown, places->open, places->open_n * sizeof(*grown));
        }
        ll_free(places->open);
        places->open = grown;
        places->open_max = max;
    }
    places->open[places->open_n++] = (struct ll_directory){
        .prefix_size = prefix_size, .oldest = NONE, .blocked_from = INT64_MAX};
    return 0;
}

/** Closes and opens directories until the open ones are those that contain the
 *  key and that may be names of locks. */
static int places_move(struct ll_places *places,
                       struct ll_bytes key,
                       size_t namespace_size,
                       size_t prefix_size)
{
    size_t from = namespace_size + 1;
    int status = 0;

    while (places->open_n > 0 && status == 0) {
        size_t size = places->open[places->open_n - 1].prefix_size;

        if (key.size >= size && memcmp(key.data, places->last, size) == 0) {
            from = size;
            break;
        }
        status = directory_close(places, namespace_size);
    }
    ll_free(places->last);
    places->last = ll_alloc_copy(key.data, key.size);
    places->last_size = key.size;
    if (places->last == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (from < prefix_size) {
        from = prefix_size;
    }
    for (size_t at = from; at < key.size && status == 0 &&
                           at - namespace_size <= LEASELOCK_NAME_MAX;
         at++) {
        if (key.data[at] == '/') {
            status = directory_open(places, at + 1);
        }
    }
    return status;
}

static int place_add(struct ll_places *places,
                     struct ll_directory *directory,
                     const struct ll_kv *kv,
                     size_t namespace_size)
{
    int status = places_append(places, namespace_size, directory);
    size_t at = places->n - 1;

    if (status != 0) {
        return status;
    }
    if (directory->oldest == NONE ||
        kv->create_revision < places->places[directory->oldest].entry.token) {
        directory->oldest = at;
    }
    return ll_entry_fill(&places->places[at].entry, kv, directory->prefix_size);
}

/** Counts a key whose shape is not that of a place in this queue. */
static int other_add(struct ll_directory *directory, const struct ll_kv *kv)
{
    if (kv->create_revision < directory->blocked_from &&
        !ll_key_is_apart(kv->key, directory->prefix_size)) {
        directory->blocked_from = kv->create_revision;
    }
    if (directory->others_n > 0 &&
        directory->other.token <= kv->create_revision) {
        directory->others_n++;
        return 0;
    }
    if (directory->others_n++ > 0) {
        ll_entry_free(&directory->other);
    }
    return ll_entry_fill(&directory->other, kv, directory->prefix_size);
}

int ll_places_add(struct ll_places *places,
                  const struct ll_kv *kv,
                  size_t namespace_size,
                  size_t prefix_size)
{
    size_t name_size = 0;
    bool is_place = ll_place_shape(kv, &name_size) != LL_PLACE_NONE;
    int status = places_move(places, kv->key, namespace_size, prefix_size);

    for (size_t i = 0; i < places->open_n && status == 0; i++) {
        struct ll_directory *directory = &places->open[i];

        status = is_place && directory->prefix_size == name_size + 1
                     ? place_add(places, directory, kv, namespace_size)
                     : other_add(directory, kv);
    }
    return status;
}

static int compare(const void *a, const void *b)
{
    const struct ll_place *one = a;
    const struct ll_place *other = b;
    int order = strcmp(one->name, other->name);

    if (order == 0) {
        order = (one->entry.token > other->entry.token) -
                (one->entry.token < other->entry.token);
    }
    return order;
}

/** Finds the places that hold their lock. */
static void places_grant(struct ll_places *places, size_t namespace_size)
{
    struct ll_grants grants = {0};
    int64_t blocked_from = INT64_MAX;

    for (size_t i = 0; i < places->n; i++) {
        struct ll_place *place = &places->places[i];

        if (i == 0 || strcmp(place->name, places->places[i - 1].name) != 0) {
            grants = (struct ll_grants){0};
            blocked_from = place->blocked_from;
        }
        grants.exclusive |= place->entry.token > blocked_from;
        place->entry.holds = ll_grants_add(
            &grants, &place->entry, namespace_size + strlen(place->name) + 1);
    }
}

int ll_places_end(struct ll_places *places, size_t namespace_size)
{
    int status = 0;

    while (places->open_n > 0 && status == 0) {
        status = directory_close(places, namespace_size);
    }
    if (places->n > 1 && status == 0) {
        qsort(places->places, places->n, sizeof(*places->places), compare);
    }
    if (status == 0) {
        places_grant(places, namespace_size);
    }
    return status;
}

void ll_places_free(struct ll_places *places)
{
    for (size_t i = 0; i < places->n; i++) {
        ll_free(places->places[i].name);
        ll_entry_free(&places->places[i].entry);
    }
    for (size_t i = 0; i < places->open_n; i++) {
        if (places->open[i].others_n > 0) {
            ll_entry_free(&places->open[i].other);
        }
    }
    ll_free(places->places);
    ll_free(places->open);
    ll_free(places->last);
    *places = (struct ll_places){0};
}
