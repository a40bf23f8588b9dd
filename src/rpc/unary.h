/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_UNARY_H
#define LL_RPC_UNARY_H

#include "rpc/channel.h"
#include "rpc/transport_private.h"

/**
 * A unary call of gRPC: one message to the server, one back, and a status, as
 * one batch with one completion. Requests (call.h) and Authenticate (auth.h)
 * share it.
 */
struct ll_unary {
    struct ll_tag tag;          /* completed by gRPC */
    struct ll_channel *channel; /* this and the next: NULL until it is sent */
    grpc_call *call;
    grpc_metadata metadata[LL_METADATA_MAX];
    grpc_byte_buffer *request;
    /** Filled in by gRPC before the batch completes. */
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_byte_buffer *response; /* NULL: none was received */
    grpc_status_code status;
    grpc_slice details;
};

/** Initializes a call that is all zero. */
void ll_unary_init(struct ll_unary *unary, enum ll_tag_kind kind);

/** Frees what a call owns, sent or not. */
void ll_unary_clear(struct ll_unary *unary);

/**
 * Sends the request over the channel; both must be set.
 *
 * @param token       NULL: none; must stay valid as long as the call
 * @param timeout_ns  from now on
 * @return false: nothing was sent, out of memory
 */
bool ll_unary_send(struct ll_unary *unary,
                   enum ll_method method,
                   const grpc_slice *token,
                   grpc_completion_queue *queue,
                   int64_t timeout_ns);

#endif
