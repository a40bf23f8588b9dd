/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_CLOCK_H
#define LL_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define LL_NS_PER_US INT64_C(1000)
#define LL_NS_PER_MS INT64_C(1000000)
#define LL_NS_PER_S INT64_C(1000000000)

/** CLOCK_BOOTTIME: it advances during suspend, as the time of a lease does. */
int64_t ll_clock_now_ns(void);

/** A time of CLOCK_MONOTONIC, for the conditions below. */
struct timespec ll_clock_after_ns(int64_t timeout_ns);
struct timespec ll_clock_after_ms(int timeout_ms);

/** Makes a condition that uses CLOCK_MONOTONIC. Returns 0 or an errno. */
int ll_clock_condition_init(pthread_cond_t *ret_condition);

#endif
