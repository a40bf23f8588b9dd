/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/fenced.h"

#include "api/write.h"
#include "base/error.h"

static int fenced_txn(leaselock_ticket *ticket,
                      const struct leaselock_txn *txn,
                      int timeout_ms,
                      bool waits,
                      leaselock_done_fn *done,
                      void *arg,
                      struct leaselock_error *reterr)
{
    struct leaselock_txn own;
    struct ll_write_ask ask = {
        .txn = &own, .timeout_ms = timeout_ms, .done = done, .arg = arg};

    if (txn == NULL || ll_options_copy(&own, sizeof(own), txn) != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start a transaction with LEASELOCK_TXN_INIT");
    }
    return ll_write_run(ticket, &ask, waits, reterr);
}

int leaselock_fenced_txn(leaselock_ticket *ticket,
                         const struct leaselock_txn *txn,
                         int timeout_ms,
                         struct leaselock_error *reterr)
{
    return fenced_txn(ticket, txn, timeout_ms, true, NULL, NULL, reterr);
}

int leaselock_fenced_txn_async(leaselock_ticket *ticket,
                               const struct leaselock_txn *txn,
                               int timeout_ms,
                               leaselock_done_fn *done,
                               void *arg,
                               struct leaselock_error *reterr)
{
    return fenced_txn(ticket, txn, timeout_ms, false, done, arg, reterr);
}

static struct leaselock_txn txn_of(const struct leaselock_op *op)
{
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;

    txn.ops = op;
    txn.ops_n = 1;
    return txn;
}

int leaselock_fenced_put(leaselock_ticket *ticket,
                         const void *key,
                         size_t key_size,
                         const void *value,
                         size_t value_size,
                         int timeout_ms,
                         struct leaselock_error *reterr)
{
    struct leaselock_op op = {.kind = LEASELOCK_OP_PUT,
                              .key = key,
                              .key_size = key_size,
                              .value = value,
                              .value_size = value_size};
    struct leaselock_txn txn = txn_of(&op);

    return leaselock_fenced_txn(ticket, &txn, timeout_ms, reterr);
}

int leaselock_fenced_put_async(leaselock_ticket *ticket,
                               const void *key,
                               size_t key_size,
                               const void *value,
                               size_t value_size,
                               int timeout_ms,
                               leaselock_done_fn *done,
                               void *arg,
                               struct leaselock_error *reterr)
{
    struct leaselock_op op = {.kind = LEASELOCK_OP_PUT,
                              .key = key,
                              .key_size = key_size,
                              .value = value,
                              .value_size = value_size};
    struct leaselock_txn txn = txn_of(&op);

    return leaselock_fenced_txn_async(ticket, &txn, timeout_ms, done, arg,
                                      reterr);
}

int leaselock_fenced_delete(leaselock_ticket *ticket,
                            const void *key,
                            size_t key_size,
                            int timeout_ms,
                            struct leaselock_error *reterr)
{
    struct leaselock_op op = {
        .kind = LEASELOCK_OP_DELETE, .key = key, .key_size = key_size};
    struct leaselock_txn txn = txn_of(&op);

    return leaselock_fenced_txn(ticket, &txn, timeout_ms, reterr);
}

int leaselock_fenced_delete_async(leaselock_ticket *ticket,
                                  const void *key,
                                  size_t key_size,
                                  int timeout_ms,
                                  leaselock_done_fn *done,
                                  void *arg,
                                  struct leaselock_error *reterr)
{
    struct leaselock_op op = {
        .kind = LEASELOCK_OP_DELETE, .key = key, .key_size = key_size};
    struct leaselock_txn txn = txn_of(&op);

    return leaselock_fenced_txn_async(ticket, &txn, timeout_ms, done, arg,
                                      reterr);
}
