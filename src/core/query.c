/* SPDX-License-Identifier: Apache-2.0 */
#include "core/query.h"

#include "base/alloc.h"
#include "leaselock/status.h"

static void query_end(struct ll_core *core, struct ll_query *query, int status)
{
    ll_call_none(core, &query->object);
    query->reported_due = true;
    query->status = status;
    query->deadline_ns = LL_NEVER;
    ll_object_report(core, &query->object);
    ll_object_reschedule(core, &query->object);
}

int ll_query_ask(struct ll_core *core, const struct ll_event *event)
{
    struct ll_query *query = ll_alloc_zero(1, sizeof(*query));

    if (query == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &query->object, &ll_query_ops, event->id)) {
        ll_free(query);
        return LEASELOCK_E_NOMEM;
    }
    query->request = event->query.request;
    query->endpoint = event->query.endpoint;
    query->deadline_ns = ll_after(core->now_ns, event->query.timeout_ns);
    ll_call_at(core, &query->object, core->now_ns);
    ll_object_reschedule(core, &query->object);
    return 0;
}

int ll_query_cancel(struct ll_core *core, const struct ll_event *event)
{
    struct ll_object *object = ll_object_find(core, event->id, &ll_query_ops);

    if (object == NULL) {
        return LEASELOCK_E_HANDLE;
    }
    query_end(core, ll_query_of(object), LEASELOCK_E_CLOSED);
    return 0;
}

static int64_t query_deadline_ns(const struct ll_core *core,
                                 struct ll_object *object)
{
    struct ll_query *query = ll_query_of(object);

    (void)core;
    return query->deadline_ns;
}

static void query_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_query *query = ll_query_of(object);

    if (core->now_ns >= query->deadline_ns) {
        if (query->object.in_flight && query->object.failures == 0) {
            ll_note_failure(core,
                            query->endpoint != LL_ENDPOINT_ANY
                                ? query->endpoint
                                : core->endpoints.current,
                            LL_GRPC_DEADLINE, "no answer in time");
        }
        query_end(core, query, LEASELOCK_E_UNAVAILABLE);
    }
}

static void query_on_answer(struct ll_core *core,
                            struct ll_object *object,
                            const struct ll_answer *answer,
                            const struct ll_event *event)
{
    struct ll_query *query = ll_query_of(object);

    query->answered_by = event->answer.endpoint;
    query->round_trip_ns =
        core->now_ns - query->object.sent_ns - event->answer.held_ns;
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        query->answer = answer;
        query_end(core, query, 0);
        break;
    case LL_OUTCOME_LOST:
        query->was_lost = true;
        if (query->endpoint != LL_ENDPOINT_ANY) {
            query_end(core, query, LEASELOCK_E_UNAVAILABLE);
        } else {
            ll_call_again(core, &query->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &query->object, answer->outcome);
        break;
    case LL_OUTCOME_REFUSED:
        query_end(core, query, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        query_end(core, query, LEASELOCK_E_SERVER);
        break;
    }
}

static void query_build(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_part *part,
                        struct ll_request *ret_request)
{
    (void)core;
    (void)part;
    *ret_request = *ll_query_of(object)->request;
}

static uint32_t query_endpoint(struct ll_object *object)
{
    return ll_query_of(object)->endpoint;
}

static void query_free(struct ll_object *object)
{
    ll_free(ll_query_of(object));
}

static bool query_next(struct ll_core *core,
                       struct ll_object *object,
                       struct ll_effect *ret_effect)
{
    struct ll_query *query = ll_query_of(object);

    if (query->reported_due) {
        query->reported_due = false;
        *ret_effect = (struct ll_effect){.kind = LL_EFFECT_QUERIED};
        ret_effect->id = query->object.entry.id;
        ret_effect->query.detail = ll_detail_of(core, query->status, "");
        ret_effect->query.answer = query->answer;
        ret_effect->query.round_trip_ns = query->round_trip_ns;
        ret_effect->query.endpoint = query->answered_by;
        ret_effect->query.was_lost = query->was_lost;
        return true;
    }
    ll_object_leave(core, &query->object);
    ll_free(query);
    return false;
}

const struct ll_object_ops ll_query_ops = LL_OBJECT_OPS(query_free,
                                                        query_on_time,
                                                        query_deadline_ns,
                                                        query_build,
                                                        query_on_answer,
                                                        query_next,
                                                        query_endpoint,
                                                        NULL,
                                                        NULL,
                                                        NULL,
                                                        NULL,
                                                        NULL);
