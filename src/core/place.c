/* SPDX-License-Identifier: Apache-2.0 */
#include "core/place.h"

#include "core/ticket.h"

bool ll_ticket_is_exclusive(const struct ll_ticket *ticket)
{
    return ticket->mode == LL_MODE_EXCLUSIVE;
}

struct ll_range ll_place_queue(const struct ll_ticket *ticket,
                               struct ll_bounds *bounds)
{
    struct ll_range range = {.key = ll_ticket_prefix(ticket),
                             .keys_only = true};

    range.end = ll_prefix_end(range.key, bounds->end);
    return range;
}

size_t ll_place_blockers(const struct ll_ticket *ticket,
                         struct ll_bounds *bounds,
                         struct ll_range ret_ranges[LL_PLACE_RANGES_MAX])
{
    struct ll_bytes prefix = ll_ticket_prefix(ticket);

    ret_ranges[0] = ll_place_queue(ticket, bounds);
    if (ll_ticket_is_exclusive(ticket)) {
        return 1;
    }
    ret_ranges[1] = ret_ranges[0];
    ret_ranges[0].end = ll_prefix_modes(prefix, bounds->modes);
    ret_ranges[1].key = ll_prefix_past_modes(prefix, bounds->past_modes);
    return 2;
}

struct ll_range ll_place_permits_of(struct ll_bytes prefix,
                                    uint32_t n,
                                    struct ll_permit_bounds *bounds)
{
    return (struct ll_range){
        .key = ll_prefix_permits_of(prefix, n, bounds->own),
        .end = ll_prefix_past_permits_of(prefix, n, bounds->high),
        .keys_only = true};
}

struct ll_range ll_place_permits(const struct ll_ticket *ticket,
                                 struct ll_permit_bounds *bounds)
{
    return ll_place_permits_of(ll_ticket_prefix(ticket), ticket->permits_max,
                               bounds);
}

/** The permits of another n. Their bounds include those of the own n. */
static void other_permits(const struct ll_ticket *ticket,
                          struct ll_permit_bounds *bounds,
                          struct ll_range ret_ranges[2])
{
    struct ll_bytes prefix = ll_ticket_prefix(ticket);
    struct ll_range own = ll_place_permits(ticket, bounds);

    ret_ranges[0] =
        (struct ll_range){.key = ll_prefix_permits(prefix, bounds->low),
                          .end = own.key,
                          .limit = 1,
                          .keys_only = true};
    ret_ranges[1] =
        (struct ll_range){.key = own.end,
                          .end = ll_prefix_past_permits(prefix, bounds->end),
                          .limit = 1,
                          .keys_only = true};
}

struct ll_op ll_op_range(struct ll_range range)
{
    return (struct ll_op){.kind = LL_OP_RANGE, .range = range};
}

struct ll_op ll_op_key(struct ll_bytes key, bool serializable)
{
    return ll_op_range((struct ll_range){
        .key = key, .serializable = serializable, .keys_only = true});
}

struct ll_compare
ll_compare_created(struct ll_bytes key, struct ll_bytes end, int64_t revision)
{
    return (struct ll_compare){.key = key,
                               .end = end,
                               .target = LL_COMPARE_CREATE_REVISION,
                               .result = LL_COMPARE_EQUAL,
                               .number = revision};
}

static struct ll_op op_put(const struct ll_ticket *ticket,
                           struct ll_bytes value)
{
    return (struct ll_op){.kind = LL_OP_PUT,
                          .put = {.key = ll_ticket_key(ticket),
                                  .value = value,
                                  .lease = ticket->session->lease}};
}

void ll_place_add_short(const struct ll_ticket *ticket,
                        struct ll_bytes value,
                        struct ll_place_txn *txn)
{
    txn->then_ops[txn->then_n++] = op_put(ticket, value);
    txn->compares[txn->compares_n++] = ll_compare_created(
        ll_ticket_key(ticket), (struct ll_bytes){NULL, 0}, 0);
    txn->else_ops[txn->else_n++] = ll_op_key(ll_ticket_key(ticket), false);
}

