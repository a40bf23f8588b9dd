#include "core/core.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "core/object.h"
#include "core/query.h"
#include "core/session.h"
#include "core/ticket.h"
#include "leaselock/status.h"

struct ll_log_line {
    struct ll_link link;
    int level;
    char text[];
};

struct ll_core *ll_core_new(const struct ll_core_config *config)
{
    struct ll_core *core = ll_alloc_zero(1, sizeof(*core));

    assert(config->endpoints_n > 0);
    if (core == NULL) {
        return NULL;
    }
    core->config = *config;
    core->random.state = config->seed;
    core->failure.grpc_status = -1;
    core->failure.endpoint = LL_ENDPOINT_ANY;
    ll_link_init(&core->sessions);
    ll_link_init(&core->calling);
    ll_link_init(&core->telling);
    ll_link_init(&core->reaping);
    ll_link_init(&core->log);
    ll_streams_init(core);
    return core;
}

static void object_free(struct ll_object *object)
{
    switch (object->kind) {
    case LL_OBJECT_SESSION:
        ll_session_free(LL_CONTAINER(object, struct ll_session, object));
        break;
    case LL_OBJECT_TICKET:
        ll_ticket_free(LL_CONTAINER(object, struct ll_ticket, object));
        break;
    case LL_OBJECT_QUERY:
        ll_free(LL_CONTAINER(object, struct ll_query, object));
        break;
    }
}

void ll_core_free(struct ll_core *core)
{
    struct ll_entry *entry;
    struct ll_link *at;
    struct ll_link *after;

    if (core == NULL) {
        return;
    }
    while ((entry = core->leases.head) != NULL) {
        ll_table_remove(&core->leases, entry);
    }
    while ((entry = core->objects.head) != NULL) {
        ll_table_remove(&core->objects, entry);
        object_free(LL_CONTAINER(entry, struct ll_object, entry));
    }
    LL_LIST_EACH (at, after, &core->log) {
        ll_free(LL_CONTAINER(at, struct ll_log_line, link));
    }
    ll_free(core->drawn_line);
    ll_timers_free(&core->timers);
    ll_free(core);
}

bool ll_object_enter(struct ll_core *core,
                     struct ll_object *object,
                     enum ll_object_kind kind,
                     uint64_t id)
{
    assert(id > 0 && id < LL_ID_MAX);
    object->entry.id = id;
    object->kind = kind;
    object->call_ns = LL_NEVER;
    ll_link_init(&object->calling);
    ll_link_init(&object->telling);
    if (!ll_timers_reserve(&core->timers)) {
        return false;
    }
    if (!ll_table_add(&core->objects, &object->entry)) {
        ll_timers_unreserve(&core->timers);
        return false;
    }
    return true;
}

void ll_object_leave(struct ll_core *core, struct ll_object *object)
{
    ll_link_remove(&object->calling);
    ll_link_remove(&object->telling);
    ll_timer_set(&core->timers, &object->timer, LL_NEVER);
    ll_timers_unreserve(&core->timers);
    ll_table_remove(&core->objects, &object->entry);
}

void ll_object_reschedule(struct ll_core *core, struct ll_object *object)
{
    int64_t deadline_ns = object->call_ns;

    if (!ll_link_alone(&object->calling)) {
        deadline_ns = LL_NEVER; /* it waits for room, not for time */
    }
    switch (object->kind) {
    case LL_OBJECT_SESSION:
        deadline_ns =
            ll_min(deadline_ns,
                   ll_session_deadline_ns(
                       core, LL_CONTAINER(object, struct ll_session, object)));
        break;
    case LL_OBJECT_TICKET:
        deadline_ns =
            ll_min(deadline_ns, ll_ticket_deadline_ns(LL_CONTAINER(
                                    object, struct ll_ticket, object)));
        break;
    case LL_OBJECT_QUERY:
        deadline_ns =
            ll_min(deadline_ns, ll_query_deadline_ns(LL_CONTAINER(
                                    object, struct ll_query, object)));
        break;
    }
    ll_timer_set(&core->timers, &object->timer, deadline_ns);
}

void ll_call_at(struct ll_core *core, struct ll_object *object, int64_t at_ns)
{
    object->in_flight = false;
    object->call_ns = at_ns;
    ll_link_remove(&object->calling);
    ll_call_if_due(core, object);
}

void ll_call_again(struct ll_core *core, struct ll_object *object)
{
    unsigned endpoints = core->config.endpoints_n;
    int64_t pause_ns = 0;

    if (object->failures >= endpoints) {
        pause_ns =
            ll_backoff_ns(&core->random, object->failures - endpoints + 1);
    }
    ll_call_at(core, object, core->now_ns + pause_ns);
}

void ll_call_none(struct ll_core *core, struct ll_object *object)
{
    ll_call_at(core, object, LL_NEVER);
}

