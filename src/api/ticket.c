#include "api/ticket.h"

#include <string.h>

#include "api/error.h"
#include "api/session.h"
#include "api/value.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "core/key.h"

static void ticket_destroy(struct ll_handle *handle)
{
    struct ll_ticket_object *ticket =
        LL_CONTAINER(handle, struct ll_ticket_object, handle);

    ll_completion_free(&ticket->acquired);
    ll_completion_free(&ticket->released);
    ll_handle_put(&ticket->client->handle);
    ll_free(ticket);
}

/** Takes a ticket out of the tables once nothing is due for it. */
static void ticket_settle(struct ll_ticket_object *ticket)
{
    if (!ticket->handle.open && !ticket->acquire_due && !ticket->release_due &&
        !ll_link_alone(&ticket->link)) {
        ll_link_remove(&ticket->link);
        ll_handle_leave(&ticket->handle);
    }
}

int ll_ticket_enter(const void *user, struct ll_ticket_object **ret_ticket)
{
    struct ll_handle *handle = NULL;
    int status = ll_handle_get(user, LL_HANDLE_TICKET, &handle);

    if (status != 0) {
        return status;
    }
    *ret_ticket = LL_CONTAINER(handle, struct ll_ticket_object, handle);
    ll_client_lock((*ret_ticket)->client);
    return 0;
}

void ll_ticket_exit(struct ll_ticket_object *ticket)
{
    ll_client_unlock(ticket->client);
    ll_handle_put(&ticket->handle);
}

uint64_t ll_ticket_session(struct ll_handle *handle)
{
    return handle->kind == LL_HANDLE_TICKET
               ? LL_CONTAINER(handle, struct ll_ticket_object, handle)->session
               : 0;
}

static void ticket_lost_call(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_ticket_object *ticket =
        LL_CONTAINER(notice, struct ll_ticket_object, lost);

    (void)client;
    ticket->on_lost(ll_handle_user(&ticket->handle), ticket->lost_why,
                    ticket->on_lost_arg);
}

/** A handle whose acquire failed is closed when its callback has returned. */
static void ticket_acquired_after(struct ll_client *client,
                                  struct ll_notice *notice)
{
    struct ll_ticket_object *ticket =
        LL_CONTAINER(notice, struct ll_ticket_object, acquired.notice);

    (void)client;
    if (ticket->acquired.status != 0) {
        (void)ll_handle_shut(&ticket->handle);
        ticket_settle(ticket);
    }
}

static struct ll_ticket_object *
ticket_new(struct ll_session_object *session,
           const struct leaselock_acquire_options *options,
           struct ll_waiter *waiter,
           leaselock_done_fn *done,
           void *arg)
{
    struct ll_ticket_object *ticket = ll_alloc_zero(1, sizeof(*ticket));

    if (ticket == NULL) {
        return NULL;
    }
    ticket->client = session->client;
    ll_handle_ref(&session->client->handle);
    ticket->session = session->handle.entry.id;
    ll_link_init(&ticket->link);
    ll_completion_init(&ticket->acquired, &ticket->handle, done, arg);
    ticket->acquired.waiter = waiter;
    ticket->acquired.notice.after = ticket_acquired_after;
    ll_completion_init(&ticket->released, &ticket->handle, NULL, NULL);
    ll_notice_init(&ticket->lost, &ticket->handle);
    ticket->lost.call = ticket_lost_call;
    ticket->on_lost = options->on_lost;
    ticket->on_lost_arg = options->on_lost_arg;
    return ticket;
}

const char *leaselock_name_fault(const char *name)
{
    return name == NULL ? "a lock's name must not be NULL"
                        : ll_name_fault((struct ll_bytes){name, strlen(name)});
}

static int acquire_options(const struct leaselock_acquire_options *user,
                           const char *name,
                           int timeout_ms,
                           struct leaselock_acquire_options *options,
                           struct leaselock_error *reterr)
{
    const char *fault;

    if (ll_options_copy(options, sizeof(*options), user) != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the acquire's options with "
                             "LEASELOCK_ACQUIRE_OPTIONS_INIT");
    }
    fault = leaselock_name_fault(name);
    if (fault != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NAME, fault);
    }
    if (timeout_ms < LEASELOCK_FOREVER) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a time-out is 0 or more milliseconds, or "
                             "LEASELOCK_FOREVER");
    }
    if (!ll_value_label_is_valid(options->label)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a label is at most 128 bytes of UTF-8 without "
                             "control characters");
    }
    return 0;
}

