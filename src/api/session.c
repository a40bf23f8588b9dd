#include "api/session.h"

#include <limits.h>
#include <string.h>

#include "api/hooks.h"
#include "api/ticket.h"
#include "api/value.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "core/session.h"

#define TTL_S 10
#define OPEN_TIMEOUT_MS 5000

static void session_destroy(struct ll_handle *handle)
{
    struct ll_session_object *session =
        LL_CONTAINER(handle, struct ll_session_object, handle);

    ll_completion_free(&session->opened);
    ll_completion_free(&session->closed);
    if (session->heir != NULL) {
        ll_handle_put(&session->heir->handle);
    }
    ll_handle_put(&session->client->handle);
    ll_free(session->label);
    ll_free(session->value);
    ll_free(session);
}

static void session_changed_call(struct ll_client *client,
                                 struct ll_notice *notice)
{
    struct ll_session_object *session =
        LL_CONTAINER(notice, struct ll_session_object, changed);
    enum leaselock_session_state state;
    const char *why;

    /* Taken under the mutex: a newer change may come at any moment. */
    ll_client_lock(client);
    state = session->changed_to;
    why = session->changed_why;
    ll_notice_withdraw(notice); /* what is told now need not be told again */
    ll_client_unlock(client);
    session->on_state(ll_handle_user(&session->handle), state, why,
                      session->on_state_arg);
}

/** Takes a session out of the tables once nothing is due for it. */
static void session_settle(struct ll_session_object *session)
{
    if (!session->handle.open && !session->open_due && !session->close_due &&
        !ll_link_alone(&session->link)) {
        ll_link_remove(&session->link);
        if (!ll_link_alone(&session->useless)) {
            ll_link_remove(&session->useless);
        }
        if (session->guarded != 0) {
            ll_guardian_release(session->client, session->guarded);
            session->guarded = 0;
        }
        ll_handle_leave(&session->handle);
    }
}

int ll_session_enter(const void *user, struct ll_session_object **ret_session)
{
    struct ll_handle *handle = NULL;
    int status = ll_handle_get(user, LL_HANDLE_SESSION, &handle);

    if (status != 0) {
        return status;
    }
    *ret_session = LL_CONTAINER(handle, struct ll_session_object, handle);
    ll_client_lock((*ret_session)->client);
    return 0;
}

void ll_session_exit(struct ll_session_object *session)
{
    ll_client_unlock(session->client);
    ll_handle_put(&session->handle);
}

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
    if (!ll_value_label_is_valid(options->label)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a label is at most 128 bytes of UTF-8 without "
                             "control characters");
    }
    return 0;
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
    session->client = client;
    ll_handle_ref(&client->handle);
    ll_link_init(&session->link);
    ll_link_init(&session->useless);
    session->ttl_s = options->ttl_s;
    session->unguarded = options->unguarded;
    session->on_state = options->on_state;
    session->on_state_arg = options->on_state_arg;
    session->close_timeout_ms = client->options.request_timeout_ms;
    ll_notice_init(&session->changed, &session->handle);
    session->changed.call = session_changed_call;
    return session;
}

/** How a session begins, beside its options. */
struct session_begin {
    struct ll_waiter *waiter;
    leaselock_done_fn *done;
    void *arg;
    uint64_t root; /* of an heir */
    int64_t delay_ns;
};

/** Asks for the lease of a session that is in the tables. */
static int session_ask(struct ll_session_object *session,
                       const struct leaselock_session_options *options,
                       int64_t delay_ns,
                       struct leaselock_error *reterr)
{
    struct ll_client *client = session->client;
    struct ll_event event = {.kind = LL_EVENT_SESSION_OPEN,
                             .id = session->handle.entry.id};
    uint64_t random = 0;
    int status = ll_random(&random);

    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    event.session_open.resume = options->lease != 0;
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

/** Makes a session and asks for its lease; with the client's mutex held. */
static int session_start(struct ll_client *client,
                         const struct leaselock_session_options *options,
                         const struct session_begin *begin,
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
                             session_destroy);
    if (status != 0) {
        session_destroy(&session->handle);
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
        session_settle(session);
        ll_handle_put(&session->handle);
    }
    return status;
}

int leaselock_session_open(leaselock_client *user,
                           const struct leaselock_session_options *options,
                           leaselock_session **ret_session,
                           struct leaselock_error *reterr)
{
    struct leaselock_session_options own;
    struct ll_session_object *session = NULL;
    struct ll_client *client = NULL;
    struct ll_waiter waiter;
    struct session_begin begin = {.waiter = &waiter};
    int status = ll_session_options(options, &own, reterr);

