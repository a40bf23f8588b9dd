/* SPDX-License-Identifier: Apache-2.0 */
#include "core/batch.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/batch_queues.h"
#include "core/object.h"
#include "core/read.h"

_Static_assert(LL_ID_MAX + LL_BATCHES_FAR_MAX + LL_BATCHES_MAX <=
                   LL_CLUSTER_CALLS,
               "each kind of call has ids of its own");

/** Whether there is memory to build a batch in; one is built at a time. */
static bool batches_ready(struct ll_core *core)
{
    struct ll_batches *batches = &core->batches;

    if (batches->parts == NULL) {
        batches->parts = ll_alloc(LL_BATCH_PARTS_MAX * sizeof(*batches->parts));
    }
    if (batches->ops == NULL) {
        /* And as many to sort them in. */
        batches->ops = ll_alloc(2 * LL_BATCH_PARTS_MAX * sizeof(*batches->ops));
    }
    if (batches->compares == NULL) {
        batches->compares =
            ll_alloc(LL_BATCH_PARTS_MAX * sizeof(*batches->compares));
    }
    if (batches->lists && batches->listed == NULL) {
        batches->listed =
            ll_alloc(LL_BATCH_LISTED_MAX * sizeof(*batches->listed));
    }
    return batches->parts != NULL && batches->ops != NULL &&
           batches->compares != NULL &&
           (batches->listed != NULL || !batches->lists);
}

/** Adds a request's operations and its condition to those of the batch.
 *  @return how many operations */
static size_t take_flat(struct ll_batches *batches,
                        struct ll_op *ops,
                        const struct ll_request *request)
{
    const struct ll_txn *txn = &request->txn;

    if (request->kind == LL_REQUEST_DELETE) {
        ops[0] = (struct ll_op){.kind = LL_OP_DELETE, .del = request->del};
        return 1;
    }
    assert(request->kind == LL_REQUEST_TXN && txn->compares_n == 1);
    assert(batches->compares_n < LL_BATCH_PARTS_MAX);
    batches->compares[batches->compares_n++] = txn->compares[0];
    memcpy(ops, txn->then_ops, txn->then_n * sizeof(ops[0]));
    return txn->then_n;
}

/** Adds an object's request to a batch, as its next part.
 *  @return that request */
static struct ll_request batch_take(struct ll_core *core,
                                    struct ll_batch *batch,
                                    struct ll_object *object)
{
    struct ll_batches *batches = &core->batches;
    struct ll_batch_part *part = &batch->parts[batch->n];
    struct ll_op *ops = &batches->ops[batch->ops_n];
    struct ll_request request = {.kind = LL_REQUEST_TXN};
    size_t flat = ll_batch_flat_n(core, object);

    *part = (struct ll_batch_part){.ops_n = 1, .is_flat = flat > 0};
    part->is_release = object->ops->batch->share(object) == LL_SHARE_RELEASE;
    ll_call_begin(core, object, &batches->parts[batch->n], &request);
    part->id = object->entry.id;
    part->seq = object->seq;
    part->is_delete = request.kind == LL_REQUEST_DELETE;
    if (flat > 0) {
        part->ops_n = (uint16_t)take_flat(batches, ops, &request);
        assert(part->ops_n == flat);
    } else {
        assert(request.kind == LL_REQUEST_TXN);
        ops[0] = (struct ll_op){.kind = LL_OP_TXN, .txn = request.txn};
        if (batches->lists) {
            ll_batch_list_part(batches, &request.txn);
        }
    }
    batch->ops_n += part->ops_n;
    batch->n++;
    return request;
}

/** Moves the releases of a batch before its other parts. */
static void releases_first(struct ll_batches *batches, struct ll_batch *batch)
{
    struct ll_batch_part parts[LL_BATCH_PARTS_MAX];
    struct ll_op *ops = &batches->ops[LL_BATCH_PARTS_MAX];
    size_t n = 0;

    for (int others = 0; others < 2; others++) {
        const struct ll_op *from = batches->ops;

        for (size_t i = 0; i < batch->n; i++) {
            size_t ops_n = batch->parts[i].ops_n;

            if (batch->parts[i].is_release == (others == 0)) {
                parts[n++] = batch->parts[i];
                memcpy(ops, from, ops_n * sizeof(ops[0]));
                ops += ops_n;
            }
            from += ops_n;
        }
    }
    memcpy(batch->parts, parts, n * sizeof(parts[0]));
    memcpy(batches->ops, &batches->ops[LL_BATCH_PARTS_MAX],
           batch->ops_n * sizeof(ops[0]));
}

/** Moves pending calls that can share a request into a batch. @return the own
 *  request of the first one */
