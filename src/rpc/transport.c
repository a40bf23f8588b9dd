/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/transport.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "rpc/call.h"
#include "rpc/descriptors.h"
#include "rpc/stream.h"
#include "rpc/transport_private.h"

/** Tags are aligned, so that bit 0 is free to mark a failure on the way from
 *  ll_transport_wait to ll_transport_complete. */
#define TAG_FAILED ((uintptr_t)1)

#define LL_REQUEST_TIMEOUT_MS 2000

static bool needs_tls(const struct ll_transport *transport,
                      const struct ll_tls_config *config)
{
    uint32_t i = 0;

    for (i = 0; i < transport->endpoints.n; i++) {
        if (transport->endpoints.list[i].tls) {
            return true;
        }
    }
    /* Unreadable files are reported even if no endpoint uses TLS. */
    return ll_tls_is_wanted(config);
}

/** Reads the configuration and the files that it names. */
static int configure(struct ll_transport *transport,
                     const struct ll_transport_config *config,
                     struct leaselock_error *reterr)
{
    int status =
        ll_endpoints_parse(config->endpoints, ll_tls_is_wanted(&config->tls),
                           &transport->endpoints, reterr);

    if (status == 0 && needs_tls(transport, &config->tls)) {
        status = ll_tls_new(&config->tls, &transport->tls, reterr);
    }
    if (status == 0) {
        status = ll_auth_init(&transport->auth, &config->user, reterr);
    }
    transport->settings = ll_channel_settings(&config->channels);
    transport->request_timeout_ms = config->request_timeout_ms > 0
                                        ? config->request_timeout_ms
                                        : LL_REQUEST_TIMEOUT_MS;
    return status;
}

static int no_memory(struct leaselock_error *reterr)
{
    return ll_error_sentence(reterr, LEASELOCK_E_NOMEM, "out of memory");
}

int ll_transport_new(const struct ll_transport_config *config,
                     struct ll_transport **ret_transport,
                     struct leaselock_error *reterr)
{
    struct ll_transport *transport = ll_alloc_zero(1, sizeof(*transport));
    int status = 0;

    if (transport == NULL) {
        return no_memory(reterr);
    }
    status = configure(transport, config, reterr);
    if (status == 0) {
        /* gRPC aborts a process that has too few. */
        status = ll_descriptors_check(LL_DESCRIPTORS_FIXED +
                                          LL_DESCRIPTORS_ENDPOINT *
                                              transport->endpoints.n,
                                      reterr);
    }
    if (status == 0 && config->grows &&
        ll_endpoints_reserve(&transport->endpoints) != 0) {
        status = no_memory(reterr);
    }
    if (status == 0) {
        transport->endpoints_first_n = transport->endpoints.n;
        transport->grows = config->grows;
        transport->lanes = ll_alloc_zero(config->grows ? LL_ENDPOINTS_MAX
                                                       : transport->endpoints.n,
                                         sizeof(struct ll_lanes));
        if (transport->lanes == NULL) {
            status = no_memory(reterr);
        }
    }
    if (status != 0) {
        ll_tls_free(transport->tls);
        ll_endpoints_free(&transport->endpoints);
        ll_free(transport);
        return status;
    }
    ll_link_init(&transport->calls);
    ll_link_init(&transport->streams);
    atomic_init(&transport->waking, false);
    atomic_init(&transport->timer_ns, INT64_MAX);
    transport->timer_tag.kind = LL_TAG_TIMER;
    grpc_init();
    transport->queue = grpc_completion_queue_create_for_next(NULL);
    ll_wake_open(transport);
    *ret_transport = transport;
    return 0;
}

uint32_t ll_transport_endpoints(const struct ll_transport *transport)
{
    return transport->endpoints.n;
}

const char *ll_transport_endpoint(const struct ll_transport *transport,
                                  uint32_t endpoint)
{
    return endpoint < transport->endpoints.n
               ? transport->endpoints.list[endpoint].text
               : "";
}

bool ll_transport_endpoint_is_tls(const struct ll_transport *transport,
                                  uint32_t endpoint)
{
    return endpoint < transport->endpoints.n &&
           transport->endpoints.list[endpoint].tls;
}

bool ll_transport_is_authenticated(const struct ll_transport *transport)
{
    return ll_token_value(&transport->auth.token) != NULL;
}

