/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backoff.h"

uint64_t ll_random_next(struct ll_random *random)
{
    uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

int64_t ll_random_below(struct ll_random *random, int64_t span_ns)
{
    return span_ns < 1 ? 0
                       : (int64_t)(ll_random_next(random) % (uint64_t)span_ns);
}

int64_t ll_backoff_ns(struct ll_random *random, unsigned failures)
{
    int64_t pause_ns = LL_BACKOFF_FIRST_NS;

    while (failures > 1 && pause_ns < LL_BACKOFF_MAX_NS) {
        pause_ns *= 2;
        failures--;
    }
    if (pause_ns > LL_BACKOFF_MAX_NS) {
        pause_ns = LL_BACKOFF_MAX_NS;
    }
    return pause_ns / 2 + ll_random_below(random, pause_ns / 2);
}
