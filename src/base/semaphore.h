/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_SEMAPHORE_H
#define LL_BASE_SEMAPHORE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/** Waits until a semaphore is posted, or until a time of ll_clock_now_ns;
 *  INT64_MAX: without a limit. Signals do not end the wait.
 *  @return whether it was posted */
bool ll_semaphore_wait(sem_t *semaphore, int64_t until_ns);

#endif
