/* SPDX-License-Identifier: Apache-2.0 */
#include "core/survey.h"

#include "core/ticket.h"

void ll_surveys_init(struct ll_core *core)
{
    if (core->config.long_queue == 0) {
        core->config.long_queue = LL_SURVEY_QUEUE_MIN;
    }
    if (core->config.survey_keys == 0) {
        core->config.survey_keys = LL_SURVEY_KEYS_MAX;
    }
    for (size_t i = 0; i < LL_SURVEYS; i++) {
        ll_link_init(&core->tickets.surveys[i].tickets);
    }
}

struct ll_survey *ll_survey_of(struct ll_core *core,
                               const struct ll_ticket *ticket)
{
    return &core->tickets.surveys[ticket->object.queue_hash % LL_SURVEYS];
}

static struct ll_ticket *leader_of(const struct ll_survey *survey)
{
    return ll_link_alone(&survey->tickets)
               ? NULL
               : LL_CONTAINER(survey->tickets.next, struct ll_ticket, group);
}

/** Whether no tickets of another queue wait at its place. */
static bool is_free_for(const struct ll_survey *survey,
                        const struct ll_ticket *ticket)
{
    const struct ll_ticket *leader = leader_of(survey);

    return leader == NULL ||
           ll_bytes_equal(ll_ticket_prefix(leader), ll_ticket_prefix(ticket));
}

void ll_survey_note(struct ll_core *core,
                    const struct ll_ticket *ticket,
                    int64_t keys_n)
{
    struct ll_survey *survey = ll_survey_of(core, ticket);

    if (!is_free_for(survey, ticket)) {
        return;
    }
    if (keys_n >= core->config.long_queue) {
        survey->queue_hash = ticket->object.queue_hash;
        survey->keys_n = keys_n;
        survey->until_ns = core->now_ns + LL_SURVEY_TRUST_NS;
    } else if (survey->queue_hash == ticket->object.queue_hash) {
        survey->until_ns = 0;
    }
}

/** Whether the ticket needs nothing of its predecessor but the watch of its key.
 *  Its try, its member of a multi-lock and its resume are other requests. */
static bool is_plain(const struct ll_ticket *ticket)
{
    return ll_ticket_is_exclusive(ticket) && !ticket->try_only &&
           !ticket->resumes && ticket->rejoin == NULL &&
           ticket->keeping == NULL && ticket->delay == NULL &&
           !ticket->finds_deadlock;
}

bool ll_survey_suits(const struct ll_core *core, const struct ll_ticket *ticket)
{
    const struct ll_survey *survey =
        &core->tickets.surveys[ticket->object.queue_hash % LL_SURVEYS];

    return core->now_ns < survey->until_ns &&
           survey->queue_hash == ticket->object.queue_hash &&
           is_plain(ticket) && is_free_for(survey, ticket);
}

void ll_survey_plan(struct ll_core *core, struct ll_survey *survey)
{
    struct ll_ticket *leader = leader_of(survey);

    if (leader != NULL) {
        leader->object.failures = 0;
        ll_call_at(core, &leader->object,
                   core->now_ns + ll_min(survey->keys_n * LL_SURVEY_KEY_NS,
                                         LL_SURVEY_DELAY_MAX_NS));
        ll_object_reschedule(core, &leader->object);
    }
}

bool ll_survey_join(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_survey *survey = ll_survey_of(core, ticket);

    if (!is_free_for(survey, ticket)) {
        return false;
    }
    ticket->surveyed = true;
    ll_call_none(core, &ticket->object);
    ll_link_append(&survey->tickets, &ticket->group);
    if (leader_of(survey) == ticket) {
        ll_survey_plan(core, survey);
    }
    return true;
}

struct ll_ticket *ll_survey_take(struct ll_survey *survey)
{
    struct ll_ticket *ticket = leader_of(survey);

    if (ticket != NULL) {
        ll_link_remove(&ticket->group);
        ticket->surveyed = false;
    }
    return ticket;
}

void ll_survey_leave(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_survey *survey = ll_survey_of(core, ticket);
    bool leads = leader_of(survey) == ticket;
    struct ll_ticket *next;

    ll_link_remove(&ticket->group);
    ticket->surveyed = false;
    next = leads ? leader_of(survey) : NULL;
    if (next != NULL) {
        next->object.failures = 0;
        ll_call_at(core, &next->object, core->now_ns);
        ll_object_reschedule(core, &next->object);
    }
}

int64_t ll_survey_limit(const struct ll_core *core,
                        const struct ll_ticket *ticket)
{
    return ll_min(core->config.survey_keys,
                  LL_SURVEY_BYTES_MAX /
                      (ticket->key_size + LL_SURVEY_KEY_BYTES));
}
