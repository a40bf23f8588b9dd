/* SPDX-License-Identifier: Apache-2.0 */
#include "core/batch.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/object.h"
#include "core/read.h"

/** The queues that a batch contains already, approximately: a bit for each. A
 *  sole part shares no batch with another one of that bit. */
#define QUEUE_BITS 1024

/** Whether there is memory to build a batch in; one is built at a time. */
static bool batches_ready(struct ll_core *core)
{
    struct ll_batches *batches = &core->batches;

    if (batches->parts == NULL) {
        batches->parts = ll_alloc(LL_BATCH_PARTS_MAX * sizeof(*batches->parts));
    }
    if (batches->ops == NULL) {
        batches->ops = ll_alloc(LL_BATCH_PARTS_MAX * sizeof(*batches->ops));
    }
    if (batches->lists && batches->listed == NULL) {
        batches->listed =
            ll_alloc(LL_BATCH_LISTED_MAX * sizeof(*batches->listed));
    }
    return batches->parts != NULL && batches->ops != NULL &&
           (batches->listed != NULL || !batches->lists);
}

/** The most parts of the next batch. */
static size_t parts_max(const struct ll_core *core)
{
    size_t listed = LL_BATCH_LISTED_MAX / LL_BATCH_LISTED_PART_MIN;

    return core->batches.lists && listed < core->batches.parts_max
               ? listed
               : core->batches.parts_max;
}

/** Whether the list of operations has room for those of one more part. */
static bool list_has_room(const struct ll_batches *batches)
{
    return !batches->lists ||
           batches->listed_n + LL_BATCH_LISTED_PART_MAX <= LL_BATCH_LISTED_MAX;
}

