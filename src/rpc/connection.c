/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/connection.h"

#include <string.h>

#include "base/clock.h"
#include "rpc/call.h"
#include "rpc/explain.h"

static bool is_outdated(struct ll_transport *transport,
                        const struct ll_channel *channel)
{
    if (channel->peer == NULL || ll_channel_is_connected(channel)) {
        return false;
    }
    ll_tls_refresh(transport->tls, ll_clock_now_ns());
    return channel->generation != ll_tls_generation(transport->tls);
}

struct ll_channel *ll_connection_get(struct ll_transport *transport,
                                     uint32_t endpoint,
                                     enum ll_lane lane)
{
    const struct ll_endpoint *to = &transport->endpoints.list[endpoint];
    struct ll_lanes *lanes = &transport->lanes[endpoint];
    struct ll_channel **channel =
        &lanes->channels[lanes->apart ? lane : LL_LANE_CALLS];

    if (*channel != NULL && is_outdated(transport, *channel)) {
        ll_channel_put(*channel);
        *channel = NULL;
    }
    if (*channel == NULL) {
        if (to->tls) {
            ll_tls_refresh(transport->tls, ll_clock_now_ns());
        }
        *channel = ll_channel_open(&transport->settings, to->target,
                                   to->tls ? transport->tls : NULL, to->host);
    }
    return *channel != NULL ? ll_channel_ref(*channel) : NULL;
}

enum ll_lane ll_lane_of_stream(enum ll_stream_kind which)
{
    switch (which) {
    case LL_STREAM_WATCH:
        return LL_LANE_WATCH;
    case LL_STREAM_KEEPALIVE:
        return LL_LANE_KEEPALIVE;
    case LL_STREAM_KEEPALIVE_2:
    case LL_STREAM_TRIAL: /* both are rare, and share one */
        break;
    }
    return LL_LANE_KEEPALIVE_2;
}

/** Returns to one channel for all lanes, and drops the others. */
static void join(struct ll_lanes *lanes, struct ll_channel *kept)
{
    for (int lane = 0; lane < LL_LANES; lane++) {
        if (lanes->channels[lane] != kept) {
            ll_channel_put(lanes->channels[lane]);
        }
        lanes->channels[lane] = NULL;
    }
    lanes->channels[LL_LANE_CALLS] = kept;
    lanes->apart = false;
}

/** The connection that carries as many streams as it would if it were shared
 *  again: a probe on another one would show nothing. NULL: none. */
static struct ll_channel *contended_channel(const struct ll_lanes *lanes)
{
    unsigned all_n = 0;

    for (int lane = 0; lane < LL_LANES; lane++) {
        const struct ll_channel *channel = lanes->channels[lane];

        all_n += channel != NULL ? channel->streams_n : 0;
    }
    for (int lane = LL_LANE_CALLS + 1; lane < LL_LANES; lane++) {
        struct ll_channel *channel = lanes->channels[lane];

        if (channel != NULL && channel->streams_n > 0 &&
            (channel->streams_n == all_n ||
             channel->streams_n >= lanes->long_n) &&
            ll_channel_is_connected(channel)) {
            return channel;
        }
    }
    return NULL;
}

/** Records an answer from an endpoint that is apart. */
static void note_answer(struct ll_transport *transport, uint32_t endpoint)
{
    struct ll_lanes *lanes = &transport->lanes[endpoint];
    struct ll_channel *contended = NULL;

    lanes->answered++;
    if (lanes->probing || transport->stopped) {
        return;
    }
    contended = contended_channel(lanes);
    lanes->probing =
        contended != NULL &&
        ll_call_probe(transport, endpoint, contended, lanes->answered);
}

void ll_connection_note(struct ll_transport *transport,
                        uint32_t endpoint,
                        struct ll_channel *channel,
                        grpc_status_code status)
{
    struct ll_lanes *lanes = &transport->lanes[endpoint];

    if (channel == NULL || channel != lanes->channels[LL_LANE_CALLS]) {
        return;
    }
    if (lanes->apart) {
        if (status == GRPC_STATUS_OK && !lanes->few) {
            note_answer(transport, endpoint);
        }
        return;
    }
    if (status != GRPC_STATUS_DEADLINE_EXCEEDED || channel->streams_n == 0 ||
        !ll_channel_is_connected(channel)) {
        return;
    }
    lanes->apart = true;
    lanes->long_n = channel->streams_n;
    lanes->channels[LL_LANE_KEEPALIVE] = channel;
    lanes->channels[LL_LANE_CALLS] = NULL;
}

void ll_connection_probed(struct ll_transport *transport,
                          uint32_t endpoint,
                          const struct ll_channel *channel,
                          grpc_status_code status,
                          unsigned answered)
{
    struct ll_lanes *lanes = &transport->lanes[endpoint];
    struct ll_channel *contended = NULL;

    lanes->probing = false;
    if (!lanes->apart) {
        return;
    }
    contended = contended_channel(lanes);
    if (contended == NULL || contended != channel) {
        return; /* the result of the probe shows nothing now */
    }
    if (status == GRPC_STATUS_DEADLINE_EXCEEDED) {
        lanes->few = lanes->answered != answered;
    } else if (status != GRPC_STATUS_UNAVAILABLE &&
               status != GRPC_STATUS_CANCELLED) {
        join(lanes, contended); /* a refusal is an answer, too */
    }
}

void ll_connection_left(struct ll_transport *transport, uint32_t endpoint)
{
    struct ll_lanes *lanes = &transport->lanes[endpoint];
    struct ll_channel *kept = lanes->channels[LL_LANE_CALLS];

    if (!lanes->apart || lanes->few) {
        return;
    }
    for (int lane = 0; lane < LL_LANES; lane++) {
        struct ll_channel *channel = lanes->channels[lane];

        if (channel != NULL && channel->streams_n > 0) {
            return;
        }
        kept = kept != NULL ? kept : channel;
    }
    join(lanes, kept);
}

void ll_connection_text(const struct ll_transport *transport,
                        const struct ll_channel *channel,
                        grpc_slice details,
                        char raw[LL_STATUS_TEXT_SIZE],
                        char text[LL_STATUS_TEXT_SIZE])
{
    char cert_trouble[64] = "";
    struct ll_explain about = {
        .cert_trouble = cert_trouble,
        .files_trouble = "",
        .user = ll_auth_has_user(&transport->auth),
        .ping_timeout_ms = transport->settings.ping_timeout_ms,
    };

    if (channel != NULL && channel->peer != NULL) {
        about.tls = true;
        about.verified = ll_tls_peer_verified(channel->peer, ll_clock_now_ns());
        about.cert = ll_tls_cert(transport->tls);
        about.files_trouble = ll_tls_trouble(transport->tls);
        ll_tls_cert_trouble(transport->tls, cert_trouble);
    }
    ll_status_text(details, text);
    if (raw != NULL) {
        memcpy(raw, text, LL_STATUS_TEXT_SIZE);
    }
    ll_explain(&about, text);
}
