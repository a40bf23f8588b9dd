/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_MODE_H
#define LL_API_MODE_H

#include "api/ticket.h"
#include "core/key.h"

/**
 * The modes that a user requests. A set of several names is valid or not
 * whatever the timeout: the limit is that of a wait, which takes more
 * operations than a try.
 */

/**
 * Checks `mode`, `permits`, `modes` and the lock-delays. A single name of
 * leaselock_acquire_all gets its mode from `modes`: then the first two are set.
 *
 * @param options  the library's copy
 * @return 0, LEASELOCK_E_ARGUMENT or _LIMIT
 */
int ll_mode_check(const struct ll_ticket_ask *ask,
                  struct leaselock_acquire_options *options,
                  struct leaselock_error *reterr);

/** The mode of checked options. */
struct ll_mode ll_mode_of(const struct leaselock_acquire_options *options);
/** The mode of one of several names, from checked options. */
struct ll_mode ll_mode_at(const struct leaselock_acquire_options *options,
                          size_t at);

#endif