/** As etcd orders keys. */
static int bytes_order(struct ll_bytes a, struct ll_bytes b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/** Whether one of the listed operations reads all of a range or a key. */
static bool is_listed(const struct ll_op *listed,
                      size_t n,
                      struct ll_bytes key,
                      struct ll_bytes end)
{
    for (size_t i = 0; i < n; i++) {
        const struct ll_range *range = &listed[i].range;

        if (listed[i].kind != LL_OP_RANGE) {
            continue;
        }
        if (ll_bytes_equal(range->key, key) &&
            ll_bytes_equal(range->end, end)) {
            return true;
        }
        if (end.size == 0 && range->end.size > 0 &&
            bytes_order(range->key, key) <= 0 &&
            bytes_order(key, range->end) < 0) {
            return true;
        }
    }
    return false;
}

/** Lists an operation for etcd's check of permissions; a condition is listed as
 *  the range that it reads. */
static void list_op(struct ll_op *listed, size_t *n, const struct ll_op *op)
{
    struct ll_op *to = &listed[*n];

    switch (op->kind) {
    case LL_OP_RANGE:
        if (is_listed(listed, *n, op->range.key, op->range.end)) {
            return;
        }
        *to = (struct ll_op){.kind = LL_OP_RANGE,
                             .range = {.key = op->range.key,
                                       .end = op->range.end,
                                       .keys_only = true,
                                       .count_only = true}};
        break;
    case LL_OP_PUT:
        *to = (struct ll_op){.kind = LL_OP_PUT, .put = {.key = op->put.key}};
        break;
    case LL_OP_DELETE:
        *to = *op;
        break;
    case LL_OP_TXN:
        assert(false); /* no part contains one */
        return;
    }
    assert(*n < LL_BATCH_LISTED_PART_MAX);
    ++*n;
}

static void list_part(struct ll_batches *batches, const struct ll_txn *txn)
{
    struct ll_op *listed = &batches->listed[batches->listed_n];
    size_t n = 0;

    for (size_t i = 0; i < txn->then_n; i++) {
        list_op(listed, &n, &txn->then_ops[i]);
    }
    for (size_t i = 0; i < txn->else_n; i++) {
        list_op(listed, &n, &txn->else_ops[i]);
    }
    for (size_t i = 0; i < txn->compares_n; i++) {
        struct ll_op op = {.kind = LL_OP_RANGE,
                           .range = {.key = txn->compares[i].key,
                                     .end = txn->compares[i].end}};

        list_op(listed, &n, &op);
    }
    batches->listed_n += n;
}

/** Adds an object's Txn to a batch, as its next part. */
static void batch_take(struct ll_core *core,
                       struct ll_batch *batch,
                       struct ll_object *object)
{
    struct ll_request request = {.kind = LL_REQUEST_TXN};
    size_t n = batch->n++;

    ll_call_begin(core, object, &core->batches.parts[n], &request);
    assert(request.kind == LL_REQUEST_TXN);
    core->batches.ops[n] =
        (struct ll_op){.kind = LL_OP_TXN, .txn = request.txn};
    if (core->batches.lists) {
        list_part(&core->batches, &request.txn);
    }
    batch->parts[n].id = object->entry.id;
    batch->parts[n].seq = object->seq;
    batch->ops_n++;
}

/** The queues that a batch contains, and those with a part that shares it with
 *  no other of its queue. */
struct queues {
    uint64_t any[QUEUE_BITS / 64];
    uint64_t sole[QUEUE_BITS / 64];
};

/** Adds an object's queue. @return whether the object may share the batch */
static bool queues_add(struct queues *queues, struct ll_object *object)
{
    uint64_t bit = object->queue_hash % QUEUE_BITS;
    uint64_t mask = UINT64_C(1) << bit % 64;
    bool sole = object->ops->batch->is_sole(object);
    uint64_t *any = &queues->any[bit / 64];
    bool may = ((sole ? *any : queues->sole[bit / 64]) & mask) == 0;

    if (may) {
        *any |= mask;
        queues->sole[bit / 64] |= sole ? mask : 0;
    }
    return may;
}

/** Moves pending calls that can share a request into a batch. @return the own
 *  request of the first one */
static struct ll_request batch_fill(struct ll_core *core,
                                    struct ll_batch *batch)
{
    struct queues queues = {{0}, {0}};
    size_t bytes = 0;
    unsigned looked_at = 0;
    struct ll_link *at;
    struct ll_link *after;

    core->batches.listed_n = 0;
    LL_LIST_EACH (at, after, &core->calls.batched) {
        struct ll_object *object = LL_CONTAINER(at, struct ll_object, calling);

        if (batch->n == parts_max(core) || looked_at++ == LL_BATCH_LOOK_MAX ||
            !list_has_room(&core->batches)) {
            break;
        }
        if (!queues_add(&queues, object)) {
            continue;
        }
        bytes += object->ops->batch->bytes(object);
        if (batch->n > 0 && bytes > LL_BATCH_BYTES_MAX) {
            break;
        }
        batch_take(core, batch, object);
    }
    return (struct ll_request){.kind = LL_REQUEST_TXN,
                               .txn = core->batches.ops[0].txn};
}

/** Whether calls are pending that can share a request, as the first two can. */
static bool pending_are_many(struct ll_core *core)
{
    struct ll_link *first = core->calls.batched.next;
    struct queues queues = {{0}, {0}};

    return !ll_link_alone(&core->calls.batched) &&
           first->next != &core->calls.batched &&
           queues_add(&queues,
                      LL_CONTAINER(first, struct ll_object, calling)) &&
           queues_add(&queues,
                      LL_CONTAINER(first->next, struct ll_object, calling));
}

/** Whether the pending calls fill a batch. It visits only some of them, because
 *  it runs for each call that becomes pending. */
static bool pending_fill_batch(struct ll_core *core)
{
    struct queues queues = {{0}, {0}};
    size_t looked_at = 0;
    size_t bytes = 0;
    size_t n = 0;
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->calls.batched) {
        struct ll_object *object = LL_CONTAINER(at, struct ll_object, calling);

        if (queues_add(&queues, object)) {
            bytes += object->ops->batch->bytes(object);
            n++;
        }
        if (n == parts_max(core) || bytes > LL_BATCH_BYTES_MAX) {
            return true;
        }
        if (++looked_at == 2 * parts_max(core)) {
            return false;
        }
    }
    return false;
}

