/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_STREAM_PRIVATE_H
#define LL_RPC_STREAM_PRIVATE_H

#include "rpc/channel.h"
#include "rpc/transport_private.h"

struct ll_rpc_stream {
    /** The three batches that may be in flight at once. */
    struct ll_tag status_tag;
    struct ll_tag receive_tag;
    struct ll_tag send_tag;
    struct ll_link link; /* in the transport's streams */
    enum ll_stream_kind which;
    uint32_t generation;
    uint32_t endpoint;
    struct ll_waiting waiting;
    struct ll_channel *channel; /* this and the next: NULL while it waits */
    grpc_call *call;
    grpc_metadata metadata[LL_METADATA_MAX];

    grpc_slice token;
    uint32_t token_serial; /* 0: none */
    int64_t token_fetched_ns;
    /** Watches that were requested, how many of them (the first ones) with a
     *  token that had certainly not expired, and how many are
     *  answered. */
    uint64_t creations;
    uint64_t creations_fresh;
    uint64_t creations_answered;

    struct ll_link outgoing; /* messages that wait */
    size_t outgoing_n;
    grpc_byte_buffer *sending; /* the one in flight, or NULL */

    bool receiving;
    /** Cancelled by this client: only the end is reported. */
    bool muted;
    /** The status has arrived. */
    bool ended;

    /** Filled in by gRPC. */
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_byte_buffer *received;
    grpc_status_code status;
    grpc_slice details;
};

/** Makes a stream accept no further messages. */
void ll_rpc_stream_retire(struct ll_transport *transport,
                          struct ll_rpc_stream *stream);

/** Ends a stream for a local reason, which STREAM_DOWN will report. */
void ll_rpc_stream_fail(struct ll_transport *transport,
                        struct ll_rpc_stream *stream,
                        grpc_status_code status,
                        const char *why);

/** Frees the messages that wait to be sent. */
void ll_rpc_outgoing_clear(struct ll_rpc_stream *stream);

/** Sends the oldest waiting message, unless one is in flight. */
void ll_rpc_outgoing_send(struct ll_transport *transport,
                          struct ll_rpc_stream *stream);

/** A message was sent, or (not ok) was not, because the stream has ended. */
void ll_rpc_outgoing_sent(struct ll_transport *transport,
                          struct ll_rpc_stream *stream,
                          bool ok);

/** Requests the next message, and with the first one the metadata, which etcd
 *  sends no earlier. */
void ll_rpc_stream_receive(struct ll_transport *transport,
                           struct ll_rpc_stream *stream,
                           bool first);

/** Reports the received message, and requests the next. */
void ll_rpc_stream_received(struct ll_transport *transport,
                            struct ll_rpc_stream *stream,
                            ll_transport_event_fn *on_event,
                            void *arg);

#endif
