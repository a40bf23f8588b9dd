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

struct ll_authenticate {
    struct ll_tag tag;
    uint32_t endpoint;
    int64_t asked_ns;
    struct ll_channel *channel;
    grpc_call *call;
    grpc_metadata metadata[LL_METADATA_MAX];
    grpc_byte_buffer *request;
    /** What gRPC fills in before the batch completes. */
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_byte_buffer *response;
    grpc_status_code status;
    grpc_slice details;
};

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool ll_auth_has_user(const struct ll_auth *auth)
{
    return is_set(auth->user.name);
}

int ll_auth_init(struct ll_auth *auth,
                 const struct ll_user_config *config,
                 struct leaselock_error *reterr)
{
    struct ll_credentials credentials;
    int status = 0;

    *auth = (struct ll_auth){.user = *config};
    ll_link_init(&auth->waiting);
    ll_token_init(&auth->token, is_set(config->name));
    if (!is_set(config->name)) {
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
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    if (call->request != NULL) {
        grpc_byte_buffer_destroy(call->request);
    }
    if (call->response != NULL) {
        grpc_byte_buffer_destroy(call->response);
    }
    grpc_slice_unref(call->details);
    if (call->call != NULL) {
        grpc_call_unref(call->call);
    }
    ll_channel_put(call->channel);
    ll_free(call);
}

/** A message with name and password, which is wiped when it has been sent. */
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

static grpc_call_error start_batch(struct ll_authenticate *call)
{
    grpc_op ops[6] = {
        ll_channel_op_start(LL_METHOD_AUTHENTICATE, NULL, call->metadata),
        {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT},
    };

    ops[1].data.send_message.send_message = call->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[4].data.recv_message.recv_message = &call->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[5].data.recv_status_on_client.status = &call->status;
    ops[5].data.recv_status_on_client.status_details = &call->details;
    return grpc_call_start_batch(call->call, ops, 6, &call->tag, NULL);
}

/** Sends Authenticate; the credentials are the caller's to wipe. */
static int send_authenticate(struct ll_transport *transport,
                             uint32_t endpoint,
                             const struct ll_credentials *credentials)
{
    struct ll_authenticate *call = ll_alloc_zero(1, sizeof(*call));
    int status = 0;

    if (call == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    call->tag.kind = LL_TAG_AUTHENTICATE;
    call->endpoint = endpoint;
    call->asked_ns = ll_clock_now_ns();
    call->status = GRPC_STATUS_UNKNOWN;
    call->details = grpc_empty_slice();
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    status = make_request(credentials, &call->request);
    if (status == 0) {
        call->channel = ll_connection_get(transport, endpoint, LL_LANE_CALLS);
        status = call->channel != NULL ? 0 : LEASELOCK_E_NOMEM;
    }
    if (status == 0) {
        call->call = ll_channel_call(
            call->channel, LL_METHOD_AUTHENTICATE, transport->queue,
            gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                         gpr_time_from_millis(transport->request_timeout_ms,
                                              GPR_TIMESPAN)));
    }
    if (call->call == NULL || start_batch(call) != GRPC_CALL_OK) {
        authenticate_free(call);
        return LEASELOCK_E_NOMEM;
    }
    transport->auth.call = call;
    ll_token_fetching(&transport->auth.token);
    return 0;
}

/** Begins to fetch a token. @return 0, or why not, with a message */
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

    /* A renewal in the background; what fails in it shows when the token that
     * is still there is refused. Who has none waits, and fetches there. */
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
        /* It is sent from the timer: what becomes of a failure is told in
         * ll_transport_complete alone. */
        ll_transport_timer(transport, INT64_MIN);
    }
}

void ll_auth_hurry(struct ll_transport *transport, struct ll_waiting *waiting)
{
    waiting->deadline_ns = INT64_MIN;
    waiting->optional = false;
    ll_transport_timer(transport, INT64_MIN);
}

/** Takes the first member out of a list. */
static struct ll_waiting *take_first(struct ll_link *list)
{
    struct ll_waiting *waiting =
        LL_CONTAINER(list->next, struct ll_waiting, link);

    ll_link_remove(&waiting->link);
    return waiting;
}

/** Moves all members to an empty list: events of ours may add to the first. */
static void move_all(struct ll_link *from, struct ll_link *to)
{
    while (!ll_link_alone(from)) {
        struct ll_link *at = from->next;

        ll_link_remove(at);
        ll_link_append(to, at);
    }
}

/** Lets all go. */
static void release_all(struct ll_transport *transport,
                        ll_transport_event_fn *on_event,
                        void *arg)
{
    struct ll_link over;

    ll_link_init(&over);
    move_all(&transport->auth.waiting, &over);
    while (!ll_link_alone(&over)) {
        struct ll_waiting *waiting = take_first(&over);

        waiting->over(transport, waiting, NULL, on_event, arg);
    }
}

/** Whether a failure ends a wait. A refusal, or a password that cannot be
 *  read, is everybody's; what failed on one endpoint is for those who want
 *  that one. */
static bool is_for(const struct ll_waiting_failure *failure,
                   uint32_t endpoint,
                   const struct ll_waiting *waiting)
{
    return failure->outcome != LL_OUTCOME_LOST || endpoint == LL_ENDPOINT_ANY ||
           waiting->endpoint == endpoint;
}

