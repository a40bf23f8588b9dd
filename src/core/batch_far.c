/* SPDX-License-Identifier: Apache-2.0 */
#include "core/batch.h"
#include "core/object.h"

/**
 * When batches are sent that wait for no answer: NEAR and FAR (see batch.h).
 */

/** FAR: the time between two requests. */
int64_t ll_batch_gather_ns(const struct ll_batches *batches)
{
    return ll_max(LL_BATCH_GATHER_NS,
                  batches->shortest_ns / LL_BATCHES_FAR_MAX);
}

/** How many writes may be in flight. */
unsigned ll_batch_slots_n(const struct ll_batches *batches)
{
    int64_t n = 2 * batches->shortest_ns / ll_batch_gather_ns(batches);

    return batches->far ? (unsigned)ll_min(ll_max(n, batches->window),
                                           LL_BATCHES_FAR_MAX)
                        : batches->window;
}

/** A write is answered: notes how long that took. */
void ll_batch_note_answer(struct ll_core *core,
                          const struct ll_batch *batch,
                          const struct ll_event *event)
{
    struct ll_batches *batches = &core->batches;
    int64_t answer_ns = core->now_ns - batch->sent_ns - event->answer.held_ns -
                        (int64_t)batch->load_n * LL_BATCH_PART_NS;

    batches->parts_out -= batch->n;
    if (event->answer.answer->outcome != LL_OUTCOME_OK) {
        return;
    }
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
    batches->slots_n =
        (unsigned)ll_max(batches->slots_n, ll_batch_slots_n(batches));
    while (batches->slots_n > ll_batch_slots_n(batches) &&
           !batches->slots[batches->slots_n - 1].out) {
        batches->slots_n--;
    }
}

int64_t ll_batches_deadline_ns(const struct ll_core *core)
{
    return core->batches.far && !ll_link_alone(&core->calls.batched) &&
                   core->batches.next_ns > core->now_ns
               ? core->batches.next_ns
               : LL_NEVER;
}
