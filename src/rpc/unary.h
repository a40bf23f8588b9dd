/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_UNARY_H
#define LL_RPC_UNARY_H

#include "rpc/channel.h"
#include "rpc/transport_private.h"

/**
 * A unary call of gRPC: one message to the server, one back, and a status. All
 * of it is one batch with one completion. It is the part that requests
 * (call.h) and Authenticate (auth.h) have in common.
 */
struct ll_unary {
    struct ll_tag tag;          /* which completes */
    struct ll_channel *channel; /* this and the next: NULL until it is sent */
    grpc_call *call;
    grpc_metadata metadata[LL_METADATA_MAX];
    grpc_byte_buffer *request;
    /** What gRPC fills in before the batch completes. */
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_byte_buffer *response; /* NULL: none came */
    grpc_status_code status;
    grpc_slice details;
};

/** Prepares a call that is all zero. */
void ll_unary_init(struct ll_unary *unary, enum ll_tag_kind kind);

/** Frees what a call has, sent or not. */
void ll_unary_clear(struct ll_unary *unary);

/**
 * Sends the request over the channel; both are set.
 *
 * @param token       NULL: none; lives as long as the call
 * @param timeout_ns  from now on
 * @return false: nothing was sent, for want of memory
 */
bool ll_unary_send(struct ll_unary *unary,
                   enum ll_method method,
                   const grpc_slice *token,
                   grpc_completion_queue *queue,
                   int64_t timeout_ns);

#endif
