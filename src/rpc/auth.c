/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/auth.h"

#include <assert.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "rpc/connection.h"
#include "rpc/password.h"
#include "rpc/secret.h"
#include "rpc/transport_private.h"
#include "rpc/unary.h"

struct ll_authenticate {
    struct ll_unary unary;
    uint32_t endpoint;
    int64_t asked_ns;
};

int ll_auth_init(struct ll_auth *auth,
                 const struct ll_user_config *config,
                 struct leaselock_error *reterr)
{
    struct ll_credentials credentials;
    int status = 0;

    *auth = (struct ll_auth){.user = *config};
    ll_link_init(&auth->waiting);
    ll_token_init(&auth->token, ll_auth_has_user(auth));
    if (!ll_auth_has_user(auth)) {
        return 0;
    }
    status = ll_credentials_read(config, &credentials, reterr);
    if (status == 0) {
        ll_credentials_wipe(&credentials);
    }
    return status;
}

void ll_auth_free(struct ll_auth *auth)
{
    ll_token_free(&auth->token);
}

static void authenticate_free(struct ll_authenticate *call)
{
    ll_unary_clear(&call->unary);
    ll_free(call);
}

/** A message with name and password, which is wiped once it has been sent. */
static int make_request(const struct ll_credentials *credentials,
                        grpc_byte_buffer **ret_request)
{
    struct ll_buffer bytes = {0};
    grpc_slice slice;
    int status = ll_authenticate_encode(credentials->name,
                                        credentials->password, &bytes);

    if (status == 0 && !ll_secret_slice(bytes.data, bytes.size, &slice)) {
        status = LEASELOCK_E_NOMEM;
    }
    if (status == 0) {
        *ret_request = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
    }
    ll_buffer_wipe(&bytes);
    return status;
}

