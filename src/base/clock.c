/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

int64_t ll_clock_now_ns(void)
{
    struct timespec now;

    /* This cannot fail: the clock exists since Linux 2.6.39. */
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * LL_NS_PER_S + now.tv_nsec;
}

struct timespec ll_clock_after_ns(int64_t timeout_ns)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += timeout_ns / LL_NS_PER_S;
    time.tv_nsec += timeout_ns % LL_NS_PER_S;
    time.tv_sec += time.tv_nsec / LL_NS_PER_S;
    time.tv_nsec %= LL_NS_PER_S;
    return time;
}

struct timespec ll_clock_after_ms(int timeout_ms)
{
    return ll_clock_after_ns(timeout_ms * LL_NS_PER_MS);
}

int ll_clock_condition_init(pthread_cond_t *ret_condition)
{
    pthread_condattr_t attributes;
    int status = pthread_condattr_init(&attributes);

    if (status != 0) {
        return status;
    }
    status = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (status == 0) {
        status = pthread_cond_init(ret_condition, &attributes);
    }
    (void)pthread_condattr_destroy(&attributes);
    return status;
}
