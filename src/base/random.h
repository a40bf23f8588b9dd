/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_BASE_RANDOM_H
#define LL_BASE_RANDOM_H

#include <stdint.h>

/** A random number from the kernel; 0 or LEASELOCK_E_SYSTEM. */
int ll_random(uint64_t *ret_number);

#endif
