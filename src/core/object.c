/* SPDX-License-Identifier: Apache-2.0 */
#include "core/object.h"

#include <assert.h>
#include <stdio.h>

#include "leaselock/status.h"

bool ll_object_enter(struct ll_core *core,
                     struct ll_object *object,
                     const struct ll_object_ops *ops,
                     uint64_t id)
{
    assert(id > 0 && id < LL_ID_MAX);
    object->entry.id = id;
    object->ops = ops;
    object->call_ns = LL_NEVER;
    ll_link_init(&object->calling);
    ll_link_init(&object->pending);
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
    ll_link_remove(&object->pending);
    ll_timer_set(&core->timers, &object->timer, LL_NEVER);
    ll_timers_unreserve(&core->timers);
    ll_table_remove(&core->objects, &object->entry);
}

struct ll_object *ll_object_find(const struct ll_core *core,
                                 uint64_t id,
                                 const struct ll_object_ops *ops)
{
    struct ll_entry *entry = ll_table_find(&core->objects, id);
    struct ll_object *object =
        entry != NULL ? LL_CONTAINER(entry, struct ll_object, entry) : NULL;

    return object != NULL && object->ops == ops ? object : NULL;
}

uint32_t ll_object_endpoint(struct ll_object *object)
{
    return object->ops->endpoint != NULL ? object->ops->endpoint(object)
                                         : LL_ENDPOINT_ANY;
}

int ll_object_release(struct ll_core *core, const struct ll_event *event)
{
    struct ll_entry *entry = ll_table_find(&core->objects, event->id);
    struct ll_object *object =
        entry != NULL ? LL_CONTAINER(entry, struct ll_object, entry) : NULL;

    return object != NULL && object->ops->release != NULL
               ? object->ops->release(core, object, event->release.timeout_ns)
               : LEASELOCK_E_HANDLE;
}

uint64_t ll_object_own_id(struct ll_core *core)
{
    return LL_ID_MAX - ++core->own_ids_n;
}

void ll_object_reschedule(struct ll_core *core, struct ll_object *object)
{
    int64_t deadline_ns = object->call_ns;

    if (!ll_link_alone(&object->calling)) {
        deadline_ns = LL_NEVER; /* it waits for room, not for a time */
    }
    deadline_ns = ll_min(deadline_ns, object->ops->deadline_ns(core, object));
    ll_timer_set(&core->timers, &object->timer, deadline_ns);
}

void ll_call_at(struct ll_core *core, struct ll_object *object, int64_t at_ns)
{
    object->in_flight = false;
    object->call_ns = at_ns;
    ll_link_remove(&object->calling);
    ll_call_if_due(core, object);
}

void ll_call_again(struct ll_core *core,
                   struct ll_object *object,
                   enum ll_outcome outcome)
{
    /* AGAIN is no reason for another endpoint: only a pause helps. */
    unsigned endpoints = outcome == LL_OUTCOME_AGAIN ? 1 : core->endpoints.n;
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
    const struct ll_batch_ops *batch = object->ops->batch;
    struct ll_link *list = &core->calls.alone;

    if (object->call_ns > core->now_ns) {
        return;
    }
    if (core->batches.window > 0 && batch != NULL && !object->is_unbatched) {
        switch (batch->way(core, object)) {
        case LL_CALL_ALONE:
            break;
        case LL_CALL_GATHER:
            list = &core->calls.batched;
            break;
        case LL_CALL_READ:
            list = &core->calls.reads;
            break;
        }
    }
    ll_link_append_once(list, &object->calling);
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
    if (grpc_status == LL_GRPC_DEADLINE) {
        ll_endpoint_suspect(core, endpoint);
    } else {
        ll_endpoint_failed(core, endpoint);
    }
    ll_core_log(core, LL_LOG_ENDPOINT_FAILED, ll_log_endpoint(endpoint),
                "endpoint %u: %s; next is endpoint %u", endpoint,
                core->failure.text, core->endpoints.current);
}

void ll_note_silence(struct ll_core *core,
                     uint32_t endpoint,
                     int64_t sent_ns,
                     const char *text)
{
    ll_keep_failure(core, endpoint, LL_GRPC_DEADLINE, text);
    ll_endpoint_unanswered(core, endpoint, sent_ns);
    ll_core_log(core, LL_LOG_ENDPOINT_FAILED, ll_log_endpoint(endpoint),
                "endpoint %u: %s; next is endpoint %u", endpoint,
                core->failure.text, core->endpoints.current);
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