/** Batches are in flight side by side only while each consists of one call, or
 *  if the next one is full. */
static struct ll_batch *free_slot(struct ll_core *core)
{
    struct ll_batch *found = NULL;
    bool many = pending_are_many(core);
    unsigned out = 0;

    for (unsigned i = 0; i < core->batches.window; i++) {
        struct ll_batch *batch = &core->batches.slots[i];

        if (batch->out) {
            out++;
            many = many || batch->n > 1;
        } else if (found == NULL) {
            found = batch;
        }
    }
    if (found != NULL && many && out > 0 && !pending_fill_batch(core)) {
        return NULL;
    }
    return found;
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
    if (first->next != pending && core->batches.parts_max > 1 &&
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
        ret_effect->call.request = kind->join(core, batch);
    }
    return true;
}

static struct ll_request batch_join(struct ll_core *core,
                                    const struct ll_batch *batch)
{
    return (struct ll_request){.kind = LL_REQUEST_TXN,
                               .txn = {.then_ops = core->batches.ops,
                                       .then_n = batch->n,
                                       .else_ops = core->batches.listed,
                                       .else_n = core->batches.listed_n}};
}

static const struct ll_batch_kind batch_kind = {batch_fill, batch_join};

bool ll_batches_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    return ll_batch_draw(core, &core->calls.batched, free_slot(core),
                         &batch_kind, ret_effect);
}

void ll_batches_on_single(struct ll_core *core, uint64_t id, uint32_t seq)
{
    for (unsigned i = 0; i < 2 * LL_BATCHES_MAX; i++) {
        struct ll_batch *batch = &core->batches.slots[i];

        if (batch->out && batch->n == 1 && batch->parts[0].id == id &&
            batch->parts[0].seq == seq) {
            batch->out = false;
        }
    }
}

/** etcd refused the batch as a whole because of one of its parts. */
static void batch_split(struct ll_core *core,
                        const struct ll_batch *batch,
                        const struct ll_event *event)
{
    const struct ll_answer *answer = event->answer.answer;
    /* For an object that does not resend its call: it was not applied. */
    struct ll_answer refused = *answer;

    if (strstr(answer->text, "too many operations") != NULL) {
        core->batches.parts_max = batch->ops_n / 2;
        ll_core_log(core, 2, "etcd takes fewer than %zu operations in a Txn",
                    batch->ops_n);
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

void ll_batches_on_answer(struct ll_core *core, const struct ll_event *event)
{
    struct ll_batch *batch = &core->batches.slots[event->id - LL_ID_MAX];
    const struct ll_answer *whole = event->answer.answer;
    bool fits = whole->outcome != LL_OUTCOME_OK ||
                (whole->kind == LL_REQUEST_TXN && whole->txn.succeeded &&
                 whole->txn.ops_n == batch->n);

    assert(batch->out && batch->seq == event->answer.seq);
    batch->out = false;
    if (whole->outcome != LL_OUTCOME_OK && whole->outcome != LL_OUTCOME_LOST &&
        whole->outcome != LL_OUTCOME_AGAIN) {
        batch_split(core, batch, event);
        return;
    }
    if (batch >= &core->batches.slots[LL_BATCHES_MAX]) {
        ll_reads_on_answer(core, batch, event);
        return;
    }
    for (size_t i = 0; i < batch->n; i++) {
        struct ll_object *object =
            ll_call_find(core, batch->parts[i].id, batch->parts[i].seq);
        struct ll_answer part = *whole;

        if (object == NULL) {
            continue; /* the object no longer awaits the answer */
        }
        if (whole->outcome == LL_OUTCOME_OK) {
            part.txn = fits && whole->txn.ops[i].kind == LL_OP_TXN
                           ? whole->txn.ops[i].txn
                           : (struct ll_txn_answer){.succeeded = false};
            part.kind = LL_REQUEST_TXN;
        }
        ll_call_end(core, object, &part, event);
    }
}

void ll_batches_free(struct ll_core *core)
{
    ll_free(core->batches.parts);
    ll_free(core->batches.ops);
    ll_free(core->batches.listed);
}
