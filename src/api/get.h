/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_GET_H
#define LL_API_GET_H

#include "core/request.h"
#include "leaselock/get.h"

/** A Range answer in the form that the user receives, and frees with
 *  leaselock_get_free; NULL: no memory. */
struct leaselock_get_info *ll_get_make(const struct ll_range_answer *range,
                                       int64_t revision);

#endif
