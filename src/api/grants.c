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
                      const struct leaselock_queue_entry *entry)
{
    switch ((enum leaselock_mode)entry->mode) {
    case LEASELOCK_EXCLUSIVE:
        return grants->keys_n == 0;
    case LEASELOCK_SHARED:
        return !grants->exclusive;
    case LEASELOCK_PERMIT:
        return !grants->exclusive &&
               grants->permits_n < (uint64_t)entry->permits;
    }
    return false;
}

bool ll_grants_add(struct ll_grants *grants,
                   const struct leaselock_queue_entry *entry,
                   size_t prefix_size)
{
    bool holds =
        entry->lease != 0 && !entry->nested && is_let_in(grants, entry);

    grants->keys_n++;
    grants->permits_n += entry->mode == LEASELOCK_PERMIT ? 1 : 0;
    grants->exclusive |= !ll_key_is_apart(
        (struct ll_bytes){entry->key, strlen(entry->key)}, prefix_size);
    return holds;
}
