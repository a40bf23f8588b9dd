/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "core/delay.h"
#include "core/slot.h"
#include "core/ticket.h"

/**
 * What is known of a lock-delay from keys, and the requests for it.
 */

static bool delay_make(struct ll_ticket *ticket)
{
    if (ticket->delay == NULL) {
        ticket->delay = ll_alloc_zero(1, sizeof(*ticket->delay));
    }
    return ticket->delay != NULL;
}

bool ll_delay_foreign(struct ll_ticket *ticket, uint32_t ms)
{
    if (ms == 0) {
        return true;
    }
    if (!delay_make(ticket)) {
        return false;
    }
    ticket->delay->foreign_ms = ms;
    return true;
}

bool ll_delay_is_foreign_key(struct ll_bytes key, int64_t lease)
{
    struct ll_key_place place;

    return !ll_key_parse(key, lease, &place) || !place.has_number;
}

bool ll_delay_begin(struct ll_ticket *ticket)
{
    struct ll_bytes key = {ticket->ahead_key, ticket->ahead_key_size};
    uint32_t ms = ll_key_delay_ms(key, ticket->ahead_lease);

    if (ms == 0 && ticket->delay != NULL &&
        ll_delay_is_foreign_key(key, ticket->ahead_lease)) {
        ms = ticket->delay->foreign_ms;
    }
    if (ms > 0 && !delay_make(ticket)) {
        return false;
    }
    if (ticket->delay != NULL) {
        ticket->delay->ms = ms;
        ticket->delay->since = ticket->token + 1;
        ticket->delay->gone_ns = LL_NEVER;
        ticket->delay->until_ns = LL_NEVER;
        ticket->delay->asks = false;
    }
    return true;
}

bool ll_delay_is(const struct ll_ticket *ticket)
{
    return ticket->delay != NULL && ticket->delay->ms > 0;
}

bool ll_delay_is_ahead_of(struct ll_ticket *ticket,
                          const struct ll_watch *watch)
{
    if (ticket->state != LL_TICKET_WAIT || !ll_delay_is(ticket) ||
        ticket->delay->since <= watch->created_revision + 1 ||
        ticket->delay->since <= ticket->token + 1) {
        return false;
    }
    ticket->delay->since = ticket->token + 1;
    return true;
}

void ll_delay_on_seen(struct ll_ticket *ticket, int64_t revision)
{
    if (ll_delay_is(ticket)) {
        ticket->delay->since = ll_max(ticket->delay->since, revision + 1);
    }
}

void ll_delay_on_refused(struct ll_ticket *ticket)
{
    if (ll_delay_is(ticket)) {
        ticket->delay->since = 0;
    }
}

bool ll_delay_is_release(const struct ll_ticket *ticket,
                         const struct ll_watch_event *event)
{
    static const char released[] = LL_DELAY_RELEASED;

    return !ll_delay_is(ticket) ||
           (event->has_prev && event->prev_created == ticket->ahead_token &&
            ll_bytes_equal(event->prev_value,
                           (struct ll_bytes){released, sizeof(released) - 1}));
}

int64_t ll_delay_end_ns(const struct ll_ticket *ticket)
{
    return ticket->state == LL_TICKET_DELAYED ? ticket->delay->until_ns
                                              : LL_NEVER;
}

bool ll_delay_keeps_key(const struct ll_core *core,
                        const struct ll_ticket *ticket)
{
    return ll_delay_is(ticket) && ticket->delay->until_ns != LL_NEVER &&
           ticket->delay->until_ns > core->now_ns;
}

bool ll_delay_marks(const struct ll_ticket *ticket)
{
    return !ticket->marked &&
           ll_key_delay_ms(ll_ticket_key(ticket), ticket->session->lease) > 0;
}

struct ll_op ll_delay_mark(struct ll_bytes key)
{
    static const char released[] = LL_DELAY_RELEASED;

    return (struct ll_op){.kind = LL_OP_PUT,
                          .put = {.key = key,
                                  .value = {released, sizeof(released) - 1},
                                  .keep_lease = true}};
}

void ll_delay_build_mark(const struct ll_ticket *ticket,
                         struct ll_part *part,
                         struct ll_request *ret_request)
{
    struct ll_bytes key = ll_ticket_key(ticket);

    part->then_ops[0] = ll_delay_mark(key);
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn =
        (struct ll_txn){.compares = part->compares,
                        .compares_n = ll_slot_compare(ticket, part->compares),
                        .then_ops = part->then_ops,
                        .then_n = 1};
}

void ll_delay_build(const struct ll_ticket *ticket,
                    struct ll_request *ret_request)
{
    ret_request->kind = LL_REQUEST_LEASE_TTL;
    ret_request->lease.lease = ticket->ahead_lease;
    ret_request->lease.keys = false;
}
