/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "client/client.h"
#include "client/error.h"
#include "client/log.h"
#include "client/sync.h"

/**
 * The client's loop: carries out core's effects, and steps the events of etcd
 * and of the clock.
 */

/** gRPC's clock stops while the machine is suspended, a lease's time does not:
 *  after a suspend, a loss is detected with at most this delay. */
#define SLEEP_MAX_NS LL_NS_PER_S

static const char *endpoint_of(struct ll_client *client,
                               const struct ll_detail *detail)
{
    return client->transport != NULL
               ? ll_transport_endpoint(client->transport, detail->endpoint)
               : "";
}

int ll_client_error(struct ll_client *client,
                    const struct ll_detail *detail,
                    struct leaselock_error *reterr)
{
    return ll_error_set(reterr, detail->status, detail->grpc_status,
                        endpoint_of(client, detail), detail->text);
}

void ll_client_complete(struct ll_client *client,
                        struct ll_completion *completion,
                        const struct ll_detail *detail)
{

    if (completion->waiter != NULL) {
        completion->waiter->status =
            ll_client_error(client, detail, completion->waiter->reterr);
        ll_poller_done(client, completion->waiter);
        completion->waiter = NULL;
    } else if (completion->done != NULL) {
        completion->status = detail->status;
        completion->grpc_status = detail->grpc_status;
        completion->endpoint = endpoint_of(client, detail);
        if (detail->text[0] != '\0') {
            completion->text =
                ll_alloc_copy(detail->text, strlen(detail->text));
        }
        ll_notice_post(client, &completion->notice);
    }
}

int ll_client_await(struct ll_client *client, struct ll_waiter *waiter)
{
    (void)ll_poller_await(client, waiter, INT64_MAX);
    return waiter->status;
}

void ll_client_wait_change(struct ll_client *client, int timeout_ms)
{
    struct timespec until = ll_clock_after_ms(timeout_ms);

    ll_poller_settle(client);
    (void)pthread_cond_timedwait(&client->changed, &client->mutex, &until);
}

void ll_client_await_callbacks(struct ll_client *client,
                               const struct ll_handle *object)
{
    while (client->calling != NULL &&
           (client->calling == object ||
            client->hooks->owner_of(client->calling) == object->entry.id)) {
        ll_poller_settle(client);
        pthread_cond_wait(&client->changed, &client->mutex);
    }
}

/** Reports to core an effect that could not be started, as a failure. */
static void effect_failed(struct ll_client *client,
                          const struct ll_effect *effect)
{
    struct ll_answer answer = {.outcome = LL_OUTCOME_AGAIN,
                               .grpc_status = -1,
                               .text = "out of memory"};
    struct ll_event event = {.now_ns = ll_clock_now_ns()};

    if (effect->kind == LL_EFFECT_CALL) {
        event.kind = LL_EVENT_ANSWER;
        event.id = effect->id;
        event.answer.seq = effect->call.seq;
        event.answer.endpoint = LL_ENDPOINT_ANY; /* no endpoint has failed */
        answer.kind = effect->call.request.kind;
        event.answer.answer = &answer;
    } else {
        assert(effect->kind == LL_EFFECT_STREAM_OPEN);
        event.kind = LL_EVENT_STREAM_DOWN;
        event.stream_down.which = effect->stream.which;
        event.stream_down.generation = effect->stream.generation;
        event.stream_down.endpoint = effect->stream.endpoint;
        event.stream_down.grpc_status = -1;
        event.stream_down.outcome = LL_OUTCOME_LOST;
        event.stream_down.text = answer.text;
    }
    (void)ll_core_step(client->core, &event);
}

