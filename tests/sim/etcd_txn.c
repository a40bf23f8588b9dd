/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_txn.h"

#include <grpc/status.h>

const struct sim_error sim_error_no_lease = {
    GRPC_STATUS_NOT_FOUND, "etcdserver: requested lease not found"};

static const struct sim_error error_no_key = {GRPC_STATUS_INVALID_ARGUMENT,
                                              "etcdserver: key not found"};

/** A Txn that is being applied. */
struct run {
    const struct sim_view *view;
    struct sim_store *store; /* NULL: read-only */
    sim_lease_known_fn *lease_known;
    void *arg;
    struct sim_arena *arena;
    /** The branch that each Txn takes, in the order of the request. All are
     * decided before the first write. */
    bool *path;
    size_t path_n;
    size_t at;
};

static bool holds(enum ll_compare_result result, int order)
{
    switch (result) {
    case LL_COMPARE_EQUAL:
        return order == 0;
    case LL_COMPARE_GREATER:
        return order > 0;
    case LL_COMPARE_LESS:
        return order < 0;
    case LL_COMPARE_NOT_EQUAL:
        return order != 0;
    }
    return false;
}

static bool compare_kv(const struct ll_compare *compare, const struct ll_kv *kv)
{
    int64_t number = 0;

    switch (compare->target) {
    case LL_COMPARE_VALUE:
        return holds(compare->result,
                     sim_bytes_compare(kv->value, compare->value));
    case LL_COMPARE_VERSION:
        number = kv->version;
        break;
    case LL_COMPARE_CREATE_REVISION:
        number = kv->create_revision;
        break;
    case LL_COMPARE_MOD_REVISION:
        number = kv->mod_revision;
        break;
    case LL_COMPARE_LEASE:
        number = kv->lease;
        break;
    }
    return holds(compare->result,
                 (number > compare->number) - (number < compare->number));
}

/** Without a key, a compare of values is false, whatever its operator; numbers
 * compare as 0. */
static bool compare_range(const struct sim_view *view,
                          const struct ll_compare *compare)
{
    const struct sim_store *store = view->store;
    const struct ll_kv none = {0};
    size_t at = sim_store_lower(store, compare->key);
    bool any = false;

    for (; at < store->keys_n &&
           sim_range_has(compare->key, compare->end, store->keys[at]->name);
         at++) {
        const struct sim_version *version =
            sim_key_at(store->keys[at], view->revision);
        struct ll_kv kv;

        if (version == NULL) {
            continue;
        }
        any = true;
        sim_version_kv(version, &kv);
        if (!compare_kv(compare, &kv)) {
            return false;
        }
    }
    return any ||
           (compare->target != LL_COMPARE_VALUE && compare_kv(compare, &none));
}

/** The number of Txns in one, itself included. */
static size_t count_txns(const struct ll_txn *txn)
{
    size_t n = 1;
    size_t i;

    for (i = 0; i < txn->then_n; i++) {
        if (txn->then_ops[i].kind == LL_OP_TXN) {
            n += count_txns(&txn->then_ops[i].txn);
        }
    }
    for (i = 0; i < txn->else_n; i++) {
        if (txn->else_ops[i].kind == LL_OP_TXN) {
            n += count_txns(&txn->else_ops[i].txn);
        }
    }
    return n;
}

static void choose_path(struct run *run, const struct ll_txn *txn)
{
    const struct ll_op *ops = NULL;
    bool succeeded = true;
    size_t n = 0;
    size_t i;

    for (i = 0; i < txn->compares_n && succeeded; i++) {
        succeeded = compare_range(run->view, &txn->compares[i]);
    }
    run->path[run->path_n++] = succeeded;
    ops = succeeded ? txn->then_ops : txn->else_ops;
    n = succeeded ? txn->then_n : txn->else_n;
    for (i = 0; i < n; i++) {
        if (ops[i].kind == LL_OP_TXN) {
            choose_path(run, &ops[i].txn);
        }
    }
}

/** Errors that fail the whole Txn: a put's missing lease or key, a range's
 * invalid revision. Checks the one, the other, or both in the order of the
 * request. */
