/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_block {
    struct sim_block *next;
    /** The bytes follow, aligned as malloc's. */
    max_align_t bytes[];
};

/** Without memory the model cannot continue. */
static void *need(void *memory)
{
    if (memory == NULL) {
        (void)fprintf(stderr, "sim: no memory\n");
        abort();
    }
    return memory;
}

void *sim_alloc(size_t n, size_t size)
{
    return need(calloc(n > 0 ? n : 1, size > 0 ? size : 1));
}

void *sim_grow(void *old, size_t n, size_t size)
{
    if (size > 0 && n > SIZE_MAX / size) {
        return need(NULL);
    }
    return need(realloc(old, n * size > 0 ? n * size : 1));
}

void *sim_arena_alloc(struct sim_arena *arena, size_t n, size_t size)
{
    struct sim_block *block = NULL;

    if (size > 0 && n > (SIZE_MAX - sizeof(*block)) / size) {
        return need(NULL);
    }
    block = sim_alloc(1, sizeof(*block) + n * size);
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

void sim_arena_free(struct sim_arena *arena)
{
    while (arena->blocks != NULL) {
        struct sim_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
}

struct ll_bytes sim_copy_bytes(struct sim_arena *arena, struct ll_bytes bytes)
{
    char *data = NULL;

    if (bytes.size == 0) {
        return (struct ll_bytes){"", 0};
    }
    data = sim_arena_alloc(arena, bytes.size, 1);
    memcpy(data, bytes.data, bytes.size);
    return (struct ll_bytes){data, bytes.size};
}

static struct ll_txn copy_txn(struct sim_arena *arena,
                              const struct ll_txn *txn);

static const struct ll_op *
copy_ops(struct sim_arena *arena, const struct ll_op *ops, size_t n)
{
    struct ll_op *copy = sim_arena_alloc(arena, n, sizeof(*copy));
    size_t i;

    for (i = 0; i < n; i++) {
        copy[i] = ops[i];
        switch (ops[i].kind) {
        case LL_OP_RANGE:
            copy[i].range.key = sim_copy_bytes(arena, ops[i].range.key);
            copy[i].range.end = sim_copy_bytes(arena, ops[i].range.end);
            break;
        case LL_OP_PUT:
            copy[i].put.key = sim_copy_bytes(arena, ops[i].put.key);
            copy[i].put.value = sim_copy_bytes(arena, ops[i].put.value);
            break;
        case LL_OP_DELETE:
            copy[i].del.key = sim_copy_bytes(arena, ops[i].del.key);
            copy[i].del.end = sim_copy_bytes(arena, ops[i].del.end);
            break;
        case LL_OP_TXN:
            copy[i].txn = copy_txn(arena, &ops[i].txn);
            break;
        }
    }
    return copy;
}

static struct ll_txn copy_txn(struct sim_arena *arena, const struct ll_txn *txn)
{
    struct ll_compare *compares =
        sim_arena_alloc(arena, txn->compares_n, sizeof(*compares));
    struct ll_txn copy = *txn;
    size_t i;

    for (i = 0; i < txn->compares_n; i++) {
        compares[i] = txn->compares[i];
        compares[i].key = sim_copy_bytes(arena, compares[i].key);
        compares[i].end = sim_copy_bytes(arena, compares[i].end);
        compares[i].value = sim_copy_bytes(arena, compares[i].value);
    }
    copy.compares = compares;
    copy.then_ops = copy_ops(arena, txn->then_ops, txn->then_n);
    copy.else_ops = copy_ops(arena, txn->else_ops, txn->else_n);
    return copy;
}

struct ll_request sim_copy_request(struct sim_arena *arena,
                                   const struct ll_request *request)
{
    struct ll_request copy = *request;

    switch (request->kind) {
    case LL_REQUEST_TXN:
        copy.txn = copy_txn(arena, &request->txn);
        break;
    case LL_REQUEST_RANGE:
        copy.range.key = sim_copy_bytes(arena, request->range.key);
        copy.range.end = sim_copy_bytes(arena, request->range.end);
        break;
    case LL_REQUEST_DELETE:
        copy.del.key = sim_copy_bytes(arena, request->del.key);
        copy.del.end = sim_copy_bytes(arena, request->del.end);
        break;
    case LL_REQUEST_LEASE_GRANT:
    case LL_REQUEST_LEASE_REVOKE:
    case LL_REQUEST_LEASE_TTL:
    case LL_REQUEST_STATUS:
    case LL_REQUEST_MEMBER_LIST:
        break;
    }
    return copy;
}

int sim_bytes_compare(struct ll_bytes a, struct ll_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool sim_end_is_open(struct ll_bytes end)
{
    return end.size == 1 && end.data[0] == '\0';
}

bool sim_range_has(struct ll_bytes first,
                   struct ll_bytes end,
                   struct ll_bytes key)
{
    int order = sim_bytes_compare(key, first);

    if (end.size == 0) {
        return order == 0;
    }
    return order >= 0 &&
           (sim_end_is_open(end) || sim_bytes_compare(key, end) < 0);
}

/** The splitmix64 step: every state, 0 too, is as good as any other. */
uint64_t sim_random(uint64_t *state)
{
    uint64_t z = 0;

    *state += UINT64_C(0x9e3779b97f4a7c15);
    z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t sim_random_below(uint64_t *state, int64_t below)
{
    if (below <= 0) {
        return 0;
    }
    return (int64_t)(sim_random(state) % (uint64_t)below);
}
