/* SPDX-License-Identifier: Apache-2.0 */
#include "core/batch_queues.h"

#include "core/object.h"

bool ll_batch_queues_add(struct ll_batch_queues *queues,
                         struct ll_object *object)
{
    static const bool may_share[LL_SHARES][LL_SHARES] = {
        [LL_SHARE_RELEASE] = {true, true, true, false},
        [LL_SHARE_PLACES] = {true, true, false, false},
        [LL_SHARE_PLACE] = {true, false, false, false},
    };
    uint64_t bit = object->queue_hash % LL_BATCH_QUEUE_BITS;
    uint64_t mask = UINT64_C(1) << bit % 64;
    enum ll_batch_share share = object->ops->batch->share(object);

    for (size_t i = 0; i < LL_SHARES; i++) {
        if (!may_share[share][i] && (queues->has[i][bit / 64] & mask) != 0) {
            return false;
        }
    }
    queues->has[share][bit / 64] |= mask;
    return true;
}

size_t ll_batch_flat_n(const struct ll_core *core, struct ll_object *object)
{
    const struct ll_batch_ops *ops = object->ops->batch;
    size_t n = ops->flat_n != NULL ? ops->flat_n(core, object) : 0;

    /* Only a deletion is flat without a condition. A batch that has one must
     * have no else branch, as that branch could be taken. */
    return n > 0 && core->batches.lists &&
                   ops->share(object) != LL_SHARE_RELEASE
               ? 0
               : n;
}

size_t ll_batch_ops_n(const struct ll_core *core, struct ll_object *object)
{
    size_t n = ll_batch_flat_n(core, object);

    return n > 0 ? n : 1;
}
