/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ticket.h"

int64_t ll_ticket_recheck_ns(struct ll_core *core)
{
    int64_t at_ns = core->now_ns + LL_RECHECK_NS * 4 / 5 +
                    ll_random_below(&core->random, LL_RECHECK_NS * 2 / 5);

    /* Under contention, re-checks within one second are made together. */
    return core->tickets.n < core->config.contention_threshold
               ? at_ns
               : at_ns + LL_RECHECK_STEP_NS - at_ns % LL_RECHECK_STEP_NS;
}
