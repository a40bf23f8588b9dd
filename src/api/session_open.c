/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/session.h"
#include "api/value.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "client/user_call.h"
#include "core/session.h"

/**
 * How a session begins: its options, its object and the request for its lease.
 */

#define TTL_S 10
#define OPEN_TIMEOUT_MS 5000

int ll_session_options(const struct leaselock_session_options *user,
                       struct leaselock_session_options *options,
                       struct leaselock_error *reterr)
{
    if (ll_options_copy(options, sizeof(*options), user) != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the session's options with "
                             "LEASELOCK_SESSION_OPTIONS_INIT");
    }
    if (options->ttl_s == 0) {
        options->ttl_s = TTL_S;
    }
    if (options->open_timeout_ms == 0) {
        options->open_timeout_ms = OPEN_TIMEOUT_MS;
    }
    if (options->ttl_s < LL_TTL_MIN_S || options->ttl_s > LL_TTL_MAX_S) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a session's TTL is 1 to 86400 seconds, or 0 for "
                             "the default");
    }
    if (options->lease < 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a lease's id is positive");
    }
    if (options->open_timeout_ms < 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a session's open timeout is 1 ms or more");
    }
    if (options->key_names < LEASELOCK_KEY_NAMES_AUTO ||
        options->key_names > LEASELOCK_KEY_NAMES_HOST) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a session's key_names is one of "
                             "LEASELOCK_KEY_NAMES_");
    }
    if (!ll_value_label_is_valid(options->label)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a label is at most 128 bytes of UTF-8 without "
                             "control characters");
    }
    return 0;
}

static enum ll_key_names names_of(int key_names)
{
    switch ((enum leaselock_key_names)key_names) {
    case LEASELOCK_KEY_NAMES_LEASE:
        return LL_KEY_NAMES_LEASE;
    case LEASELOCK_KEY_NAMES_HOST:
        return LL_KEY_NAMES_SLOT;
    case LEASELOCK_KEY_NAMES_AUTO:
        break;
    }
    return LL_KEY_NAMES_AUTO;
}

static void session_changed_call(struct ll_client *client,
                                 struct ll_notice *notice)
{
    struct ll_session_object *session =
        LL_CONTAINER(notice, struct ll_session_object, changed);
    enum leaselock_session_state state;
    const char *why;

    /* Copied under the mutex: a newer change may arrive any time. */
    ll_client_lock(client);
    state = session->changed_to;
    why = session->changed_why;
    ll_notice_withdraw(notice); /* this call reports the newest change */
    ll_client_unlock(client);
    session->on_state(ll_handle_user(&session->handle), state, why,
                      session->on_state_arg);
}

static struct ll_session_object *
session_new(struct ll_client *client,
            const struct leaselock_session_options *options)
{
    struct ll_session_object *session = ll_alloc_zero(1, sizeof(*session));

    if (session == NULL) {
        return NULL;
    }
    if (options->label != NULL) {
        session->label = ll_alloc_copy(options->label, strlen(options->label));
        if (session->label == NULL) {
            ll_free(session);
            return NULL;
        }
    }
    session->handle.client = client;
    ll_handle_ref(&client->handle);
    ll_link_init(&session->link);
    ll_link_init(&session->useless);
    session->ttl_s = options->ttl_s;
    session->unguarded = options->unguarded;
    session->key_names = options->key_names;
    session->on_state = options->on_state;
    session->on_state_arg = options->on_state_arg;
    session->close_timeout_ms = client->options.request_timeout_ms;
    ll_notice_init(&session->changed, &session->handle);
    session->changed.call = session_changed_call;
    return session;
}

/** Requests the lease of a session that is in the tables. */
static int session_ask(struct ll_session_object *session,
                       const struct leaselock_session_options *options,
                       int64_t delay_ns,
                       struct leaselock_error *reterr)
{
    struct ll_client *client = session->handle.client;
    struct ll_event event = {.kind = LL_EVENT_SESSION_OPEN,
                             .id = session->handle.entry.id};
    uint64_t random = 0;
    int status = ll_random(&random);

    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    event.session_open.resume = options->lease != 0;
    event.session_open.names = names_of(options->key_names);
    /* 63 bits: etcd's lease ids are positive. 0 would be etcd's choice. */
    event.session_open.lease =
        options->lease != 0 ? options->lease : (int64_t)((random >> 1) | 1);
    event.session_open.ttl_s = options->ttl_s;
    event.session_open.timeout_ns = options->open_timeout_ms * LL_NS_PER_MS;
    event.session_open.delay_ns = delay_ns;
    if (client->options.guardian != 0 && options->unguarded == 0) {
        status = ll_guardian_guard(client, event.session_open.lease,
                                   options->ttl_s, &session->guarded, reterr);
    }
    return status != 0
               ? status
               : ll_error_text(reterr, ll_client_command(client, &event), "");
}

