/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_txn.h"

#include <stdlib.h>

#include <grpc/status.h>

static const struct sim_error error_too_many_ops = {
    GRPC_STATUS_INVALID_ARGUMENT,
    "etcdserver: too many operations in txn request"};
static const struct sim_error error_duplicate_key = {
    GRPC_STATUS_INVALID_ARGUMENT,
    "etcdserver: duplicate key given in txn request"};

bool sim_txn_is_read(const struct ll_txn *txn)
{
    size_t i;

    for (i = 0; i < txn->then_n; i++) {
        if (txn->then_ops[i].kind != LL_OP_RANGE) {
            return false;
        }
    }
    for (i = 0; i < txn->else_n; i++) {
        if (txn->else_ops[i].kind != LL_OP_RANGE) {
            return false;
        }
    }
    return true;
}

bool sim_txn_is_serializable(const struct ll_txn *txn)
{
    size_t i;

    for (i = 0; i < txn->then_n; i++) {
        if (!txn->then_ops[i].range.serializable) {
            return false;
        }
    }
    for (i = 0; i < txn->else_n; i++) {
        if (!txn->else_ops[i].range.serializable) {
            return false;
        }
    }
    return true;
}

static const struct sim_error *check_sizes(const struct ll_txn *txn,
                                           size_t ops_max);

static const struct sim_error *
check_ops(const struct ll_op *ops, size_t n, size_t ops_max)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct sim_error *error = NULL;

        switch (ops[i].kind) {
        case LL_OP_RANGE:
            error = ops[i].range.key.size == 0 ? &sim_error_empty_key : NULL;
            break;
        case LL_OP_PUT:
            error = ops[i].put.key.size == 0 ? &sim_error_empty_key : NULL;
            break;
        case LL_OP_DELETE:
            error = ops[i].del.key.size == 0 ? &sim_error_empty_key : NULL;
            break;
        case LL_OP_TXN:
            error = check_sizes(&ops[i].txn, ops_max);
            break;
        }
        if (error != NULL) {
            return error;
        }
    }
    return NULL;
}

/** The longest of the three lists counts, and the remainder is the limit for
 * the nested Txns. */
static const struct sim_error *check_sizes(const struct ll_txn *txn,
                                           size_t ops_max)
{
    const struct sim_error *error = NULL;
    size_t n = txn->compares_n;
    size_t i;

    n = n < txn->then_n ? txn->then_n : n;
    n = n < txn->else_n ? txn->else_n : n;
    if (n > ops_max) {
        return &error_too_many_ops;
    }
    for (i = 0; i < txn->compares_n; i++) {
        if (txn->compares[i].key.size == 0) {
            return &sim_error_empty_key;
        }
    }
    error = check_ops(txn->then_ops, txn->then_n, ops_max - n);
    if (error != NULL) {
        return error;
    }
    return check_ops(txn->else_ops, txn->else_n, ops_max - n);
}

/** The writes of a list of operations, nested ones included. */
struct writes {
    struct ll_bytes *puts;
    size_t puts_n;
    size_t puts_capacity;
    const struct ll_delete **dels;
    size_t dels_n;
    size_t dels_capacity;
};

static void writes_free(struct writes *writes)
{
    free(writes->puts);
    free(writes->dels);
}

static bool has_put(const struct writes *writes, struct ll_bytes key)
{
    size_t i;

    for (i = 0; i < writes->puts_n; i++) {
        if (sim_bytes_compare(writes->puts[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static void add_put(struct writes *writes, struct ll_bytes key)
{
    if (has_put(writes, key)) {
        return;
    }
    SIM_RESERVE(writes->puts, writes->puts_n, writes->puts_capacity);
    writes->puts[writes->puts_n++] = key;
}

static void add_delete(struct writes *writes, const struct ll_delete *del)
{
    SIM_RESERVE(writes->dels, writes->dels_n, writes->dels_capacity);
    writes->dels[writes->dels_n++] = del;
}

/** Whether a delete so far includes the key. etcd does not treat an open end
 * here as such, so a delete with one overlaps nothing. */
static bool has_delete(const struct writes *writes, struct ll_bytes key)
{
    size_t i;

    for (i = 0; i < writes->dels_n; i++) {
        if (!sim_end_is_open(writes->dels[i]->end) &&
            sim_range_has(writes->dels[i]->key, writes->dels[i]->end, key)) {
            return true;
        }
    }
    return false;
}

static bool
gather(const struct ll_op *ops, size_t n, struct writes *ret_writes);

/** Adds the possible writes of a nested Txn. A key that both of its branches
 * put is put once. A put is compared only with the deletes before it: a later
 * sibling may delete what an earlier one puts. */
static bool gather_txn(const struct ll_txn *txn, struct writes *writes)
{
    struct writes yes = {0};
    struct writes no = {0};
    bool good = gather(txn->then_ops, txn->then_n, &yes) &&
                gather(txn->else_ops, txn->else_n, &no);
    size_t i;

    for (i = 0; good && i < yes.puts_n; i++) {
        good =
            !has_put(writes, yes.puts[i]) && !has_delete(writes, yes.puts[i]);
        add_put(writes, yes.puts[i]);
    }
    for (i = 0; good && i < no.puts_n; i++) {
        good = (!has_put(writes, no.puts[i]) || has_put(&yes, no.puts[i])) &&
               !has_delete(writes, no.puts[i]);
        add_put(writes, no.puts[i]);
    }
    for (i = 0; good && i < yes.dels_n; i++) {
        add_delete(writes, yes.dels[i]);
    }
    for (i = 0; good && i < no.dels_n; i++) {
        add_delete(writes, no.dels[i]);
    }
    writes_free(&yes);
    writes_free(&no);
    return good;
}

/** Collects the possible writes of a list of operations: its deletes, then its
 * nested Txns, then its puts. False: a key would be written twice. */
static bool gather(const struct ll_op *ops, size_t n, struct writes *ret_writes)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (ops[i].kind == LL_OP_DELETE) {
            add_delete(ret_writes, &ops[i].del);
        }
    }
    for (i = 0; i < n; i++) {
        if (ops[i].kind == LL_OP_TXN && !gather_txn(&ops[i].txn, ret_writes)) {
            return false;
        }
    }
    for (i = 0; i < n; i++) {
        if (ops[i].kind != LL_OP_PUT) {
            continue;
        }
        if (has_put(ret_writes, ops[i].put.key) ||
            has_delete(ret_writes, ops[i].put.key)) {
            return false;
        }
        add_put(ret_writes, ops[i].put.key);
    }
    return true;
}

static bool is_written_once(const struct ll_op *ops, size_t n)
{
    struct writes writes = {0};
    bool good = gather(ops, n, &writes);

    writes_free(&writes);
    return good;
}

const struct sim_error *sim_txn_check(const struct ll_txn *txn, size_t ops_max)
{
    const struct sim_error *error = check_sizes(txn, ops_max);

    if (error == NULL && (!is_written_once(txn->then_ops, txn->then_n) ||
                          !is_written_once(txn->else_ops, txn->else_n))) {
        error = &error_duplicate_key;
    }
    return error;
}