void ll_place_add(const struct ll_ticket *ticket,
                  struct ll_bytes value,
                  struct ll_bounds *bounds,
                  struct ll_place_txn *txn)
{
    struct ll_range ranges[LL_PLACE_RANGES_MAX];
    size_t n = ll_place_blockers(ticket, bounds, ranges);

    for (size_t i = 0; i < n; i++) {
        ranges[i].limit = 1;
        ranges[i].sort = LL_SORT_NEWEST_FIRST;
        txn->then_ops[txn->then_n++] = ll_op_range(ranges[i]);
    }
    ll_place_add_short(ticket, value, txn);
}

void ll_place_add_permit(const struct ll_ticket *ticket,
                         struct ll_bytes value,
                         bool count_only,
                         struct ll_part *part,
                         struct ll_place_txn *txn)
{
    struct ll_range others[2];
    struct ll_range permits = ll_place_permits(ticket, &part->permits);

    permits.count_only = count_only;
    if (!count_only) {
        permits.limit = 2 * (int64_t)ticket->permits_max;
        permits.sort = LL_SORT_NEWEST_FIRST;
    }
    ll_place_add(ticket, value, &part->bounds, txn);
    txn->then_ops[txn->then_n] = txn->then_ops[txn->then_n - 1];
    txn->then_ops[txn->then_n - 1] = ll_op_range(permits);
    txn->then_n++;
    other_permits(ticket, &part->permits, others);
    for (size_t i = 0; i < 2; i++) {
        txn->compares[txn->compares_n++] =
            ll_compare_created(others[i].key, others[i].end, 0);
        txn->else_ops[txn->else_n++] = ll_op_range(others[i]);
    }
}

void ll_place_read_permits(const struct ll_ticket *ticket,
                           struct ll_part *part,
                           struct ll_place_txn *txn)
{
    struct ll_range ranges[LL_PLACE_RANGES_MAX + 1];
    struct ll_range others[2];
    size_t n = ll_place_blockers(ticket, &part->bounds, ranges);

    ranges[n++] = ll_place_permits(ticket, &part->permits);
    for (size_t i = 0; i < n; i++) {
        ranges[i].limit = 1;
        ranges[i].sort = LL_SORT_OLDEST_FIRST;
        ranges[i].keys_only = false; /* for the message */
        txn->then_ops[txn->then_n++] = ll_op_range(ranges[i]);
    }
    other_permits(ticket, &part->permits, others);
    for (size_t i = 0; i < 2; i++) {
        txn->then_ops[txn->then_n++] = ll_op_range(others[i]);
    }
}

void ll_place_put_permit(const struct ll_ticket *ticket,
                         struct ll_bytes value,
                         struct ll_part *part,
                         struct ll_place_txn *txn)
{
    struct ll_range queue = ll_place_queue(ticket, &part->bounds);

    txn->compares[txn->compares_n] =
        ll_compare_created(queue.key, queue.end, ticket->try_revision + 1);
    txn->compares[txn->compares_n++].result = LL_COMPARE_LESS;
    /* The second read may have found the late key of a lost first put. */
    txn->compares[txn->compares_n++] = ll_compare_created(
        ll_ticket_key(ticket), (struct ll_bytes){NULL, 0}, 0);
    txn->then_ops[txn->then_n++] = op_put(ticket, value);
    txn->else_ops[txn->else_n++] = ll_op_key(ll_ticket_key(ticket), false);
}

bool ll_place_none_is_there(const struct ll_ticket *ticket,
                            const struct ll_answer *answer)
{
    for (size_t i = 0; i < 3; i++) {
        const struct ll_range_answer *range = ll_answer_range(answer, i);

        if (range == NULL || range->kvs_n > 0) {
            return false;
        }
    }
    return ticket->mode == LL_MODE_PERMIT;
}

