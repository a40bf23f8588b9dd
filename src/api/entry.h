/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_ENTRY_H
#define LL_API_ENTRY_H

#include "core/request.h"
#include "leaselock/queue.h"

/**
 * Fills a user's entry from a key and its value; all but `holds`, which depends
 * on the keys before it (grants.h).
 *
 * @param prefix_size  of the queue's keys, namespace included
 * @return 0 or LEASELOCK_E_NOMEM; ll_entry_free is valid after both
 */
int ll_entry_fill(struct leaselock_queue_entry *entry,
                  const struct ll_kv *kv,
                  size_t prefix_size);

void ll_entry_free(const struct leaselock_queue_entry *entry);

#endif
