/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/stream.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "rpc/connection.h"
#include "rpc/message.h"
#include "rpc/stream_private.h"

static void stream_free(struct ll_transport *transport,
                        struct ll_rpc_stream *stream)
{
    ll_rpc_outgoing_clear(stream);
    grpc_metadata_array_destroy(&stream->initial);
    grpc_metadata_array_destroy(&stream->trailing);
    grpc_slice_unref(stream->details);
    grpc_slice_unref(stream->token);
    if (stream->call != NULL) {
        grpc_call_unref(stream->call);
    }
    if (stream->channel != NULL) {
        stream->channel->streams_n--;
        ll_channel_put(stream->channel);
        ll_connection_left(transport, stream->endpoint);
    }
    ll_free(stream);
}

void ll_rpc_stream_retire(struct ll_transport *transport,
                          struct ll_rpc_stream *stream)
{
    if (transport->current[stream->which] == stream) {
        transport->current[stream->which] = NULL;
    }
    ll_rpc_outgoing_clear(stream);
}

void ll_rpc_stream_fail(struct ll_transport *transport,
                        struct ll_rpc_stream *stream,
                        grpc_status_code status,
                        const char *why)
{
    ll_rpc_stream_retire(transport, stream);
    stream->muted = true;
    if (stream->call != NULL) {
        (void)grpc_call_cancel_with_status(stream->call, status, why, NULL);
    } else {
        ll_auth_hurry(transport, &stream->waiting);
    }
}

/** Sends the metadata and requests the status, which arrives at the end. */
static grpc_call_error start_status(struct ll_rpc_stream *stream)
{
    grpc_op ops[2] = {
        ll_channel_op_start(ll_method_of_stream(stream->which),
                            stream->token_serial != 0 ? &stream->token : NULL,
                            stream->metadata),
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT},
    };

    ops[1].data.recv_status_on_client.trailing_metadata = &stream->trailing;
    ops[1].data.recv_status_on_client.status = &stream->status;
    ops[1].data.recv_status_on_client.status_details = &stream->details;
    return grpc_call_start_batch(stream->call, ops, 2, &stream->status_tag,
                                 NULL);
}

/** Starts a stream with the current token. */
static bool stream_go(struct ll_transport *transport,
                      struct ll_rpc_stream *stream)
{
    const struct ll_token *token = &transport->auth.token;

    stream->channel = ll_connection_get(transport, stream->endpoint,
                                        ll_lane_of_stream(stream->which));
    if (stream->channel == NULL) {
        return false;
    }
    stream->channel->streams_n++;
    if (ll_token_value(token) != NULL) {
        stream->token = grpc_slice_ref(*ll_token_value(token));
        stream->token_serial = ll_token_serial(token);
        stream->token_fetched_ns = token->fetched_ns;
    }
    stream->call =
        ll_channel_call(stream->channel, ll_method_of_stream(stream->which),
                        transport->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC));
    /* Both fail only if gRPC is misused; then nothing was sent. */
    return stream->call != NULL && start_status(stream) == GRPC_CALL_OK;
}

/** If the token is fresh, records that for all watches requested so far. */
static void note_creations(struct ll_rpc_stream *stream)
{
    if (stream->token_serial != 0 &&
        ll_token_is_fresh(stream->token_fetched_ns, ll_clock_now_ns())) {
        stream->creations_fresh = stream->creations;
    }
}

/** Reports a stream's end. */
static void report_down(struct ll_transport *transport,
                        struct ll_rpc_stream *stream,
                        int grpc_status,
                        enum ll_outcome outcome,
                        bool no_token,
                        const char *text,
                        ll_transport_event_fn *on_event,
                        void *arg)
{
    struct ll_event event = {.kind = LL_EVENT_STREAM_DOWN};

    event.stream_down.which = stream->which;
    event.stream_down.generation = stream->generation;
    event.stream_down.endpoint = stream->endpoint;
    event.stream_down.grpc_status = grpc_status;
    event.stream_down.outcome =
        outcome == LL_OUTCOME_REFUSED ? LL_OUTCOME_REFUSED : LL_OUTCOME_LOST;
    event.stream_down.no_token = no_token;
    event.stream_down.text = text;
    ll_link_remove(&stream->link);
    stream_free(transport, stream);
    on_event(&event, arg);
}

static void on_wait_over(struct ll_transport *transport,
                         struct ll_waiting *waiting,
                         const struct ll_waiting_failure *failure,
                         ll_transport_event_fn *on_event,
                         void *arg)
{
    struct ll_rpc_stream *stream =
        LL_CONTAINER(waiting, struct ll_rpc_stream, waiting);

    if (failure == NULL && !stream->muted && stream_go(transport, stream)) {
        note_creations(stream);
        ll_rpc_stream_receive(transport, stream, true);
        ll_rpc_outgoing_send(transport, stream);
        return;
    }
    ll_rpc_stream_retire(transport, stream);
    if (failure != NULL) {
        report_down(transport, stream, failure->grpc_status, failure->outcome,
                    true, failure->text, on_event, arg);
    } else {
        report_down(transport, stream, -1, LL_OUTCOME_LOST, false,
                    "out of memory", on_event, arg);
    }
}

