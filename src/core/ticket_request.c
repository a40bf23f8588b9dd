/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "core/blocker.h"
#include "core/rejoin.h"
#include "core/slot.h"
#include "core/stats.h"
#include "core/ticket.h"
#include "core/try_ask.h"

/**
 * The unary requests of a ticket, and what a batch needs of them.
 */

static void request_txn(struct ll_part *part,
                        struct ll_request *ret_request,
                        size_t compares_n,
                        size_t then_n,
                        size_t else_n)
{
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = (struct ll_txn){.compares = part->compares,
                                       .compares_n = compares_n,
                                       .then_ops = part->then_ops,
                                       .then_n = then_n,
                                       .else_ops = part->else_ops,
                                       .else_n = else_n};
}

static void build_enqueue(const struct ll_core *core,
                          struct ll_part *part,
                          const struct ll_ticket *ticket,
                          struct ll_request *ret_request)
{
    struct ll_bytes value = {ticket->value, ticket->value_size};
    struct ll_place_txn txn = {.compares = part->compares,
                               .then_ops = part->then_ops,
                               .else_ops = part->else_ops};

    if (ll_try_is_asking(ticket)) {
        txn.compares_n = ll_try_add_touch(ticket, part);
        txn.then_n = 1;
    } else if (ticket->rejoin != NULL) {
        ll_rejoin_add(core, ticket, value, part, &txn);
    } else if (ticket->resumes) {
        part->then_ops[0] = ll_op_key(ll_ticket_key(ticket), false);
        txn.then_n = 1;
    } else if (ll_ticket_tries_permit(ticket) && ticket->try_put) {
        ll_place_put_permit(ticket, value, part, &txn);
    } else if (ll_ticket_tries_permit(ticket)) {
        ll_place_read_permits(ticket, part, &txn);
    } else if (ticket->mode == LL_MODE_PERMIT) {
        ll_place_add_permit(ticket, value, ll_permits_suffice(core, ticket),
                            part, &txn);
    } else if (ticket->try_only) {
        ll_place_add_try(ticket, value, &part->bounds, &txn);
    } else if (ticket->is_short) {
        ll_place_add_short(ticket, value, &txn);
    } else {
        ll_place_add(ticket, value, &part->bounds, &txn);
    }
    request_txn(part, ret_request, txn.compares_n, txn.then_n, txn.else_n);
}

/** The permits up to the own key, without it: it is read besides. */
static struct ll_op permits_ahead(struct ll_part *part,
                                  const struct ll_ticket *ticket)
{
    struct ll_range permits = ll_place_permits(ticket, &part->permits);

    permits.sort = LL_SORT_NEWEST_FIRST;
    permits.limit = 2 * (int64_t)ticket->permits_max;
    permits.max_create_revision = ticket->token - 1;
    permits.serializable = !ticket->linearize;
    return ll_op_range(permits);
}

/** The own key and, for a waiting ticket, the predecessor's or the permits
 *  ahead. */
static void build_read(struct ll_part *part,
                       const struct ll_ticket *ticket,
                       struct ll_request *ret_request)
{
    size_t then_n = 1;

    part->then_ops[0] = ll_op_key(ll_ticket_key(ticket), !ticket->linearize);
    part->then_ops[0].range.keys_only = ticket->yield == NULL;
    if (ticket->state == LL_TICKET_WAIT &&
        ll_ticket_is_behind_permits(ticket)) {
        part->then_ops[1] = permits_ahead(part, ticket);
        then_n = 2;
    } else if (ticket->state == LL_TICKET_WAIT) {
        part->then_ops[1] = ll_op_key(
            ll_ticket_watched_key(ticket, LL_WATCH_AHEAD), !ticket->linearize);
        part->then_ops[1].range.keys_only =
            !ticket->asks || ll_ticket_reads_holder(ticket);
        then_n = 2;
    }
    if (ll_ticket_reads_holder(ticket)) {
        struct ll_range queue = ll_place_queue(ticket, &part->bounds);

        queue.sort = LL_SORT_OLDEST_FIRST;
        queue.limit = 1;
        queue.keys_only = false;
        queue.serializable = true;
        part->then_ops[2] = ll_op_range(queue);
        then_n = 3;
    }
    request_txn(part, ret_request, 0, then_n, 0);
}

/** The own key, read through etcd's log: etcd proposes a Txn with a deletion in
 *  it. The deletion has no effect, as it needs the key not to exist. */
