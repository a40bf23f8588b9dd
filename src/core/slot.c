/* SPDX-License-Identifier: Apache-2.0 */
#include "core/slot.h"

#include "core/ticket.h"
#include "leaselock/status.h"

bool ll_slots_suit(const struct ll_core *core, enum ll_key_names names)
{
    switch (names) {
    case LL_KEY_NAMES_LEASE:
        return false;
    case LL_KEY_NAMES_SLOT:
        return true;
    case LL_KEY_NAMES_AUTO:
        break;
    }
    return core->sessions.opened_n - core->sessions.n >= LL_SLOT_SESSIONS;
}

struct ll_slot ll_slot_first(const struct ll_core *core)
{
    return (struct ll_slot){
        core->config.host_tag,
        (uint16_t)(core->config.slot_first % LL_SLOT_WINDOW)};
}

bool ll_slot_is_taken(const struct ll_ticket *ticket,
                      bool try_only,
                      const struct ll_answer *answer,
                      size_t at)
{
    const struct ll_range_answer *found = ll_answer_range(answer, at);

    /* An exclusive ticket's try reads the oldest key, whatever its name. */
    if (!ticket->has_slot || (try_only && ll_ticket_is_exclusive(ticket))) {
        return false;
    }
    return found != NULL && found->kvs_n > 0 &&
           ll_bytes_equal(found->kvs[0].key, ll_ticket_key(ticket)) &&
           found->kvs[0].lease != ticket->session->lease;
}

bool ll_slot_move(struct ll_core *core, struct ll_ticket *ticket)
{
    int64_t first = LL_SLOT_WINDOW << ticket->slots_tried;
    struct ll_slot slot = {core->config.host_tag, 0};
    uint64_t number = ticket->slot_number;

    if (ticket->lost_tries > 0) {
        if (!ll_ticket_leave_behind(core, ticket)) {
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
    ll_core_log(core, 3, "another client's key has the name; the next is %s",
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
