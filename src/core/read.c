/* SPDX-License-Identifier: Apache-2.0 */
#include "core/read.h"

#include <assert.h>

#include "core/object.h"

/** Adds an object's read to a batch; its ranges follow those that are there.
 *  @return the request that it would send by itself */
static struct ll_request read_take(struct ll_core *core,
                                   struct ll_batch *batch,
                                   struct ll_object *object)
{
    struct ll_batches *batches = &core->batches;
    struct ll_request request = {.kind = LL_REQUEST_TXN};
    struct ll_batch_part *part = &batch->parts[batch->n];
    size_t ranges_n = object->ops->batch->ranges_n(object);

    ll_call_begin(core, object, &batches->parts[batch->n], &request);
    if (request.kind == LL_REQUEST_RANGE) {
        batches->ops[batch->ops_n] =
            (struct ll_op){.kind = LL_OP_RANGE, .range = request.range};
    } else {
        assert(request.kind == LL_REQUEST_TXN);
        assert(request.txn.compares_n == 0 && request.txn.then_n == ranges_n);
        for (size_t i = 0; i < ranges_n; i++) {
            batches->ops[batch->ops_n + i] = request.txn.then_ops[i];
        }
    }
    part->id = object->entry.id;
    part->seq = object->seq;
    part->ops_n = (uint16_t)ranges_n;
    part->is_range = request.kind == LL_REQUEST_RANGE;
    batch->ops_n += ranges_n;
    batch->n++;
    return request;
}

static struct ll_batch *free_slot(struct ll_core *core)
{
    unsigned n = core->batches.far ? LL_BATCHES_MAX : core->batches.window;

    for (unsigned i = 0; i < n; i++) {
        struct ll_batch *batch = &core->batches.reads[i];

        if (!batch->out) {
            return batch;
        }
    }
    return NULL;
}

/** Fills a batch with pending reads, as far as there is room.
 *  @return the own request of the first one */
static struct ll_request reads_fill(struct ll_core *core,
                                    struct ll_batch *batch)
{
    struct ll_request first = {.kind = LL_REQUEST_TXN};
    unsigned queues_n = 0;
    struct ll_link *at;
    struct ll_link *after;

    core->batches.reads_contended = false;
    LL_LIST_EACH (at, after, &core->calls.reads) {
        struct ll_object *object = LL_CONTAINER(at, struct ll_object, calling);

        queues_n += object->ops->batch->reads_queue(object) ? 1 : 0;
        if (batch->n > 0 &&
            (queues_n > LL_READ_QUEUES_MAX ||
             batch->ops_n + object->ops->batch->ranges_n(object) >
                 core->batches.ops_max)) {
            core->batches.reads_contended = true;
            break;
        }
        if (batch->n == 0) {
            first = read_take(core, batch, object);
        } else {
            (void)read_take(core, batch, object);
        }
    }
    return first;
}

static struct ll_request reads_join(struct ll_core *core,
                                    struct ll_batch *batch)
{
    return (struct ll_request){
        .kind = LL_REQUEST_TXN,
        .txn = {.then_ops = core->batches.ops, .then_n = batch->ops_n}};
}

static const struct ll_batch_kind reads_kind = {reads_fill, reads_join,
                                                LEASELOCK_STATS_BATCH_READS};

bool ll_reads_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    bool one = core->calls.reads.next == core->calls.reads.prev;

    if (!ll_batch_draw(core, &core->calls.reads, free_slot(core), &reads_kind,
                       ret_effect)) {
        return false;
    }
    if (one) { /* else reads_fill has set it */
        core->batches.reads_contended = false;
    }
    return true;
}

void ll_reads_on_answer(struct ll_core *core,
                        struct ll_batch *batch,
                        const struct ll_event *event)
{
    const struct ll_answer *whole = event->answer.answer;
    bool fits = whole->outcome == LL_OUTCOME_OK &&
                whole->kind == LL_REQUEST_TXN &&
                whole->txn.ops_n == batch->ops_n;
    size_t at = 0;

    for (size_t i = 0; i < batch->n; i++) {
        struct ll_object *object =
            ll_call_find(core, batch->parts[i].id, batch->parts[i].seq);
        size_t ops_n = batch->parts[i].ops_n;
        struct ll_answer part = *whole;

        at += ops_n;
        if (object == NULL) {
            continue; /* the object no longer awaits the answer */
        }
        if (whole->outcome == LL_OUTCOME_OK) {
            const struct ll_op_answer *ops =
                fits ? &whole->txn.ops[at - ops_n] : NULL;

            part.kind = LL_REQUEST_TXN;
            part.txn = (struct ll_txn_answer){fits, ops, fits ? ops_n : 0};
            if (batch->parts[i].is_range && fits &&
                ops[0].kind == LL_OP_RANGE) {
                part.kind = LL_REQUEST_RANGE;
                part.range = ops[0].range;
            }
        }
        ll_call_end(core, object, &part, event);
    }
}
