/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "core/blocker.h"
#include "core/ticket.h"

/**
 * The unary requests of a ticket, and what a batch needs of them.
 */

/** All keys of the queue. */
static struct ll_range ticket_queue(struct ll_part *part,
                                    const struct ll_ticket *ticket)
{
    struct ll_range range = {.key = ll_ticket_prefix(ticket),
                             .keys_only = true};

    range.end = ll_prefix_end(range.key, part->end);
    return range;
}

static struct ll_op op_range(struct ll_range range)
{
    return (struct ll_op){.kind = LL_OP_RANGE, .range = range};
}

static struct ll_op op_key(struct ll_bytes key, bool serializable)
{
    return op_range((struct ll_range){
        .key = key, .serializable = serializable, .keys_only = true});
}

static void request_txn(struct ll_part *part,
                        struct ll_request *ret_request,
                        size_t compares_n,
                        size_t then_n,
                        size_t else_n)
{
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = (struct ll_txn){.compares = &part->compare,
                                       .compares_n = compares_n,
                                       .then_ops = part->then_ops,
                                       .then_n = then_n,
                                       .else_ops = &part->else_op,
                                       .else_n = else_n};
}

/**
 * The place in the queue. The range comes before the put, so it finds the
 * predecessor, and its count is the number of keys ahead. If the Txn is resent
 * after a lost answer, it finds the key and takes the else branch.
 */
static void build_enqueue(struct ll_part *part,
                          const struct ll_ticket *ticket,
                          struct ll_request *ret_request)
{
    struct ll_range queue;
    struct ll_op put = {.kind = LL_OP_PUT,
                        .put = {.key = ll_ticket_key(ticket),
                                .value = {ticket->value, ticket->value_size},
                                .lease = ticket->session->lease}};

    if (ticket->resumes) {
        part->then_ops[0] = op_key(ll_ticket_key(ticket), false);
        request_txn(part, ret_request, 0, 1, 0);
        return;
    }
    part->compare = (struct ll_compare){.target = LL_COMPARE_CREATE_REVISION,
                                        .result = LL_COMPARE_EQUAL,
                                        .number = 0};
    queue = ticket_queue(part, ticket);
    queue.limit = 1;
    if (ticket->try_only) {
        part->compare.key = queue.key;
        part->compare.end = queue.end;
        queue.sort = LL_SORT_OLDEST_FIRST;
        part->then_ops[0] = put;
        queue.keys_only = false; /* for the message */
        part->else_op = op_range(queue);
        request_txn(part, ret_request, 1, 1, 1);
    } else {
        part->compare.key = ll_ticket_key(ticket);
        queue.sort = LL_SORT_NEWEST_FIRST;
        part->then_ops[0] = op_range(queue);
        part->then_ops[1] = put;
        part->else_op = op_key(ll_ticket_key(ticket), false);
        request_txn(part, ret_request, 1, 2, 1);
    }
}

/** The own key and, for a waiting ticket, the predecessor's. */
static void build_read(struct ll_part *part,
                       const struct ll_ticket *ticket,
                       struct ll_request *ret_request)
{
    size_t then_n = 1;

    part->then_ops[0] = op_key(ll_ticket_key(ticket), !ticket->linearize);
    if (ticket->state == LL_TICKET_WAIT) {
        part->then_ops[1] = op_key(
            ll_ticket_watched_key(ticket, LL_WATCH_AHEAD), !ticket->linearize);
        part->then_ops[1].range.keys_only = !ticket->asks || ticket->ahead != 1;
        then_n = 2;
    }
    if (ll_ticket_reads_holder(ticket)) {
        struct ll_range queue = ticket_queue(part, ticket);

        queue.sort = LL_SORT_OLDEST_FIRST;
        queue.limit = 1;
        queue.keys_only = false;
        queue.serializable = true;
        part->then_ops[2] = op_range(queue);
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
    part->compare = (struct ll_compare){.key = ll_ticket_key(ticket),
                                        .target = LL_COMPARE_CREATE_REVISION,
                                        .result = LL_COMPARE_EQUAL,
                                        .number = 0};
    part->then_ops[0] = (struct ll_op){.kind = LL_OP_DELETE,
                                       .del = {.key = ll_ticket_key(ticket)}};
    part->else_op = op_key(ll_ticket_key(ticket), false);
    request_txn(part, ret_request, 1, 1, 1);
}

/** The newest three keys of the queue up to the own key: that key, the next
 *  predecessor, and one more if there are others ahead. Or, if it is known that
 *  there is no predecessor, the own key alone. */
static void build_next(struct ll_part *part,
                       const struct ll_ticket *ticket,
                       struct ll_request *ret_request)
{
    ret_request->kind = LL_REQUEST_RANGE;
    if (ticket->is_first) {
        ret_request->range =
            op_key(ll_ticket_key(ticket), !ticket->linearize).range;
        return;
    }
    ret_request->range = ticket_queue(part, ticket);
    ret_request->range.sort = LL_SORT_NEWEST_FIRST;
    ret_request->range.limit = 3;
    ret_request->range.max_create_revision = ticket->token;
    ret_request->range.serializable = !ticket->linearize;
}

/** Deletes the key at its token only: a late duplicate hits no other key. */
static void build_delete(struct ll_part *part,
                         const struct ll_ticket *ticket,
                         struct ll_request *ret_request)
{
    part->compare = (struct ll_compare){.key = ll_ticket_key(ticket),
                                        .target = LL_COMPARE_CREATE_REVISION,
                                        .result = LL_COMPARE_EQUAL,
                                        .number = ticket->token};
    part->then_ops[0] = (struct ll_op){.kind = LL_OP_DELETE,
                                       .del = {.key = ll_ticket_key(ticket)}};
    request_txn(part, ret_request, 1, 1, 0);
}

void ll_ticket_build(struct ll_core *core,
                     struct ll_object *object,
                     struct ll_part *part,
                     struct ll_request *ret_request)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    (void)core;
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        build_enqueue(part, ticket, ret_request);
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_HELD:
        if (ll_ticket_reads_log(ticket)) {
            build_logged(part, ticket, ret_request);
        } else {
            build_read(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_NEXT:
        if (ll_ticket_reads_log(ticket)) {
            build_logged(part, ticket, ret_request);
        } else {
            build_next(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_REAP:
        if (ticket->token == 0) {
            build_read(part, ticket, ret_request);
        } else {
            build_delete(part, ticket, ret_request);
        }
        break;
    case LL_TICKET_LEAVE:
        build_delete(part, ticket, ret_request);
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
        return ticket->resumes ? LL_CALL_ALONE : LL_CALL_GATHER;
    case LL_TICKET_LEAVE:
        return LL_CALL_GATHER;
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

    return 4 * (size_t)ticket->key_size + ticket->value_size;
}

/** The own key, the predecessor's, and perhaps the holder; or the queue. */
static size_t ticket_ranges_n(struct ll_object *object)
{
    const struct ll_ticket *ticket = ll_ticket_of(object);

    return ticket->state != LL_TICKET_WAIT  ? 1
           : ll_ticket_reads_holder(ticket) ? 3
                                            : 2;
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

const struct ll_batch_ops ll_ticket_batch_ops = LL_BATCH_OPS(ticket_way,
                                                             ticket_bytes,
                                                             ticket_ranges_n,
                                                             ticket_reads_queue,
                                                             ticket_is_wanted,
                                                             LL_OUTCOME_AGAIN);
