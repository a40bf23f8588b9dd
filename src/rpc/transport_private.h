/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TRANSPORT_PRIVATE_H
#define LL_RPC_TRANSPORT_PRIVATE_H

#include <stdatomic.h>

#include <grpc/grpc.h>

#include "base/list.h"
#include "etcd/messages.h"
#include "rpc/auth.h"
#include "rpc/channel.h"
#include "rpc/endpoints.h"
#include "rpc/transport.h"

struct ll_rpc_stream;

/** The kind of a completed tag, at the start of each struct that gRPC gets as a
 *  tag; accessed only under the mutex. */
enum ll_tag_kind {
    LL_TAG_CALL,
    LL_TAG_STREAM_STATUS,
    LL_TAG_STREAM_RECEIVE,
    LL_TAG_STREAM_SEND,
    LL_TAG_AUTHENTICATE,
    LL_TAG_TIMER,
};

struct ll_tag {
    enum ll_tag_kind kind;
};

/** Groups of calls and streams that get connections of their own if a server
 *  does not allow all of them on one (see connection.h). */
enum ll_lane {
    LL_LANE_CALLS,
    LL_LANE_WATCH,
    LL_LANE_KEEPALIVE,
    LL_LANE_KEEPALIVE_2,
};
#define LL_LANES 4

/** The connections to one endpoint; connection.h describes their states. */
struct ll_lanes {
    /** NULL: not needed yet. Unless apart, the calls' one serves all lanes. */
    struct ll_channel *channels[LL_LANES];
    bool apart;
    bool few;          /* detected: the server allows few streams */
    bool probing;      /* a probe is in flight */
    unsigned long_n;   /* the long streams when a call was late */
    unsigned answered; /* calls answered since they are apart */
};

struct ll_transport {
    /** Set once; accessed without the mutex. */
    grpc_completion_queue *queue;
    struct ll_channel_settings settings;
    int request_timeout_ms;
    uint32_t endpoints_first_n; /* the number that the user named */
    bool grows;

    struct ll_endpoints endpoints;
    struct ll_lanes *lanes; /* of each endpoint */
    struct ll_tls *tls;     /* NULL when no endpoint needs it */
    struct ll_auth auth;
    struct ll_buffer scratch; /* for a message that is being encoded */
    struct ll_link calls;     /* ll_call, until their answer */
    struct ll_link streams;   /* ll_rpc_stream, until they are down */
    /** The streams that accept messages; NULL: none is open. */
    struct ll_rpc_stream *current[LL_STREAMS];
    bool stopped;

    /** A call that is never sent: see ll_transport_wake. */
    grpc_channel *wake_channel;
    grpc_call *wake_call;
    /** A wake-up is in the queue. */
    atomic_bool waking;
    /** When ll_transport_wait returns the timer's tag; INT64_MAX: never.
     *  Written under the mutex. */
    _Atomic int64_t timer_ns;
    struct ll_tag timer_tag;
};

/** Makes what ll_transport_wake needs: a call that is never sent. */
void ll_wake_open(struct ll_transport *transport);

/** Schedules ll_auth_on_time, which the background thread calls; the earliest
 *  scheduled time applies. */
void ll_transport_timer(struct ll_transport *transport, int64_t at_ns);

#endif
