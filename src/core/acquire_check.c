/* SPDX-License-Identifier: Apache-2.0 */
#include "core/acquire_check.h"

#include "core/core.h"
#include "core/delay.h"
#include "core/keep.h"
#include "core/key.h"
#include "leaselock/status.h"

/** Whether a mode fits what else is requested: a permit waits for any of several
 *  keys, so its wait is no edge of a deadlock. */
static bool mode_is_valid(struct ll_mode mode, bool find_deadlock)
{
    return mode.kind == LL_MODE_PERMIT
               ? mode.permits >= 1 && mode.permits <= LL_PERMITS_MAX &&
                     !find_deadlock
               : mode.permits == 0;
}

static bool delay_is_valid(const struct ll_event *event)
{
    uint32_t ms = event->acquire.lock_delay_ms;

    return ms <= LL_DELAY_MS_MAX &&
           event->acquire.foreign_delay_ms <= LL_DELAY_MS_MAX &&
           (ms == 0 || event->acquire.mode.kind == LL_MODE_EXCLUSIVE);
}

/** Whether what else is requested lets the key be kept. */
static bool keep_is_valid(const struct ll_event *event)
{
    if (event->acquire.local_passes > LL_KEEP_PASSES_MAX) {
        return false;
    }
    return event->acquire.keep_ns == 0 ||
           (event->acquire.keep_ns > 0 &&
            event->acquire.mode.kind == LL_MODE_EXCLUSIVE &&
            event->acquire.who.size == 0 && event->acquire.lock_delay_ms == 0 &&
            event->acquire.foreign_delay_ms == 0 &&
            !event->acquire.find_deadlock && !event->acquire.yields);
}

int ll_acquire_check(const struct ll_event *event)
{
    if (event->acquire.value.size > LL_VALUE_MAX ||
        event->acquire.who.size > LL_WHO_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    return mode_is_valid(event->acquire.mode, event->acquire.find_deadlock) &&
                   delay_is_valid(event) && keep_is_valid(event)
               ? 0
               : LEASELOCK_E_ARGUMENT;
}
