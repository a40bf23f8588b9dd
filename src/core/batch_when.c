/* SPDX-License-Identifier: Apache-2.0 */
#include "core/batch.h"
#include "core/batch_queues.h"
#include "core/object.h"

/**
 * When batches are sent: NEAR and FAR (see batch.h).
 */

/** FAR: the time from a request of so many parts to the next one. */
static int64_t gather_ns(const struct ll_batches *batches, size_t parts_n)
{
    int64_t ns = LL_BATCH_GATHER_NS;

    if (parts_n < LL_BATCH_GATHER_MANY) {
        ns = ll_min(ns, batches->shortest_ns / LL_BATCH_GATHER_PART);
    }
    return ll_max(ns, batches->shortest_ns / LL_BATCHES_FAR_MAX);
}

/** How many writes may be in flight. */
static unsigned slots_n(const struct ll_batches *batches)
{
    int64_t n;

    if (!batches->far) {
        return batches->window;
    }
    n = 2 * batches->shortest_ns / gather_ns(batches, LL_BATCH_GATHER_MANY);
    n = ll_max(n, LL_BATCH_GATHER_PART); /* those with few parts */
    return (unsigned)ll_min(ll_max(n, batches->window), LL_BATCHES_FAR_MAX);
}

/** Whether calls are pending that can share a request, as the first two can. */
static bool pending_are_many(struct ll_core *core)
{
    struct ll_link *first = core->calls.batched.next;
    struct ll_batch_queues queues = {{{0}}};

    return !ll_link_alone(&core->calls.batched) &&
           first->next != &core->calls.batched &&
           ll_batch_queues_add(
               &queues, LL_CONTAINER(first, struct ll_object, calling)) &&
           ll_batch_queues_add(
               &queues, LL_CONTAINER(first->next, struct ll_object, calling));
}

/** Whether the pending calls fill a batch. It visits only some of them, because
 *  it runs for each call that becomes pending. */
