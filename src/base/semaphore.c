/* SPDX-License-Identifier: Apache-2.0 */
#include "base/semaphore.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/sanitizer.h"

#ifdef LL_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>

/** The sanitizer knows sem_post and sem_wait, but not sem_clockwait, so that
 *  it would take a wait that has ended for one that orders nothing. */
static void tell_sanitizer(sem_t *semaphore)
{
    __tsan_acquire(semaphore);
}
#else
static void tell_sanitizer(sem_t *semaphore)
{
    (void)semaphore;
}
#endif

/** Waits once. The semaphore has a time of CLOCK_MONOTONIC, since the kernel
 *  cannot wait for one of CLOCK_BOOTTIME. */
static int wait_once(sem_t *semaphore, int64_t until_ns)
{
    struct timespec until;
    int64_t left_ns;

    if (until_ns == INT64_MAX) {
        return sem_wait(semaphore);
    }
    left_ns = until_ns - ll_clock_now_ns();
    until = ll_clock_after_ns(left_ns > 0 ? left_ns : 0);
    return sem_clockwait(semaphore, CLOCK_MONOTONIC, &until);
}

bool ll_semaphore_wait(sem_t *semaphore, int64_t until_ns)
{
    int status;

    do {
        status = wait_once(semaphore, until_ns);
    } while (status != 0 && errno == EINTR);
    if (status == 0) {
        tell_sanitizer(semaphore);
    }
    return status == 0;
}
