/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_WATCH_INDEX_H
#define LL_CORE_WATCH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ll_watch;

/**
 * The ON watches of a stream whose server numbers watches itself, by the
 * server's id (see watch.h).
 *
 * The pointers are sorted by id. A server counts upward, so a new watch is
 * appended; one that ends is found by bisection, and those behind it move up.
 * The memory grows by a quarter: ten bytes a watch, of which a process may have
 * a hundred thousand.
 */
struct ll_watch_index {
    struct ll_watch **watches;
    size_t n;
    size_t capacity;
};

/** Adds a watch by its id; false: out of memory, or the id is taken. */
bool ll_watch_index_add(struct ll_watch_index *index, struct ll_watch *watch);
/** NULL: there is none. */
struct ll_watch *ll_watch_index_find(const struct ll_watch_index *index,
                                     int64_t id);
/** Takes out a watch, if it is there. */
void ll_watch_index_remove(struct ll_watch_index *index,
                           const struct ll_watch *watch);
/** Removes all watches, and frees the memory. */
void ll_watch_index_clear(struct ll_watch_index *index);

#endif
