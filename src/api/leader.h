/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_LEADER_H
#define LL_API_LEADER_H

#include "core/request.h"
#include "leaselock/election.h"

/** Describes a leader to the user, from its key; NULL: no memory. Freed with
 *  leaselock_leader_free. */
struct leaselock_leader_info *ll_leader_make(const struct ll_kv *kv);

#endif
