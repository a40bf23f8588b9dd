/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/unary.h"

void ll_unary_init(struct ll_unary *unary, enum ll_tag_kind kind)
{
    unary->tag.kind = kind;
    unary->status = GRPC_STATUS_UNKNOWN;
    unary->details = grpc_empty_slice();
    grpc_metadata_array_init(&unary->initial);
    grpc_metadata_array_init(&unary->trailing);
}

void ll_unary_clear(struct ll_unary *unary)
{
    grpc_metadata_array_destroy(&unary->initial);
    grpc_metadata_array_destroy(&unary->trailing);
    if (unary->request != NULL) {
        grpc_byte_buffer_destroy(unary->request);
    }
    if (unary->response != NULL) {
        grpc_byte_buffer_destroy(unary->response);
    }
    grpc_slice_unref(unary->details);
    if (unary->call != NULL) {
        grpc_call_unref(unary->call);
    }
    ll_channel_put(unary->channel);
}

static grpc_call_error start_batch(struct ll_unary *unary,
                                   enum ll_method method,
                                   const grpc_slice *token)
{
    grpc_op ops[6] = {
        ll_channel_op_start(method, token, unary->metadata),
        {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT},
    };

    ops[1].data.send_message.send_message = unary->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &unary->initial;
    ops[4].data.recv_message.recv_message = &unary->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &unary->trailing;
    ops[5].data.recv_status_on_client.status = &unary->status;
    ops[5].data.recv_status_on_client.status_details = &unary->details;
    return grpc_call_start_batch(unary->call, ops, 6, &unary->tag, NULL);
}

bool ll_unary_send(struct ll_unary *unary,
                   enum ll_method method,
                   const grpc_slice *token,
                   grpc_completion_queue *queue,
                   int64_t timeout_ns)
{
    unary->call = ll_channel_call(
        unary->channel, method, queue,
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                     gpr_time_from_nanos(timeout_ns, GPR_TIMESPAN)));
    /* Both fail only if gRPC is misused; then nothing was sent. */
    return unary->call != NULL &&
           start_batch(unary, method, token) == GRPC_CALL_OK;
}
