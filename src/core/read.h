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
 * What tickets ask for while they wait or hold, their own key and the
 * predecessor's, or the queue up to the own key, goes out at once while fewer
 * such requests than the window are unanswered; the others gather, and go out
 * together as the ranges of one Txn. etcd 3.4 copies what it has written and
 * not yet flushed for each read (backend's ConcurrentReadTx), so that ten
 * thousand small reads among as many writes cost it far more than a hundred
 * large ones.
 *
 *     slot | event                       | next | does
 *     FREE | one has gathered            | OUT  | its own request goes out
 *     FREE | more have gathered          | OUT  | one Txn of all ranges
 *     OUT  | answered                    | FREE | to each its ranges
 *     OUT  | no answer                   | FREE | the same to each
 *     OUT  | refused as a whole          | FREE | each is sent again, alone
 *
 * The ranges stand side by side, not in nested Txns: etcd sends a Txn that has
 * anything but serializable ranges through the quorum (v3_server.go's
 * isTxnSerializable). A read for the quorum goes alone.
 */

/** Reads of a queue in one request at most: etcd reads the whole of each, and
 *  thousands of keys may stand in it. */
#define LL_READ_QUEUES_MAX 8

/** Draws what has gathered; false: nothing, or no slot is free. */
bool ll_reads_next(struct ll_core *core, struct ll_effect *ret_effect);
/** The answer to a batch of reads. */
void ll_reads_on_answer(struct ll_core *core,
                        struct ll_batch *batch,
                        const struct ll_event *event);

#endif