static const struct sim_error *
check_path(struct run *run, const struct ll_txn *txn, bool puts, bool ranges)
{
    bool succeeded = run->path[run->at++];
    const struct ll_op *ops = succeeded ? txn->then_ops : txn->else_ops;
    size_t n = succeeded ? txn->then_n : txn->else_n;
    size_t i;

    for (i = 0; i < n; i++) {
        const struct sim_error *error = NULL;
        int64_t revision = 0;

        switch (ops[i].kind) {
        case LL_OP_TXN:
            error = check_path(run, &ops[i].txn, puts, ranges);
            break;
        case LL_OP_PUT:
            if (puts && (ops[i].put.keep || ops[i].put.keep_lease) &&
                sim_store_find(run->store, ops[i].put.key,
                               run->view->revision) == NULL) {
                error = &error_no_key;
            } else if (puts && ops[i].put.lease != 0 &&
                       !run->lease_known(run->arg, ops[i].put.lease)) {
                error = &sim_error_no_lease;
            }
            break;
        case LL_OP_RANGE:
            revision = ops[i].range.revision;
            if (ranges && revision > run->view->revision) {
                error = &sim_error_future;
            } else if (ranges && revision != 0 &&
                       revision < run->view->compacted) {
                error = &sim_error_compacted;
            }
            break;
        case LL_OP_DELETE:
            break;
        }
        if (error != NULL) {
            return error;
        }
    }
    return NULL;
}

static void apply(struct run *run,
                  const struct ll_txn *txn,
                  struct ll_txn_answer *ret_answer);

static void apply_op(struct run *run,
                     const struct ll_op *op,
                     struct ll_op_answer *ret_answer)
{
    struct sim_view view = *run->view;

    ret_answer->kind = op->kind;
    switch (op->kind) {
    case LL_OP_RANGE:
        if (run->store != NULL) {
            view.revision = sim_store_open_revision(run->store);
        }
        /* Its revision was checked with the path. */
        (void)sim_range(&view, &op->range, run->arena, &ret_answer->range);
        break;
    case LL_OP_PUT:
        sim_store_put(run->store, &op->put);
        break;
    case LL_OP_DELETE:
        ret_answer->deleted =
            sim_store_delete(run->store, op->del.key, op->del.end);
        break;
    case LL_OP_TXN:
        apply(run, &op->txn, &ret_answer->txn);
        break;
    }
}

static void apply(struct run *run,
                  const struct ll_txn *txn,
                  struct ll_txn_answer *ret_answer)
{
    bool succeeded = run->path[run->at++];
    const struct ll_op *ops = succeeded ? txn->then_ops : txn->else_ops;
    size_t n = succeeded ? txn->then_n : txn->else_n;
    struct ll_op_answer *answers =
        sim_arena_alloc(run->arena, n, sizeof(*answers));
    size_t i;

    for (i = 0; i < n; i++) {
        apply_op(run, &ops[i], &answers[i]);
    }
    *ret_answer = (struct ll_txn_answer){succeeded, answers, n};
}

const struct sim_error *sim_txn_apply(const struct sim_view *view,
                                      struct sim_store *store,
                                      sim_lease_known_fn *lease_known,
                                      void *arg,
                                      bool in_order,
                                      const struct ll_txn *txn,
                                      struct sim_arena *arena,
                                      struct ll_txn_answer *ret_answer,
                                      int64_t *ret_revision)
{
    struct run run = {
        .view = view,
        .store = store,
        .lease_known = lease_known,
        .arg = arg,
        .arena = arena,
        .path = sim_arena_alloc(arena, count_txns(txn), sizeof(bool)),
    };
    const struct sim_error *error = NULL;

    choose_path(&run, txn);
    if (store != NULL) {
        error = check_path(&run, txn, true, in_order);
        run.at = 0;
    }
    if (error == NULL && (store == NULL || !in_order)) {
        error = check_path(&run, txn, false, true);
        run.at = 0;
    }
    if (error != NULL) {
        return error;
    }
    apply(&run, txn, ret_answer);
    *ret_revision = view->revision;
    if (store != NULL) {
        (void)sim_store_end(store);
        *ret_revision = store->revision;
    }
    return NULL;
}
