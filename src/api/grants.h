/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_GRANTS_H
#define LL_API_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/request.h"
#include "leaselock/queue.h"

/**
 * Which tickets of a queue hold its lock, as the rule of core/key.h gives it
 * for the keys of one revision. All zero at first; the keys are added oldest
 * first, and what holds depends on the keys before it alone.
 */
struct ll_grants {
    size_t keys_n;
    bool exclusive; /* a key that blocks all modes is among them */
    uint64_t permits_n;
};

/**
 * Adds a key by what counts of it.
 *
 * @param is_ticket  a key that is none holds nothing
 * @param is_apart   see ll_key_is_apart
 * @return whether its ticket holds the lock
 */
bool ll_grants_next(struct ll_grants *grants,
                    enum leaselock_mode mode,
                    uint32_t permits,
                    bool is_ticket,
                    bool is_apart);

/**
 * Adds a key. A key that is no ticket holds nothing, and blocks others.
 *
 * @param prefix_size  of the queue's keys, namespace included
 * @return whether its ticket holds the lock
 */
bool ll_grants_add(struct ll_grants *grants,
                   const struct leaselock_queue_entry *entry,
                   size_t prefix_size);

/** Whether a key of the queue blocks only exclusive tickets, whatever it is:
 *  its suffix begins with "~.". */
bool ll_key_is_apart(struct ll_bytes key, size_t prefix_size);

#endif
