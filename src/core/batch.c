/* SPDX-License-Identifier: Apache-2.0 */
#include "core/batch.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/object.h"
#include "core/read.h"

/** The queues that a batch contains already, approximately: a bit for each. */
#define QUEUE_BITS 1024

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
        ll_batch_list_part(&core->batches, &request.txn);
    }
    batch->parts[n].id = object->entry.id;
    batch->parts[n].seq = object->seq;
    batch->parts[n].is_release =
        object->ops->batch->share(object) == LL_SHARE_RELEASE;
    batch->ops_n++;
}

/** The queues that a batch contains, by the kind of their parts. */
struct queues {
    uint64_t has[LL_SHARES][QUEUE_BITS / 64];
};

/** Adds an object's queue. @return whether the object may share the batch */
static bool queues_add(struct queues *queues, struct ll_object *object)
{
    static const bool may_share[LL_SHARES][LL_SHARES] = {
        [LL_SHARE_RELEASE] = {true, true, true, false},
        [LL_SHARE_PLACES] = {true, true, false, false},
        [LL_SHARE_PLACE] = {true, false, false, false},
    };
    uint64_t bit = object->queue_hash % QUEUE_BITS;
    uint64_t mask = UINT64_C(1) << bit % 64;
    enum ll_batch_share share = object->ops->batch->share(object);

    for (size_t i = 0; i < LL_SHARES; i++) {
        if (!may_share[share][i] && (queues->has[i][bit / 64] & mask) != 0) {
            return false;
        }
    }
    queues->has[share][bit / 64] |= mask;
    return true;
}

/** Moves the releases of a batch before its other parts. */
static void releases_first(struct ll_batches *batches, struct ll_batch *batch)
{
    struct ll_batch_part parts[LL_BATCH_PARTS_MAX];
    struct ll_op *ops = &batches->ops[LL_BATCH_PARTS_MAX];
    size_t n = 0;

    for (int others = 0; others < 2; others++) {
        for (size_t i = 0; i < batch->n; i++) {
            if (batch->parts[i].is_release == (others == 0)) {
                parts[n] = batch->parts[i];
                ops[n++] = batches->ops[i];
            }
        }
    }
    memcpy(batch->parts, parts, n * sizeof(parts[0]));
    memcpy(batches->ops, ops, n * sizeof(ops[0]));
}

/** Moves pending calls that can share a request into a batch. @return the own
 *  request of the first one */
static struct ll_request batch_fill(struct ll_core *core,
                                    struct ll_batch *batch)
{
    struct queues queues = {{{0}}};
    size_t bytes = 0;
    unsigned looked_at = 0;
    struct ll_link *at;
    struct ll_link *after;

    core->batches.listed_n = 0;
    LL_LIST_EACH (at, after, &core->calls.batched) {
        struct ll_object *object = LL_CONTAINER(at, struct ll_object, calling);

        if (batch->n == parts_max(core) || looked_at++ == LL_BATCH_LOOK_MAX ||
            !ll_batch_list_has_room(&core->batches)) {
            break;
        }
        if (!queues_add(&queues, object)) {
            core->batches.skipped = true;
            continue;
        }
        bytes += object->ops->batch->bytes(object);
        if (batch->n > 0 && bytes > LL_BATCH_BYTES_MAX) {
            break;
        }
        batch_take(core, batch, object);
    }
    releases_first(&core->batches, batch);
    return (struct ll_request){.kind = LL_REQUEST_TXN,
                               .txn = core->batches.ops[0].txn};
}

/** Whether calls are pending that can share a request, as the first two can. */
static bool pending_are_many(struct ll_core *core)
{
    struct ll_link *first = core->calls.batched.next;
    struct queues queues = {{{0}}};

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
    struct queues queues = {{{0}}};
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

static struct ll_batch *free_slot_far(struct ll_core *core)
{
    struct ll_batches *batches = &core->batches;

    if (core->now_ns < batches->next_ns && !pending_fill_batch(core)) {
        return NULL;
    }
    for (unsigned i = 0; i < ll_batch_slots_n(batches); i++) {
        if (!batches->slots[i].out) {
            return &batches->slots[i];
        }
    }
    return NULL;
}

/** NEAR, batches are in flight side by side only while each consists of one
 *  call, or if the next one is full. */
static struct ll_batch *free_slot(struct ll_core *core)
{
    struct ll_batch *found = NULL;
    bool many = pending_are_many(core);
    unsigned out = 0;

    if (core->batches.far) {
        return free_slot_far(core);
    }
    for (unsigned i = 0; i < core->batches.slots_n; i++) {
        struct ll_batch *batch = &core->batches.slots[i];

        if (batch->out) {
            out++;
            many = many || batch->n > 1;
        } else if (found == NULL && i < core->batches.window) {
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
    struct ll_batch *batch;

    if (ll_link_alone(&core->calls.batched)) {
        return false;
    }
    batch = free_slot(core);
    core->batches.skipped = false;
    if (!ll_batch_draw(core, &core->calls.batched, batch, &batch_kind,
                       ret_effect)) {
        return false;
    }
    core->batches.parts_out += batch->n;
    batch->load_n = core->batches.far ? 0 : core->batches.parts_out;
    core->batches.next_ns =
        core->now_ns +
        (core->batches.skipped ? 0 : ll_batch_gather_ns(&core->batches));
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
    if (batch < core->batches.reads) {
        ll_batch_note_answer(core, batch, event);
    }
    if (whole->outcome != LL_OUTCOME_OK && whole->outcome != LL_OUTCOME_LOST &&
        whole->outcome != LL_OUTCOME_AGAIN) {
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
