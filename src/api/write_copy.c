/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/write.h"
#include "base/alloc.h"

/** A write's conditions, reads and writes: checks them, and copies for core. */

/** Adds to a write's byte count; false: no data where it is required, or too
 *  many bytes. */
static bool
count_bytes(const void *data, size_t size, bool may_be_empty, size_t *total)
{
    if ((size == 0 && !may_be_empty) || (size > 0 && data == NULL)) {
        return false;
    }
    *total = size < LL_WRITE_BYTES_MAX ? *total + size : LL_WRITE_BYTES_MAX + 1;
    return true;
}

int ll_write_count(const struct ll_write_ask *ask,
                   size_t *ret_n,
                   const char **ret_why)
{
    const struct leaselock_txn *txn = ask->txn;
    size_t n = ask->value != NULL ? ask->value->size : 0;
    bool valid =
        (txn->compares_n == 0 || txn->compares != NULL) &&
        (txn->ops_n == 0 || txn->ops != NULL) &&
        (txn->reads_n == 0 || (txn->reads != NULL && txn->ret_reads != NULL));

    *ret_why = "a condition, read or write has no key, or has no data for its "
               "size";
    if (txn->compares_n > LEASELOCK_TXN_PARTS_MAX ||
        txn->ops_n > LEASELOCK_TXN_PARTS_MAX ||
        txn->reads_n > LEASELOCK_TXN_PARTS_MAX - txn->ops_n) {
        *ret_why = "a transaction has at most 100 conditions, and 100 reads "
                   "and writes together";
        return LEASELOCK_E_LIMIT;
    }
    for (size_t i = 0; valid && i < txn->compares_n; i++) {
        const struct leaselock_compare *compare = &txn->compares[i];
        bool values = compare->target == LEASELOCK_COMPARE_VALUE;

        valid = count_bytes(compare->key, compare->key_size, false, &n) &&
                (!values ||
                 count_bytes(compare->value, compare->value_size, true, &n)) &&
                (unsigned)compare->target <= LEASELOCK_COMPARE_VALUE &&
                (unsigned)compare->result <= LEASELOCK_COMPARE_NOT_EQUAL;
    }
    for (size_t i = 0; valid && i < txn->reads_n; i++) {
        const struct leaselock_read *read = &txn->reads[i];

        valid = count_bytes(read->key, read->key_size, false, &n) &&
                count_bytes(read->end, read->end_size, true, &n) &&
                (read->end == NULL) == (read->end_size == 0) &&
                read->limit >= 0;
    }
    for (size_t i = 0; valid && i < txn->ops_n; i++) {
        const struct leaselock_op *op = &txn->ops[i];
        bool puts = op->kind == LEASELOCK_OP_PUT;

        valid = count_bytes(op->key, op->key_size, false, &n) &&
                (!puts || count_bytes(op->value, op->value_size, true, &n)) &&
                (unsigned)op->kind <= LEASELOCK_OP_DELETE;
    }
    if (n > LL_WRITE_BYTES_MAX) {
        *ret_why = "a transaction has at most 64 MiB";
        return LEASELOCK_E_LIMIT;
    }
    *ret_n = n;
    return valid ? 0 : LEASELOCK_E_ARGUMENT;
}

static struct ll_bytes
keep_bytes(struct ll_write_object *write, const void *data, size_t size)
{
    struct ll_bytes kept = {write->bytes + write->bytes_n, size};

    if (size > 0) {
        memcpy(write->bytes + write->bytes_n, data, size);
    }
    write->bytes_n += size;
    return kept;
}

static enum ll_compare_target target_of(enum leaselock_compare_target target)
{
    switch (target) {
    case LEASELOCK_COMPARE_VERSION:
        return LL_COMPARE_VERSION;
    case LEASELOCK_COMPARE_CREATE_REVISION:
        return LL_COMPARE_CREATE_REVISION;
    case LEASELOCK_COMPARE_MOD_REVISION:
        return LL_COMPARE_MOD_REVISION;
    case LEASELOCK_COMPARE_LEASE:
        return LL_COMPARE_LEASE;
    case LEASELOCK_COMPARE_VALUE:
        break;
    }
    return LL_COMPARE_VALUE;
}