static void fail_all(struct ll_transport *transport,
                     const struct ll_waiting_failure *failure,
                     uint32_t endpoint,
                     ll_transport_event_fn *on_event,
                     void *arg)
{
    struct ll_link over;

    ll_link_init(&over);
    move_all(&transport->auth.waiting, &over);
    while (!ll_link_alone(&over)) {
        struct ll_waiting *waiting = take_first(&over);
        bool go = waiting->optional && failure->outcome == LL_OUTCOME_LOST &&
                  !transport->stopped;

        if (!is_for(failure, endpoint, waiting)) {
            ll_link_append(&transport->auth.waiting, &waiting->link);
        } else {
            waiting->over(transport, waiting, go ? NULL : failure, on_event,
                          arg);
        }
    }
}

/** Fetches a token for those who wait, on the endpoint of the oldest. */
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
        fail_all(transport, &failure, LL_ENDPOINT_ANY, on_event, arg);
    }
}

/** Reads the token of an answer that is OK. */
static int take_token(struct ll_auth *auth, struct ll_authenticate *call)
{
    struct ll_buffer token = {0};
    grpc_slice bytes = ll_message_bytes(call->response);
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

/** What an Authenticate that brought no token means for those who wait. */
static void failed(struct ll_transport *transport,
                   const struct ll_authenticate *call,
                   ll_transport_event_fn *on_event,
                   void *arg)
{
    char raw[LL_STATUS_TEXT_SIZE];
    char text[LL_STATUS_TEXT_SIZE];
    struct ll_waiting_failure failure = {
        .grpc_status = (int)call->status,
        .text = text,
    };

    ll_connection_text(transport, call->channel, call->details, raw, text);
    failure.outcome = ll_outcome_of((int)call->status, raw);
    ll_token_failed(&transport->auth.token, ll_clock_now_ns());
    fail_all(transport, &failure, call->endpoint, on_event, arg);
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

    fail_all(transport, &failure, LL_ENDPOINT_ANY, on_event, arg);
}

void ll_auth_complete(struct ll_transport *transport,
                      struct ll_tag *tag,
                      ll_transport_event_fn *on_event,
                      void *arg)
{
    struct ll_auth *auth = &transport->auth;
    struct ll_authenticate *call =
        LL_CONTAINER(tag, struct ll_authenticate, tag);
    char raw[LL_STATUS_TEXT_SIZE];
    int status = 0;

    assert(auth->call == call);
    auth->call = NULL;
    ll_status_text(call->details, raw);
    if (call->status == GRPC_STATUS_OK && call->response != NULL) {
        status = take_token(auth, call);
        if (status == 0) {
            release_all(transport, on_event, arg);
        } else {
            unread(transport, status, on_event, arg);
        }
    } else if (call->status != GRPC_STATUS_OK && ll_text_is_auth_off(raw)) {
        ll_token_unneeded(&auth->token);
        release_all(transport, on_event, arg);
    } else if (call->status == GRPC_STATUS_OK) {
        ll_token_failed(&auth->token, ll_clock_now_ns());
        unread(transport, LEASELOCK_E_SERVER, on_event, arg);
    } else {
        failed(transport, call, on_event, arg);
    }
    authenticate_free(call);
    fetch_for_waiting(transport, on_event, arg);
}

static void expire(struct ll_transport *transport,
                   ll_transport_event_fn *on_event,
                   void *arg)
{
    const struct ll_waiting_failure failure = {
        .grpc_status = GRPC_STATUS_DEADLINE_EXCEEDED,
        .outcome = LL_OUTCOME_LOST,
        .text = "no answer in time to the question for a token",
    };
    int64_t now_ns = ll_clock_now_ns();
    struct ll_link over;
    struct ll_link *at = NULL;
    struct ll_link *after = NULL;

    ll_link_init(&over);
    LL_LIST_EACH (at, after, &transport->auth.waiting) {
        if (LL_CONTAINER(at, struct ll_waiting, link)->deadline_ns <= now_ns) {
            ll_link_remove(at);
            ll_link_append(&over, at);
        }
    }
    while (!ll_link_alone(&over)) {
        struct ll_waiting *waiting = take_first(&over);

        waiting->over(transport, waiting, waiting->optional ? NULL : &failure,
                      on_event, arg);
    }
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
        fail_all(transport, &stopped, LL_ENDPOINT_ANY, on_event, arg);
        return;
    }
    expire(transport, on_event, arg);
    fetch_for_waiting(transport, on_event, arg);
    LL_LIST_EACH (at, after, &transport->auth.waiting) {
        ll_transport_timer(
            transport, LL_CONTAINER(at, struct ll_waiting, link)->deadline_ns);
    }
}

void ll_auth_stop(struct ll_transport *transport)
{
    if (transport->auth.call != NULL) {
        (void)grpc_call_cancel(transport->auth.call->call, NULL);
    }
    if (!ll_link_alone(&transport->auth.waiting)) {
        ll_transport_timer(transport, INT64_MIN);
    }
}

bool ll_auth_is_idle(const struct ll_auth *auth)
{
    return auth->call == NULL && ll_link_alone(&auth->waiting);
}
