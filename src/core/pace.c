/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pace.h"

#include "base/clock.h"
#include "core/object.h"

int64_t ll_pace_of(const struct ll_core *core, uint32_t queue_hash)
{
    const struct ll_pace *pace = &core->tickets.paces[queue_hash % LL_PACES];

    return pace->queue_hash == queue_hash ? pace->hand_over_ns : 0;
}

void ll_pace_note(struct ll_core *core,
                  uint32_t queue_hash,
                  int64_t ahead_n,
                  int64_t waited_ns)
{
    struct ll_pace *pace = &core->tickets.paces[queue_hash % LL_PACES];
    int64_t old_ns = ll_pace_of(core, queue_hash);
    int64_t now_ns;

    if (ahead_n < 2) {
        return;
    }
    now_ns = ll_max(2 * waited_ns / (2 * ahead_n - 1), 1);
    pace->queue_hash = queue_hash;
    pace->hand_over_ns = old_ns == 0 || now_ns < old_ns
                             ? now_ns
                             : old_ns + (now_ns - old_ns) / 4;
}
