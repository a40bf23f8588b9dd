/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_MEMORY_H
#define SIM_ETCD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/request.h"

/**
 * The model's memory and its randomness. Memory comes from malloc and not from
 * ll_alloc, so that a test that fails the library's allocations does not affect
 * the model; if malloc fails, the test program aborts. */
void *sim_alloc(size_t n, size_t size); /* zeroed */
void *sim_grow(void *old, size_t n, size_t size);

/** Makes room for one more element of an array. */
#define SIM_RESERVE(array, n, capacity)                                        \
    do {                                                                       \
        if ((n) == (capacity)) {                                               \
            (capacity) = (capacity) == 0 ? 8 : 2 * (capacity);                 \
            (array) = sim_grow((array), (capacity), sizeof(*(array)));         \
        }                                                                      \
    } while (0)

/** Memory that is freed all at once. Start with all zero. */
struct sim_arena {
    struct sim_block *blocks;
};

void *sim_arena_alloc(struct sim_arena *arena, size_t n, size_t size);
void sim_arena_free(struct sim_arena *arena);

struct ll_bytes sim_copy_bytes(struct sim_arena *arena, struct ll_bytes bytes);
/** Copies a request with all that it points at. */
struct ll_request sim_copy_request(struct sim_arena *arena,
                                   const struct ll_request *request);

/** As memcmp; the shorter of two with the same start is less. */
int sim_bytes_compare(struct ll_bytes a, struct ll_bytes b);
/** Whether a key is in [first, end) by etcd's rule: an empty end means the
 * first key only, an end of one 0 byte everything from there on. */
bool sim_range_has(struct ll_bytes first,
                   struct ll_bytes end,
                   struct ll_bytes key);
/** Whether an end means "everything from there on". */
bool sim_end_is_open(struct ll_bytes end);

/** Random numbers, determined by the seed. */
uint64_t sim_random(uint64_t *state);
/** From 0 to below; 0 for a below of 0 or less. */
int64_t sim_random_below(uint64_t *state, int64_t below);

#endif
