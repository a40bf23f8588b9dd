/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "rpc/message.h"
#include "rpc/stream.h"
#include "rpc/stream_private.h"

/** The outgoing messages of a stream, sent one at a time. */

struct message {
    struct ll_link link;
    grpc_byte_buffer *bytes;
};

void ll_rpc_outgoing_clear(struct ll_rpc_stream *stream)
{
    struct ll_link *at = NULL;
    struct ll_link *after = NULL;

    LL_LIST_EACH (at, after, &stream->outgoing) {
        struct message *message = LL_CONTAINER(at, struct message, link);

        ll_link_remove(at);
        grpc_byte_buffer_destroy(message->bytes);
        ll_free(message);
    }
    stream->outgoing_n = 0;
}

void ll_rpc_outgoing_send(struct ll_transport *transport,
                          struct ll_rpc_stream *stream)
{
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    struct message *message = NULL;

    if (stream->call == NULL || stream->sending != NULL ||
        ll_link_alone(&stream->outgoing)) {
        return;
    }
    message = LL_CONTAINER(stream->outgoing.next, struct message, link);
    ll_link_remove(&message->link);
    stream->outgoing_n--;
    stream->sending = message->bytes;
    ll_free(message);
    /* More messages follow at once, and may share a packet. */
    if (!ll_link_alone(&stream->outgoing)) {
        op.flags = GRPC_WRITE_BUFFER_HINT;
    }
    op.data.send_message.send_message = stream->sending;
    if (grpc_call_start_batch(stream->call, &op, 1, &stream->send_tag, NULL) !=
        GRPC_CALL_OK) {
        grpc_byte_buffer_destroy(stream->sending);
        stream->sending = NULL;
        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_INTERNAL,
                           "the stream could not be written to");
    }
}

void ll_rpc_stream_send(struct ll_transport *transport,
                        enum ll_stream_kind which,
                        int status)
{
    struct ll_rpc_stream *stream = transport->current[which];
    struct message *message = NULL;

    if (stream == NULL) {
        return;
    }
    if (stream->outgoing_n >= LL_STREAM_OUTGOING_MAX) {
        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_UNAVAILABLE,
                           "etcd does not take the stream's messages");
        return;
    }
    message = status == 0 ? ll_alloc(sizeof(*message)) : NULL;
    if (message == NULL) {
        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_RESOURCE_EXHAUSTED,
                           "no memory for a message to etcd");
        return;
    }
    /* This renews a token that only streams use. */
    (void)ll_auth_ready(transport, stream->endpoint);
    ll_link_init(&message->link);
    message->bytes = ll_message_new(&transport->scratch);
    ll_link_append(&stream->outgoing, &message->link);
    stream->outgoing_n++;
    ll_rpc_outgoing_send(transport, stream);
}

void ll_rpc_outgoing_sent(struct ll_transport *transport,
                          struct ll_rpc_stream *stream,
                          bool ok)
{
    grpc_byte_buffer_destroy(stream->sending);
    stream->sending = NULL;
    if (!ok) {
        ll_rpc_stream_retire(transport, stream);
    }
    ll_rpc_outgoing_send(transport, stream);
}