static struct ll_request batch_fill(struct ll_core *core,
                                    struct ll_batch *batch)
{
    struct ll_request first = {.kind = LL_REQUEST_TXN};
    struct ll_request request;
    struct ll_batch_queues queues = {{{0}}};
    size_t bytes = 0;
    unsigned looked_at = 0;
    struct ll_link *at;
    struct ll_link *after;

    core->batches.compares_n = 0;
    core->batches.listed_n = 0;
    LL_LIST_EACH (at, after, &core->calls.batched) {
        struct ll_object *object = LL_CONTAINER(at, struct ll_object, calling);

        if ((batch->n > 0 && batch->ops_n + ll_batch_ops_n(core, object) >
                                 core->batches.ops_max) ||
            looked_at++ == LL_BATCH_LOOK_MAX ||
            !ll_batch_list_has_room(&core->batches)) {
            break;
        }
        if (!ll_batch_queues_add(&queues, object)) {
            core->batches.skipped = true;
            continue;
        }
        bytes += object->ops->batch->bytes(object);
        if (batch->n > 0 && bytes > LL_BATCH_BYTES_MAX) {
            break;
        }
        request = batch_take(core, batch, object);
        first = batch->n == 1 ? request : first;
    }
    releases_first(&core->batches, batch);
    return first;
}

bool ll_batch_draw(struct ll_core *core,
                   struct ll_link *pending,
                   struct ll_batch *batch,
                   const struct ll_batch_kind *kind,
                   struct ll_effect *ret_effect)
{
    struct ll_link *first = pending->next;
    struct ll_request request = {.kind = LL_REQUEST_TXN};

    if (ll_link_alone(pending) || batch == NULL ||
        core->calls.in_flight >= LL_CALLS_MAX) {
        return false;
    }
    batch->n = 0;
    batch->ops_n = 0;
    batch->out = true;
    batch->sent_ns = core->now_ns;
    if (first->next != pending && core->batches.ops_max > 1 &&
        batches_ready(core)) {
        request = kind->fill(core, batch);
    } else {
        struct ll_object *object =
            LL_CONTAINER(first, struct ll_object, calling);

        ll_call_begin(core, object, &core->single, &request);
        batch->n = 1;
        batch->parts[0].id = object->entry.id;
        batch->parts[0].seq = object->seq;
    }
    core->calls.in_flight++;
    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_CALL};
    ret_effect->call.endpoint = core->endpoints.current;
    ret_effect->call.timeout_ns = ll_endpoint_attempt_timeout_ns(core);
    if (batch->n == 1) {
        ret_effect->id = batch->parts[0].id;
        ret_effect->call.seq = batch->parts[0].seq;
        ret_effect->call.request = request;
    } else {
        ret_effect->id = LL_ID_MAX + (uint64_t)(batch - core->batches.slots);
        ret_effect->call.seq = ++batch->seq;
        batch->has_conditions = false;
        core->stats.batches[kind->is]++;
        core->stats.batch_parts[kind->is] += batch->n;
        ll_log_batch_sent(core, batch);
        ret_effect->call.request = kind->join(core, batch);
    }
    return true;
}

static struct ll_request batch_join(struct ll_core *core,
                                    struct ll_batch *batch)
{
    batch->has_conditions = core->batches.compares_n > 0;
    assert(!batch->has_conditions || core->batches.listed_n == 0);
    return (struct ll_request){.kind = LL_REQUEST_TXN,
                               .txn = {.compares = core->batches.compares,
                                       .compares_n = core->batches.compares_n,
                                       .then_ops = core->batches.ops,
                                       .then_n = batch->ops_n,
                                       .else_ops = core->batches.listed,
                                       .else_n = core->batches.listed_n}};
}

static const struct ll_batch_kind batch_kind = {batch_fill, batch_join,
                                                LEASELOCK_STATS_BATCH_WRITES};

bool ll_batches_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    struct ll_batch *batch;

    if (ll_link_alone(&core->calls.batched)) {
        return false;
    }
    batch = ll_batch_free_slot(core);
    if (batch == NULL) {
        return false;
    }
    core->batches.skipped = false;
    if (!ll_batch_draw(core, &core->calls.batched, batch, &batch_kind,
                       ret_effect)) {
        return false;
    }
    ll_batch_note_sent(core, batch);
    return true;
}

void ll_batches_on_single(struct ll_core *core, const struct ll_event *event)
{
    struct ll_batches *batches = &core->batches;

    for (unsigned i = 0; i < batches->slots_n + LL_BATCHES_MAX; i++) {
        bool is_write = i < batches->slots_n;
        struct ll_batch *batch = is_write
                                     ? &batches->slots[i]
                                     : &batches->reads[i - batches->slots_n];

        if (batch->out && batch->n == 1 && batch->parts[0].id == event->id &&
            batch->parts[0].seq == event->answer.seq) {
            batch->out = false;
            if (is_write) {
                ll_batch_note_answer(core, batch, event);
            }
            return;
        }
    }
}

