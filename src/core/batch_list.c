/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "core/batch.h"

/**
 * The list of what a batch reads and writes, for etcd's check of permissions
 * (see batch.h).
 */

bool ll_batch_list_has_room(const struct ll_batches *batches)
{
    return !batches->lists ||
           batches->listed_n + LL_BATCH_LISTED_PART_MAX <= LL_BATCH_LISTED_MAX;
}

/** As etcd orders keys. */
static int bytes_order(struct ll_bytes a, struct ll_bytes b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/** Whether one of the listed operations reads all of a range or a key. */
static bool is_listed(const struct ll_op *listed,
                      size_t n,
                      struct ll_bytes key,
                      struct ll_bytes end)
{
    for (size_t i = 0; i < n; i++) {
        const struct ll_range *range = &listed[i].range;

        if (listed[i].kind != LL_OP_RANGE) {
            continue;
        }
        if (ll_bytes_equal(range->key, key) &&
            ll_bytes_equal(range->end, end)) {
            return true;
        }
        if (end.size == 0 && range->end.size > 0 &&
            bytes_order(range->key, key) <= 0 &&
            bytes_order(key, range->end) < 0) {
            return true;
        }
    }
    return false;
}

/** Lists an operation for etcd's check of permissions; a condition is listed as
 *  the range that it reads. */
static void list_op(struct ll_op *listed, size_t *n, const struct ll_op *op)
{
    struct ll_op *to = &listed[*n];

    switch (op->kind) {
    case LL_OP_RANGE:
        if (is_listed(listed, *n, op->range.key, op->range.end)) {
            return;
        }
        *to = (struct ll_op){.kind = LL_OP_RANGE,
                             .range = {.key = op->range.key,
                                       .end = op->range.end,
                                       .keys_only = true,
                                       .count_only = true}};
        break;
    case LL_OP_PUT:
        *to = (struct ll_op){.kind = LL_OP_PUT, .put = {.key = op->put.key}};
        break;
    case LL_OP_DELETE:
        *to = *op;
        break;
    case LL_OP_TXN:
        assert(false); /* no part contains one */
        return;
    }
    assert(*n < LL_BATCH_LISTED_PART_MAX);
    ++*n;
}

void ll_batch_list_part(struct ll_batches *batches, const struct ll_txn *txn)
{
    struct ll_op *listed = &batches->listed[batches->listed_n];
    size_t n = 0;

    for (size_t i = 0; i < txn->then_n; i++) {
        list_op(listed, &n, &txn->then_ops[i]);
    }
    for (size_t i = 0; i < txn->else_n; i++) {
        list_op(listed, &n, &txn->else_ops[i]);
    }
    for (size_t i = 0; i < txn->compares_n; i++) {
        struct ll_op op = {.kind = LL_OP_RANGE,
                           .range = {.key = txn->compares[i].key,
                                     .end = txn->compares[i].end}};

        list_op(listed, &n, &op);
    }
    batches->listed_n += n;
}
