/* SPDX-License-Identifier: Apache-2.0 */
#include "core/slot.h"
#include "core/survey.h"
#include "core/ticket.h"

/**
 * What a survey's answer does: each ticket finds its own key in it, and the one
 * behind.
 */

/** Whether an answer is a queue's keys, the newest first. */
static bool is_survey(const struct ll_answer *answer)
{
    const struct ll_range_answer *range = &answer->range;

    if (answer->kind != LL_REQUEST_RANGE ||
        range->count < (int64_t)range->kvs_n) {
        return false;
    }
    for (size_t i = 1; i < range->kvs_n; i++) {
        if (range->kvs[i].create_revision > range->kvs[i - 1].create_revision) {
            return false;
        }
    }
    return true;
}

/** The first key that is no newer than a revision; kvs_n: none. */
static size_t first_at(const struct ll_range_answer *range, int64_t revision)
{
    size_t low = 0;
    size_t high = range->kvs_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (range->kvs[middle].create_revision > revision) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** The ticket's own key; kvs_n: it is not in the list. */
static size_t find_own(const struct ll_ticket *ticket,
                       const struct ll_range_answer *range)
{
    size_t at = first_at(range, ticket->token);

    for (; at < range->kvs_n && range->kvs[at].create_revision == ticket->token;
         at++) {
        if (ll_bytes_equal(range->kvs[at].key, ll_ticket_key(ticket)) &&
            ll_slot_owns(ticket, &range->kvs[at])) {
            return at;
        }
    }
    return range->kvs_n;
}

static void serve(struct ll_core *core,
                  struct ll_ticket *ticket,
                  const struct ll_answer *answer)
{
    const struct ll_range_answer *range = &answer->range;
    bool is_cut = range->count > (int64_t)range->kvs_n;
    size_t at = find_own(ticket, range);
    struct ll_ahead ahead = {.revision = answer->revision};

    if (at == range->kvs_n &&
        (!is_cut || first_at(range, ticket->token) < range->kvs_n)) {
        ll_ticket_lose_key(core, ticket);
    } else if (at == range->kvs_n || (at + 1 == range->kvs_n && is_cut)) {
        ticket->object.failures = 0; /* its predecessor is not in the list */
        ll_call_at(core, &ticket->object, core->now_ns);
        ll_ticket_update(core, ticket);
    } else {
        ahead.newest = at + 1 < range->kvs_n ? &range->kvs[at + 1] : NULL;
        ahead.count = range->count - (int64_t)at - 1;
        ll_ticket_take_ahead(core, ticket, &ahead, ahead.count);
    }
}

void ll_survey_on_read(struct ll_core *core,
                       struct ll_ticket *leader,
                       const struct ll_answer *answer)
{
    struct ll_survey *survey = ll_survey_of(core, leader);
    struct ll_link later;
    struct ll_ticket *ticket;

    if (!is_survey(answer)) {
        ll_ticket_on_misfit(core, leader);
        return;
    }
    ll_survey_note(core, leader, answer->range.count);
    ll_link_init(&later);
    while ((ticket = ll_survey_take(survey)) != NULL) {
        if (ticket->token <= answer->revision) {
            serve(core, ticket, answer);
        } else {
            ll_link_append(&later, &ticket->group);
        }
    }
    while (!ll_link_alone(&later)) {
        ticket = LL_CONTAINER(later.next, struct ll_ticket, group);
        ll_link_remove(&ticket->group);
        ticket->surveyed = true;
        ll_link_append(&survey->tickets, &ticket->group);
    }
    ll_survey_plan(core, survey);
}
