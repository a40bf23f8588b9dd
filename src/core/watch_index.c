/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch_index.h"

#include <string.h>

#include "base/alloc.h"
#include "core/watch.h"

/** Room for the first watches. */
#define FIRST 8

/** The position of the first watch whose id is not below this one. */
static size_t index_lower(const struct ll_watch_index *index, int64_t id)
{
    size_t from = 0;
    size_t to = index->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (index->watches[middle]->id < id) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool index_grow(struct ll_watch_index *index)
{
    size_t capacity = index->capacity + index->capacity / 4 + FIRST;
    struct ll_watch **watches = ll_alloc_zero(capacity, sizeof(*watches));

    if (watches == NULL) {
        return false;
    }
    if (index->n > 0) {
        memcpy(watches, index->watches, index->n * sizeof(*watches));
    }
    ll_free(index->watches);
    index->watches = watches;
    index->capacity = capacity;
    return true;
}

bool ll_watch_index_add(struct ll_watch_index *index, struct ll_watch *watch)
{
    size_t at = index_lower(index, watch->id);

    if (at < index->n && index->watches[at]->id == watch->id) {
        return false;
    }
    if (index->n == index->capacity && !index_grow(index)) {
        return false;
    }
    memmove(&index->watches[at + 1], &index->watches[at],
            (index->n - at) * sizeof(index->watches[0]));
    index->watches[at] = watch;
    index->n++;
    return true;
}

struct ll_watch *ll_watch_index_find(const struct ll_watch_index *index,
                                     int64_t id)
{
    size_t at = index_lower(index, id);

    return at < index->n && index->watches[at]->id == id ? index->watches[at]
                                                         : NULL;
}

void ll_watch_index_remove(struct ll_watch_index *index,
                           const struct ll_watch *watch)
{
    size_t at = index_lower(index, watch->id);

    if (at == index->n || index->watches[at] != watch) {
        return;
    }
    index->n--;
    memmove(&index->watches[at], &index->watches[at + 1],
            (index->n - at) * sizeof(index->watches[0]));
}

void ll_watch_index_clear(struct ll_watch_index *index)
{
    ll_free(index->watches);
    *index = (struct ll_watch_index){0};
}