static void build_logged(struct ll_part *part,
                         const struct ll_ticket *ticket,
                         struct ll_request *ret_request)
{
    part->compares[0] = ll_compare_created(ll_ticket_key(ticket),
                                           (struct ll_bytes){NULL, 0}, 0);
    part->then_ops[0] = (struct ll_op){.kind = LL_OP_DELETE,
                                       .del = {.key = ll_ticket_key(ticket)}};
    part->else_ops[0] = ll_op_key(ll_ticket_key(ticket), false);
    part->else_ops[0].range.keys_only = ticket->yield == NULL;
    request_txn(part, ret_request, 1, 1, 1);
}

/** The newest keys of the queue, for a survey. */
static void build_survey(const struct ll_core *core,
                         struct ll_part *part,
                         const struct ll_ticket *ticket,
                         struct ll_request *ret_request)
{
    ret_request->kind = LL_REQUEST_RANGE;
    ret_request->range = ll_place_queue(ticket, &part->bounds);
    ret_request->range.sort = LL_SORT_NEWEST_FIRST;
    ret_request->range.limit = ll_survey_limit(core, ticket);
    ret_request->range.serializable = !ticket->linearize;
}

/**
 * What is ahead of the own key now. Of an exclusive ticket: the newest three
 * keys of the queue up to it, which are that key, the next predecessor, and one
 * more if there are others ahead. Of a shared one, whose key is not among those
 * that block it: that key, and of each range of exclusive keys the newest two;
 * of a permit's the permits as well, or these alone, if no exclusive key is
 * ahead. Or, if it is known that none is ahead, the own key alone.
 */
static void build_next(struct ll_part *part,
                       const struct ll_ticket *ticket,
                       struct ll_request *ret_request)
{
    struct ll_op own = ll_op_key(ll_ticket_key(ticket), !ticket->linearize);
    struct ll_range ranges[LL_PLACE_RANGES_MAX];
    size_t n = ll_place_blockers(ticket, &part->bounds, ranges);

    for (size_t i = 0; i < n; i++) {
        ranges[i].sort = LL_SORT_NEWEST_FIRST;
        ranges[i].limit = ll_ticket_is_exclusive(ticket) ? 3 : 2;
        ranges[i].max_create_revision = ticket->token;
        ranges[i].serializable = !ticket->linearize;
        part->then_ops[1 + i] = ll_op_range(ranges[i]);
    }
    if (ticket->is_first || ll_ticket_is_exclusive(ticket)) {
        ret_request->kind = LL_REQUEST_RANGE;
        ret_request->range = ticket->is_first ? own.range : ranges[0];
        return;
    }
    n = ll_ticket_is_behind_permits(ticket) ? 0 : n;
    part->then_ops[0] = own;
    if (ticket->mode == LL_MODE_PERMIT) {
        part->then_ops[1 + n++] = permits_ahead(part, ticket);
    }
    request_txn(part, ret_request, 0, 1 + n, 0);
}

/** Whether the name of the key to be deleted is certainly no other's. A number
 *  is used again only when each request that may delete its key is answered
 *  (see number.h). But a late enqueue may have made the key once more, a
 *  resumed key has a number of another process, and one with a slot a name of
 *  others. */
static bool is_sole_name(const struct ll_ticket *ticket)
{
    return ticket->state == LL_TICKET_LEAVE && ticket->lost_tries == 0 &&
           !ticket->resumes && !ticket->has_slot;
}

/** Deletes the key; if its name may belong to another ticket, at its token
 *  only. */
static void build_delete(struct ll_part *part,
                         const struct ll_ticket *ticket,
                         struct ll_request *ret_request)
{
    if (ticket->rejoin != NULL) {
        request_txn(part, ret_request, ll_rejoin_delete(ticket, part), 1, 1);
        return;
    }
    if (is_sole_name(ticket)) {
        ret_request->kind = LL_REQUEST_DELETE;
        ret_request->del = (struct ll_delete){.key = ll_ticket_key(ticket)};
        return;
    }
    part->then_ops[0] = (struct ll_op){.kind = LL_OP_DELETE,
                                       .del = {.key = ll_ticket_key(ticket)}};
    request_txn(part, ret_request, ll_slot_compare(ticket, part->compares), 1,
                0);
}