int ll_rpc_stream_open(struct ll_transport *transport,
                       const struct ll_effect *effect)
{
    struct ll_rpc_stream *stream = ll_alloc_zero(1, sizeof(*stream));
    bool ready = false;

    if (stream == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    stream->status_tag.kind = LL_TAG_STREAM_STATUS;
    stream->receive_tag.kind = LL_TAG_STREAM_RECEIVE;
    stream->send_tag.kind = LL_TAG_STREAM_SEND;
    ll_link_init(&stream->link);
    ll_link_init(&stream->outgoing);
    ll_link_init(&stream->waiting.link);
    stream->which = effect->stream.which;
    stream->generation = effect->stream.generation;
    stream->endpoint = effect->stream.endpoint;
    stream->status = GRPC_STATUS_UNKNOWN;
    stream->details = grpc_empty_slice();
    stream->token = grpc_empty_slice();
    grpc_metadata_array_init(&stream->initial);
    grpc_metadata_array_init(&stream->trailing);
    ready = ll_auth_ready(transport, stream->endpoint);
    if (ready && !stream_go(transport, stream)) {
        stream_free(transport, stream);
        return LEASELOCK_E_NOMEM;
    }
    ll_rpc_stream_close(transport, stream->which);
    ll_link_append(&transport->streams, &stream->link);
    transport->current[stream->which] = stream;
    if (ready) {
        ll_rpc_stream_receive(transport, stream, true);
    } else {
        stream->waiting.endpoint = stream->endpoint;
        stream->waiting.deadline_ns = INT64_MAX;
        stream->waiting.over = on_wait_over;
        ll_auth_wait(transport, &stream->waiting);
    }
    return 0;
}

void ll_rpc_stream_close(struct ll_transport *transport,
                         enum ll_stream_kind which)
{
    struct ll_rpc_stream *stream = transport->current[which];

    if (stream != NULL) {
        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_CANCELLED, "closed");
    }
}

void ll_rpc_stream_create_watch(struct ll_transport *transport, int status)
{
    struct ll_rpc_stream *stream = transport->current[LL_STREAM_WATCH];

    if (stream != NULL) {
        stream->creations++;
        note_creations(stream);
    }
    ll_rpc_stream_send(transport, LL_STREAM_WATCH, status);
}

/** Reports a stream's end when none of its tags is left in the queue. */
static void finish(struct ll_transport *transport,
                   struct ll_rpc_stream *stream,
                   ll_transport_event_fn *on_event,
                   void *arg)
{
    char raw[LL_STATUS_TEXT_SIZE];
    char text[LL_STATUS_TEXT_SIZE];
    enum ll_outcome outcome = LL_OUTCOME_LOST;

    ll_connection_text(transport, stream->channel, stream->details, raw, text);
    outcome = ll_outcome_of((int)stream->status, raw);
    if (ll_auth_has_user(&transport->auth) && ll_text_is_token(raw) &&
        ll_token_rejected(&transport->auth.token, stream->token_serial)) {
        outcome = LL_OUTCOME_LOST; /* it is reopened with another token */
    }
    report_down(transport, stream, (int)stream->status, outcome,
                ll_text_is_token(raw), text, on_event, arg);
}

void ll_rpc_stream_complete(struct ll_transport *transport,
                            struct ll_tag *tag,
                            bool ok,
                            ll_transport_event_fn *on_event,
                            void *arg)
{
    struct ll_rpc_stream *stream = NULL;

    switch (tag->kind) {
    case LL_TAG_CALL:
    case LL_TAG_AUTHENTICATE:
    case LL_TAG_TIMER:
        return;
    case LL_TAG_STREAM_STATUS:
        stream = LL_CONTAINER(tag, struct ll_rpc_stream, status_tag);
        stream->ended = true;
        ll_rpc_stream_retire(transport, stream);
        break;
    case LL_TAG_STREAM_RECEIVE:
        stream = LL_CONTAINER(tag, struct ll_rpc_stream, receive_tag);
        ll_rpc_stream_received(transport, stream, on_event, arg);
        break;
    case LL_TAG_STREAM_SEND:
        stream = LL_CONTAINER(tag, struct ll_rpc_stream, send_tag);
        ll_rpc_outgoing_sent(transport, stream, ok);
        break;
    }
    if (stream->ended && !stream->receiving && stream->sending == NULL) {
        finish(transport, stream, on_event, arg);
    }
}

void ll_rpc_streams_cancel(struct ll_transport *transport)
{
    struct ll_link *at = NULL;
    struct ll_link *after = NULL;

    LL_LIST_EACH (at, after, &transport->streams) {
        struct ll_rpc_stream *stream =
            LL_CONTAINER(at, struct ll_rpc_stream, link);

        ll_rpc_stream_fail(transport, stream, GRPC_STATUS_CANCELLED, "closed");
    }
}