static void client_carry_out(struct ll_client *client,
                             const struct ll_effect *effect)
{
    switch (effect->kind) {
    case LL_EFFECT_CALL:
    case LL_EFFECT_STREAM_OPEN:
    case LL_EFFECT_STREAM_CLOSE:
    case LL_EFFECT_KEEPALIVE:
    case LL_EFFECT_WATCH_CREATE:
    case LL_EFFECT_WATCH_CANCEL:
        if (client->stopping) {
            break; /* calls are neither started nor answered */
        }
        if (ll_transport_run(client->transport, effect) != 0) {
            effect_failed(client, effect);
        }
        break;
    case LL_EFFECT_SESSION_OPENED:
    case LL_EFFECT_SESSION_CHANGED:
    case LL_EFFECT_SESSION_CLOSED:
    case LL_EFFECT_ACQUIRED:
    case LL_EFFECT_LOST:
    case LL_EFFECT_RELEASED:
    case LL_EFFECT_ASKED:
    case LL_EFFECT_WRITTEN:
    case LL_EFFECT_OBSERVED:
    case LL_EFFECT_FOLLOWED:
        client->hooks->on_effect(client, effect);
        break;
    case LL_EFFECT_QUERIED:
        ll_query_effect(client, effect);
        break;
    case LL_EFFECT_LOG:
        ll_log_post(client, effect);
        break;
    }
}

static void client_drain(struct ll_client *client)
{
    struct ll_effect effect;

    while (ll_core_next(client->core, &effect)) {
        client_carry_out(client, &effect);
    }
    client->hooks->settle(client);
}

int ll_client_command(struct ll_client *client, struct ll_event *event)
{
    int status;

    if (client->core == NULL || client->stopping) {
        return LEASELOCK_E_CLOSED;
    }
    event->now_ns = ll_clock_now_ns();
    status = ll_core_step(client->core, event);
    client_drain(client);
    return status;
}

/** Wakes leaselock_client_close when the last session has been closed. */
static void client_report_closer(struct ll_client *client)
{
    if (client->closing && !ll_core_has_sessions(client->core)) {
        pthread_cond_broadcast(&client->changed);
    }
}

void ll_client_on_event(struct ll_event *event, void *arg)
{
    struct ll_client *client = arg;

    event->now_ns = ll_clock_now_ns();
    (void)ll_core_step(client->core, event);
    client_drain(client);
    client_report_closer(client);
}

int64_t ll_client_deadline_ns(const struct ll_client *client)
{
    int64_t deadline_ns = ll_core_deadline_ns(client->core);
    int64_t sync_ns = ll_sync_deadline_ns(client);
    int64_t pause_ns = client->hooks->deadline_ns(client);

    deadline_ns = sync_ns < deadline_ns ? sync_ns : deadline_ns;
    return pause_ns < deadline_ns ? pause_ns : deadline_ns;
}

void ll_client_send_due(struct ll_client *client)
{
    struct ll_event event = {.kind = LL_EVENT_TIME};

    if (ll_clock_now_ns() >= ll_core_look_ns(client->core)) {
        ll_client_on_event(&event, client);
    }
}

static void client_on_time(struct ll_client *client)
{
    struct ll_event event = {.kind = LL_EVENT_TIME,
                             .now_ns = ll_clock_now_ns()};

    if (event.now_ns >= ll_core_deadline_ns(client->core) ||
        event.now_ns >= ll_core_look_ns(client->core)) {
        ll_client_on_event(&event, client);
    }
    client->hooks->settle(client);
    ll_sync_on_time(client, event.now_ns);
    client->hooks->on_time(client, event.now_ns);
}

/** Waits for the next deadline or event. */
static void client_wait(struct ll_client *client)
{
    int64_t until_ns = ll_client_deadline_ns(client);
    int64_t look_ns = ll_core_look_ns(client->core);

    until_ns = look_ns < until_ns ? look_ns : until_ns;
    if (client->event_fd < 0 && !ll_link_alone(&client->notices)) {
        until_ns = ll_clock_now_ns(); /* only looks */
    }
    if (ll_core_has_sessions(client->core)) {
        int64_t latest_ns = ll_clock_now_ns() + SLEEP_MAX_NS;

        until_ns = until_ns < latest_ns ? until_ns : latest_ns;
    }
    ll_poller_wait(client, until_ns);
}

void *ll_client_main(void *arg)
{
    struct ll_client *client = arg;

    pthread_mutex_lock(&client->mutex);
    while (!client->stopping) {
        client_on_time(client);
        if (client->event_fd < 0) {
            (void)ll_notices_call(client);
        }
        if (!client->stopping) {
            client_wait(client);
        }
    }
    ll_transport_stop(client->transport);
    while (!ll_transport_drained(client->transport)) {
        client_wait(client);
    }
    while (client->event_fd < 0 && ll_notices_call(client) > 0) {
    }
    pthread_mutex_unlock(&client->mutex);
    return NULL;
}
