/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/channel.h"

#include <string.h>

#include <grpc/slice.h>

#include "base/alloc.h"
#include "etcd/messages.h"
#include "leaselock/version.h"

/** etcd sends GOAWAY at the third ping that arrives less than 5 s after the
 *  previous one. An interval of exactly 5 s would cause that: gRPC's timers
 *  have whole milliseconds, and the delays of packets vary. */
#define LL_PING_INTERVAL_MIN_MS 5250
#define LL_PING_INTERVAL_MS 10000
#define LL_PING_TIMEOUT_MS 3000
#define LL_CONNECT_TIMEOUT_MS 2000

/** Core has its own pauses between attempts, so gRPC's are short. */
#define LL_RECONNECT_MIN_MS 100
#define LL_RECONNECT_MAX_MS 1000
#define LL_RESOLVE_PAUSE_MS 1000

enum ll_method ll_method_of_request(enum ll_request_kind kind)
{
    switch (kind) {
    case LL_REQUEST_TXN:
        return LL_METHOD_TXN;
    case LL_REQUEST_RANGE:
        return LL_METHOD_RANGE;
    case LL_REQUEST_DELETE:
        return LL_METHOD_DELETE;
    case LL_REQUEST_LEASE_GRANT:
        return LL_METHOD_LEASE_GRANT;
    case LL_REQUEST_LEASE_REVOKE:
        return LL_METHOD_LEASE_REVOKE;
    case LL_REQUEST_LEASE_TTL:
        return LL_METHOD_LEASE_TTL;
    case LL_REQUEST_STATUS:
        return LL_METHOD_STATUS;
    case LL_REQUEST_MEMBER_LIST:
        return LL_METHOD_MEMBER_LIST;
    }
    return LL_METHOD_STATUS;
}

enum ll_method ll_method_of_stream(enum ll_stream_kind which)
{
    switch (which) {
    case LL_STREAM_WATCH:
        return LL_METHOD_WATCH;
    case LL_STREAM_KEEPALIVE:
    case LL_STREAM_KEEPALIVE_2:
    case LL_STREAM_TRIAL:
        return LL_METHOD_KEEPALIVE;
    }
    return LL_METHOD_WATCH;
}

static const char *method_path(enum ll_method method)
{
    switch (method) {
    case LL_METHOD_TXN:
        return ll_request_method(LL_REQUEST_TXN);
    case LL_METHOD_RANGE:
        return ll_request_method(LL_REQUEST_RANGE);
    case LL_METHOD_DELETE:
        return ll_request_method(LL_REQUEST_DELETE);
    case LL_METHOD_LEASE_GRANT:
        return ll_request_method(LL_REQUEST_LEASE_GRANT);
    case LL_METHOD_LEASE_REVOKE:
        return ll_request_method(LL_REQUEST_LEASE_REVOKE);
    case LL_METHOD_LEASE_TTL:
        return ll_request_method(LL_REQUEST_LEASE_TTL);
    case LL_METHOD_STATUS:
        return ll_request_method(LL_REQUEST_STATUS);
    case LL_METHOD_MEMBER_LIST:
        return ll_request_method(LL_REQUEST_MEMBER_LIST);
    case LL_METHOD_AUTHENTICATE:
        return "/etcdserverpb.Auth/Authenticate";
    case LL_METHOD_WATCH:
        return "/etcdserverpb.Watch/Watch";
    case LL_METHOD_KEEPALIVE:
        return "/etcdserverpb.Lease/LeaseKeepAlive";
    }
    return "";
}

static int either(int value, int otherwise)
{
    return value > 0 ? value : otherwise;
}

struct ll_channel_settings
ll_channel_settings(const struct ll_channel_settings *config)
{
    int ping_interval_ms =
        either(config->ping_interval_ms, LL_PING_INTERVAL_MS);

    return (struct ll_channel_settings){
        .connect_timeout_ms =
            either(config->connect_timeout_ms, LL_CONNECT_TIMEOUT_MS),
        .ping_interval_ms = ping_interval_ms > LL_PING_INTERVAL_MIN_MS
                                ? ping_interval_ms
                                : LL_PING_INTERVAL_MIN_MS,
        .ping_timeout_ms = either(config->ping_timeout_ms, LL_PING_TIMEOUT_MS),
        .send_bytes_max = either(config->send_bytes_max, -1),
        .receive_bytes_max = either(config->receive_bytes_max, -1),
    };
}

/** gRPC requires writable strings, but does not write to them. */
static char *writable(const char *text)
{
    return (char *)(uintptr_t)text;
}

