/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_TXN_H
#define SIM_ETCD_TXN_H

#include "sim/etcd_mvcc.h"

/** Checks a Txn before it is applied: for an empty key, too many operations, a
 * key that is written twice. NULL: valid. */
const struct sim_error *sim_txn_check(const struct ll_txn *txn, size_t ops_max);

/** Whether etcd answers it without a proposal. Never true with a nested Txn. */
bool sim_txn_is_read(const struct ll_txn *txn);
/** Whether such a Txn needs no quorum. True also for one with compares and no
 * operation. */
bool sim_txn_is_serializable(const struct ll_txn *txn);

/** Whether a lease exists. */
typedef bool sim_lease_known_fn(void *arg, int64_t lease);

/**
 * Applies a Txn that has been checked. A read-only one reads at the view; any
 * other reads and writes the newest revision, and ends its write.
 *
 * @param store          NULL for a Txn that only reads
 * @param in_order       of several faults the first is reported, as 3.6 does;
 *                       else those of puts go before those of ranges
 * @param ret_revision   the header's
 * @return NULL, or the error, if nothing was done */
const struct sim_error *sim_txn_apply(const struct sim_view *view,
                                      struct sim_store *store,
                                      sim_lease_known_fn *lease_known,
                                      void *arg,
                                      bool in_order,
                                      const struct ll_txn *txn,
                                      struct sim_arena *arena,
                                      struct ll_txn_answer *ret_answer,
                                      int64_t *ret_revision);

extern const struct sim_error sim_error_no_lease;

#endif
