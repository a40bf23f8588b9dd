#ifndef LL_BASE_CLOCK_H
#define LL_BASE_CLOCK_H

#include <stdint.h>

#define LL_NS_PER_US INT64_C(1000)
#define LL_NS_PER_MS INT64_C(1000000)
#define LL_NS_PER_S INT64_C(1000000000)

/** CLOCK_BOOTTIME: runs on while the machine is suspended, as a lease does. */
int64_t ll_clock_now_ns(void);

#endif
