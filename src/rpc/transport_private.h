#ifndef LL_RPC_TRANSPORT_PRIVATE_H
#define LL_RPC_TRANSPORT_PRIVATE_H

#include <stdatomic.h>

#include <grpc/grpc.h>

#include "base/list.h"
#include "etcd/messages.h"
#include "rpc/channel.h"
#include "rpc/endpoints.h"
#include "rpc/transport.h"

struct ll_rpc_stream;

struct ll_transport {
    /** These are set once and need no mutex. */
    grpc_completion_queue *queue;
    grpc_channel_credentials *credentials;
    int connect_timeout_ms;
    struct ll_endpoints endpoints;

    struct ll_channel *channels; /* one for each endpoint */
    struct ll_buffer scratch;    /* for a message that is being encoded */
    struct ll_link calls;        /* ll_call, until their answer */
    struct ll_link streams;      /* ll_rpc_stream, until they are down */
    /** The streams that take messages; NULL where none is open. */
    struct ll_rpc_stream *current[LL_STREAMS];
    bool stopped;
    bool authenticated; /* etcd has accepted the user's token */

    /** A call that is never made: see ll_transport_wake. */
    grpc_channel *wake_channel;
    grpc_call *wake_call;
    /** A wake is on its way through the queue. */
    atomic_bool waking;
};

/** What completes. It is the start of what gRPC knows as a tag, and is read
 *  and written under the mutex alone. */
enum ll_tag_kind {
    LL_TAG_CALL,
    LL_TAG_STREAM_STATUS,
    LL_TAG_STREAM_RECEIVE,
    LL_TAG_STREAM_SEND,
};

struct ll_tag {
    enum ll_tag_kind kind;
};

/** Starts gRPC's call of a method on an endpoint; NULL when there is none. */
static inline grpc_call *ll_transport_start(struct ll_transport *transport,
                                            uint32_t endpoint,
                                            enum ll_method method,
                                            gpr_timespec deadline)
{
    return ll_channel_call(
        &transport->channels[endpoint],
        transport->endpoints.list[endpoint].target, transport->credentials,
        transport->connect_timeout_ms, method, transport->queue, deadline);
}

#endif
