/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rejoin.h"

#include "base/clock.h"
#include "core/slot.h"
#include "core/ticket.h"
#include "core/write.h"
#include "leaselock/status.h"

/** Whether a ticket can rejoin: 0, or why not. */
static int rejoin_check(const struct ll_core *core,
                        const struct ll_ticket *old,
                        const struct ll_event *event)
{
    struct ll_bytes key = ll_ticket_key(old);

    if (old->state == LL_TICKET_LOST) {
        return LEASELOCK_E_LOST;
    }
    if (old->state != LL_TICKET_HELD || ll_writes_may_release(old)) {
        return LEASELOCK_E_STATE;
    }
    if (core->now_ns >= old->session->deadline_ns) {
        return LEASELOCK_E_LOST;
    }
    return event->rejoin.timeout_ns == 0 || old->keeping != NULL ||
                   ll_key_part(key, 'w').size > 0 ||
                   ll_key_delay_ms(key, old->session->lease) > 0
               ? LEASELOCK_E_ARGUMENT
               : 0;
}

/** Creates the new ticket, with the options of the first one. */
static int place_make(struct ll_core *core,
                      const struct ll_ticket *old,
                      const struct ll_event *event)
{
    struct ll_event acquire = {.kind = LL_EVENT_ACQUIRE, .id = event->id};

    acquire.acquire.session = old->session->object.entry.id;
    acquire.acquire.name =
        (struct ll_bytes){old->key + old->namespace_size, old->name_size};
    acquire.acquire.value = event->rejoin.value;
    acquire.acquire.mode =
        (struct ll_mode){(enum ll_mode_kind)old->mode, old->permits_max};
    acquire.acquire.foreign_delay_ms =
        old->delay != NULL ? old->delay->foreign_ms : 0;
    acquire.acquire.timeout_ns = event->rejoin.timeout_ns;
    acquire.acquire.find_deadlock = old->finds_deadlock;
    acquire.acquire.watch_own_ns =
        old->watch_own_ms == 0 ? -1 : old->watch_own_ms * LL_NS_PER_MS;
    acquire.acquire.yields = old->yield != NULL;
    acquire.acquire.has_lease = true; /* what is there is its own attempt's */
    return ll_ticket_acquire(core, &acquire);
}

int ll_ticket_rejoin(struct ll_core *core, const struct ll_event *event)
{
    struct ll_object *object =
        ll_object_find(core, event->rejoin.ticket, &ll_ticket_ops);
    struct ll_ticket *old = object != NULL ? ll_ticket_of(object) : NULL;
    int status =
        old != NULL ? rejoin_check(core, old, event) : LEASELOCK_E_HANDLE;
    struct ll_ticket *ticket;

    if (status == 0) {
        status = place_make(core, old, event);
    }
    if (status != 0) {
        return status;
    }
    ticket = ll_ticket_of(ll_object_find(core, event->id, &ll_ticket_ops));
    core->stats.releases[LEASELOCK_STATS_RELEASE_REJOINED]++;
    ticket->rejoin = old;
    old->rejoin = ticket;
    ll_core_log(core, LL_LOG_TICKET_REJOINS, ll_log_ticket(old),
                "%s gives way and queues again as %s", old->key, ticket->key);
    ll_ticket_leave(core, old);
    ll_call_none(core, &old->object);
    ll_ticket_update(core, old);
    return 0;
}

static struct ll_op op_delete(const struct ll_ticket *ticket)
{
    return (struct ll_op){.kind = LL_OP_DELETE,
                          .del = {.key = ll_ticket_key(ticket)}};
}

void ll_rejoin_add(const struct ll_core *core,
                   const struct ll_ticket *ticket,
                   struct ll_bytes value,
                   struct ll_part *part,
                   struct ll_place_txn *txn)
{
    txn->then_ops[txn->then_n++] = op_delete(ticket->rejoin);
    if (ticket->mode == LL_MODE_PERMIT) {
        ll_place_add_permit(ticket, value, ll_permits_suffice(core, ticket),
                            part, txn);
        /* While its own permit is there, there is none of another n. */
        txn->compares_n = 1;
        txn->else_n = 1;
    } else {
        ll_place_add(ticket, value, &part->bounds, txn);
    }
    txn->compares_n +=
        ll_slot_compare(ticket->rejoin, &txn->compares[txn->compares_n]);
}

/** The key that was given back is gone, and with it what could repeat that. */
static void rejoin_settle(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_ticket *old = ticket->rejoin;

    ticket->rejoin = NULL;
    ticket->lost_tries = 0;
    old->rejoin = NULL;
    ll_ticket_end(core, old, 0);
}

/** Neither key is there. was_lost: an earlier attempt may have been applied. */
static void
rejoin_on_neither(struct ll_core *core, struct ll_ticket *ticket, bool was_lost)
{
    /* The lease may be revoked: renews it. */
    ll_session_beat_soon(core, ticket->session);
    if (ticket->acquire_reported) {
        ll_ticket_end(core, ticket, was_lost ? 0 : LEASELOCK_E_LOST);
    } else {
        ll_ticket_fail(core, ticket, LEASELOCK_E_LOST,
                       "the ticket's key was deleted by others");
    }
}

void ll_rejoin_on_answer(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer)
{
    bool is_txn = answer->kind == LL_REQUEST_TXN;
    bool made = is_txn && answer->txn.succeeded;
    bool was_lost = ticket->lost_tries > 0;
    const struct ll_kv *own = NULL;
    struct ll_ahead ahead = {0};
    bool fits;

    if (!made && (!is_txn || ll_answer_range(answer, 0) == NULL)) {
        ll_ticket_on_misfit(core, ticket);
        if (ticket->state == LL_TICKET_ENQUEUE) {
            ll_ticket_end(core, ticket, 0); /* given up before */
        }
        return;
    }
    rejoin_settle(core, ticket);
    if (made) {
        fits = ll_place_ahead(ticket, answer, 1, &ahead);
        ll_ticket_enqueued(core, ticket, fits ? &ahead : NULL,
                           answer->revision);
        return;
    }
    own = ll_place_own(ticket, answer, 0);
    if (own != NULL) {
        ll_ticket_found(core, ticket, own, false, answer->revision);
    } else {
        rejoin_on_neither(core, ticket, was_lost);
    }
}

size_t ll_rejoin_delete(const struct ll_ticket *ticket, struct ll_part *part)
{
    part->then_ops[0] = op_delete(ticket->rejoin);
    part->else_ops[0] = op_delete(ticket);
    return ll_slot_compare(ticket->rejoin, part->compares);
}

void ll_rejoin_on_deleted(struct ll_core *core,
                          struct ll_ticket *ticket,
                          const struct ll_answer *answer)
{
    bool ours =
        answer->txn.succeeded || ticket->lost_tries > 0 || ticket->leave_lost;

    rejoin_settle(core, ticket);
    ll_ticket_end(core, ticket, ours ? 0 : LEASELOCK_E_LOST);
}