/** etcd refused the batch as a whole because of one of its parts, or did not
 *  apply it because a part's condition does not hold. */
static void batch_split(struct ll_core *core,
                        const struct ll_batch *batch,
                        const struct ll_event *event)
{
    const struct ll_answer *answer = event->answer.answer;
    /* For an object that does not resend its call: it was not applied. */
    struct ll_answer refused = *answer;

    if (strstr(answer->text, "too many operations") != NULL) {
        core->batches.ops_max = batch->ops_n / 2;
        ll_core_log(
            core, LL_LOG_BATCH_LIMITED, ll_log_endpoint(event->answer.endpoint),
            "etcd takes fewer than %zu operations in a Txn", batch->ops_n);
    }
    for (size_t i = 0; i < batch->n; i++) {
        struct ll_object *object =
            ll_call_find(core, batch->parts[i].id, batch->parts[i].seq);

        if (object == NULL) {
            continue;
        }
        if (object->ops->batch->is_wanted(object)) {
            object->is_unbatched = true;
            ll_call_at(core, object, core->now_ns);
            ll_object_reschedule(core, object);
        } else {
            refused.outcome = answer->is_disbelieved
                                  ? object->ops->batch->disbelieved
                                  : LL_OUTCOME_AGAIN;
            ll_call_end(core, object, &refused, event);
        }
    }
}

/** Whether the batch's conditions did not hold. */
static bool is_unapplied(const struct ll_answer *whole)
{
    return whole->outcome == LL_OUTCOME_OK && whole->kind == LL_REQUEST_TXN &&
           !whole->txn.succeeded;
}

/** A part's own answer, which is at a place of the batch's. */
static void part_answer(const struct ll_batch_part *part,
                        const struct ll_answer *whole,
                        size_t ops_n,
                        size_t at,
                        struct ll_answer *ret_answer)
{
    bool fits = whole->kind == LL_REQUEST_TXN && whole->txn.succeeded &&
                whole->txn.ops_n == ops_n;
    const struct ll_op_answer *ops = fits ? &whole->txn.ops[at] : NULL;

    ret_answer->kind = LL_REQUEST_TXN;
    ret_answer->txn = (struct ll_txn_answer){.succeeded = false};
    if (!fits) {
        return;
    }
    if (part->is_delete && ops[0].kind == LL_OP_DELETE) {
        ret_answer->kind = LL_REQUEST_DELETE;
        ret_answer->deleted = ops[0].deleted;
    } else if (part->is_flat && !part->is_delete) {
        ret_answer->txn = (struct ll_txn_answer){true, ops, part->ops_n};
    } else if (!part->is_flat && ops[0].kind == LL_OP_TXN) {
        ret_answer->txn = ops[0].txn;
    }
}

void ll_batches_on_answer(struct ll_core *core, const struct ll_event *event)
{
    struct ll_batch *batch = &core->batches.slots[event->id - LL_ID_MAX];
    const struct ll_answer *whole = event->answer.answer;

    size_t at = 0;

    assert(batch->out && batch->seq == event->answer.seq);
    batch->out = false;
    ll_log_batch_answered(core, batch, whole->outcome);
    if (batch < core->batches.reads) {
        ll_batch_note_answer(core, batch, event);
    }
    if ((whole->outcome != LL_OUTCOME_OK && whole->outcome != LL_OUTCOME_LOST &&
         whole->outcome != LL_OUTCOME_AGAIN) ||
        (batch->has_conditions && is_unapplied(whole))) {
        batch_split(core, batch, event);
        return;
    }
    if (batch >= core->batches.reads) {
        ll_reads_on_answer(core, batch, event);
        return;
    }
    for (size_t i = 0; i < batch->n; i++) {
        struct ll_object *object =
            ll_call_find(core, batch->parts[i].id, batch->parts[i].seq);
        struct ll_answer part = *whole;

        if (whole->outcome == LL_OUTCOME_OK) {
            part_answer(&batch->parts[i], whole, batch->ops_n, at, &part);
        }
        at += batch->parts[i].ops_n;
        if (object != NULL) { /* else it no longer awaits the answer */
            ll_call_end(core, object, &part, event);
        }
    }
}

void ll_batches_free(struct ll_core *core)
{
    ll_free(core->batches.parts);
    ll_free(core->batches.ops);
    ll_free(core->batches.compares);
    ll_free(core->batches.listed);
}
