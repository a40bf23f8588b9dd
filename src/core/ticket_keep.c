/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "core/keep.h"
#include "core/ticket.h"

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

const struct ll_keep_ops ll_ticket_keep_ops = {
    .start = ticket_start,
    .take = ticket_take,
    .idle = ticket_idle,
    .leave = ll_ticket_leave,
    .lose = ll_ticket_lose_key,
};
