/* SPDX-License-Identifier: Apache-2.0 */
#include "core/core.h"

#include <assert.h>

#include "base/alloc.h"
#include "core/follow.h"
#include "core/multi.h"
#include "core/object.h"
#include "core/observe.h"
#include "core/query.h"
#include "core/read.h"
#include "core/rejoin.h"
#include "core/session.h"
#include "core/stats.h"
#include "core/survey.h"
#include "core/ticket.h"
#include "core/write.h"
#include "leaselock/status.h"

struct ll_core *ll_core_new(const struct ll_core_config *config)
{
    struct ll_core *core = ll_alloc_zero(1, sizeof(*core));

    if (core == NULL) {
        return NULL;
    }
    core->config = *config;
    if (config->contention_threshold == 0) {
        core->config.contention_threshold = LL_CONTENTION_THRESHOLD;
    }
    core->random.state = config->seed;
    core->failure.grpc_status = -1;
    core->failure.endpoint = LL_ENDPOINT_ANY;
    ll_link_init(&core->sessions.list);
    ll_link_init(&core->observers.list);
    ll_link_init(&core->follows.list);
    ll_link_init(&core->calls.alone);
    ll_link_init(&core->calls.batched);
    ll_link_init(&core->calls.reads);
    core->batches.window =
        config->batch_window == LL_BATCH_NEVER ? 0
        : config->batch_window == 0
            ? LL_BATCH_WINDOW
            : (unsigned)ll_min(config->batch_window, LL_BATCHES_MAX);
    core->batches.adapts = config->batch_window == 0;
    core->batches.slots_n = core->batches.window;
    core->batches.reads = &core->batches.slots[LL_BATCHES_FAR_MAX];
    core->batches.ops_max = LL_BATCH_PARTS_MAX;
    core->batches.lists = config->batch_lists;
    ll_link_init(&core->pending);
    ll_link_init(&core->tickets.lines);
    ll_surveys_init(core);
    ll_link_init(&core->keeps.idle);
    ll_link_init(&core->tickets.reaping);
    ll_link_init(&core->logs.lines);
    ll_endpoints_init(core);
    ll_keepalive_init(core);
    ll_watches_init(core);
    return core;
}

void ll_core_free(struct ll_core *core)
{
    struct ll_entry *entry;

    if (core == NULL) {
        return;
    }
    while (ll_table_take(&core->sessions.by_lease) != NULL) {
    }
    while (ll_table_take(&core->keeps.by_name) != NULL) {
    }
    while ((entry = ll_table_take(&core->objects)) != NULL) {
        struct ll_object *object = LL_CONTAINER(entry, struct ll_object, entry);

        object->ops->free(object);
    }
    ll_logs_free(core);
    ll_timers_free(&core->timers);
    ll_batches_free(core);
    ll_queue_notes_free(core);
    ll_watches_free(core);
    ll_free(core);
}

static void run_timers(struct ll_core *core)
{
    struct ll_timer *timer;

    while ((timer = ll_timers_first(&core->timers)) != NULL &&
           timer->deadline_ns <= core->now_ns) {
        struct ll_object *object = LL_CONTAINER(timer, struct ll_object, timer);

        ll_call_if_due(core, object);
        object->ops->on_time(core, object);
        ll_object_reschedule(core, object);
        if (object->timer.place != 0 &&
            object->timer.deadline_ns <= core->now_ns) {
            /* An object should not set its timer for the time at which it has
             * just expired; if one does, time still advances. */
            ll_timer_set(&core->timers, &object->timer, core->now_ns + 1);
        }
    }
}

struct ll_object *ll_call_find(struct ll_core *core, uint64_t id, uint32_t seq)
{
    struct ll_entry *entry = ll_table_find(&core->objects, id);
    struct ll_object *object;

    if (entry == NULL) {
        return NULL;
    }
    object = LL_CONTAINER(entry, struct ll_object, entry);
    return object->in_flight && object->seq == seq ? object : NULL;
}

void ll_call_end(struct ll_core *core,
                 struct ll_object *object,
                 const struct ll_answer *answer,
                 const struct ll_event *event)
{
    int64_t answer_ns;

    object->in_flight = false;
    object->is_unbatched = false;
    if (answer->outcome != LL_OUTCOME_LOST &&
        answer->outcome != LL_OUTCOME_AGAIN) {
        ll_endpoint_answered(core, event->answer.endpoint, object->sent_ns);
        answer_ns = core->now_ns - object->sent_ns - event->answer.held_ns;
        ll_endpoint_timed(core, answer_ns);
        ll_nearest_note(core, event->answer.endpoint, answer_ns);
    }
    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        object->failures++;
    } else {
        object->failures = 0;
    }
    object->ops->on_answer(core, object, answer, event);
    ll_object_reschedule(core, object);
}

/** When the call that is answered was sent; now, if that is not known. */
static int64_t answered_sent_ns(struct ll_core *core,
                                const struct ll_event *event)
{
    struct ll_object *object;

    if (event->id >= LL_ID_MAX) {
        return core->batches.slots[event->id - LL_ID_MAX].sent_ns;
    }
    object = ll_call_find(core, event->id, event->answer.seq);
    return object != NULL ? object->sent_ns : core->now_ns;
}

