/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/arena.h"

#include <stdint.h>

#include "base/alloc.h"

/** The first block; each further one is twice as large, up to the maximum. */
#define LL_ARENA_BLOCK_SIZE_MIN 2048
#define LL_ARENA_BLOCK_SIZE_MAX (1024 * 1024)

struct ll_arena_block {
    struct ll_arena_block *older;
    size_t size; /* of data */
    max_align_t data[];
};

static size_t block_size(const struct ll_arena *arena, size_t wanted)
{
    size_t size = LL_ARENA_BLOCK_SIZE_MIN;

    if (arena->blocks != NULL) {
        size = arena->blocks->size * 2;
    }
    if (size > LL_ARENA_BLOCK_SIZE_MAX) {
        size = LL_ARENA_BLOCK_SIZE_MAX;
    }
    return size > wanted ? size : wanted;
}

void *ll_arena_alloc(struct ll_arena *arena, size_t size)
{
    const size_t align = sizeof(max_align_t);
    struct ll_arena_block *block = NULL;
    void *memory = NULL;

    if (size > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    size = size == 0 ? align : (size + align - 1) / align * align;
    if (size > arena->left) {
        size_t room = block_size(arena, size);

        block = ll_alloc(offsetof(struct ll_arena_block, data) + room);
        if (block == NULL) {
            arena->failed = true;
            return NULL;
        }
        block->older = arena->blocks;
        block->size = room;
        arena->blocks = block;
        arena->at = (unsigned char *)block->data;
        arena->left = room;
    }
    memory = arena->at;
    arena->at += size;
    arena->left -= size;
    return memory;
}

void *ll_arena_array(struct ll_arena *arena, size_t n, size_t size)
{
    if (size > 0 && n > SIZE_MAX / size) {
        arena->failed = true;
        return NULL;
    }
    return ll_arena_alloc(arena, n * size);
}

void ll_arena_free(struct ll_arena *arena)
{
    while (arena->blocks != NULL) {
        struct ll_arena_block *block = arena->blocks;

        arena->blocks = block->older;
        ll_free(block);
    }
    *arena = (struct ll_arena){0};
}

static void *allocator_alloc(void *data, size_t size)
{
    return ll_arena_alloc(data, size);
}

static void allocator_free(void *data, void *memory)
{
    (void)data;
    (void)memory;
}

ProtobufCAllocator ll_arena_allocator(struct ll_arena *arena)
{
    return (ProtobufCAllocator){
        .alloc = allocator_alloc,
        .free = allocator_free,
        .allocator_data = arena,
    };
}