/** Sends Authenticate; the caller wipes the credentials. */
static int send_authenticate(struct ll_transport *transport,
                             uint32_t endpoint,
                             const struct ll_credentials *credentials)
{
    struct ll_authenticate *call = ll_alloc_zero(1, sizeof(*call));
    int status = 0;

    if (call == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    ll_unary_init(&call->unary, LL_TAG_AUTHENTICATE);
    call->endpoint = endpoint;
    call->asked_ns = ll_clock_now_ns();
    status = make_request(credentials, &call->unary.request);
    if (status == 0) {
        call->unary.channel =
            ll_connection_get(transport, endpoint, LL_LANE_CALLS);
        status = call->unary.channel != NULL ? 0 : LEASELOCK_E_NOMEM;
    }
    if (status != 0 ||
        !ll_unary_send(&call->unary, LL_METHOD_AUTHENTICATE, NULL,
                       transport->queue,
                       transport->request_timeout_ms * LL_NS_PER_MS)) {
        authenticate_free(call);
        return LEASELOCK_E_NOMEM;
    }
    transport->auth.call = call;
    ll_token_fetching(&transport->auth.token);
    return 0;
}

/** Begins to fetch a token. @return 0, or an error with its message */
static int fetch(struct ll_transport *transport,
                 uint32_t endpoint,
                 struct leaselock_error *reterr)
{
    struct ll_credentials credentials;
    int status =
        ll_credentials_read(&transport->auth.user, &credentials, reterr);

    if (status != 0) {
        return status;
    }
    status = send_authenticate(transport, endpoint, &credentials);
    ll_credentials_wipe(&credentials);
    return status == 0 ? 0 : ll_error_sentence(reterr, status, "out of memory");
}

bool ll_auth_ready(struct ll_transport *transport, uint32_t endpoint)
{
    struct ll_auth *auth = &transport->auth;
    int64_t now_ns = ll_clock_now_ns();
    struct ll_token_use use = ll_token_use(&auth->token, now_ns);

    /* A renewal in the background: its failure shows when etcd refuses the
     * current token. A call without a token waits and fetches there. */
    if (use.go && use.fetch && auth->call == NULL && !transport->stopped &&
        fetch(transport, endpoint, NULL) != 0) {
        ll_token_failed(&auth->token, now_ns);
    }
    return use.go;
}

void ll_auth_wait(struct ll_transport *transport, struct ll_waiting *waiting)
{
    ll_link_append(&transport->auth.waiting, &waiting->link);
    ll_transport_timer(transport, waiting->deadline_ns);
    if (transport->auth.call == NULL) {
        /* It is sent from the timer: only ll_transport_complete can report a
         * failure. */
        ll_transport_timer(transport, INT64_MIN);
    }
}

void ll_auth_hurry(struct ll_transport *transport, struct ll_waiting *waiting)
{
    waiting->deadline_ns = INT64_MIN;
    waiting->optional = false;
    ll_transport_timer(transport, INT64_MIN);
}

/** Fetches a token for the waiting calls, on the endpoint of the oldest. */
static void fetch_for_waiting(struct ll_transport *transport,
                              ll_transport_event_fn *on_event,
                              void *arg)
{
    struct ll_auth *auth = &transport->auth;
    struct ll_waiting_failure failure = {
        .grpc_status = -1, .outcome = LL_OUTCOME_AGAIN, .text = ""};
    struct leaselock_error why;

    if (transport->stopped || auth->call != NULL ||
        ll_link_alone(&auth->waiting)) {
        return;
    }
    if (fetch(
            transport,
            LL_CONTAINER(auth->waiting.next, struct ll_waiting, link)->endpoint,
            &why) != 0) {
        failure.text = why.message;
        ll_waiting_fail(transport, &failure, LL_ENDPOINT_ANY, on_event, arg);
    }
}

/** Reads the token from an answer with status OK. */
static int take_token(struct ll_auth *auth, struct ll_authenticate *call)
{
    struct ll_buffer token = {0};
    grpc_slice bytes = ll_message_bytes(call->unary.response);
    int status = ll_authenticate_decode(GRPC_SLICE_START_PTR(bytes),
                                        GRPC_SLICE_LENGTH(bytes), &token);

    grpc_slice_unref(bytes);
    if (status == 0) {
        status = ll_token_fetched(&auth->token, (const char *)token.data,
                                  token.size, call->asked_ns, ll_clock_now_ns(),
                                  (int64_t)time(NULL));
    } else {
        ll_token_failed(&auth->token, ll_clock_now_ns());
    }
    ll_buffer_wipe(&token);
    return status;
}

/** Ends waits after an Authenticate that returned no token. */
static void failed(struct ll_transport *transport,
                   const struct ll_authenticate *call,
                   ll_transport_event_fn *on_event,
                   void *arg)
{
    char raw[LL_STATUS_TEXT_SIZE];
    char text[LL_STATUS_TEXT_SIZE];
    struct ll_waiting_failure failure = {
        .grpc_status = (int)call->unary.status,
        .text = text,
    };

    ll_connection_text(transport, call->unary.channel, call->unary.details, raw,
                       text);
    failure.outcome = ll_outcome_of((int)call->unary.status, raw);
    ll_token_failed(&transport->auth.token, ll_clock_now_ns());
    ll_waiting_fail(transport, &failure, call->endpoint, on_event, arg);
}

static void unread(struct ll_transport *transport,
                   int status,
                   ll_transport_event_fn *on_event,
                   void *arg)
{
    const struct ll_waiting_failure failure = {
        .grpc_status = -1,
        .outcome =
            status == LEASELOCK_E_NOMEM ? LL_OUTCOME_AGAIN : LL_OUTCOME_ERROR,
        .text = status == LEASELOCK_E_NOMEM
                    ? "out of memory"
                    : "what etcd gave for a token cannot be used",
    };

    ll_waiting_fail(transport, &failure, LL_ENDPOINT_ANY, on_event, arg);
}

void ll_auth_complete(struct ll_transport *transport,
                      struct ll_tag *tag,
                      ll_transport_event_fn *on_event,
                      void *arg)
{
    struct ll_auth *auth = &transport->auth;
    struct ll_authenticate *call =
        LL_CONTAINER(tag, struct ll_authenticate, unary.tag);
    char raw[LL_STATUS_TEXT_SIZE];
    int status = 0;

    assert(auth->call == call);
    auth->call = NULL;
    ll_status_text(call->unary.details, raw);
    if (call->unary.status == GRPC_STATUS_OK && call->unary.response != NULL) {
        status = take_token(auth, call);
        if (status == 0) {
            ll_waiting_release(transport, on_event, arg);
        } else {
            unread(transport, status, on_event, arg);
        }
    } else if (call->unary.status != GRPC_STATUS_OK &&
               ll_text_is_auth_off(raw)) {
        ll_token_unneeded(&auth->token);
        ll_waiting_release(transport, on_event, arg);
    } else if (call->unary.status == GRPC_STATUS_OK) {
        ll_token_failed(&auth->token, ll_clock_now_ns());
        unread(transport, LEASELOCK_E_SERVER, on_event, arg);
    } else {
        failed(transport, call, on_event, arg);
    }
    authenticate_free(call);
    fetch_for_waiting(transport, on_event, arg);
}

void ll_auth_on_time(struct ll_transport *transport,
                     ll_transport_event_fn *on_event,
                     void *arg)
{
    const struct ll_waiting_failure stopped = {
        .grpc_status = GRPC_STATUS_CANCELLED,
        .outcome = LL_OUTCOME_LOST,
        .text = "the client is closed",
    };
    struct ll_link *at = NULL;
    struct ll_link *after = NULL;

    if (transport->stopped) {
        ll_waiting_fail(transport, &stopped, LL_ENDPOINT_ANY, on_event, arg);
        return;
    }
    ll_waiting_expire(transport, on_event, arg);
    fetch_for_waiting(transport, on_event, arg);
    LL_LIST_EACH (at, after, &transport->auth.waiting) {
        ll_transport_timer(
            transport, LL_CONTAINER(at, struct ll_waiting, link)->deadline_ns);
    }
}

void ll_auth_stop(struct ll_transport *transport)
{
    if (transport->auth.call != NULL) {
        (void)grpc_call_cancel(transport->auth.call->unary.call, NULL);
    }
    if (!ll_link_alone(&transport->auth.waiting)) {
        ll_transport_timer(transport, INT64_MIN);
    }
}

bool ll_auth_is_idle(const struct ll_auth *auth)
{
    return auth->call == NULL && ll_link_alone(&auth->waiting);
}
