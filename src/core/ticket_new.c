/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/ticket_open.h"

/**
 * What every new ticket needs: its memory, and its entries in core.
 */

struct ll_ticket *
ll_ticket_new(struct ll_bytes key, size_t spare, struct ll_bytes value)
{
    struct ll_ticket *ticket =
        ll_alloc_zero(1, sizeof(*ticket) + key.size + 1 + spare);

    if (ticket == NULL) {
        return NULL;
    }
    ticket->value = ll_alloc_copy(value.data, value.size);
    if (ticket->value == NULL) {
        ll_free(ticket);
        return NULL;
    }
    memcpy(ticket->key, key.data, key.size);
    ticket->key_size = (uint16_t)key.size;
    ticket->value_size = (uint16_t)value.size;
    ticket->number = LL_NUMBER_NO_PLACE;
    ticket->ahead = -1;
    ticket->watch_own_ms = (uint32_t)(LL_WATCH_OWN_NS / LL_NS_PER_MS);
    ticket->timeout_ns = LL_NEVER;
    ticket->release_ns = LL_NEVER;
    ticket->watch_ns = LL_NEVER;
    ticket->read_ns = LL_NEVER;
    ticket->report.why = "";
    ll_link_init(&ticket->link);
    ll_link_init(&ticket->group);
    ll_link_init(&ticket->writes);
    for (unsigned slot = 0; slot < LL_WATCH_SLOTS; slot++) {
        ll_watch_init(&ticket->watches[slot], &ticket->object, slot);
    }
    return ticket;
}

static uint64_t hash_more(uint64_t hash, struct ll_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

/** FNV-1a, by Fowler, Noll and Vo, of the namespace and the name. */
uint64_t ll_queue_hash(const struct ll_core *core, struct ll_bytes name)
{
    return hash_more(
        hash_more(UINT64_C(14695981039346656037), core->config.namespace),
        name);
}

void ll_ticket_name(const struct ll_core *core,
                    struct ll_ticket *ticket,
                    size_t name_size)
{
    ticket->namespace_size = (uint16_t)core->config.namespace.size;
    ticket->name_size = (uint16_t)name_size;
    ticket->object.queue_hash = (uint32_t)ll_queue_hash(
        core,
        (struct ll_bytes){ticket->key + ticket->namespace_size, name_size});
}

int ll_ticket_add(struct ll_core *core,
                  struct ll_session *session,
                  struct ll_ticket *ticket,
                  const struct ll_object_ops *ops,
                  uint64_t id)
{
    if (!ll_object_enter(core, &ticket->object, ops, id)) {
        ops->free(&ticket->object);
        return LEASELOCK_E_NOMEM;
    }
    core->tickets.n++;
    ticket->report.begun_ns = core->now_ns;
    ticket->session = session;
    ll_link_append(&session->tickets, &ticket->link);
    ticket->state = LL_TICKET_ENQUEUE;
    ll_log_begins(core, ticket);
    return 0;
}
