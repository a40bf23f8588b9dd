/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_places.h"

#include <string.h>

/**
 * The Txns by which tickets take and leave places in a queue, several in one
 * request, in every order: also in those that core avoids. */

/** Of each mode; in both ranges of the exclusive ones. */
static const char *const keys[] = {"a/1", "a/~.s1", "a/~.s2", "a/~~", "a/2"};

#define KEYS_N (sizeof(keys) / sizeof(keys[0]))
/** The most operations of each kind that a place has. */
#define PARTS_MAX 3

static int64_t below(struct sim_program *program, int64_t n)
{
    return sim_random_below(&program->random, n);
}

static struct ll_bytes bytes(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

static struct ll_op op_range(const char *from, const char *end, bool oldest)
{
    return (struct ll_op){
        .kind = LL_OP_RANGE,
        .range = {.key = bytes(from),
                  .end = bytes(end),
                  .sort = oldest ? LL_SORT_OLDEST_FIRST : LL_SORT_NEWEST_FIRST,
                  .limit = 1,
                  .keys_only = !oldest}};
}

static struct ll_compare created(const char *key, const char *end)
{
    return (struct ll_compare){.key = bytes(key),
                               .end = bytes(end),
                               .target = LL_COMPARE_CREATE_REVISION,
                               .result = LL_COMPARE_EQUAL};
}

/** The parts of one place. */
struct parts {
    struct ll_compare *compares;
    struct ll_op *then_ops;
    struct ll_op *else_ops;
};

static struct ll_op op_put(struct sim_program *program, const char *key)
{
    return (struct ll_op){
        .kind = LL_OP_PUT,
        .put = {.key = bytes(key),
                .value = bytes("x"),
                .lease = below(program, 3) == 0
                             ? 1000 + below(program, SIM_PROGRAM_LEASES)
                             : 0}};
}

static void build_enqueue(struct sim_program *program,
                          const char *key,
                          bool shared,
                          struct parts *parts,
                          struct ll_txn *txn)
{
    parts->compares[txn->compares_n++] = created(key, "");
    parts->then_ops[txn->then_n++] =
        op_range("a/", shared ? "a/~." : "a0", false);
    if (shared) {
        parts->then_ops[txn->then_n++] = op_range("a/~/", "a0", false);
    }
    parts->then_ops[txn->then_n++] = op_put(program, key);
    parts->else_ops[txn->else_n++] = op_range(key, "", false);
}

static void build_try(struct sim_program *program,
                      const char *key,
                      bool shared,
                      struct parts *parts,
                      struct ll_txn *txn)
{
    parts->compares[txn->compares_n++] = created(key, "");
    parts->compares[txn->compares_n++] = created("a/", shared ? "a/~." : "a0");
    parts->else_ops[txn->else_n++] = op_range(key, "", false);
    parts->else_ops[txn->else_n++] =
        op_range("a/", shared ? "a/~." : "a0", true);
    if (shared) {
        parts->compares[txn->compares_n++] = created("a/~/", "a0");
        parts->else_ops[txn->else_n++] = op_range("a/~/", "a0", true);
    }
    parts->then_ops[txn->then_n++] = op_put(program, key);
}

static void build_release(struct sim_program *program,
                          const char *key,
                          struct parts *parts,
                          struct ll_txn *txn)
{
    struct ll_kv kv = {.create_revision = 0};

    (void)sim_etcd_get(program->model, bytes(key), &kv);
    parts->compares[0] = created(key, "");
    parts->compares[0].number = kv.create_revision;
    parts->then_ops[0] =
        (struct ll_op){.kind = LL_OP_DELETE, .del = {.key = bytes(key)}};
    txn->compares_n = 1;
    txn->then_n = 1;
}

/** What is ahead of a key: the key itself, and the newest two of each range. */
static void build_next(struct sim_program *program,
                       const char *key,
                       struct parts *parts,
                       struct ll_txn *txn)
{
    struct ll_kv kv = {.create_revision = 0};

    (void)sim_etcd_get(program->model, bytes(key), &kv);
    parts->then_ops[0] = op_range(key, "", false);
    parts->then_ops[1] = op_range("a/", "a/~.", false);
    parts->then_ops[2] = op_range("a/~/", "a0", false);
    for (size_t i = 1; i < PARTS_MAX; i++) {
        parts->then_ops[i].range.limit = 2;
        parts->then_ops[i].range.max_create_revision = kv.create_revision;
    }
    txn->then_n = PARTS_MAX;
}

static void
build_place(struct sim_program *program, const char *key, struct ll_txn *txn)
{
    struct sim_arena *arena = &program->arena;
    struct parts parts = {
        .compares = sim_arena_alloc(arena, PARTS_MAX, sizeof(*parts.compares)),
        .then_ops = sim_arena_alloc(arena, PARTS_MAX, sizeof(*parts.then_ops)),
        .else_ops = sim_arena_alloc(arena, PARTS_MAX, sizeof(*parts.else_ops))};
    bool shared = below(program, 4) != 0;

    *txn = (struct ll_txn){.compares = parts.compares,
                           .then_ops = parts.then_ops,
                           .else_ops = parts.else_ops};
    switch (below(program, 6)) {
    case 0:
    case 1:
        build_enqueue(program, key, shared, &parts, txn);
        break;
    case 2:
        build_try(program, key, shared, &parts, txn);
        break;
    case 3:
        build_next(program, key, &parts, txn);
        break;
    default:
        build_release(program, key, &parts, txn);
        break;
    }
}

void sim_places_build(struct sim_program *program, struct ll_txn *txn)
{
    size_t n = (size_t)below(program, KEYS_N + 1);
    size_t first = (size_t)below(program, KEYS_N);
    struct ll_op *ops = sim_arena_alloc(&program->arena, n, sizeof(*ops));

    if (n == 0) {
        build_place(program, keys[first], txn);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ops[i].kind = LL_OP_TXN;
        build_place(program, keys[(first + i) % KEYS_N], &ops[i].txn);
    }
    *txn = (struct ll_txn){.then_ops = ops, .then_n = n};
}