int ll_transport_run(struct ll_transport *transport,
                     const struct ll_effect *effect)
{
    struct ll_buffer *scratch = &transport->scratch;

    /* A start after the stop would not be cancelled or drain. */
    switch (effect->kind) {
    case LL_EFFECT_CALL:
        assert(effect->call.endpoint < transport->endpoints.n);
        return transport->stopped ? LEASELOCK_E_NOMEM
                                  : ll_call_start(transport, effect);
    case LL_EFFECT_STREAM_OPEN:
        assert(effect->stream.endpoint < transport->endpoints.n);
        return transport->stopped ? LEASELOCK_E_NOMEM
                                  : ll_rpc_stream_open(transport, effect);
    case LL_EFFECT_STREAM_CLOSE:
        ll_rpc_stream_close(transport, effect->stream.which);
        return 0;
    case LL_EFFECT_KEEPALIVE:
        ll_rpc_stream_send(
            transport, effect->keepalive.which,
            ll_keepalive_encode(effect->keepalive.lease, scratch));
        return 0;
    case LL_EFFECT_WATCH_CREATE:
        ll_rpc_stream_create_watch(transport,
                                   ll_watch_create_encode(effect, scratch));
        return 0;
    case LL_EFFECT_WATCH_CANCEL:
        ll_rpc_stream_send(
            transport, LL_STREAM_WATCH,
            ll_watch_cancel_encode(effect->watch.watch_id, scratch));
        return 0;
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
    case LL_EFFECT_QUERIED:
    case LL_EFFECT_LOG:
        break;
    }
    assert(false); /* the other effects are for the user */
    return 0;
}

void *ll_transport_wait(struct ll_transport *transport, int64_t timeout_ns)
{
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    int64_t timer_ns = atomic_load(&transport->timer_ns);
    bool timed = false;
    grpc_event event;

    if (timer_ns < INT64_MAX) {
        int64_t now_ns = ll_clock_now_ns();
        int64_t left_ns = timer_ns > now_ns ? timer_ns - now_ns : 0;

        if (left_ns == 0) {
            return &transport->timer_tag;
        }
        timed = left_ns < timeout_ns;
        timeout_ns = timed ? left_ns : timeout_ns;
    }
    if (timeout_ns < INT64_MAX) {
        deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                gpr_time_from_nanos(timeout_ns, GPR_TIMESPAN));
    }
    event = grpc_completion_queue_next(transport->queue, deadline, NULL);
    if (event.type != GRPC_OP_COMPLETE) {
        return timed ? &transport->timer_tag : NULL;
    }
    if (event.tag == transport) {
        atomic_store(&transport->waking, false);
        return NULL;
    }
    return event.success ? event.tag
                         : (void *)((uintptr_t)event.tag | TAG_FAILED);
}

void ll_transport_complete(struct ll_transport *transport,
                           void *tag,
                           ll_transport_event_fn *on_event,
                           void *arg)
{
    bool ok = ((uintptr_t)tag & TAG_FAILED) == 0;
    struct ll_tag *at = (void *)((uintptr_t)tag & ~TAG_FAILED);

    switch (at->kind) {
    case LL_TAG_CALL:
        ll_call_complete(transport, at, on_event, arg);
        break;
    case LL_TAG_STREAM_STATUS:
    case LL_TAG_STREAM_RECEIVE:
    case LL_TAG_STREAM_SEND:
        ll_rpc_stream_complete(transport, at, ok, on_event, arg);
        break;
    case LL_TAG_AUTHENTICATE:
        ll_auth_complete(transport, at, on_event, arg);
        break;
    case LL_TAG_TIMER:
        atomic_store(&transport->timer_ns, INT64_MAX);
        ll_auth_on_time(transport, on_event, arg);
        break;
    }
}

void ll_transport_stop(struct ll_transport *transport)
{
    transport->stopped = true;
    ll_calls_cancel(transport);
    ll_rpc_streams_cancel(transport);
    ll_auth_stop(transport);
}

bool ll_transport_is_idle(const struct ll_transport *transport)
{
    return ll_link_alone(&transport->calls);
}

bool ll_transport_drained(const struct ll_transport *transport)
{
    return ll_link_alone(&transport->calls) &&
           ll_link_alone(&transport->streams) &&
           ll_auth_is_idle(&transport->auth) &&
           !atomic_load(&transport->waking);
}

void ll_transport_free(struct ll_transport *transport)
{
    uint32_t i = 0;

    if (transport == NULL) {
        return;
    }
    assert(ll_link_alone(&transport->calls));
    assert(ll_link_alone(&transport->streams));
    grpc_call_unref(transport->wake_call);
    grpc_channel_destroy(transport->wake_channel);
    for (i = 0; i < transport->endpoints.n; i++) {
        for (int lane = 0; lane < LL_LANES; lane++) {
            ll_channel_put(transport->lanes[i].channels[lane]);
        }
    }
    ll_auth_free(&transport->auth);
    grpc_completion_queue_shutdown(transport->queue);
    while (grpc_completion_queue_next(transport->queue,
                                      gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
               .type != GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(transport->queue);
    grpc_shutdown();
    ll_tls_free(transport->tls);
    ll_buffer_free(&transport->scratch);
    ll_free(transport->lanes);
    ll_endpoints_free(&transport->endpoints);
    ll_free(transport);
}