void ll_ticket_build(struct ll_core *core,
                     struct ll_object *object,
                     struct ll_part *part,
                     struct ll_request *ret_request)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        ticket->is_short = ll_survey_suits(core, ticket);
        build_enqueue(core, part, ticket, ret_request);
        break;
    case LL_TICKET_DELAYED:
        if (ticket->delay->asks) {
            ll_delay_build(ticket, ret_request);
            break;
        }
        /* fall through */
    case LL_TICKET_WAIT:
    case LL_TICKET_HELD:
        ll_stats_read(core, ticket);
        if (ll_ticket_reads_log(ticket)) {
            build_logged(part, ticket, ret_request);
        } else {
            build_read(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_NEXT:
        ll_stats_read(core, ticket);
        if (ll_ticket_reads_log(ticket)) {
            build_logged(part, ticket, ret_request);
        } else if (ticket->surveyed) {
            build_survey(core, part, ticket, ret_request);
        } else {
            build_next(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_REAP:
        if (ticket->token == 0) {
            build_read(part, ticket, ret_request);
            break;
        }
        /* fall through */
    case LL_TICKET_LEAVE:
        if (ll_delay_marks(ticket)) {
            ll_delay_build_mark(ticket, part, ret_request);
        } else {
            build_delete(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_LOST:
    case LL_TICKET_GONE:
        assert(ticket->state != LL_TICKET_LOST); /* it is over: no call */
        assert(ticket->state != LL_TICKET_GONE);
        break;
    }
}

static enum ll_call_way ticket_way(const struct ll_core *core,
                                   struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);
    enum ll_call_way read = ticket->linearize ? LL_CALL_ALONE : LL_CALL_READ;

    (void)core;
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        return ticket->resumes || ll_ticket_tries_permit(ticket) ||
                       ll_try_is_asking(ticket)
                   ? LL_CALL_ALONE
                   : LL_CALL_GATHER;
    case LL_TICKET_LEAVE: /* a mark is alone: see write.h, PROVE */
        return ll_delay_marks(ticket) ? LL_CALL_ALONE : LL_CALL_GATHER;
    case LL_TICKET_DELAYED:
        return ticket->delay->asks ? LL_CALL_ALONE : read;
    case LL_TICKET_WAIT:
    case LL_TICKET_NEXT:
    case LL_TICKET_HELD:
        return read;
    case LL_TICKET_REAP:
        return ticket->token == 0 ? read : LL_CALL_ALONE;
    case LL_TICKET_LOST:
    case LL_TICKET_GONE:
        break;
    }
    return LL_CALL_ALONE;
}

static size_t ticket_bytes(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return 8 * (size_t)ticket->key_size + ticket->value_size +
           (ticket->rejoin != NULL ? 3 * (size_t)ticket->rejoin->key_size : 0);
}

/** The own key, the predecessor's, and perhaps the holder; or what is ahead. */
static size_t ticket_ranges_n(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    if (ticket->state == LL_TICKET_WAIT) {
        return ll_ticket_reads_holder(ticket) ? 3 : 2;
    }
    if (ticket->state != LL_TICKET_NEXT || ticket->is_first ||
        ll_ticket_is_exclusive(ticket)) {
        return 1;
    }
    return ll_ticket_is_behind_permits(ticket) ? 2
           : ticket->mode == LL_MODE_PERMIT    ? 4
                                               : 3;
}

static bool ticket_reads_queue(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return ticket->state == LL_TICKET_NEXT && !ticket->is_first;
}

static bool ticket_is_wanted(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return ticket->state != LL_TICKET_ENQUEUE || !ticket->acquire_reported;
}

static enum ll_batch_share ticket_share(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    if (ticket->state != LL_TICKET_ENQUEUE) {
        return LL_SHARE_RELEASE;
    }
    if (ticket->try_only || ticket->resumes) {
        return LL_SHARE_NONE;
    }
    return ticket->mode == LL_MODE_SHARED ? LL_SHARE_PLACES : LL_SHARE_PLACE;
}

/** A place whose condition, that the key is not there, holds unless an earlier
 *  try was applied, or somebody else has its slot; and the deletion of a key by
 *  its name. */
static size_t ticket_flat_n(const struct ll_core *core,
                            struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    if (ticket->rejoin != NULL) {
        return 0;
    }
    if (ticket->state == LL_TICKET_LEAVE) {
        return is_sole_name(ticket) ? 1 : 0;
    }
    if (ticket->try_only || ticket->lost_tries > 0 || ticket->has_slot ||
        ticket->mode == LL_MODE_PERMIT) {
        return 0;
    }
    if (ll_survey_suits(core, ticket)) {
        return 1;
    }
    return ll_ticket_is_exclusive(ticket) ? 2 : 3;
}

const struct ll_batch_ops ll_ticket_batch_ops = LL_BATCH_OPS(ticket_way,
                                                             ticket_bytes,
                                                             ticket_share,
                                                             ticket_flat_n,
                                                             ticket_ranges_n,
                                                             ticket_reads_queue,
                                                             ticket_is_wanted,
                                                             LL_OUTCOME_AGAIN);
