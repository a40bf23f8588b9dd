/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <errno.h>
#include <time.h>

int64_t bench_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_sleep_us(int length_us)
{
    struct timespec left = {length_us / 1000000, length_us % 1000000 * 1000L};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
