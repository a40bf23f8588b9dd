/* SPDX-License-Identifier: Apache-2.0 */
#include "core/slot.h"
#include "core/ticket.h"
#include "core/ticket_open.h"
#include "leaselock/status.h"

/**
 * What a ticket does whose name is another's.
 */

/** Leaves a ticket behind that reaps the present key; false: no memory. */
static bool leave_behind(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_ticket *left = ll_ticket_new(
        ll_ticket_key(ticket), LL_KEY_MOVE_MAX, (struct ll_bytes){"", 0});

    if (left == NULL) {
        return false;
    }
    left->has_slot = true;
    ll_ticket_name(core, left, ticket->name_size);
    if (ll_ticket_add(core, ticket->session, left, &ll_ticket_ops,
                      ll_object_own_id(core)) != 0) {
        return false;
    }
    left->mode = ticket->mode;
    left->permits_max = ticket->permits_max;
    left->number = ticket->number;
    ticket->number = LL_NUMBER_NO_PLACE;
    ll_ticket_drop(core, left, ticket->lost_tries);
    ticket->lost_tries = 0;
    return true;
}

bool ll_slot_move(struct ll_core *core, struct ll_ticket *ticket)
{
    int64_t first = LL_SLOT_WINDOW << ticket->slots_tried;
    struct ll_slot slot = {core->config.host_tag, 0};
    uint64_t number = ticket->slot_number;

    if (ticket->lost_tries > 0) {
        if (!leave_behind(core, ticket)) {
            return false;
        }
        number = ll_number_take_slot(core, ticket->object.queue_hash,
                                     &ticket->number);
        ticket->slot_number = (uint16_t)number;
    }
    if (ticket->slots_tried < LL_SLOT_TRIES_MAX) {
        ticket->slots_tried++;
    }
    if (ticket->has_slot && number > 0 &&
        ticket->slots_tried < LL_SLOT_TRIES_MAX) {
        slot.slot = (uint16_t)(first + ll_random_below(&core->random, first));
    } else {
        ll_number_give(core, ticket->number);
        number = ll_number_take(core, ticket->session,
                                ticket->object.queue_hash, &ticket->number);
        ticket->has_slot = false;
    }
    ticket->key_size = (uint16_t)ll_key_move(ticket->key, ticket->key_size,
                                             ticket->has_slot ? &slot : NULL,
                                             ticket->session->lease, number);
    ll_core_log(core, LL_LOG_TICKET_NAME_TAKEN, ll_log_ticket(ticket),
                "another client's key has the name; the next is %s",
                ticket->key);
    return true;
}

void ll_slot_next(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ll_slot_move(core, ticket)) {
        ll_call_at(core, &ticket->object, core->now_ns);
    } else {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NOMEM, "");
    }
}