/** Makes a ticket and asks for its place; with the client's mutex held. */
static int ticket_start(struct ll_session_object *session,
                        const char *name,
                        const struct leaselock_acquire_options *options,
                        int timeout_ms,
                        struct ll_ticket_object *ticket)
{
    struct ll_client *client = session->client;
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE};
    const char *label =
        options->label != NULL ? options->label : session->label;
    char *value = NULL;
    size_t value_size = 0;
    int status = ll_value_make(label, &value, &value_size);

    if (status == 0) {
        status = ll_handle_enter(&ticket->handle, LL_HANDLE_TICKET, true,
                                 ticket_destroy);
    }
    if (status != 0) {
        ticket_destroy(&ticket->handle);
        goto out;
    }
    ticket->acquire_due = true;
    ll_link_append(&client->tickets, &ticket->link);
    ll_handle_ref(&ticket->handle); /* the caller's */
    event.id = ticket->handle.entry.id;
    event.acquire.session = session->handle.entry.id;
    event.acquire.name = (struct ll_bytes){name, strlen(name)};
    event.acquire.value = (struct ll_bytes){value, value_size};
    event.acquire.timeout_ns = timeout_ms < 0 ? -1 : timeout_ms * LL_NS_PER_MS;
    status = ll_client_command(client, &event);
    if (status != 0) {
        ticket->acquire_due = false;
        (void)ll_handle_shut(&ticket->handle);
        ticket_settle(ticket);
        ll_handle_put(&ticket->handle);
    }
out:
    ll_free(value);
    return status;
}

int leaselock_acquire(leaselock_session *user,
                      const char *name,
                      const struct leaselock_acquire_options *options,
                      int timeout_ms,
                      leaselock_ticket **ret_ticket,
                      struct leaselock_error *reterr)
{
    struct leaselock_acquire_options own;
    struct ll_session_object *session = NULL;
    struct ll_ticket_object *ticket;
    struct ll_waiter waiter;
    int status = acquire_options(options, name, timeout_ms, &own, reterr);

