/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_CLOCK_H
#define LL_CLI_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/** The clock that leases are measured by: it continues while the machine is
 *  suspended, as etcd's clock does. */
static inline int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

#endif
