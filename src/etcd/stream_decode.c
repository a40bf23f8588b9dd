/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/decode.h"

#include <inttypes.h>
#include <stdio.h>

#include <grpc/status.h>

#include "etcd/wire.h"
#include "leaselock/status.h"

int ll_keepalive_decode(const uint8_t *data,
                        size_t size,
                        struct ll_event *ret_event)
{
    const Etcdpb__LeaseKeepAliveResponse *answer = NULL;
    struct ll_arena arena = {0};
    ProtobufCMessage *message = NULL;
    int status = ll_wire_unpack(&etcdpb__lease_keep_alive_response__descriptor,
                                data, size, &arena, &message);

    if (status != 0) {
        goto out;
    }
    answer = (const Etcdpb__LeaseKeepAliveResponse *)message;
    if (answer->id == 0 || answer->ttl > LL_LEASE_TTL_S_MAX) {
        status = LEASELOCK_E_SERVER;
        goto out;
    }
    ret_event->kind = LL_EVENT_KEEPALIVE;
    ret_event->keepalive.lease = answer->id;
    /* For a lease that is gone etcd sends 0 here, and its grpc-proxy, which
     * reads the remaining time from etcd, -1. */
    ret_event->keepalive.ttl_s = answer->ttl > 0 ? answer->ttl : 0;
    ret_event->keepalive.cluster_id =
        answer->header != NULL ? answer->header->cluster_id : 0;
out:
    ll_arena_free(&arena);
    return status;
}

/** Why a watch was cancelled: etcd sends no sentence if the cause was a
 *  compaction. */
static int read_reason(const Etcdpb__WatchResponse *answer,
                       struct ll_arena *arena,
                       const char **ret_reason)
{
    const size_t size = sizeof("compacted at revision ") + 20;
    char *reason = NULL;

    if (answer->compact_revision == 0 || answer->cancel_reason[0] != '\0') {
        *ret_reason = answer->cancel_reason;
        return 0;
    }
    reason = ll_arena_alloc(arena, size);
    if (reason == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    (void)snprintf(reason, size, "compacted at revision %" PRId64,
                   answer->compact_revision);
    *ret_reason = reason;
    return 0;
}

static int read_events(const Etcdpb__WatchResponse *answer,
                       struct ll_arena *arena,
                       const struct ll_watch_event **ret_events)
{
    struct ll_watch_event *events =
        ll_arena_array(arena, answer->n_events, sizeof(*events));
    size_t i = 0;

    if (events == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (i = 0; i < answer->n_events; i++) {
        const Etcdpb__Event *event = answer->events[i];

        if (event->kv == NULL ||
            (event->type != ETCDPB__EVENT__EVENT_TYPE__PUT &&
             event->type != ETCDPB__EVENT__EVENT_TYPE__DELETE)) {
            return LEASELOCK_E_SERVER;
        }
        events[i] = (struct ll_watch_event){0};
        events[i].deleted = event->type == ETCDPB__EVENT__EVENT_TYPE__DELETE;
        ll_decoded_kv(event->kv, &events[i].kv);
        if (event->prev_kv != NULL) {
            struct ll_kv prev;

            ll_decoded_kv(event->prev_kv, &prev);
            events[i].has_prev = true;
            events[i].prev_value = prev.value;
            events[i].prev_created = prev.create_revision;
        }
        if (!events[i].deleted && !ll_decoded_kv_is_sound(&events[i].kv)) {
            return LEASELOCK_E_SERVER;
        }
    }
    *ret_events = events;
    return 0;
}

static int read_watch(const Etcdpb__WatchResponse *answer,
                      struct ll_arena *arena,
                      struct ll_event *event)
{
    int status = 0;

    /* Core compares the revision with those of reads; etcd's is never below
     * 1. Only for a refusal does it not matter. */
    if ((answer->header == NULL || answer->header->revision < 1) &&
        !answer->canceled) {
        return LEASELOCK_E_SERVER;
    }
    event->watch.watch_id = answer->watch_id;
    if (answer->header != NULL) {
        event->watch.revision = answer->header->revision;
        event->watch.member_id = answer->header->member_id;
        event->watch.cluster_id = answer->header->cluster_id;
    }
    if (!answer->canceled) {
        event->kind =
            answer->created ? LL_EVENT_WATCH_CREATED : LL_EVENT_WATCH_CHANGED;
        status = read_events(answer, arena, &event->watch.events);
        event->watch.events_n = answer->n_events;
        return status;
    }
    event->kind = LL_EVENT_WATCH_CANCELED;
    status = read_reason(answer, arena, &event->watch.reason);
    if (status == 0) {
        /* There is no status here, so the sentence alone decides. */
        event->watch.outcome =
            ll_outcome_of(GRPC_STATUS_UNKNOWN, event->watch.reason) ==
                    LL_OUTCOME_REFUSED
                ? LL_OUTCOME_REFUSED
                : LL_OUTCOME_ERROR;
    }
    return status;
}

int ll_watch_decode(const uint8_t *data,
                    size_t size,
                    struct ll_event *ret_event,
                    struct ll_decoded **ret_decoded)
{
    struct ll_event event = {.watch = {.outcome = LL_OUTCOME_OK, .reason = ""}};
    struct ll_decoded *decoded = NULL;
    ProtobufCMessage *message = NULL;
    int status = ll_decoded_new(&etcdpb__watch_response__descriptor, data, size,
                                &message, &decoded);

    if (status != 0) {
        return status;
    }
    status = read_watch((const Etcdpb__WatchResponse *)message, &decoded->arena,
                        &event);
    if (status != 0) {
        ll_decoded_free(decoded);
        return status;
    }
    event.watch.generation = ret_event->watch.generation;
    ret_event->kind = event.kind;
    ret_event->watch = event.watch;
    *ret_decoded = decoded;
    return 0;
}