/** Whether the caller of an answered query compares the clusters itself. */
static bool is_of_one_endpoint(struct ll_core *core,
                               const struct ll_event *event)
{
    struct ll_object *object =
        event->id < LL_ID_MAX ? ll_call_find(core, event->id, event->answer.seq)
                              : NULL;

    return object != NULL && ll_object_endpoint(object) != LL_ENDPOINT_ANY;
}

/** Processes an answer of the accepted cluster, or one of etcd's errors. */
static void on_answer(struct ll_core *core, const struct ll_event *event)
{
    const struct ll_answer *answer = event->answer.answer;
    struct ll_object *object;

    if (answer->outcome == LL_OUTCOME_LOST &&
        answer->grpc_status == LL_GRPC_DEADLINE) {
        ll_note_silence(core, event->answer.endpoint,
                        answered_sent_ns(core, event), answer->text);
    } else if (answer->outcome == LL_OUTCOME_LOST) {
        ll_note_failure(core, event->answer.endpoint, answer->grpc_status,
                        answer->text);
    } else if (answer->outcome != LL_OUTCOME_OK) {
        ll_keep_failure(core, event->answer.endpoint, answer->grpc_status,
                        answer->text);
    }
    if (event->id >= LL_ID_MAX) {
        ll_batches_on_answer(core, event);
        return;
    }
    ll_batches_on_single(core, event);
    object = ll_call_find(core, event->id, event->answer.seq);
    if (object != NULL) { /* else the answer is stale */
        ll_call_end(core, object, answer, event);
    }
}

static void on_any_answer(struct ll_core *core, const struct ll_event *event)
{
    const struct ll_answer *answer = event->answer.answer;
    struct ll_event dropped = *event;
    struct ll_answer error;

    assert(core->calls.in_flight > 0);
    core->calls.in_flight--;
    ll_stats_answered(core, answer);
    if (event->id == LL_WATCH_SERVER_CALL) {
        ll_watch_server_on_answer(core, event);
    } else if (event->id >= LL_NEAREST_CALLS) {
        ll_nearest_on_answer(core, event);
    } else if (event->id >= LL_CLUSTER_CALLS) {
        ll_cluster_on_answer(core, event);
        if (!ll_cluster_is_awaited(core)) {
            ll_sessions_on_checked_cluster(core);
        }
    } else if (answer->outcome == LL_OUTCOME_NO_LEASE &&
               !ll_cluster_trusts(core, event->answer.endpoint)) {
        /* It was not applied; the endpoint is queried for its cluster. */
        error = (struct ll_answer){.outcome = LL_OUTCOME_AGAIN,
                                   .grpc_status = -1,
                                   .text = "the lease is not there, but the "
                                           "endpoint has not shown its cluster",
                                   .kind = answer->kind};
        dropped.answer.answer = &error;
        on_answer(core, &dropped);
    } else if (answer->outcome == LL_OUTCOME_OK &&
               is_of_one_endpoint(core, event)) {
        ll_cluster_note(core, answer->cluster_id, event->answer.endpoint);
        on_answer(core, event);
    } else if (answer->outcome != LL_OUTCOME_OK ||
               ll_cluster_believes(core, answer->cluster_id,
                                   event->answer.endpoint)) {
        on_answer(core, event);
    } else {
        error = (struct ll_answer){.outcome = LL_OUTCOME_ERROR,
                                   .grpc_status = -1,
                                   .text = core->cluster.text,
                                   .is_disbelieved = true,
                                   .kind = answer->kind};
        dropped.answer.answer = &error;
        on_answer(core, &dropped);
    }
}

/** @return the status of a command; 0 for other events */
static int take_event(struct ll_core *core, const struct ll_event *event)
{
    int status = 0;

    switch (event->kind) {
    case LL_EVENT_TIME:
        break;
    case LL_EVENT_SESSION_OPEN:
        status = ll_session_open(core, event);
        break;
    case LL_EVENT_SESSION_CLOSE:
        status = ll_session_close(core, event);
        break;
    case LL_EVENT_ACQUIRE:
        status = ll_ticket_acquire(core, event);
        break;
    case LL_EVENT_ACQUIRE_ALL:
        status = ll_multi_acquire(core, event);
        break;
    case LL_EVENT_RELEASE:
        status = ll_object_release(core, event);
        break;
    case LL_EVENT_RESUME:
        status = ll_ticket_resume(core, event);
        break;
    case LL_EVENT_REJOIN:
        status = ll_ticket_rejoin(core, event);
        break;
    case LL_EVENT_WRITE:
        status = ll_ticket_write(core, event);
        break;
    case LL_EVENT_OBSERVE:
        status = ll_observer_start(core, event);
        break;
    case LL_EVENT_OBSERVE_END:
        status = ll_observer_end(core, event);
        break;
    case LL_EVENT_FOLLOW:
        status = ll_follow_start(core, event);
        break;
    case LL_EVENT_FOLLOW_END:
        status = ll_follow_end(core, event);
        break;
    case LL_EVENT_QUERY:
        status = ll_query_ask(core, event);
        break;
    case LL_EVENT_QUERY_CANCEL:
        status = ll_query_cancel(core, event);
        break;
    case LL_EVENT_ANSWER:
        on_any_answer(core, event);
        break;
    case LL_EVENT_STREAM_DOWN:
        ll_streams_on_down(core, event);
        break;
    case LL_EVENT_KEEPALIVE:
        ll_keepalive_on_answer(core, event);
        break;
    case LL_EVENT_WATCH_CREATED:
    case LL_EVENT_WATCH_CANCELED:
    case LL_EVENT_WATCH_CHANGED:
        ll_watches_on_event(core, event);
        break;
    case LL_EVENT_ENDPOINTS:
        ll_endpoints_change(core, event);
        break;
    }
    return status;
}