static grpc_arg integer(const char *key, int value)
{
    grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = writable(key)};

    arg.value.integer = value;
    return arg;
}

static grpc_arg string(const char *key, const char *value)
{
    grpc_arg arg = {.type = GRPC_ARG_STRING, .key = writable(key)};

    arg.value.string = writable(value);
    return arg;
}

static grpc_channel *open_with(const struct ll_channel_settings *settings,
                               const char *target,
                               grpc_channel_credentials *credentials,
                               const char *server_name)
{
    grpc_arg args[] = {
        /* Clients of one process share no connection: one that hangs would
         * affect both. */
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        integer(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        /* Core decides what is retried, and when. */
        integer(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        integer(GRPC_ARG_ENABLE_RETRIES, 0),
        /* Unused statistics, which each call would update. */
        integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
        /* etcd has applied a request even if its answer is too large. */
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
                settings->receive_bytes_max),
        integer(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, settings->send_bytes_max),
        /* Despite its name, this is the timeout of a connection. */
        integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                settings->connect_timeout_ms),
        integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, LL_RECONNECT_MIN_MS),
        integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, LL_RECONNECT_MAX_MS),
        integer(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS,
                LL_RESOLVE_PAUSE_MS),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, settings->ping_interval_ms),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, settings->ping_timeout_ms),
        /* etcd also sends GOAWAY for pings without a call. */
        integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        string(GRPC_ARG_PRIMARY_USER_AGENT_STRING,
               "leaselock/" LEASELOCK_VERSION),
        /* Last, because some channels omit it. */
        string(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, server_name),
    };
    grpc_channel_args list = {sizeof(args) / sizeof(args[0]), args};

    if (server_name == NULL) {
        list.num_args--;
    }
    return grpc_channel_create(target, credentials, &list);
}

struct ll_channel *ll_channel_open(const struct ll_channel_settings *settings,
                                   const char *target,
                                   struct ll_tls *tls,
                                   const char *host)
{
    struct ll_channel *channel = ll_alloc_zero(1, sizeof(*channel));
    grpc_channel_credentials *credentials = NULL;

    if (channel == NULL) {
        return NULL;
    }
    channel->refs = 1;
    if (tls == NULL) {
        credentials = grpc_insecure_credentials_create();
    } else {
        channel->generation = ll_tls_generation(tls);
        credentials = ll_tls_credentials(tls, host, &channel->peer);
    }
    if (credentials != NULL) {
        const char *name =
            channel->peer != NULL ? ll_tls_peer_name(channel->peer) : host;

        /* gRPC takes the name for the handshake from the target. */
        channel->channel = open_with(settings, target, credentials,
                                     strcmp(name, host) != 0 ? name : NULL);
        grpc_channel_credentials_release(credentials);
    }
    if (channel->channel == NULL) {
        ll_channel_put(channel);
        return NULL;
    }
    return channel;
}

struct ll_channel *ll_channel_ref(struct ll_channel *channel)
{
    channel->refs++;
    return channel;
}

void ll_channel_put(struct ll_channel *channel)
{
    if (channel == NULL || --channel->refs > 0) {
        return;
    }
    if (channel->channel != NULL) {
        grpc_channel_destroy(channel->channel);
    }
    ll_tls_peer_put(channel->peer);
    ll_free(channel);
}

bool ll_channel_is_connected(const struct ll_channel *channel)
{
    return grpc_channel_check_connectivity_state(channel->channel, 0) ==
           GRPC_CHANNEL_READY;
}

grpc_call *ll_channel_call(struct ll_channel *channel,
                           enum ll_method method,
                           grpc_completion_queue *queue,
                           gpr_timespec deadline)
{
    if (channel->methods[method] == NULL) {
        channel->methods[method] = grpc_channel_register_call(
            channel->channel, method_path(method), NULL, NULL);
    }
    return grpc_channel_create_registered_call(
        channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
        channel->methods[method], deadline, NULL);
}

grpc_op ll_channel_op_start(enum ll_method method,
                            const grpc_slice *token,
                            grpc_metadata metadata[LL_METADATA_MAX])
{
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    size_t n = 0;

    if (method != LL_METHOD_STATUS) {
        metadata[n++] = (grpc_metadata){
            .key = grpc_slice_from_static_string("hasleader"),
            .value = grpc_slice_from_static_string("true"),
        };
    }
    if (token != NULL) {
        metadata[n++] = (grpc_metadata){
            .key = grpc_slice_from_static_string("token"),
            .value = *token,
        };
    }
    op.data.send_initial_metadata.count = n;
    op.data.send_initial_metadata.metadata = metadata;
    return op;
}
