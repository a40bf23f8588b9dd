#include "rpc/connection.h"

#include <string.h>

#include "base/clock.h"
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
    case LL_STREAM_TRIAL: /* both are rare, and can share one */
        break;
    }
    return LL_LANE_KEEPALIVE_2;
}

void ll_connection_note(struct ll_transport *transport,
                        uint32_t endpoint,
                        struct ll_channel *channel,
                        bool in_time)
{
    struct ll_lanes *lanes = &transport->lanes[endpoint];

    if (in_time || lanes->apart || channel != lanes->channels[LL_LANE_CALLS] ||
        channel->streams_n == 0 || !ll_channel_is_connected(channel)) {
        return;
    }
    lanes->apart = true;
    lanes->channels[LL_LANE_KEEPALIVE] = channel;
    lanes->channels[LL_LANE_CALLS] = NULL;
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
