/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BATCH_QUEUES_H
#define LL_CORE_BATCH_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/batch.h"

struct ll_core;
struct ll_object;

/** A bit for each queue, approximately. */
#define LL_BATCH_QUEUE_BITS 1024

/** The queues that a batch contains, by the kind of their parts; zeroed: none. */
struct ll_batch_queues {
    uint64_t has[LL_SHARES][LL_BATCH_QUEUE_BITS / 64];
};

/** Adds an object's queue. @return whether the object may share the batch */
bool ll_batch_queues_add(struct ll_batch_queues *queues,
                         struct ll_object *object);

/** How many operations of the batch an object's Txn is, if they may be flat;
 *  else 0. */
size_t ll_batch_flat_n(const struct ll_core *core, struct ll_object *object);

/** How many operations an object adds to a batch. */
size_t ll_batch_ops_n(const struct ll_core *core, struct ll_object *object);

#endif