int ll_core_step(struct ll_core *core, const struct ll_event *event)
{
    int status;

    /* Readings of one clock by several threads may arrive out of order. */
    core->now_ns = ll_max(core->now_ns, event->now_ns);
    run_timers(core);
    status = take_event(core, event);
    ll_endpoints_on_time(core);
    ll_nearest_on_time(core);
    ll_watches_on_time(core);
    ll_streams_on_time(core);
    return status;
}

void ll_call_begin(struct ll_core *core,
                   struct ll_object *object,
                   struct ll_part *part,
                   struct ll_request *ret_request)
{
    ll_link_remove(&object->calling);
    object->seq++;
    object->in_flight = true;
    object->sent_ns = core->now_ns;
    object->call_ns = LL_NEVER;
    object->ops->build(core, object, part, ret_request);
    ll_object_reschedule(core, object);
}

static void call_next(struct ll_core *core,
                      struct ll_object *object,
                      struct ll_effect *ret_effect)
{
    uint32_t endpoint = ll_object_endpoint(object);

    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_CALL};
    ll_call_begin(core, object, &core->single, &ret_effect->call.request);
    core->calls.in_flight++;
    ret_effect->id = object->entry.id;
    ret_effect->call.seq = object->seq;
    ret_effect->call.endpoint = core->endpoints.current;
    ret_effect->call.timeout_ns = ll_endpoint_attempt_timeout_ns(core);
    if (endpoint != LL_ENDPOINT_ANY) {
        ret_effect->call.endpoint = endpoint;
        ret_effect->call.timeout_ns =
            object->ops->deadline_ns(core, object) - core->now_ns;
    }
}

bool ll_core_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    if (ll_streams_next(core, ret_effect) ||
        ll_watches_next(core, ret_effect)) {
        return true;
    }
    if (ll_cluster_next(core, ret_effect) ||
        ll_watch_server_next(core, ret_effect)) {
        return true;
    }
    while (!ll_link_alone(&core->pending)) {
        struct ll_link *first = core->pending.next;
        struct ll_object *object =
            LL_CONTAINER(first, struct ll_object, pending);

        if (object->ops->next(core, object, ret_effect)) {
            return true;
        }
        /* The object is no longer on the list, and may have been freed. */
        assert(core->pending.next != first);
    }
    if (!ll_link_alone(&core->calls.alone) && !ll_cluster_holds(core) &&
        core->calls.in_flight < LL_CALLS_MAX) {
        call_next(
            core,
            LL_CONTAINER(core->calls.alone.next, struct ll_object, calling),
            ret_effect);
        return true;
    }
    if (ll_reads_next(core, ret_effect) || ll_batches_next(core, ret_effect) ||
        ll_nearest_next(core, ret_effect)) {
        return true;
    }
    return ll_logs_next(core, ret_effect);
}

int64_t ll_core_deadline_ns(const struct ll_core *core)
{
    struct ll_timer *first = ll_timers_first(&core->timers);
    int64_t deadline_ns = first != NULL ? first->deadline_ns : LL_NEVER;

    deadline_ns = ll_min(deadline_ns, ll_streams_deadline_ns(core));
    deadline_ns = ll_min(deadline_ns, ll_watches_deadline_ns(core));
    deadline_ns = ll_min(deadline_ns, ll_batches_deadline_ns(core));
    deadline_ns = ll_min(deadline_ns, ll_nearest_deadline_ns(core));
    deadline_ns = ll_min(deadline_ns, ll_cluster_deadline_ns(core));
    return ll_min(deadline_ns, ll_endpoints_deadline_ns(core));
}

int64_t ll_core_send_ns(const struct ll_core *core)
{
    return ll_batches_deadline_ns(core);
}

int64_t ll_core_look_ns(const struct ll_core *core)
{
    return ll_batches_look_ns(core);
}

uint64_t ll_core_cluster_id(const struct ll_core *core)
{
    return core->cluster.id;
}

uint32_t ll_core_endpoint(const struct ll_core *core)
{
    return core->endpoints.current;
}

bool ll_core_has_sessions(const struct ll_core *core)
{
    return !ll_link_alone(&core->sessions.list);
}
