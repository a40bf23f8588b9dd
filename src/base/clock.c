#include "base/clock.h"

#include <time.h>

int64_t ll_clock_now_ns(void)
{
    struct timespec now;

    /* It cannot fail: the clock exists since Linux 2.6.39. */
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * LL_NS_PER_S + now.tv_nsec;
}
