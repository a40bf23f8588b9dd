/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/keep.h"
#include "core/ticket.h"
#include "core/ticket_open.h"
#include "leaselock/status.h"

/**
 * What a ticket does for its keep (see keep.h).
 */

static void ticket_start(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_call_at(core, &ticket->object, core->now_ns);
    ll_ticket_update(core, ticket);
}

static void ticket_take(struct ll_core *core,
                        struct ll_ticket *entry,
                        struct ll_ticket *ticket)
{
    ll_number_give(core, ticket->number);
    ticket->number = entry->number;
    entry->number = LL_NUMBER_NO_PLACE;
    memcpy(ticket->key, entry->key, (size_t)entry->key_size + 1);
    ticket->key_size = entry->key_size;
    ticket->token = entry->token;
    ticket->version = entry->version;
    ticket->answered_once = true;
    ll_free(ticket->value);
    ticket->value = NULL;
    ll_ticket_end(core, entry, 0);
    ll_ticket_grant(core, ticket);
}

static void ticket_idle(struct ll_core *core, struct ll_ticket *entry)
{
    ll_call_none(core, &entry->object);
    ll_watch_drop(core, &entry->watches[LL_WATCH_OWN]);
    entry->watch_ns = LL_NEVER;
    entry->read_ns = LL_NEVER;
    ll_ticket_report_released(core, entry, 0);
    ll_ticket_update(core, entry);
}

static void ticket_guard(struct ll_core *core, struct ll_ticket *entry)
{
    ll_ticket_watch_own_at(core, entry, entry->watch_own_ms * LL_NS_PER_MS);
    ll_ticket_update(core, entry);
}

static const struct ll_keep_ops ticket_keep_ops = {
    .start = ticket_start,
    .take = ticket_take,
    .idle = ticket_idle,
    .leave = ll_ticket_leave,
    .lose = ll_ticket_lose_key,
    .guard = ticket_guard,
};

int ll_ticket_take_idle(struct ll_core *core,
                        struct ll_ticket *entry,
                        const struct ll_event *event,
                        uint32_t watch_own_ms)
{
    struct ll_ticket *ticket = ll_ticket_new(
        ll_ticket_key(entry), LL_KEEP_SPARE, (struct ll_bytes){"", 0});

    if (ticket == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    ticket->namespace_size = entry->namespace_size;
    ticket->name_size = entry->name_size;
    ticket->object.queue_hash = entry->object.queue_hash;
    ticket->watch_own_ms = watch_own_ms;
    if (ll_ticket_add(core, entry->session, ticket, entry->object.ops,
                      event->id) != 0) {
        return LEASELOCK_E_NOMEM;
    }
    ll_keep_renew(entry, event);
    ll_keep_take(core, entry, ticket);
    return 0;
}

bool ll_ticket_keep(struct ll_core *core,
                    struct ll_ticket *ticket,
                    const struct ll_event *event,
                    uint64_t queue_hash)
{
    if (event->acquire.keep_ns == 0) {
        ll_keep_disturb(core, ticket->session, event->acquire.name, queue_hash);
        return true;
    }
    return ll_keep_join(core, ticket, event, queue_hash,
                        event->acquire.timeout_ns != 0 &&
                            event->acquire.delay_ns == 0 &&
                            !ll_session_is_opening(ticket->session),
                        &ticket_keep_ops);
}
