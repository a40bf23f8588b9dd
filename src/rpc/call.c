/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/call.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "rpc/connection.h"
#include "rpc/message.h"
#include "rpc/unary.h"

struct ll_call {
    struct ll_unary unary;
    struct ll_link link; /* in the transport's calls */
    uint64_t id;
    uint32_t seq;
    uint32_t endpoint;
    enum ll_request_kind kind;
    int64_t asked_ns;
    int64_t sent_ns;
    int64_t deadline_ns;
    bool probe;        /* see ll_call_probe */
    unsigned answered; /* passed on to ll_connection_probed */
    struct ll_waiting waiting;
    grpc_slice token;
    uint32_t token_serial;
};

static void call_free(struct ll_call *call)
{
    ll_unary_clear(&call->unary);
    grpc_slice_unref(call->token);
    ll_free(call);
}

/** Sends a call on its channel. */
static bool call_send(struct ll_transport *transport, struct ll_call *call)
{
    call->sent_ns = ll_clock_now_ns();
    return ll_unary_send(&call->unary, ll_method_of_request(call->kind),
                         call->token_serial != 0 ? &call->token : NULL,
                         transport->queue, call->deadline_ns - call->sent_ns);
}

/** Sends a call with the current token. */
static bool call_go(struct ll_transport *transport, struct ll_call *call)
{
    const grpc_slice *token = ll_token_value(&transport->auth.token);

    call->unary.channel =
        ll_connection_get(transport, call->endpoint, LL_LANE_CALLS);
    if (call->unary.channel == NULL) {
        return false;
    }
    if (token != NULL) {
        call->token = grpc_slice_ref(*token);
        call->token_serial = ll_token_serial(&transport->auth.token);
    }
    return call_send(transport, call);
}

/** Reports the answer of a call, and frees the call. */
static void call_finish(struct ll_call *call,
                        const struct ll_answer *answer,
                        ll_transport_event_fn *on_event,
                        void *arg)
{
    struct ll_event event = {.kind = LL_EVENT_ANSWER, .id = call->id};

    event.answer.seq = call->seq;
    event.answer.endpoint = call->endpoint;
    event.answer.held_ns =
        call->sent_ns != 0 ? call->sent_ns - call->asked_ns : 0;
    event.answer.answer = answer;
    on_event(&event, arg);
    call_free(call);
}

static void on_wait_over(struct ll_transport *transport,
                         struct ll_waiting *waiting,
                         const struct ll_waiting_failure *failure,
                         ll_transport_event_fn *on_event,
                         void *arg)
{
    struct ll_call *call = LL_CONTAINER(waiting, struct ll_call, waiting);
    struct ll_answer answer = {.outcome = LL_OUTCOME_AGAIN,
                               .grpc_status = -1,
                               .text = "out of memory",
                               .kind = call->kind};

    if (failure == NULL && call_go(transport, call)) {
        return;
    }
    if (failure != NULL) {
        answer.outcome = failure->outcome;
        answer.grpc_status = failure->grpc_status;
        answer.text = failure->text;
    }
    ll_link_remove(&call->link);
    call_finish(call, &answer, on_event, arg);
}

/** Makes a call wait for a token. A member's status needs none: its call waits
 *  for half of its time, so that a member without a leader, which cannot issue
 *  a token, still answers. */
static void call_wait(struct ll_transport *transport, struct ll_call *call)
{
    ll_link_init(&call->waiting.link);
    call->waiting.endpoint = call->endpoint;
    call->waiting.deadline_ns = call->deadline_ns;
    call->waiting.over = on_wait_over;
    if (call->kind == LL_REQUEST_STATUS) {
        call->waiting.optional = true;
        call->waiting.deadline_ns -= (call->deadline_ns - call->asked_ns) / 2;
    }
    ll_auth_wait(transport, &call->waiting);
}

/** A call with the scratch buffer's message; NULL: out of memory. */
static struct ll_call *
call_new(struct ll_transport *transport, uint32_t endpoint, int64_t timeout_ns)
{
    struct ll_call *call = ll_alloc_zero(1, sizeof(*call));

    if (call == NULL) {
        return NULL;
    }
    ll_unary_init(&call->unary, LL_TAG_CALL);
    ll_link_init(&call->link);
    call->endpoint = endpoint;
    call->asked_ns = ll_clock_now_ns();
    call->deadline_ns = call->asked_ns + timeout_ns;
    call->token = grpc_empty_slice();
    call->unary.request = ll_message_new(&transport->scratch);
    return call;
}