void ll_call_if_due(struct ll_core *core, struct ll_object *object)
{
    if (object->call_ns <= core->now_ns) {
        ll_link_append_once(&core->calling, &object->calling);
    }
}

void ll_keep_failure(struct ll_core *core,
                     uint32_t endpoint,
                     int grpc_status,
                     const char *text)
{
    core->failure.grpc_status = grpc_status;
    core->failure.endpoint = endpoint;
    (void)snprintf(core->failure.text, sizeof(core->failure.text), "%s", text);
}

void ll_note_failure(struct ll_core *core,
                     uint32_t endpoint,
                     int grpc_status,
                     const char *text)
{
    ll_keep_failure(core, endpoint, grpc_status, text);
    if (endpoint == core->endpoint) {
        core->endpoint = (endpoint + 1) % core->config.endpoints_n;
    }
    ll_core_log(core, 2, "endpoint %u: %s; next is endpoint %u", endpoint,
                core->failure.text, core->endpoint);
}

struct ll_detail
ll_detail_of(const struct ll_core *core, int status, const char *text)
{
    struct ll_detail detail = {status, -1, LL_ENDPOINT_ANY, text};

    if (status == LEASELOCK_E_UNAVAILABLE || status == LEASELOCK_E_REFUSED ||
        status == LEASELOCK_E_SERVER || status == LEASELOCK_E_OUTCOME_UNKNOWN) {
        detail.grpc_status = core->failure.grpc_status;
        detail.endpoint = core->failure.endpoint;
        detail.text = core->failure.text;
    }
    return detail;
}

void ll_core_log(struct ll_core *core, int level, const char *format, ...)
{
    struct ll_log_line *line;
    va_list args;
    int size;

    if (level > core->config.log_level) {
        return;
    }
    va_start(args, format);
    size =
        vsnprintf(core->scratch.text, sizeof(core->scratch.text), format, args);
    va_end(args);
    if (size < 0) {
        return;
    }
    size = size < (int)sizeof(core->scratch.text)
               ? size
               : (int)sizeof(core->scratch.text) - 1;
    line = ll_alloc(sizeof(*line) + (size_t)size + 1);
    if (line == NULL) {
        return;
    }
    ll_link_init(&line->link);
    line->level = level;
    memcpy(line->text, core->scratch.text, (size_t)size + 1);
    ll_link_append(&core->log, &line->link);
}

static void object_on_time(struct ll_core *core, struct ll_object *object)
{
    ll_call_if_due(core, object);
    switch (object->kind) {
    case LL_OBJECT_SESSION:
        ll_session_on_time(core,
                           LL_CONTAINER(object, struct ll_session, object));
        break;
    case LL_OBJECT_TICKET:
        ll_ticket_on_time(core, LL_CONTAINER(object, struct ll_ticket, object));
        break;
    case LL_OBJECT_QUERY:
        ll_query_on_time(core, LL_CONTAINER(object, struct ll_query, object));
        break;
    }
}

static void run_timers(struct ll_core *core)
{
    struct ll_timer *timer;

    while ((timer = ll_timers_first(&core->timers)) != NULL &&
           timer->deadline_ns <= core->now_ns) {
        struct ll_object *object = LL_CONTAINER(timer, struct ll_object, timer);

        object_on_time(core, object);
        ll_object_reschedule(core, object);
        if (object->timer.place != 0 &&
            object->timer.deadline_ns <= core->now_ns) {
            /* Nothing should ask to be woken for what it has just been woken
             * for; if it does, time still goes on. */
            ll_timer_set(&core->timers, &object->timer, core->now_ns + 1);
        }
    }
}

static void on_answer(struct ll_core *core, const struct ll_event *event)
{
    const struct ll_answer *answer = event->answer.answer;
    struct ll_entry *entry = ll_table_find(&core->objects, event->id);
    struct ll_object *object;

    assert(core->calls_in_flight > 0);
    core->calls_in_flight--;
    if (answer->outcome == LL_OUTCOME_LOST) {
        ll_note_failure(core, event->answer.endpoint, answer->grpc_status,
                        answer->text);
    } else if (answer->outcome != LL_OUTCOME_OK) {
        ll_keep_failure(core, event->answer.endpoint, answer->grpc_status,
                        answer->text);
    }
    if (entry == NULL) {
        return;
    }
    object = LL_CONTAINER(entry, struct ll_object, entry);
    if (!object->in_flight || object->seq != event->answer.seq) {
        return; /* of an older call, which nobody waits for any more */
    }
    object->in_flight = false;
    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        object->failures++;
    } else {
        object->failures = 0;
    }
    switch (object->kind) {
    case LL_OBJECT_SESSION:
        ll_session_on_answer(
            core, LL_CONTAINER(object, struct ll_session, object), answer);
        break;
    case LL_OBJECT_TICKET:
        ll_ticket_on_answer(
            core, LL_CONTAINER(object, struct ll_ticket, object), answer);
        break;
    case LL_OBJECT_QUERY:
        ll_query_on_answer(core, LL_CONTAINER(object, struct ll_query, object),
                           event);
        break;
    }
    ll_object_reschedule(core, object);
}

