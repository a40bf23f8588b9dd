/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/message.h"
#include "rpc/stream_private.h"

/** The incoming messages of a stream, received one at a time. */

void ll_rpc_stream_receive(struct ll_transport *transport,
                           struct ll_rpc_stream *stream,
                           bool first)
{
    grpc_op ops[2] = {
        {.op = GRPC_OP_RECV_MESSAGE},
        {.op = GRPC_OP_RECV_INITIAL_METADATA},
    };

    ops[0].data.recv_message.recv_message = &stream->received;
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
    stream->receiving = true;
    if (grpc_call_start_batch(stream->call, ops, first ? 2 : 1,
                              &stream->receive_tag, NULL) != GRPC_CALL_OK) {
        stream->receiving = false;
        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_INTERNAL,
                           "the stream could not be read");
    }
}

/**
 * Whether the refusal of a watch is due to the token. Before 3.4.23, etcd also
 * sends "permission denied" for a watch with an expired token; so that text is
 * taken literally only if the token was fresh.
 */
static bool is_token_refusal(struct ll_transport *transport,
                             struct ll_rpc_stream *stream,
                             const struct ll_event *event)
{
    struct ll_token *token = &transport->auth.token;
    bool refused = event->kind == LL_EVENT_WATCH_CANCELED &&
                   event->watch.outcome == LL_OUTCOME_REFUSED;
    bool fresh = stream->creations_answered < stream->creations_fresh;

    if (!ll_auth_has_user(&transport->auth)) {
        return false;
    }
    if (event->kind == LL_EVENT_WATCH_CREATED || refused ||
        (event->kind == LL_EVENT_WATCH_CANCELED && event->watch.watch_id < 0)) {
        stream->creations_answered++;
    }
    if (!refused) {
        ll_token_accepted(token, stream->token_serial);
        return false;
    }
    if (ll_text_is_token(event->watch.reason)) {
        return ll_token_rejected(token, stream->token_serial);
    }
    if (fresh) {
        ll_token_accepted(token, stream->token_serial);
        return false;
    }
    ll_token_drop(token, stream->token_serial);
    return true;
}

/** Reports a message. */
static int deliver(struct ll_transport *transport,
                   struct ll_rpc_stream *stream,
                   grpc_slice bytes,
                   ll_transport_event_fn *on_event,
                   void *arg)
{
    const uint8_t *data = GRPC_SLICE_START_PTR(bytes);
    size_t size = GRPC_SLICE_LENGTH(bytes);
    struct ll_event event = {.kind = LL_EVENT_TIME};
    struct ll_decoded *decoded = NULL;
    int status = 0;

    switch (stream->which) {
    case LL_STREAM_WATCH:
        status = ll_watch_decode(data, size, &event, &decoded);
        event.watch.generation = stream->generation;
        break;
    case LL_STREAM_KEEPALIVE:
    case LL_STREAM_KEEPALIVE_2:
    case LL_STREAM_TRIAL:
        status = ll_keepalive_decode(data, size, &event);
        event.keepalive.generation = stream->generation;
        break;
    }
    if (status == 0 && stream->which == LL_STREAM_WATCH &&
        is_token_refusal(transport, stream, &event)) {
        /* A retriable status: the user has not been refused yet. */
        ll_rpc_stream_fail(
            transport, stream, GRPC_STATUS_UNAVAILABLE,
            "a watch was refused, perhaps for a token that is no "
            "longer good: the stream begins anew with another");
    } else if (status == 0) {
        on_event(&event, arg);
    }
    ll_decoded_free(decoded);
    return status;
}

void ll_rpc_stream_received(struct ll_transport *transport,
                            struct ll_rpc_stream *stream,
                            ll_transport_event_fn *on_event,
                            void *arg)
{
    grpc_byte_buffer *received = stream->received;
    int status = 0;

    stream->receiving = false;
    stream->received = NULL;
    /* No message: the stream has ended, and its status follows. */
    if (received == NULL) {
        return;
    }
    if (!stream->muted) {
        grpc_slice bytes = ll_message_bytes(received);

        status = deliver(transport, stream, bytes, on_event, arg);
        grpc_slice_unref(bytes);
    }
    grpc_byte_buffer_destroy(received);
    if (status == LEASELOCK_E_NOMEM) {
        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_RESOURCE_EXHAUSTED,
                           "no memory to read etcd's message");
    } else if (status != 0) {
        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_INTERNAL,
                           "the message is not one that etcd sends here");
    }
    if (!stream->muted && !stream->ended) {
        ll_rpc_stream_receive(transport, stream, false);
    }
}
