/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_ETCD_ARENA_H
#define LL_ETCD_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/**
 * Memory that is freed all at once: what one message takes while it is built
 * or read. Start with all zero.
 */
struct ll_arena {
    struct ll_arena_block *blocks; /* the newest first */
    unsigned char *at;
    size_t left;
    /** An allocation has failed. */
    bool failed;
};

/** Aligned for every type; NULL when there is no memory. */
void *ll_arena_alloc(struct ll_arena *arena, size_t size);

/** Room for n elements; NULL also when n * size overflows. */
void *ll_arena_array(struct ll_arena *arena, size_t n, size_t size);

void ll_arena_free(struct ll_arena *arena);

/** For protobuf-c: allocates in the arena and frees nothing. It points at the
 *  arena, which must outlive it. */
ProtobufCAllocator ll_arena_allocator(struct ll_arena *arena);

#endif
