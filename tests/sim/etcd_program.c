/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_program.h"

#include <string.h>

#include "sim/etcd_places.h"

static const char *const keys[SIM_PROGRAM_KEYS] = {
    "a",    "a/", "a/1", "a/2", "a/~.s1", "a/~.s2",
    "a/~~", "a0", "b",   "b/1", "zz"};
static const char *const ends[] = {"a0", "a/2", "a/~.", "a/~/",
                                   "b",  "b0",  "zzz",  "a"};
static const char *const values[] = {"", "0", "1", "10", "2", "value"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int64_t below(struct sim_program *program, int64_t n)
{
    return sim_random_below(&program->random, n);
}

static bool one_in(struct sim_program *program, int64_t n)
{
    return below(program, n) == 0;
}

static struct ll_bytes bytes(const char *text)
{
    return (struct ll_bytes){text, strlen(text)};
}

static struct ll_bytes any_key(struct sim_program *program)
{
    if (one_in(program, 2000)) {
        return bytes("");
    }
    return bytes(keys[below(program, SIM_PROGRAM_KEYS)]);
}

/** The key only, a range that may be empty or reversed, or all keys from it
 * on. */
static struct ll_bytes any_end(struct sim_program *program)
{
    switch (below(program, 5)) {
    case 0:
    case 1:
        return bytes("");
    case 2:
        return (struct ll_bytes){"", 1};
    default:
        return bytes(ends[below(program, COUNT(ends))]);
    }
}

static struct ll_bytes any_value(struct sim_program *program)
{
    return bytes(values[below(program, COUNT(values))]);
}

static int64_t any_lease(struct sim_program *program)
{
    return 1000 + below(program, SIM_PROGRAM_LEASES);
}

/** A revision of some key's version, or one near the newest. */
static int64_t any_revision(struct sim_program *program)
{
    int64_t now = sim_etcd_revision(program->model);
    struct ll_kv kv;

    if (sim_etcd_get(program->model, any_key(program), &kv)) {
        return one_in(program, 2) ? kv.create_revision : kv.mod_revision;
    }
    return now - below(program, 20);
}

static void build_range(struct sim_program *program, struct ll_range *range)
{
    static const enum ll_sort sorts[] = {LL_SORT_NONE, LL_SORT_OLDEST_FIRST,
                                         LL_SORT_NEWEST_FIRST};
    int64_t now = sim_etcd_revision(program->model);

    *range = (struct ll_range){
        .key = any_key(program),
        .end = any_end(program),
        .sort = sorts[below(program, 3)],
        .limit = one_in(program, 2) ? below(program, 4) : 0,
        .serializable = one_in(program, 2),
        .keys_only = one_in(program, 3),
        .count_only = one_in(program, 6),
    };
    if (one_in(program, 3)) {
        range->max_create_revision = any_revision(program);
    }
    switch (below(program, 12)) {
    case 0:
        range->revision = now - below(program, 30);
        break;
    case 1:
        range->revision = any_revision(program);
        break;
    case 2:
        range->revision = program->compacted + below(program, 3) - 1;
        break;
    case 3:
        range->revision = one_in(program, 4) ? now + below(program, 3) : 0;
        break;
    default:
        break;
    }
    if (range->revision < 0) {
        range->revision = 0;
    }
}

static void build_compare(struct sim_program *program,
                          struct ll_compare *compare)
{
    static const enum ll_compare_target targets[] = {
        LL_COMPARE_VERSION, LL_COMPARE_CREATE_REVISION, LL_COMPARE_MOD_REVISION,
        LL_COMPARE_LEASE, LL_COMPARE_VALUE};
    static const enum ll_compare_result results[] = {
        LL_COMPARE_EQUAL, LL_COMPARE_GREATER, LL_COMPARE_LESS,
        LL_COMPARE_NOT_EQUAL};

    *compare = (struct ll_compare){
        .key = any_key(program),
        .end = one_in(program, 3) ? any_end(program) : bytes(""),
        .target = targets[below(program, 5)],
        .result = results[below(program, 4)],
        .value = any_value(program),
    };
    switch (compare->target) {
    case LL_COMPARE_VERSION:
        compare->number = below(program, 4);
        break;
    case LL_COMPARE_CREATE_REVISION:
    case LL_COMPARE_MOD_REVISION:
        compare->number =
            one_in(program, 3) ? below(program, 2) : any_revision(program);
        break;
    case LL_COMPARE_LEASE:
        compare->number = one_in(program, 2) ? any_lease(program) : 0;
        break;
    case LL_COMPARE_VALUE:
        break;
    }
}

static void
build_txn(struct sim_program *program, int depth, struct ll_txn *txn);

static const struct ll_op *
build_ops(struct sim_program *program, int depth, size_t n)
{
    struct ll_op *ops = sim_arena_alloc(&program->arena, n, sizeof(*ops));
    size_t i;

    for (i = 0; i < n; i++) {
        int64_t kind = below(program, depth < 3 ? 10 : 8);

        if (kind < 2) {
            ops[i].kind = LL_OP_RANGE;
            build_range(program, &ops[i].range);
        } else if (kind < 8 && !program->deletes) {
            ops[i].kind = LL_OP_PUT;
            ops[i].put = (struct ll_put){
                .key = any_key(program),
                .value = any_value(program),
                .lease = one_in(program, 4) ? any_lease(program) : 0,
            };
        } else if (kind < 8) {
            ops[i].kind = LL_OP_DELETE;
            ops[i].del.key = any_key(program);
            ops[i].del.end = one_in(program, 4) ? any_end(program) : bytes("");
        } else {
            ops[i].kind = LL_OP_TXN;
            build_txn(program, depth + 1, &ops[i].txn);
        }
    }
    return ops;
}

/** A put that does not change a key. It is alone in its Txn: etcd 3.4.23 panics
 * if another operation of the same Txn deletes the key before it. */
static void build_keep(struct sim_program *program, struct ll_txn *txn)
{
    struct ll_op *op = sim_arena_alloc(&program->arena, 1, sizeof(*op));

    op->kind = LL_OP_PUT;
    op->put = (struct ll_put){.key = any_key(program), .keep = true};
    if (one_in(program, 2)) {
        op->put.keep = false;
        op->put.keep_lease = true;
        op->put.value = bytes("kept");
    }
    txn->then_ops = op;
    txn->then_n = 1;
}

static void
build_txn(struct sim_program *program, int depth, struct ll_txn *txn)
{
    size_t n = (size_t)below(program, 3);
    struct ll_compare *compares =
        sim_arena_alloc(&program->arena, n, sizeof(*compares));
    size_t i;

    if (depth == 0) {
        program->deletes = one_in(program, 4);
    }
    for (i = 0; i < n; i++) {
        build_compare(program, &compares[i]);
    }
    txn->compares = compares;
    txn->compares_n = n;
    if (depth == 0 && one_in(program, 8)) {
        build_keep(program, txn);
        return;
    }
    txn->then_n = (size_t)below(program, depth == 0 ? 5 : 3);
    txn->then_ops = build_ops(program, depth, txn->then_n);
    txn->else_n = (size_t)below(program, depth == 0 ? 5 : 3);
    txn->else_ops = build_ops(program, depth, txn->else_n);
}

/** A Txn with the maximum number of nested ones, or one or two more. */
static void build_large_txn(struct sim_program *program, struct ll_txn *txn)
{
    size_t n = 125 + (size_t)below(program, 5);
    struct ll_op *ops = sim_arena_alloc(&program->arena, n, sizeof(*ops));
    size_t i;

    for (i = 0; i < n; i++) {
        struct ll_op *range =
            sim_arena_alloc(&program->arena, 2, sizeof(*range));

        range[0].kind = LL_OP_RANGE;
        range[0].range.key = bytes(keys[0]);
        range[1] = range[0];
        ops[i].kind = LL_OP_TXN;
        ops[i].txn.then_ops = range;
        ops[i].txn.then_n = 2;
    }
    *txn = (struct ll_txn){.then_ops = ops, .then_n = n};
}

static void build_lease(struct sim_program *program, struct ll_request *request)
{
    request->lease.lease = any_lease(program);
    switch (below(program, 5)) {
    case 0:
    case 1:
        request->kind = LL_REQUEST_LEASE_GRANT;
        request->lease.ttl_s = 1000 + below(program, 1000);
        if (one_in(program, 20)) {
            request->lease.ttl_s = INT64_C(9000000000) + below(program, 2);
        } else if (one_in(program, 20)) {
            request->lease.lease = 2000;
            request->lease.ttl_s = below(program, 4) - 1;
            program->brief_lease = request->lease.lease;
        }
        break;
    case 2:
    case 3:
        request->kind = LL_REQUEST_LEASE_REVOKE;
        break;
    default:
        request->kind = LL_REQUEST_LEASE_TTL;
        request->lease.keys = one_in(program, 2);
        break;
    }
}

static void build_request(struct sim_program *program,
                          struct ll_request *request)
{
    int64_t kind = below(program, 100);

    if (program->brief_lease != 0) {
        request->kind = LL_REQUEST_LEASE_REVOKE;
        request->lease.lease = program->brief_lease;
        program->brief_lease = 0;
    } else if (kind < 20) {
        request->kind = LL_REQUEST_RANGE;
        build_range(program, &request->range);
    } else if (kind < 38) {
        build_lease(program, request);
    } else if (kind < 39) {
        request->kind = LL_REQUEST_STATUS;
    } else {
        request->kind = LL_REQUEST_TXN;
        if (one_in(program, 300)) {
            build_large_txn(program, &request->txn);
        } else if (one_in(program, 3)) {
            sim_places_build(program, &request->txn);
        } else {
            build_txn(program, 0, &request->txn);
        }
    }
}

static void build_watch(struct sim_program *program,
                        struct sim_watch_request *watch)
{
    *watch = (struct sim_watch_request){
        .watch_id = one_in(program, 5) ? 0 : ++program->watch_id_next,
        .key = any_key(program),
        .end = one_in(program, 2) ? any_end(program) : bytes(""),
        .puts = !one_in(program, 4),
        .deletions = !one_in(program, 4),
        .prev_values = one_in(program, 3),
    };
    if (one_in(program, 40)) {
        watch->key = bytes("");
    }
    if (one_in(program, 10)) {
        watch->watch_id = 1 + below(program, program->watch_id_next);
    }
    /* Each watch that starts in the past makes the test wait for etcd's
     * loop. */
    if (one_in(program, 6)) {
        watch->start_revision = any_revision(program);
        if (one_in(program, 2) && program->compacted > 1) {
            watch->start_revision = program->compacted + below(program, 3) - 1;
        }
    }
}

void sim_program_next(struct sim_program *program, struct sim_step *ret_step)
{
    int64_t kind = below(program, 2000);
    int64_t now = sim_etcd_revision(program->model);

    sim_arena_free(&program->arena);
    *ret_step = (struct sim_step){.kind = SIM_STEP_CALL};
    if (program->brief_lease != 0 || kind >= 150) {
        build_request(program, &ret_step->request);
    } else if (kind < 60) {
        ret_step->kind = SIM_STEP_KEEPALIVE;
        ret_step->id = any_lease(program);
    } else if (kind < 100) {
        ret_step->kind = SIM_STEP_WATCH;
        build_watch(program, &ret_step->watch);
    } else if (kind < 135) {
        ret_step->kind = SIM_STEP_WATCH_CANCEL;
        ret_step->id = 1 + below(program, program->watch_id_next + 1);
    } else if (now - program->compacted > 10) {
        ret_step->kind = SIM_STEP_COMPACT;
        ret_step->id = now - below(program, 10);
        program->compacted = ret_step->id;
    } else {
        build_request(program, &ret_step->request);
    }
}

void sim_program_free(struct sim_program *program)
{
    sim_arena_free(&program->arena);
}
