#include "rpc/stream.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "rpc/connection.h"
#include "rpc/message.h"

struct ll_rpc_stream {
    /** The three batches that may be on their way at once. */
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
    /** Watches that were asked for, how many of them (the first ones) with a
     *  token that was certain not to have expired, and how many are
     *  answered. */
    uint64_t creations;
    uint64_t creations_fresh;
    uint64_t creations_answered;

    struct ll_link outgoing; /* messages that wait */
    size_t outgoing_n;
    grpc_byte_buffer *sending; /* the one on its way, or NULL */

    bool receiving;
    /** Cancelled by us: nothing but the end is reported. */
    bool muted;
    /** The status is there. */
    bool ended;

    /** What gRPC fills in. */
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_byte_buffer *received;
    grpc_status_code status;
    grpc_slice details;
};

struct message {
    struct ll_link link;
    grpc_byte_buffer *bytes;
};

static void outgoing_clear(struct ll_rpc_stream *stream)
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

static void stream_free(struct ll_transport *transport,
                        struct ll_rpc_stream *stream)
{
    outgoing_clear(stream);
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

/** The stream takes no messages any more. */
static void stream_retire(struct ll_transport *transport,
                          struct ll_rpc_stream *stream)
{
    if (transport->current[stream->which] == stream) {
        transport->current[stream->which] = NULL;
    }
    outgoing_clear(stream);
}

/** Ends a stream for a reason of ours, which STREAM_DOWN will tell. */
static void stream_fail(struct ll_transport *transport,
                        struct ll_rpc_stream *stream,
                        grpc_status_code status,
                        const char *why)
{
    stream_retire(transport, stream);
    stream->muted = true;
    if (stream->call != NULL) {
        (void)grpc_call_cancel_with_status(stream->call, status, why, NULL);
    } else {
        ll_auth_hurry(transport, &stream->waiting);
    }
}

/** Sends the metadata and asks for the status, which comes at the end. */
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

/** Asks for the next message, and with the first one for the metadata, which
 *  etcd sends no earlier. */
static void start_receive(struct ll_transport *transport,
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
        stream_fail(transport, stream, GRPC_STATUS_INTERNAL,
                    "the stream could not be read");
    }
}

/** Sends the oldest message that waits, unless one is on its way. */
static void start_send(struct ll_transport *transport,
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
    /* More follow at once: they may share a packet. */
    if (!ll_link_alone(&stream->outgoing)) {
        op.flags = GRPC_WRITE_BUFFER_HINT;
    }
    op.data.send_message.send_message = stream->sending;
    if (grpc_call_start_batch(stream->call, &op, 1, &stream->send_tag, NULL) !=
        GRPC_CALL_OK) {
        grpc_byte_buffer_destroy(stream->sending);
        stream->sending = NULL;
        stream_fail(transport, stream, GRPC_STATUS_INTERNAL,
                    "the stream could not be written to");
    }
}

/** Starts a stream with the token that is there. */
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
    /* Neither fails unless gRPC is used wrongly; then nothing was sent. */
    return stream->call != NULL && start_status(stream) == GRPC_CALL_OK;
}

/** Notes that all watches asked for so far went with a fresh token, if so. */
static void note_creations(struct ll_rpc_stream *stream)
{
    if (stream->token_serial != 0 &&
        ll_token_is_fresh(stream->token_fetched_ns, ll_clock_now_ns())) {
        stream->creations_fresh = stream->creations;
    }
}

/** Tells of a stream's end. */
static void tell_down(struct ll_transport *transport,
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
        start_receive(transport, stream, true);
        start_send(transport, stream);
        return;
    }
    stream_retire(transport, stream);
    if (failure != NULL) {
        tell_down(transport, stream, failure->grpc_status, failure->outcome,
                  true, failure->text, on_event, arg);
    } else {
        tell_down(transport, stream, -1, LL_OUTCOME_LOST, false,
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
        start_receive(transport, stream, true);
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
        stream_fail(transport, stream, GRPC_STATUS_CANCELLED, "closed");
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
        stream_fail(transport, stream, GRPC_STATUS_UNAVAILABLE,
                    "etcd does not take the stream's messages");
        return;
    }
    message = status == 0 ? ll_alloc(sizeof(*message)) : NULL;
    if (message == NULL) {
        stream_fail(transport, stream, GRPC_STATUS_RESOURCE_EXHAUSTED,
                    "no memory for a message to etcd");
        return;
    }
    /* A token that is used by streams alone is renewed here. */
    (void)ll_auth_ready(transport, stream->endpoint);
    ll_link_init(&message->link);
    message->bytes = ll_message_new(&transport->scratch);
    ll_link_append(&stream->outgoing, &message->link);
    stream->outgoing_n++;
    start_send(transport, stream);
}

/**
 * Whether what etcd said of a watch is for the token's sake. Before 3.4.23
 * etcd says "permission denied" of a watch that came with an expired token;
 * so the refusal counts for what it is only when the token was fresh.
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

/** Hands out a message. */
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
        /* A status that means "again": nobody has been refused yet. */
        stream_fail(transport, stream, GRPC_STATUS_UNAVAILABLE,
                    "a watch was refused, perhaps for a token that is no "
                    "longer good: the stream begins anew with another");
    } else if (status == 0) {
        on_event(&event, arg);
    }
    ll_decoded_free(decoded);
    return status;
}

static void complete_receive(struct ll_transport *transport,
                             struct ll_rpc_stream *stream,
                             ll_transport_event_fn *on_event,
                             void *arg)
{
    grpc_byte_buffer *received = stream->received;
    int status = 0;

    stream->receiving = false;
    stream->received = NULL;
    /* None: the stream ends, and its status is on the way. */
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
        stream_fail(transport, stream, GRPC_STATUS_RESOURCE_EXHAUSTED,
                    "no memory to read etcd's message");
    } else if (status != 0) {
        stream_fail(transport, stream, GRPC_STATUS_INTERNAL,
                    "the message is not one that etcd sends here");
    }
    if (!stream->muted && !stream->ended) {
        start_receive(transport, stream, false);
    }
}

static void complete_send(struct ll_transport *transport,
                          struct ll_rpc_stream *stream,
                          bool ok)
{
    grpc_byte_buffer_destroy(stream->sending);
    stream->sending = NULL;
    if (!ok) {
        stream_retire(transport, stream);
    }
    start_send(transport, stream);
}

/** Tells of a stream's end once nothing of it is left in the queue. */
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
        outcome = LL_OUTCOME_LOST; /* it is opened again, with another */
    }
    tell_down(transport, stream, (int)stream->status, outcome,
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
        stream_retire(transport, stream);
        break;
    case LL_TAG_STREAM_RECEIVE:
        stream = LL_CONTAINER(tag, struct ll_rpc_stream, receive_tag);
        complete_receive(transport, stream, on_event, arg);
        break;
    case LL_TAG_STREAM_SEND:
        stream = LL_CONTAINER(tag, struct ll_rpc_stream, send_tag);
        complete_send(transport, stream, ok);
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

        stream_fail(transport, stream, GRPC_STATUS_CANCELLED, "closed");
    }
}
