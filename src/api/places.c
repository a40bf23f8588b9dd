#include "api/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/key.h"
#include "leaselock/status.h"

#define PLACES_MIN 64

bool ll_place_is(const struct ll_kv *kv, size_t *ret_name_size)
{
    const char *slash =
        kv->key.size > 0 ? memrchr(kv->key.data, '/', kv->key.size) : NULL;
    struct ll_bytes suffix;

    if (slash == NULL || slash == kv->key.data || kv->lease == 0) {
        return false;
    }
    *ret_name_size = (size_t)(slash - kv->key.data);
    suffix = (struct ll_bytes){slash + 1, kv->key.size - *ret_name_size - 1};
    return ll_suffix_is_of(suffix, kv->lease);
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

int ll_places_add(struct ll_places *places,
                  const struct ll_kv *kv,
                  size_t space_size)
{
    struct ll_place *place;
    size_t name_size;
    int status;

    if (!ll_place_is(kv, &name_size) || name_size <= space_size) {
        return 0;
    }
    status = places_grow(places);
    if (status != 0) {
        return status;
    }
    place = &places->places[places->n++];
    place->name =
        ll_alloc_copy(kv->key.data + space_size, name_size - space_size);
    status = ll_entry_fill(&place->entry, kv, name_size + 1);
    return place->name != NULL ? status : LEASELOCK_E_NOMEM;
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

void ll_places_sort(struct ll_places *places)
{
    if (places->n > 1) {
        qsort(places->places, places->n, sizeof(*places->places), compare);
    }
}

void ll_places_free(struct ll_places *places)
{
    for (size_t i = 0; i < places->n; i++) {
        ll_free(places->places[i].name);
        ll_entry_free(&places->places[i].entry);
    }
    ll_free(places->places);
    *places = (struct ll_places){NULL, 0, 0};
}
