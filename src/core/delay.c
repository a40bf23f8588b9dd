/* SPDX-License-Identifier: Apache-2.0 */
#include "core/delay.h"

#include "core/ticket.h"

void ll_delay_on_missing(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_delay *delay = ticket->delay;

    delay->gone_ns = ll_min(delay->gone_ns, core->now_ns);
    if (delay->since == 0 ||
        core->now_ns >= delay->gone_ns + LL_DELAY_EVENT_NS) {
        ll_ticket_delay(core, ticket);
    } else {
        ticket->read_ns = delay->gone_ns + LL_DELAY_EVENT_NS;
        ll_ticket_update(core, ticket);
    }
}

void ll_delay_over(struct ll_core *core, struct ll_ticket *ticket)
{
    /* A process that was stopped may find its session's deadline past, too. */
    bool stands = core->now_ns < ticket->session->deadline_ns &&
                  ll_ticket_own_stands(core, ticket, ticket->ahead_lease);

    ticket->delay->ms = 0;
    ll_call_none(core, &ticket->object);
    ll_ticket_go(core, ticket, LL_TICKET_WAIT);
    ll_ticket_advance(core, ticket,
                      ll_max(ticket->gone_revision, ticket->token), stands);
}

void ll_delay_on_answer(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_answer *answer)
{
    ticket->delay->asks = false;
    if (answer->outcome == LL_OUTCOME_OK &&
        answer->kind == LL_REQUEST_LEASE_TTL && answer->lease.ttl_s > 0) {
        ll_delay_over(core, ticket);
    } else {
        ticket->read_ns = ll_ticket_recheck_ns(core);
        ll_ticket_update(core, ticket);
    }
}
