/* SPDX-License-Identifier: Apache-2.0 */
#include "core/delay.h"

#include "core/ticket.h"

void ll_delay_on_missing(struct ll_core *core,
                         struct ll_ticket *ticket,
                         int64_t revision)
{
    struct ll_delay *delay = ticket->delay;

    delay->gone_ns = ll_min(delay->gone_ns, core->now_ns);
    if (delay->since == 0 ||
        core->now_ns >= delay->gone_ns + LL_DELAY_EVENT_NS) {
        ticket->gone_revision = revision;
        ll_ticket_delay(core, ticket);
    } else {
        ticket->read_ns = delay->gone_ns + LL_DELAY_EVENT_NS;
        ll_ticket_update(core, ticket);
    }
}

void ll_delay_over(struct ll_core *core, struct ll_ticket *ticket)
{
    ticket->delay->ms = 0;
    ll_ticket_go(core, ticket, LL_TICKET_WAIT);
    /* No event has just shown that the watch of the own key still works: a
     * deletion may be stuck on a stream that is cut off. */
    ll_ticket_advance(core, ticket,
                      ll_max(ticket->gone_revision, ticket->token), false);
    ticket->linearize = true;
    ll_call_at(core, &ticket->object, core->now_ns);
}

void ll_delay_on_answer(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_answer *answer)
{
    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        ll_call_again(core, &ticket->object, answer->outcome);
        return;
    }
    ticket->delay->asks = false;
    if (answer->outcome == LL_OUTCOME_OK &&
        answer->kind == LL_REQUEST_LEASE_TTL && answer->lease.ttl_s > 0) {
        ll_delay_over(core, ticket);
    } else {
        /* The watch of the own key may have been created in the meantime. */
        ll_call_at(core, &ticket->object, core->now_ns);
        ll_ticket_update(core, ticket);
    }
}
