/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_READ_H
#define LL_CORE_READ_H

#include <stdbool.h>

#include "core/event.h"

struct ll_batch;
struct ll_core;

/**
 * Many serializable reads, one request.
 *
 * The reads of a ticket that waits or holds are of its own key and the
 * predecessor's, or of the queue up to its own key. They are sent at once while
 * fewer such requests than the window are in flight; the others are pending,
 * and are sent together as the ranges of one Txn. For each read, etcd 3.4
 * copies what it has written and not yet flushed (backend's ConcurrentReadTx),
 * so ten thousand small reads among as many writes cost it far more than a
 * hundred large ones.
 *
 *     slot | event                       | next | does
 *     FREE | one read is pending         | OUT  | sends its own request
 *     FREE | more are pending            | OUT  | sends one Txn of all ranges
 *     OUT  | answered                    | FREE | passes each its ranges
 *     OUT  | no answer                   | FREE | reports that to each
 *     OUT  | refused as a whole          | FREE | each is resent, unbatched
 *
 * The ranges are side by side, not in nested Txns: etcd sends a Txn with
 * anything but serializable ranges through the quorum (v3_server.go's
 * isTxnSerializable). A read through the quorum is unbatched.
 */

/** The most reads of a queue in one request: etcd reads the whole of each
 *  queue, which may have thousands of keys. */
#define LL_READ_QUEUES_MAX 8

/** Draws a request of pending reads; false: none, or no slot is free. */
bool ll_reads_next(struct ll_core *core, struct ll_effect *ret_effect);
/** The answer to a batch of reads. */
void ll_reads_on_answer(struct ll_core *core,
                        struct ll_batch *batch,
                        const struct ll_event *event);

#endif