static enum ll_compare_result result_of(enum leaselock_compare_result result)
{
    switch (result) {
    case LEASELOCK_COMPARE_EQUAL:
        return LL_COMPARE_EQUAL;
    case LEASELOCK_COMPARE_GREATER:
        return LL_COMPARE_GREATER;
    case LEASELOCK_COMPARE_LESS:
        return LL_COMPARE_LESS;
    case LEASELOCK_COMPARE_NOT_EQUAL:
        break;
    }
    return LL_COMPARE_NOT_EQUAL;
}

static void keep_compare(struct ll_write_object *write,
                         const struct leaselock_compare *from,
                         struct ll_compare *to)
{
    to->key = keep_bytes(write, from->key, from->key_size);
    to->target = target_of(from->target);
    to->result = result_of(from->result);
    if (from->target == LEASELOCK_COMPARE_VALUE) {
        to->value = keep_bytes(write, from->value, from->value_size);
    } else {
        to->number = from->number;
    }
}

static void keep_read(struct ll_write_object *write,
                      const struct leaselock_read *from,
                      struct ll_range *to)
{
    to->key = keep_bytes(write, from->key, from->key_size);
    to->end = keep_bytes(write, from->end, from->end_size);
    to->limit = from->limit;
    to->keys_only = from->keys_only != 0;
}

static void keep_op(struct ll_write_object *write,
                    const struct leaselock_op *from,
                    struct ll_op *to)
{
    struct ll_bytes key = keep_bytes(write, from->key, from->key_size);

    switch (from->kind) {
    case LEASELOCK_OP_PUT:
        to->kind = LL_OP_PUT;
        to->put.key = key;
        to->put.value = keep_bytes(write, from->value, from->value_size);
        to->put.lease = from->lease;
        break;
    case LEASELOCK_OP_DELETE:
        to->kind = LL_OP_DELETE;
        to->del.key = key;
        break;
    }
}

struct ll_write_object *ll_write_new(struct ll_ticket_object *ticket,
                                     const struct ll_write_ask *ask,
                                     size_t bytes_n)
{
    const struct leaselock_txn *txn = ask->txn;
    struct ll_write_object *write = ll_alloc_zero(1, sizeof(*write));

    if (write == NULL) {
        return NULL;
    }
    write->handle.client = ticket->handle.client;
    ll_handle_ref(&ticket->handle.client->handle);
    write->ticket = ticket;
    ll_handle_ref(&ticket->handle);
    ll_link_init(&write->link);
    ll_link_init(&write->asked);
    ll_completion_init(&write->completion, &write->handle, ask->done, ask->arg);
    write->last.text = "";
    write->releases = txn->release != 0;
    write->ret_revision = txn->ret_revision;
    write->compares = ll_alloc_zero(txn->compares_n, sizeof(*write->compares));
    write->ops = ll_alloc_zero(txn->ops_n, sizeof(*write->ops));
    write->reads = ll_alloc_zero(txn->reads_n, sizeof(*write->reads));
    write->reads_n = txn->reads_n;
    write->ret_reads = txn->ret_reads;
    write->bytes = ll_alloc(bytes_n);
    if (write->compares == NULL || write->ops == NULL || write->reads == NULL ||
        write->bytes == NULL) {
        ll_write_destroy(&write->handle);
        return NULL;
    }
    for (size_t i = 0; i < txn->compares_n; i++) {
        keep_compare(write, &txn->compares[i], &write->compares[i]);
    }
    for (size_t i = 0; i < txn->ops_n; i++) {
        keep_op(write, &txn->ops[i], &write->ops[i]);
    }
    for (size_t i = 0; i < txn->reads_n; i++) {
        keep_read(write, &txn->reads[i], &write->reads[i]);
    }
    if (ask->value != NULL) {
        write->value = keep_bytes(write, ask->value->data, ask->value->size);
    }
    return write;
}