const struct ll_kv *ll_place_other_permit(const struct ll_answer *answer,
                                          size_t at)
{
    for (size_t i = at; i < at + 2; i++) {
        const struct ll_range_answer *range = ll_answer_range(answer, i);

        if (range != NULL && range->kvs_n > 0) {
            return &range->kvs[0];
        }
    }
    return NULL;
}

void ll_place_add_try(const struct ll_ticket *ticket,
                      struct ll_bytes value,
                      struct ll_bounds *bounds,
                      struct ll_place_txn *txn)
{
    struct ll_bytes own = ll_ticket_key(ticket);
    struct ll_range ranges[LL_PLACE_RANGES_MAX];
    size_t n = ll_place_blockers(ticket, bounds, ranges);

    if (!ll_ticket_is_exclusive(ticket)) {
        txn->compares[txn->compares_n++] =
            ll_compare_created(own, (struct ll_bytes){NULL, 0}, 0);
        txn->else_ops[txn->else_n++] = ll_op_key(own, false);
    }
    for (size_t i = 0; i < n; i++) {
        txn->compares[txn->compares_n++] =
            ll_compare_created(ranges[i].key, ranges[i].end, 0);
        ranges[i].limit = 1;
        ranges[i].sort = LL_SORT_OLDEST_FIRST;
        ranges[i].keys_only = false; /* for the message */
        txn->else_ops[txn->else_n++] = ll_op_range(ranges[i]);
    }
    txn->then_ops[txn->then_n++] = op_put(ticket, value);
}

static size_t blockers_n(const struct ll_ticket *ticket)
{
    return ll_ticket_is_exclusive(ticket) ? 1 : 2;
}

bool ll_place_ahead(const struct ll_ticket *ticket,
                    const struct ll_answer *answer,
                    size_t at,
                    struct ll_ahead *ret_ahead)
{
    *ret_ahead = (struct ll_ahead){.revision = answer->revision};
    for (size_t i = 0; i < blockers_n(ticket); i++) {
        const struct ll_range_answer *range = ll_answer_range(answer, at + i);
        const struct ll_kv *first;

        if (range == NULL) {
            return false;
        }
        ret_ahead->count += range->count;
        ret_ahead->read += (int64_t)range->kvs_n;
        first = range->kvs_n > 0 ? &range->kvs[0] : NULL;
        if (first != NULL &&
            (ret_ahead->newest == NULL ||
             first->create_revision > ret_ahead->newest->create_revision)) {
            ret_ahead->newest = first;
        }
        if (first != NULL &&
            (ret_ahead->oldest == NULL ||
             first->create_revision < ret_ahead->oldest->create_revision)) {
            ret_ahead->oldest = first;
        }
    }
    if (ticket->mode == LL_MODE_PERMIT) {
        ret_ahead->permits = ll_answer_range(answer, at + blockers_n(ticket));
        ret_ahead->permits_count =
            ret_ahead->permits != NULL ? ret_ahead->permits->count : -1;
    }
    return ticket->mode != LL_MODE_PERMIT || ret_ahead->permits != NULL;
}

bool ll_place_try_ahead(const struct ll_ticket *ticket,
                        const struct ll_answer *answer,
                        size_t at,
                        struct ll_ahead *ret_ahead)
{
    return ll_place_ahead(ticket, answer,
                          at + (ll_ticket_is_exclusive(ticket) ? 0 : 1),
                          ret_ahead);
}

const struct ll_kv *ll_place_own(const struct ll_ticket *ticket,
                                 const struct ll_answer *answer,
                                 size_t at)
{
    const struct ll_range_answer *found = ll_answer_range(answer, at);

    return found != NULL && found->kvs_n > 0 &&
                   ll_bytes_equal(found->kvs[0].key, ll_ticket_key(ticket)) &&
                   found->kvs[0].lease == ticket->session->lease
               ? &found->kvs[0]
               : NULL;
}
