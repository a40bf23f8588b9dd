/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_TICKET_OPEN_H
#define LL_CORE_TICKET_OPEN_H

#include "core/ticket.h"

/** Steps by which a ticket begins. */

/** Makes one with a key; spare: bytes for a longer one. NULL: no memory. */
struct ll_ticket *
ll_ticket_new(struct ll_bytes key, size_t spare, struct ll_bytes value);
/** A hash of the namespace and a name. */
uint64_t ll_queue_hash(const struct ll_core *core, struct ll_bytes name);
/** Notes where the name is in its key. */
void ll_ticket_name(const struct ll_core *core,
                    struct ll_ticket *ticket,
                    size_t name_size);
/** Enters it in core and in its session; on failure it is freed. */
int ll_ticket_add(struct ll_core *core,
                  struct ll_session *session,
                  struct ll_ticket *ticket,
                  const struct ll_object_ops *ops,
                  uint64_t id);
/** The session of a new ticket, or the reason why there is none. early: it may
 *  be OPENING. */
int ll_ticket_find_session(struct ll_core *core,
                           uint64_t id,
                           bool early,
                           struct ll_session **ret_session);
/** When the first request of a ticket is sent: LL_NEVER while its session is
 *  not open. */
int64_t ll_ticket_begin_ns(const struct ll_core *core,
                           const struct ll_session *session,
                           int64_t delay_ns);
/** How long a try may take. */
int64_t ll_try_time_ns(const struct ll_core *core);

#endif