int ll_session_start(struct ll_client *client,
                     const struct leaselock_session_options *options,
                     const struct ll_session_begin *begin,
                     struct ll_session_object **ret_session,
                     struct leaselock_error *reterr)
{
    struct ll_session_object *session = session_new(client, options);
    int status;

    if (session == NULL) {
        (void)ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
        return LEASELOCK_E_NOMEM;
    }
    ll_completion_init(&session->opened, &session->handle, begin->done,
                       begin->arg);
    ll_completion_init(&session->closed, &session->handle, NULL, NULL);
    session->opened.waiter = begin->waiter;
    session->root = begin->root;
    status = ll_handle_enter(&session->handle, LL_HANDLE_SESSION, true,
                             ll_session_destroy);
    if (status != 0) {
        ll_session_destroy(&session->handle);
        (void)ll_error_text(reterr, status, "");
        return status;
    }
    session->open_due = true;
    ll_link_append(&client->sessions, &session->link);
    ll_handle_ref(&session->handle); /* the caller's */
    *ret_session = session;
    status = session_ask(session, options, begin->delay_ns, reterr);
    if (status != 0) {
        session->open_due = false;
        (void)ll_handle_shut(&session->handle);
        ll_session_settle(session);
        ll_handle_put(&session->handle);
    }
    return status;
}

/** A call of leaselock_session_open or leaselock_session_open_async. */
struct open_call {
    struct ll_user_call call;
    struct leaselock_session_options options;
    struct ll_session_begin begin;
    struct ll_session_object *session; /* a reference, once it is started */
    leaselock_session **ret_session;
};

static int open_start(struct ll_user_call *call,
                      struct ll_handle *object,
                      struct ll_waiter *waiter,
                      struct leaselock_error *reterr)
{
    struct open_call *own = LL_CONTAINER(call, struct open_call, call);

    own->begin.waiter = waiter;
    return ll_session_start(object->client, &own->options, &own->begin,
                            &own->session, reterr);
}

static void open_end(struct ll_user_call *call,
                     struct ll_handle *object,
                     bool waits,
                     int status)
{
    struct open_call *own = LL_CONTAINER(call, struct open_call, call);

    (void)object;
    (void)waits;
    if (status == 0) {
        *own->ret_session = ll_handle_user(&own->session->handle);
    }
    ll_handle_put(&own->session->handle);
}

/** @param begin  if its `done` is NULL, the call blocks */
static int open_run(leaselock_client *user,
                    const struct leaselock_session_options *options,
                    const struct ll_session_begin *begin,
                    leaselock_session **ret_session,
                    struct leaselock_error *reterr)
{
    struct open_call own = {.call = {.kind = LL_HANDLE_CLIENT,
                                     .start = open_start,
                                     .end = open_end},
                            .begin = *begin,
                            .ret_session = ret_session};
    int status = ll_session_options(options, &own.options, reterr);

    if (status != 0) {
        return status;
    }
    if (ret_session == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return ll_user_call_run(&own.call, user, begin->done == NULL, reterr);
}

int leaselock_session_open(leaselock_client *user,
                           const struct leaselock_session_options *options,
                           leaselock_session **ret_session,
                           struct leaselock_error *reterr)
{
    const struct ll_session_begin begin = {.done = NULL};

    return open_run(user, options, &begin, ret_session, reterr);
}

int leaselock_session_open_async(
    leaselock_client *user,
    const struct leaselock_session_options *options,
    leaselock_done_fn *done,
    void *arg,
    leaselock_session **ret_session,
    struct leaselock_error *reterr)
{
    const struct ll_session_begin begin = {.done = done, .arg = arg};

    return done == NULL ? ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "")
                        : open_run(user, options, &begin, ret_session, reterr);
}