int ll_core_step(struct ll_core *core, const struct ll_event *event)
{
    int status = 0;

    /* Readings of one clock by several threads may arrive out of order. */
    core->now_ns = ll_max(core->now_ns, event->now_ns);
    run_timers(core);
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
    case LL_EVENT_RELEASE:
        status = ll_ticket_release(core, event);
        break;
    case LL_EVENT_QUERY:
        status = ll_query_ask(core, event);
        break;
    case LL_EVENT_QUERY_CANCEL:
        status = ll_query_cancel(core, event);
        break;
    case LL_EVENT_ANSWER:
        on_answer(core, event);
        break;
    case LL_EVENT_STREAM_DOWN:
        ll_streams_on_down(core, event);
        break;
    case LL_EVENT_KEEPALIVE:
        ll_sessions_on_keepalive(core, event);
        break;
    case LL_EVENT_WATCH_CREATED:
    case LL_EVENT_WATCH_CANCELED:
    case LL_EVENT_WATCH_CHANGED:
        ll_streams_on_watch(core, event);
        break;
    }
    ll_streams_on_time(core);
    return status;
}

static bool object_next(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_effect *ret_effect)
{
    switch (object->kind) {
    case LL_OBJECT_SESSION:
        return ll_session_next(
            core, LL_CONTAINER(object, struct ll_session, object), ret_effect);
    case LL_OBJECT_TICKET:
        return ll_ticket_next(
            core, LL_CONTAINER(object, struct ll_ticket, object), ret_effect);
    case LL_OBJECT_QUERY:
        return ll_query_next(
            core, LL_CONTAINER(object, struct ll_query, object), ret_effect);
    }
    return false;
}

static void call_next(struct ll_core *core,
                      struct ll_object *object,
                      struct ll_effect *ret_effect)
{
    ll_link_remove(&object->calling);
    object->seq++;
    object->in_flight = true;
    object->sent_ns = core->now_ns;
    object->call_ns = LL_NEVER;
    core->calls_in_flight++;
    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_CALL};
    ret_effect->id = object->entry.id;
    ret_effect->call.seq = object->seq;
    ret_effect->call.endpoint = core->endpoint;
    ret_effect->call.timeout_ns = core->config.request_timeout_ns;
    switch (object->kind) {
    case LL_OBJECT_SESSION:
        ll_session_build(core, LL_CONTAINER(object, struct ll_session, object),
                         &ret_effect->call.request);
        break;
    case LL_OBJECT_TICKET:
        ll_ticket_build(core, LL_CONTAINER(object, struct ll_ticket, object),
                        &ret_effect->call.request);
        break;
    case LL_OBJECT_QUERY: {
        struct ll_query *query = LL_CONTAINER(object, struct ll_query, object);

        ret_effect->call.request = *query->request;
        if (query->endpoint != LL_ENDPOINT_ANY) {
            ret_effect->call.endpoint = query->endpoint;
            ret_effect->call.timeout_ns = query->deadline_ns - core->now_ns;
        }
        break;
    }
    }
    ll_object_reschedule(core, object);
}

bool ll_core_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    if (ll_streams_next(core, ret_effect)) {
        return true;
    }
    while (!ll_link_alone(&core->telling)) {
        struct ll_link *first = core->telling.next;
        struct ll_object *object =
            LL_CONTAINER(first, struct ll_object, telling);

        if (object_next(core, object, ret_effect)) {
            return true;
        }
        /* object_next has taken it off the list, and perhaps freed it. */
        assert(core->telling.next != first);
    }
    if (!ll_link_alone(&core->calling) &&
        core->calls_in_flight < LL_CALLS_MAX) {
        call_next(core,
                  LL_CONTAINER(core->calling.next, struct ll_object, calling),
                  ret_effect);
        return true;
    }
    ll_free(core->drawn_line);
    core->drawn_line = NULL;
    if (!ll_link_alone(&core->log)) {
        struct ll_log_line *line =
            LL_CONTAINER(core->log.next, struct ll_log_line, link);

        ll_link_remove(&line->link);
        core->drawn_line = line;
        *ret_effect = (struct ll_effect){.kind = LL_EFFECT_LOG};
        ret_effect->log.level = line->level;
        ret_effect->log.text = line->text;
        return true;
    }
    return false;
}

int64_t ll_core_deadline_ns(const struct ll_core *core)
{
    struct ll_timer *first = ll_timers_first(&core->timers);

    return ll_min(first != NULL ? first->deadline_ns : LL_NEVER,
                  ll_streams_deadline_ns(core));
}

bool ll_core_has_sessions(const struct ll_core *core)
{
    return !ll_link_alone(&core->sessions);
}
