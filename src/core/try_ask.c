/* SPDX-License-Identifier: Apache-2.0 */
#include "core/try_ask.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/keep.h"
#include "core/place.h"
#include "core/ticket.h"
#include "core/ticket_open.h"

/**
 * What a try does whose lock is kept, perhaps.
 */

bool ll_value_may_be_kept(struct ll_bytes value)
{
    /* In a JSON string, a quotation mark follows a backslash. */
    static const char begin[] = "{\"host\":\"";
    static const char member[] = ",\"" LL_KEEP_MEMBER "\":";
    size_t size = sizeof(member) - 1;

    if (value.size < sizeof(begin) - 1 + size ||
        memcmp(value.data, begin, sizeof(begin) - 1) != 0) {
        return false;
    }
    for (size_t at = sizeof(begin) - 1; at + size <= value.size; at++) {
        if (memcmp(value.data + at, member, size) == 0) {
            return true;
        }
    }
    return false;
}

/** The lock is taken by a key of the session's own: whether that leaves, and the
 *  try is sent again. */
static bool try_again_after_own(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_bytes name = {ticket->key + ticket->namespace_size,
                            ticket->name_size};
    int pause_ms = ticket->try_step == LL_TRY_OWN ? 2 * ticket->settle_step_ms
                                                  : LL_TRY_OWN_FIRST_MS;

    if (pause_ms > LL_TRY_OWN_MAX_MS ||
        ll_keep_is_in_use(core, ticket->session, name,
                          ll_queue_hash(core, name))) {
        return false;
    }
    ticket->try_step = LL_TRY_OWN;
    ticket->settle_step_ms = (uint16_t)pause_ms;
    ticket->object.failures = 0;
    ll_call_at(core, &ticket->object, core->now_ns + pause_ms * LL_NS_PER_MS);
    ll_object_reschedule(core, &ticket->object);
    return true;
}

bool ll_try_asks(struct ll_core *core,
                 struct ll_ticket *ticket,
                 const struct ll_ahead *ahead)
{
    const struct ll_kv *key = ahead->oldest;
    int64_t permits = ahead->permits != NULL ? ahead->permits->count : 0;

    if ((ticket->try_step != LL_TRY_FIRST && ticket->try_step != LL_TRY_OWN) ||
        key == NULL || ahead->count + permits != 1 ||
        !ll_value_may_be_kept(key->value)) {
        return false;
    }
    if (key->lease == ticket->session->lease) {
        return try_again_after_own(core, ticket);
    }
    ll_free(ticket->ahead_key);
    ticket->ahead_key = ll_alloc_copy(key->key.data, key->key.size);
    if (ticket->ahead_key == NULL) {
        return false;
    }
    ticket->ahead_key_size = (uint32_t)key->key.size;
    ticket->ahead_token = key->create_revision;
    ticket->try_revision = key->mod_revision;
    ticket->try_step = LL_TRY_ASK;
    ticket->object.failures = 0;
    ll_watch_want(core, &ticket->watches[LL_WATCH_AHEAD]);
    ll_call_at(core, &ticket->object, core->now_ns);
    ll_object_reschedule(core, &ticket->object);
    return true;
}

bool ll_try_is_asking(const struct ll_ticket *ticket)
{
    return ticket->state == LL_TICKET_ENQUEUE &&
           (ticket->try_step == LL_TRY_ASK ||
            ticket->try_step == LL_TRY_ASK_GONE);
}

size_t ll_try_add_touch(const struct ll_ticket *ticket, struct ll_part *part)
{
    struct ll_bytes key = {ticket->ahead_key, ticket->ahead_key_size};

    part->compares[0] = ll_compare_created(key, (struct ll_bytes){NULL, 0},
                                           ticket->ahead_token);
    part->compares[1] = (struct ll_compare){.key = key,
                                            .target = LL_COMPARE_MOD_REVISION,
                                            .result = LL_COMPARE_EQUAL,
                                            .number = ticket->try_revision};
    part->then_ops[0] =
        (struct ll_op){.kind = LL_OP_PUT, .put = {.key = key, .keep = true}};
    return 2;
}

/** The request that follows is the try again. */
static void try_last(struct ll_core *core, struct ll_ticket *ticket)
{
    ticket->try_step = LL_TRY_LAST;
    ticket->read_ns = LL_NEVER;
    ll_watch_drop(core, &ticket->watches[LL_WATCH_AHEAD]);
    ll_free(ticket->ahead_key);
    ticket->ahead_key = NULL;
    ticket->ahead_key_size = 0;
}

static void try_now(struct ll_core *core, struct ll_ticket *ticket)
{
    try_last(core, ticket);
    ticket->object.failures = 0;
    ll_call_at(core, &ticket->object, core->now_ns);
    ll_object_reschedule(core, &ticket->object);
}

void ll_try_on_asked(struct ll_core *core,
                     struct ll_ticket *ticket,
                     const struct ll_answer *answer)
{
    int64_t took_ns = core->now_ns - ticket->object.sent_ns;

    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        try_last(core, ticket);
        ll_call_again(core, &ticket->object, answer->outcome);
    } else if (answer->outcome != LL_OUTCOME_OK || !answer->txn.succeeded ||
               ticket->try_step == LL_TRY_ASK_GONE) {
        try_now(core, ticket);
    } else {
        ticket->try_step = LL_TRY_AWAIT;
        ticket->read_ns =
            core->now_ns +
            ll_min(ll_max(LL_TRY_AWAIT_TRIPS * took_ns, LL_TRY_AWAIT_MIN_NS),
                   LL_TRY_AWAIT_MAX_NS);
        ll_object_reschedule(core, &ticket->object);
    }
}

void ll_try_on_event(struct ll_core *core,
                     struct ll_ticket *ticket,
                     const struct ll_watch_event *event)
{
    if (!event->deleted || event->kv.mod_revision <= ticket->ahead_token) {
        return;
    }
    switch ((enum ll_try_step)ticket->try_step) {
    case LL_TRY_ASK:
        ticket->try_step = LL_TRY_ASK_GONE;
        break;
    case LL_TRY_AWAIT:
        try_now(core, ticket);
        break;
    case LL_TRY_FIRST:
    case LL_TRY_ASK_GONE:
    case LL_TRY_LAST:
    case LL_TRY_OWN:
        break;
    }
}

void ll_try_on_time(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->state == LL_TICKET_ENQUEUE &&
        ticket->try_step == LL_TRY_AWAIT) {
        try_last(core, ticket);
    }
}