int ll_call_start(struct ll_transport *transport,
                  const struct ll_effect *effect)
{
    struct ll_call *call = NULL;
    int status = ll_request_encode(&effect->call.request, &transport->scratch);

    if (status != 0) {
        return status;
    }
    call = call_new(transport, effect->call.endpoint, effect->call.timeout_ns);
    if (call == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    call->id = effect->id;
    call->seq = effect->call.seq;
    call->kind = effect->call.request.kind;
    if (!ll_auth_ready(transport, call->endpoint)) {
        call_wait(transport, call);
    } else if (!call_go(transport, call)) {
        call_free(call);
        return LEASELOCK_E_NOMEM;
    }
    ll_link_append(&transport->calls, &call->link);
    return 0;
}

bool ll_call_probe(struct ll_transport *transport,
                   uint32_t endpoint,
                   struct ll_channel *channel,
                   unsigned answered)
{
    const struct ll_request request = {.kind = LL_REQUEST_STATUS};
    struct ll_call *call = NULL;

    if (ll_request_encode(&request, &transport->scratch) != 0) {
        return false;
    }
    call = call_new(transport, endpoint,
                    INT64_C(1000000) * transport->request_timeout_ms);
    if (call == NULL) {
        return false;
    }
    call->kind = LL_REQUEST_STATUS;
    call->probe = true;
    call->answered = answered;
    call->unary.channel = ll_channel_ref(channel);
    if (!call_send(transport, call)) {
        call_free(call);
        return false;
    }
    ll_link_append(&transport->calls, &call->link);
    return true;
}

/** Whether a request only reads, and so may be repeated after any result. */
static bool is_question(enum ll_request_kind kind)
{
    switch (kind) {
    case LL_REQUEST_RANGE:
    case LL_REQUEST_LEASE_TTL:
    case LL_REQUEST_STATUS:
    case LL_REQUEST_MEMBER_LIST:
        return true;
    case LL_REQUEST_TXN:
    case LL_REQUEST_DELETE:
    case LL_REQUEST_LEASE_GRANT:
    case LL_REQUEST_LEASE_REVOKE:
        break;
    }
    return false;
}

/** The answer for an OK whose message cannot be read: etcd has applied the
 *  request, and its result is not known. */
static void
answer_unread(enum ll_request_kind kind, int status, struct ll_answer *answer)
{
    if (status == LEASELOCK_E_NOMEM) {
        ll_answer_fail(GRPC_STATUS_RESOURCE_EXHAUSTED,
                       "no memory to read etcd's answer", answer);
    } else {
        ll_answer_fail(GRPC_STATUS_INTERNAL,
                       "the answer is not the message that etcd sends here",
                       answer);
    }
    /* Lack of memory is no reason to switch the endpoint. */
    answer->outcome = status == LEASELOCK_E_NOMEM && is_question(kind)
                          ? LL_OUTCOME_AGAIN
                          : LL_OUTCOME_LOST;
}

/** Evaluates what an answer shows about the token of the call. A member's
 *  status shows nothing: it needs no token. */
static void judge_token(struct ll_transport *transport,
                        const struct ll_call *call,
                        const char *raw,
                        struct ll_answer *answer)
{
    struct ll_token *token = &transport->auth.token;

    if (!ll_auth_has_user(&transport->auth)) {
        return;
    }
    if (call->unary.status != GRPC_STATUS_OK && ll_text_is_token(raw)) {
        /* etcd refused it before it changed anything. */
        answer->outcome = ll_token_rejected(token, call->token_serial)
                              ? LL_OUTCOME_AGAIN
                              : LL_OUTCOME_REFUSED;
    } else if (answer->outcome != LL_OUTCOME_LOST &&
               call->kind != LL_REQUEST_STATUS) {
        ll_token_accepted(token, call->token_serial);
    }
}

void ll_call_complete(struct ll_transport *transport,
                      struct ll_tag *tag,
                      ll_transport_event_fn *on_event,
                      void *arg)
{
    struct ll_call *call = LL_CONTAINER(tag, struct ll_call, unary.tag);
    struct ll_decoded *decoded = NULL;
    struct ll_answer answer = {.text = ""};
    grpc_slice bytes = grpc_empty_slice();
    char raw[LL_STATUS_TEXT_SIZE] = "";
    char text[LL_STATUS_TEXT_SIZE];
    int status = LEASELOCK_E_SERVER;

    ll_link_remove(&call->link);
    if (call->probe) {
        ll_connection_probed(transport, call->endpoint, call->unary.channel,
                             call->unary.status, call->answered);
        call_free(call);
        grpc_slice_unref(bytes);
        return;
    }
    ll_connection_note(transport, call->endpoint, call->unary.channel,
                       call->unary.status);
    if (call->unary.status != GRPC_STATUS_OK) {
        ll_connection_text(transport, call->unary.channel, call->unary.details,
                           raw, text);
        ll_answer_fail((int)call->unary.status, raw, &answer);
        answer.text = text;
    } else {
        if (call->unary.response != NULL) {
            bytes = ll_message_bytes(call->unary.response);
            status =
                ll_answer_decode(call->kind, GRPC_SLICE_START_PTR(bytes),
                                 GRPC_SLICE_LENGTH(bytes), &answer, &decoded);
        }
        if (status != 0) {
            answer_unread(call->kind, status, &answer);
        }
    }
    answer.kind = call->kind;
    judge_token(transport, call, raw, &answer);
    call_finish(call, &answer, on_event, arg);
    ll_decoded_free(decoded);
    grpc_slice_unref(bytes);
}

void ll_calls_cancel(struct ll_transport *transport)
{
    struct ll_link *at = NULL;
    struct ll_link *after = NULL;

    LL_LIST_EACH (at, after, &transport->calls) {
        struct ll_call *call = LL_CONTAINER(at, struct ll_call, link);

        if (call->unary.call != NULL) {
            (void)grpc_call_cancel(call->unary.call, NULL);
        }
    }
}