    if (status != 0) {
        return status;
    }
    if (ret_session == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    if (ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = ll_waiter_init(&waiter, reterr);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = ll_client_enter(user, &client);
    if (status != 0) {
        ll_waiter_free(&waiter);
        return ll_error_text(reterr, status, "");
    }
    status = session_start(client, &own, &begin, &session, reterr);
    if (status != 0) {
        ll_client_unlock(client);
    } else {
        status = ll_client_await(client, &waiter);
        if (status == 0) {
            *ret_session = ll_handle_user(&session->handle);
        }
        ll_session_exit(session);
    }
    ll_waiter_free(&waiter);
    ll_handle_put(&client->handle);
    return status;
}

int leaselock_session_open_async(
    leaselock_client *user,
    const struct leaselock_session_options *options,
    leaselock_done_fn *done,
    void *arg,
    leaselock_session **ret_session,
    struct leaselock_error *reterr)
{
    struct leaselock_session_options own;
    struct ll_session_object *session = NULL;
    struct ll_client *client = NULL;
    struct session_begin begin = {.done = done, .arg = arg};
    int status = ll_session_options(options, &own, reterr);

    if (status != 0) {
        return status;
    }
    if (ret_session == NULL || done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    status = ll_client_enter(user, &client);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = session_start(client, &own, &begin, &session, reterr);
    if (status == 0) {
        *ret_session = ll_handle_user(&session->handle);
    }
    ll_client_unlock(client);
    if (status == 0) {
        ll_handle_put(&session->handle);
    }
    ll_handle_put(&client->handle);
    return status;
}

/** Asks core to close a session whose handle has just been shut. */
static int session_close_one(struct ll_session_object *session,
                             struct ll_waiter *waiter,
                             leaselock_done_fn *done,
                             void *arg)
{
    struct ll_client *client = session->client;
    struct ll_event event = {.kind = LL_EVENT_SESSION_CLOSE,
                             .id = session->handle.entry.id};
    int status;

    ll_notice_withdraw(&session->changed);
    session->closed.waiter = waiter;
    session->closed.done = done;
    session->closed.arg = arg;
    session->close_due = true;
    client->closes++;
    event.session_close.timeout_ns = session->close_timeout_ms * LL_NS_PER_MS;
    status = ll_client_command(client, &event);
    if (status != 0) {
        session->close_due = false;
        client->closes--;
    }
    ll_tickets_close(client, event.id);
    session_settle(session);
    return status == LEASELOCK_E_STATE ? LEASELOCK_E_HANDLE : status;
}

/** Begins to close a session whose handle has just been shut, and its heir:
 *  where there is one the session's own lease is over, and its heir's is what
 *  the closer wants revoked. */
static int session_close_begin(struct ll_session_object *session,
                               struct ll_waiter *waiter,
                               leaselock_done_fn *done,
                               void *arg)
{
    struct ll_session_object *heir = session->heir;
    int status;

    if (heir == NULL || !ll_handle_shut(&heir->handle)) {
        return session_close_one(session, waiter, done, arg);
    }
    ll_handle_ref(&heir->handle);
    (void)session_close_one(session, NULL, NULL, NULL);
    status = session_close_one(heir, waiter, done, arg);
    ll_handle_put(&heir->handle);
    return status;
}

/** The newest heir of a session, if tickets can begin on it; or NULL. */
static struct ll_session_object *
session_live_heir(struct ll_client *client, struct ll_session_object *root)
{
    struct ll_session_view view;

    if (root->heir == NULL || !root->heir->handle.open ||
        !ll_core_session_view(client->core, root->heir->handle.entry.id,
                              ll_clock_now_ns(), &view)) {
        return NULL;
    }
    switch (view.state) {
    case LL_SESSION_OPENING:
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        return root->heir;
    case LL_SESSION_LOST:
    case LL_SESSION_CLOSING:
        break;
    }
    return NULL;
}

int ll_session_heir(struct ll_client *client,
                    uint64_t root_id,
                    int64_t delay_ns,
                    struct ll_session_object **ret_heir)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct session_begin begin = {.root = root_id, .delay_ns = delay_ns};
    struct ll_handle *handle = ll_handle_find(root_id);
    struct ll_session_object *root;
    struct ll_session_object *heir = NULL;
    struct ll_session_view view;
    int status;

    if (handle == NULL || !handle->open) {
        return LEASELOCK_E_CLOSED;
    }
    root = LL_CONTAINER(handle, struct ll_session_object, handle);
    *ret_heir = session_live_heir(client, root);
    if (*ret_heir != NULL) {
        return 0;
    }
    options.ttl_s =
        ll_core_session_view(client->core, root_id, ll_clock_now_ns(), &view)
            ? (int)view.ttl_s
            : root->ttl_s;
    options.label = root->label;
    options.unguarded = root->unguarded;
    /* It is its tickets' waits that end. */
    options.open_timeout_ms = INT_MAX;
    status = session_start(client, &options, &begin, &heir, NULL);
    if (status != 0) {
        return status;
    }
    if (root->heir != NULL) {
        ll_handle_put(&root->heir->handle);
    }
    root->heir = heir; /* with the reference that a caller would get */
    *ret_heir = heir;
    return 0;
}

void ll_session_leave_heir(struct ll_client *client, uint64_t id)
{
    struct ll_handle *handle = ll_handle_find(id);
    struct ll_session_object *heir;

    if (handle == NULL) {
        return;
    }
    heir = LL_CONTAINER(handle, struct ll_session_object, handle);
    if (heir->root == 0) {
        return;
    }
    heir->tickets_n--;
    if (heir->tickets_n == 0 && handle->open) {
        ll_link_append_once(&client->heirs, &heir->useless);
    }
}

void ll_sessions_close_heirs(struct ll_client *client)
{
    while (!ll_link_alone(&client->heirs)) {
        struct ll_session_object *heir =
            LL_CONTAINER(client->heirs.next, struct ll_session_object, useless);

        ll_link_remove(&heir->useless);
        if (heir->tickets_n == 0 && ll_handle_shut(&heir->handle)) {
            (void)session_close_one(heir, NULL, NULL, NULL);
        }
    }
}

/** Looks a session up to close it, and closes its handle; with its client's
 *  mutex locked when it succeeds. */
static int session_enter_last(const void *user,
                              struct ll_session_object **ret_session)
{
    int status = ll_session_enter(user, ret_session);

    if (status == 0 && !ll_handle_shut(&(*ret_session)->handle)) {
        ll_session_exit(*ret_session);
        status = LEASELOCK_E_HANDLE;
    }
    return status;
}

int leaselock_session_close(leaselock_session *user,
                            struct leaselock_error *reterr)
{
    struct ll_session_object *session = NULL;
    struct ll_waiter waiter;
    int status;

    if (user == NULL) {
        return 0;
    }
    if (ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = ll_waiter_init(&waiter, reterr);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = session_enter_last(user, &session);
    if (status == 0) {
        status = session_close_begin(session, &waiter, NULL, NULL);
        if (status == 0) {
            status = ll_client_await(session->client, &waiter);
            ll_client_await_callbacks(session->client, &session->handle);
        } else {
            (void)ll_error_text(reterr, status, "");
        }
        ll_session_exit(session);
    } else {
        (void)ll_error_text(reterr, status, "");
    }
    ll_waiter_free(&waiter);
    return status;
}

int leaselock_session_close_async(leaselock_session *user,
                                  leaselock_done_fn *done,
                                  void *arg,
                                  struct leaselock_error *reterr)
{
    struct ll_session_object *session = NULL;
    int status = session_enter_last(user, &session);

    if (status == 0) {
        status = session_close_begin(session, NULL, done, arg);
        ll_session_exit(session);
    }
    return ll_error_text(reterr, status, "");
}

static enum leaselock_session_state state_of(enum ll_session_state state)
{
    switch (state) {
    case LL_SESSION_OPENING:
        return LEASELOCK_SESSION_OPENING;
    case LL_SESSION_ACTIVE:
        return LEASELOCK_SESSION_ACTIVE;
    case LL_SESSION_SUSPECT:
        return LEASELOCK_SESSION_SUSPECT;
    case LL_SESSION_LOST:
        return LEASELOCK_SESSION_LOST;
    case LL_SESSION_CLOSING:
        return LEASELOCK_SESSION_CLOSED;
    }
    return LEASELOCK_SESSION_CLOSED;
}

/** What core says of a session now; false: it has dropped it. */
static int session_look(leaselock_session *user,
                        struct ll_session_view *ret_view)
{
    struct ll_session_object *session = NULL;
    int status = ll_session_enter(user, &session);

    if (status != 0) {
        return status;
    }
    if (!ll_core_session_view(session->client->core, session->handle.entry.id,
                              ll_clock_now_ns(), ret_view)) {
        status = LEASELOCK_E_HANDLE;
    }
    ll_session_exit(session);
    return status;
}

int leaselock_session_state(leaselock_session *user)
{
    struct ll_session_view view;
    int status = session_look(user, &view);

    return status != 0 ? status : (int)state_of(view.state);
}

int64_t leaselock_session_lease(leaselock_session *user)
{
    struct ll_session_view view;
    int status = session_look(user, &view);

    return status != 0 ? status : view.lease;
}

int64_t leaselock_session_remaining_ms(leaselock_session *user)
{
    struct ll_session_view view;
    int status = session_look(user, &view);

    return status != 0 ? status : view.remaining_ns / LL_NS_PER_MS;
}

static void session_on_opened(struct ll_client *client,
                              struct ll_session_object *session,
                              const struct ll_detail *detail)
{
    struct ll_session_view view;

    session->open_due = false;
    if (detail->status != 0) {
        (void)ll_handle_shut(&session->handle);
    } else if (session->guarded != 0 &&
               ll_core_session_view(client->core, session->handle.entry.id,
                                    ll_clock_now_ns(), &view)) {
        ll_guardian_set_ttl(client, session->guarded, view.ttl_s);
    }
    ll_client_complete(client, &session->opened, detail);
}

static void session_on_closed(struct ll_client *client,
                              struct ll_session_object *session,
                              const struct ll_detail *detail)
{
    session->close_due = false;
    client->closes--;
    if (client->closing && client->close_error.code == 0 &&
        detail->status != LEASELOCK_E_OUTCOME_UNKNOWN) {
        (void)ll_client_error(client, detail, &client->close_error);
    }
    pthread_cond_broadcast(&client->changed);
    ll_client_complete(client, &session->closed, detail);
}

/** Who leads is told of doubt, and of its end; a loss its ticket tells. */
static void session_tell_tickets(struct ll_session_object *session,
                                 const struct ll_effect *effect)
{
    enum ll_session_state state = effect->session.state;

    if (state == LL_SESSION_SUSPECT || state == LL_SESSION_ACTIVE) {
        ll_tickets_suspect(session->client, session->handle.entry.id,
                           state == LL_SESSION_SUSPECT ? effect->session.why
                                                       : NULL);
    }
}

void ll_session_effect(struct ll_client *client, const struct ll_effect *effect)
{
    struct ll_handle *handle = ll_handle_find(effect->id);
    struct ll_session_object *session;

    if (handle == NULL) {
        return;
    }
    session = LL_CONTAINER(handle, struct ll_session_object, handle);
    if (effect->kind == LL_EFFECT_SESSION_OPENED && session->open_due) {
        session_on_opened(client, session, &effect->detail);
    } else if (effect->kind == LL_EFFECT_SESSION_CLOSED && session->close_due) {
        session_on_closed(client, session, &effect->detail);
    } else if (effect->kind == LL_EFFECT_SESSION_CHANGED) {
        if (session->on_state != NULL && session->handle.open) {
            session->changed_to = state_of(effect->session.state);
            session->changed_why = effect->session.why;
            ll_notice_post(client, &session->changed);
        }
        session_tell_tickets(session, effect);
    }
    session_settle(session);
}

/** A session whose handle is open, or NULL. */
static struct ll_session_object *session_first_open(struct ll_client *client)
{
    struct ll_link *at;

    for (at = client->sessions.next; at != &client->sessions; at = at->next) {
        struct ll_session_object *session =
            LL_CONTAINER(at, struct ll_session_object, link);

        if (session->handle.open) {
            return session;
        }
    }
    return NULL;
}

void ll_sessions_close(struct ll_client *client)
{
    struct ll_session_object *session;

    /* Closing one may take any other out of the list. */
    while ((session = session_first_open(client)) != NULL) {
        (void)ll_handle_shut(&session->handle);
        (void)session_close_begin(session, NULL, NULL, NULL);
    }
}

void ll_sessions_abort(struct ll_client *client)
{
    struct ll_detail detail = {LEASELOCK_E_CLOSED, -1, LL_ENDPOINT_ANY, ""};

    while (!ll_link_alone(&client->sessions)) {
        struct ll_session_object *session =
            LL_CONTAINER(client->sessions.next, struct ll_session_object, link);

        (void)ll_handle_shut(&session->handle);
        if (session->open_due) {
            session_on_opened(client, session, &detail);
        }
        if (session->close_due) {
            session_on_closed(client, session, &detail);
        }
        session_settle(session);
    }
}
