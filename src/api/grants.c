/* SPDX-License-Identifier: Apache-2.0 */
#include "api/grants.h"

#include <string.h>

#include "leaselock/ticket.h"

bool ll_key_is_apart(struct ll_bytes key, size_t prefix_size)
{
    return key.size >= prefix_size + 2 &&
           memcmp(key.data + prefix_size, "~.", 2) == 0;
}

/** Whether the keys so far let in a ticket of the next key's mode. */
static bool is_let_in(const struct ll_grants *grants,
                      enum leaselock_mode mode,
                      uint32_t permits)
{
    switch (mode) {
    case LEASELOCK_EXCLUSIVE:
        return grants->keys_n == 0;
    case LEASELOCK_SHARED:
        return !grants->exclusive;
    case LEASELOCK_PERMIT:
        return !grants->exclusive && grants->permits_n < (uint64_t)permits;
    }
    return false;
}

bool ll_grants_next(struct ll_grants *grants,
                    enum leaselock_mode mode,
                    uint32_t permits,
                    bool is_ticket,
                    bool is_apart)
{
    bool holds = is_ticket && is_let_in(grants, mode, permits);

    grants->keys_n++;
    grants->permits_n += mode == LEASELOCK_PERMIT ? 1 : 0;
    grants->exclusive |= !is_apart;
    return holds;
}

bool ll_grants_add(struct ll_grants *grants,
                   const struct leaselock_queue_entry *entry,
                   size_t prefix_size)
{
    return ll_grants_next(
        grants, (enum leaselock_mode)entry->mode, (uint32_t)entry->permits,
        entry->lease != 0 && !entry->nested,
        ll_key_is_apart((struct ll_bytes){entry->key, strlen(entry->key)},
                        prefix_size));
}
