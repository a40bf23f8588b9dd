/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_BACKOFF_H
#define LL_CORE_BACKOFF_H

#include <stdint.h>

/** The first pause after a failure, and the longest. */
#define LL_BACKOFF_FIRST_NS INT64_C(25000000)
#define LL_BACKOFF_MAX_NS INT64_C(1000000000)

/** A source of randomness that a seed determines (SplitMix64, by Steele, Lea
 *  and Flood, 2014). Good for jitter, not for secrets. */
struct ll_random {
    uint64_t state;
};

uint64_t ll_random_next(struct ll_random *random);

/** Between 0 and span_ns - 1, evenly; 0 for a span below 1. */
int64_t ll_random_below(struct ll_random *random, int64_t span_ns);

/**
 * The pause before the next attempt after `failures` failures in a row, from 1:
 * doubled each time up to LL_BACKOFF_MAX_NS. Of that, a random half or more is
 * taken, so that clients do not retry in step.
 */
int64_t ll_backoff_ns(struct ll_random *random, unsigned failures);

#endif
