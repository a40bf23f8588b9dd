/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_ACQUIRE_CHECK_H
#define LL_CORE_ACQUIRE_CHECK_H

struct ll_event;

/** Whether what an LL_EVENT_ACQUIRE requests is within its limits, and fits
 *  together. @return 0, LEASELOCK_E_LIMIT, LEASELOCK_E_ARGUMENT */
int ll_acquire_check(const struct ll_event *event);

#endif