    if (status != 0) {
        return status;
    }
    if (ret_ticket == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    if (ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = ll_waiter_init(&waiter, reterr);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = ll_session_enter(user, &session);
    if (status != 0) {
        (void)ll_error_text(reterr, status, "");
        goto out;
    }
    ticket = ticket_new(session, &own, &waiter, NULL, NULL);
    status = ticket == NULL
                 ? LEASELOCK_E_NOMEM
                 : ticket_start(session, name, &own, timeout_ms, ticket);
    if (status != 0) {
        (void)ll_error_text(reterr, status, "");
    } else {
        status = ll_client_await(session->client, &waiter);
        if (status == 0) {
            *ret_ticket = ll_handle_user(&ticket->handle);
        }
        ll_handle_put(&ticket->handle);
    }
    ll_session_exit(session);
out:
    ll_waiter_free(&waiter);
    return status;
}

int leaselock_acquire_async(leaselock_session *user,
                            const char *name,
                            const struct leaselock_acquire_options *options,
                            int timeout_ms,
                            leaselock_done_fn *done,
                            void *arg,
                            leaselock_ticket **ret_ticket,
                            struct leaselock_error *reterr)
{
    struct leaselock_acquire_options own;
    struct ll_session_object *session = NULL;
    struct ll_ticket_object *ticket;
    int status = acquire_options(options, name, timeout_ms, &own, reterr);

    if (status != 0) {
        return status;
    }
    if (ret_ticket == NULL || done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    status = ll_session_enter(user, &session);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    ticket = ticket_new(session, &own, NULL, done, arg);
    status = ticket == NULL
                 ? LEASELOCK_E_NOMEM
                 : ticket_start(session, name, &own, timeout_ms, ticket);
    if (status == 0) {
        *ret_ticket = ll_handle_user(&ticket->handle);
        ll_handle_put(&ticket->handle);
    }
    ll_session_exit(session);
    return ll_error_text(reterr, status, "");
}

/** Begins to release a ticket, and closes its handle; with the mutex held. */
static int ticket_release_begin(struct ll_ticket_object *ticket,
                                struct ll_waiter *waiter,
                                leaselock_done_fn *done,
                                void *arg)
{
    struct ll_client *client = ticket->client;
    struct ll_event event = {.kind = LL_EVENT_RELEASE,
                             .id = ticket->handle.entry.id};
    int status;

    if (!ll_handle_shut(&ticket->handle)) {
        return LEASELOCK_E_HANDLE;
    }
    ll_notice_withdraw(&ticket->lost);
    ticket->released.waiter = waiter;
    ticket->released.done = done;
    ticket->released.arg = arg;
    ticket->release_due = true;
    event.release.timeout_ns =
        2 * client->options.request_timeout_ms * LL_NS_PER_MS;
    status = ll_client_command(client, &event);
    if (status != 0) {
        ticket->release_due = false;
    }
    ticket_settle(ticket);
    /* It was over already: only its callback had not been told. */
    return status == LEASELOCK_E_STATE ? LEASELOCK_E_HANDLE : status;
}

int leaselock_release(leaselock_ticket *user, struct leaselock_error *reterr)
{
    struct ll_ticket_object *ticket = NULL;
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
    status = ll_ticket_enter(user, &ticket);
    if (status == 0) {
        status = ticket_release_begin(ticket, &waiter, NULL, NULL);
        if (status == 0) {
            status = ll_client_await(ticket->client, &waiter);
            ll_client_await_callbacks(ticket->client, &ticket->handle);
        } else {
            (void)ll_error_text(reterr, status, "");
        }
        ll_ticket_exit(ticket);
    } else {
        (void)ll_error_text(reterr, status, "");
    }
    ll_waiter_free(&waiter);
    return status;
}

int leaselock_release_async(leaselock_ticket *user,
                            leaselock_done_fn *done,
                            void *arg,
                            struct leaselock_error *reterr)
{
    struct ll_ticket_object *ticket = NULL;
    int status = ll_ticket_enter(user, &ticket);

    if (status == 0) {
        status = ticket_release_begin(ticket, NULL, done, arg);
        ll_ticket_exit(ticket);
    }
    return ll_error_text(reterr, status, "");
}

static void ticket_on_acquired(struct ll_client *client,
                               struct ll_ticket_object *ticket,
                               const struct ll_detail *detail)
{
    ticket->acquire_due = false;
    if (detail->status != 0 && ticket->acquired.done == NULL) {
        (void)ll_handle_shut(&ticket->handle);
    }
    ll_client_complete(client, &ticket->acquired, detail);
}

static void ticket_on_released(struct ll_client *client,
                               struct ll_ticket_object *ticket,
                               const struct ll_detail *detail)
{
    ticket->release_due = false;
    ll_client_complete(client, &ticket->released, detail);
}

void ll_ticket_effect(struct ll_client *client, const struct ll_effect *effect)
{
    struct ll_handle *handle = ll_handle_find(effect->id);
    struct ll_ticket_object *ticket;

    if (handle == NULL) {
        return;
    }
    ticket = LL_CONTAINER(handle, struct ll_ticket_object, handle);
    if (effect->kind == LL_EFFECT_ACQUIRED && ticket->acquire_due) {
        ticket_on_acquired(client, ticket, &effect->detail);
    } else if (effect->kind == LL_EFFECT_RELEASED && ticket->release_due) {
        ticket_on_released(client, ticket, &effect->detail);
    } else if (effect->kind == LL_EFFECT_LOST && ticket->on_lost != NULL &&
               ticket->handle.open) {
        ticket->lost_why = effect->lost.why;
        ll_notice_post(client, &ticket->lost);
    }
    ticket_settle(ticket);
}

void ll_tickets_close(struct ll_client *client, uint64_t session)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &client->tickets) {
        struct ll_ticket_object *ticket =
            LL_CONTAINER(at, struct ll_ticket_object, link);

        if (ticket->session != session) {
            continue;
        }
        ll_notice_withdraw(&ticket->lost);
        if (!ll_link_alone(&ticket->acquired.notice.link)) {
            /* Not told yet: what is told is that it is over, which closes
             * the handle. */
            ticket->acquired.status = LEASELOCK_E_CLOSED;
        } else {
            (void)ll_handle_shut(&ticket->handle);
            ticket_settle(ticket);
        }
    }
}

void ll_tickets_abort(struct ll_client *client)
{
    struct ll_detail closed = {LEASELOCK_E_CLOSED, -1, LL_ENDPOINT_ANY, ""};
    struct ll_detail unknown = {LEASELOCK_E_OUTCOME_UNKNOWN, -1,
                                LL_ENDPOINT_ANY, ""};
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &client->tickets) {
        struct ll_ticket_object *ticket =
            LL_CONTAINER(at, struct ll_ticket_object, link);

        if (ticket->acquire_due) {
            ticket_on_acquired(client, ticket, &closed);
        }
        if (ticket->release_due) {
            ticket_on_released(client, ticket, &unknown);
        }
        (void)ll_handle_shut(&ticket->handle);
        ticket_settle(ticket);
    }
}