static bool pending_fill_batch(struct ll_core *core)
{
    struct ll_batch_queues queues = {{{0}}};
    size_t looked_at = 0;
    size_t bytes = 0;
    size_t ops_n = 0;
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->calls.batched) {
        struct ll_object *object = LL_CONTAINER(at, struct ll_object, calling);

        if (ll_batch_queues_add(&queues, object)) {
            bytes += object->ops->batch->bytes(object);
            ops_n += ll_batch_ops_n(core, object);
        }
        if (ops_n >= core->batches.ops_max || bytes > LL_BATCH_BYTES_MAX) {
            return true;
        }
        if (++looked_at == 2 * core->batches.ops_max) {
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
    for (unsigned i = 0; i < slots_n(batches); i++) {
        if (!batches->slots[i].out) {
            return &batches->slots[i];
        }
    }
    return NULL;
}

static size_t size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/** Pending calls, up to LL_BATCH_COMPANY_MAX. */
static size_t pending_n(const struct ll_core *core)
{
    size_t n = 0;

    for (const struct ll_link *at = core->calls.batched.next;
         at != &core->calls.batched && n < LL_BATCH_COMPANY_MAX;
         at = at->next) {
        n++;
    }
    return n;
}

/** NEAR: the end of the wait for company, or a time that has passed. */
static int64_t near_until_ns(struct ll_core *core)
{
    const struct ll_batches *batches = &core->batches;
    bool many = pending_are_many(core);
    size_t pending = pending_n(core);
    bool joins = batches->adapts && !batches->skipped && (many || pending == 1);
    size_t around = batches->parts_out + pending;
    int64_t until_ns = INT64_MIN;

    if (joins && core->now_ns < batches->company_until_ns) {
        around = size_max(around, batches->company_n);
        if (around > batches->window && pending < batches->company_n) {
            until_ns = batches->company_until_ns;
        }
    }
    for (unsigned i = 0; i < batches->slots_n; i++) {
        const struct ll_batch *batch = &batches->slots[i];

        if (batch->out &&
            (many || batch->n > 1 || (joins && around > batches->window))) {
            until_ns = ll_max(until_ns, batches->adapts
                                            ? batch->sent_ns + LL_BATCH_FAR_NS
                                            : LL_NEVER);
        }
    }
    return until_ns;
}

struct ll_batch *ll_batch_free_slot(struct ll_core *core)
{
    struct ll_batches *batches = &core->batches;
    struct ll_batch *found = NULL;
    int64_t until_ns;

    batches->until_ns = LL_NEVER;
    if (batches->far) {
        batches->until_ns = batches->next_ns;
        return free_slot_far(core);
    }
    for (unsigned i = 0; i < batches->window && found == NULL; i++) {
        found = batches->slots[i].out ? NULL : &batches->slots[i];
    }
    if (found == NULL) {
        return NULL;
    }
    until_ns = near_until_ns(core);
    if (core->now_ns < until_ns && !pending_fill_batch(core)) {
        batches->until_ns = until_ns;
        return NULL;
    }
    return found;
}

void ll_batch_note_sent(struct ll_core *core, struct ll_batch *batch)
{
    struct ll_batches *batches = &core->batches;

    batches->parts_out += batch->n;
    batches->company_until_ns = INT64_MIN;
    batch->load_n = batches->far ? 0 : batches->parts_out;
    batches->next_ns =
        core->now_ns + (batches->skipped ? 0 : gather_ns(batches, batch->n));
}

/** Notes how long an answer took. */
static void note_time(struct ll_core *core, int64_t answer_ns)
{
    struct ll_batches *batches = &core->batches;

    if (core->now_ns >= batches->shortest_until_ns) {
        batches->shortest_ns = batches->shortest_until_ns == 0
                                   ? answer_ns
                                   : batches->shortest_new_ns;
        batches->shortest_new_ns = answer_ns;
        batches->shortest_until_ns = core->now_ns + LL_BATCH_SHORTEST_NS;
    }
    batches->shortest_new_ns = ll_min(batches->shortest_new_ns, answer_ns);
    batches->shortest_ns = ll_min(batches->shortest_ns, answer_ns);
    batches->far =
        batches->adapts &&
        batches->shortest_ns >=
            (batches->far ? LL_BATCH_FAR_NS * 3 / 4 : LL_BATCH_FAR_NS);
    batches->slots_n = (unsigned)ll_max(batches->slots_n, slots_n(batches));
    while (batches->slots_n > slots_n(batches) &&
           !batches->slots[batches->slots_n - 1].out) {
        batches->slots_n--;
    }
}

/** Those that are answered now may come back, as may others that were answered
 *  a moment ago. */
static void note_company(struct ll_core *core, size_t answered_n)
{
    struct ll_batches *batches = &core->batches;
    size_t n = answered_n + pending_n(core) + batches->parts_out;

    if (core->now_ns < batches->company_until_ns) {
        n = size_max(n, batches->company_n);
    }
    batches->company_n = n < LL_BATCH_COMPANY_MAX ? n : LL_BATCH_COMPANY_MAX;
    batches->company_until_ns = core->now_ns + LL_BATCH_COMPANY_NS;
}

void ll_batch_note_answer(struct ll_core *core,
                          const struct ll_batch *batch,
                          const struct ll_event *event)
{
    struct ll_batches *batches = &core->batches;

    batches->parts_out -= batch->n;
    if (event->answer.answer->outcome != LL_OUTCOME_OK) {
        return;
    }
    note_company(core, batch->n);
    note_time(core, core->now_ns - batch->sent_ns - event->answer.held_ns -
                        (int64_t)batch->load_n * LL_BATCH_PART_NS);
}

int64_t ll_batches_deadline_ns(const struct ll_core *core)
{
    const struct ll_batches *batches = &core->batches;

    return !ll_link_alone(&core->calls.batched) &&
                   batches->until_ns > core->now_ns
               ? batches->until_ns
               : LL_NEVER;
}

int64_t ll_batches_look_ns(const struct ll_core *core)
{
    const struct ll_batches *batches = &core->batches;
    int64_t look_ns = ll_batches_deadline_ns(core);

    for (unsigned i = 0; i < batches->slots_n && !batches->far; i++) {
        int64_t late_ns = batches->slots[i].sent_ns + LL_BATCH_FAR_NS;

        if (batches->slots[i].out && late_ns > core->now_ns) {
            look_ns = ll_min(look_ns, late_ns);
        }
    }
    return look_ns;
}
