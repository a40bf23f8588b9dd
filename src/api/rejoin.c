/* SPDX-License-Identifier: Apache-2.0 */
#include "api/extra.h"
#include "api/requeue.h"
#include "api/session.h"
#include "api/ticket.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/user_call.h"
#include "core/key.h"

/**
 * leaselock_rejoin: a held ticket gives way and queues again. In core the new
 * place is a new ticket (see core/rejoin.h); the user's ticket continues with
 * it.
 */

/** A call of leaselock_rejoin or leaselock_rejoin_async. */
struct rejoin_call {
    struct ll_user_call call;
    int timeout_ms;
    leaselock_done_fn *done;
    void *arg;
};

static void place_destroy(struct ll_handle *handle)
{
    struct ll_rejoin_object *place =
        LL_CONTAINER(handle, struct ll_rejoin_object, handle);

    ll_completion_free(&place->completion);
    ll_handle_put(&place->ticket->handle);
    ll_handle_put(&place->handle.client->handle);
    ll_free(place);
}

/** Closes the ticket's handle when the callback of a failure has returned. */
static void rejoined_after(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_rejoin_object *place =
        LL_CONTAINER(notice, struct ll_rejoin_object, completion.notice);

    (void)client;
    if (place->completion.status != 0) {
        ll_ticket_shut(place->ticket);
    }
}

/** A new place; the caller gets a reference, and the tables another one. */
static struct ll_rejoin_object *place_new(struct ll_ticket_object *ticket,
                                          const struct rejoin_call *own,
                                          struct ll_waiter *waiter)
{
    struct ll_rejoin_object *place = ll_alloc_zero(1, sizeof(*place));

    if (place == NULL) {
        return NULL;
    }
    place->handle.client = ticket->handle.client;
    ll_handle_ref(&ticket->handle.client->handle);
    place->ticket = ticket;
    ll_handle_ref(&ticket->handle);
    ll_completion_init(&place->completion, &place->handle, own->done, own->arg);
    place->completion.waiter = waiter;
    place->completion.notice.after = rejoined_after;
    /* Core uses the id that follows for the detection of a deadlock. */
    if (ll_handle_enter_with(&place->handle, LL_HANDLE_REJOIN, false, 1,
                             place_destroy) != 0) {
        place_destroy(&place->handle);
        return NULL;
    }
    ll_handle_ref(&place->handle);
    return place;
}

/** Requests the new place from core. */
static int place_ask(struct ll_ticket_object *ticket,
                     struct ll_rejoin_object *place,
                     const struct rejoin_call *own,
                     struct ll_bytes value)
{
    struct ll_client *client = ticket->handle.client;
    struct ll_rejoin_object *before = ticket->rejoin;
    uint64_t id = ll_ticket_id(ticket);
    bool waits = place->completion.waiter != NULL;
    struct ll_event event = {.kind = LL_EVENT_REJOIN};
    int status;

    event.id = place->handle.entry.id;
    event.rejoin.ticket = id;
    event.rejoin.value = value;
    event.rejoin.timeout_ns =
        own->timeout_ms < 0 ? -1 : own->timeout_ms * LL_NS_PER_MS;
    ticket->rejoin = place;
    if (ticket->requeue != NULL) {
        ticket->requeue->id = event.id;
    }
    ticket->acquire_due = true;
    client->granting_n += waits ? 0 : 1;
    status = ll_client_command(client, &event);
    if (status != 0) {
        ticket->rejoin = before;
        if (ticket->requeue != NULL) {
            ticket->requeue->id = id;
        }
        ticket->acquire_due = false;
        client->granting_n -= waits ? 0 : 1;
    } else {
        ll_ticket_drop_place(before);
    }
    return status;
}

static int place_request(struct ll_ticket_object *ticket,
                         const struct rejoin_call *own,
                         struct ll_waiter *waiter)
{
    struct ll_handle *session = ll_handle_find(ticket->session);
    struct ll_bytes value = {NULL, 0};
    struct ll_rejoin_object *place = NULL;
    char *made = NULL;
    int status =
        session == NULL
            ? LEASELOCK_E_LOST
            : ll_ticket_value(
                  LL_CONTAINER(session, struct ll_session_object, handle),
                  ticket->label, 0, &value, &made);

    if (status == 0) {
        status = ll_requeue_renew(ticket, own->timeout_ms, value);
    }
    if (status == 0) {
        place = place_new(ticket, own, waiter);
        status = place != NULL ? 0 : LEASELOCK_E_NOMEM;
    }
    if (status == 0) {
        status = place_ask(ticket, place, own, value);
        if (status != 0) {
            ll_ticket_drop_place(place);
        }
    }
    ll_free(made);
    return status;
}

/** Whether a ticket can rejoin: 0, _LOST, or _STATE or _ARGUMENT with the reason
 *  as a sentence. */
static int rejoin_check(const struct ll_ticket_object *ticket,
                        const char **ret_why)
{
    const struct ll_core *core = ticket->handle.client->core;
    int64_t now_ns = ll_clock_now_ns();
    struct ll_ticket_view view;
    struct ll_session_view session;

    *ret_why = "only a held ticket can rejoin";
    if (ticket->acquire_due || ticket->committed ||
        !ll_core_ticket_view(core, ll_ticket_id(ticket), now_ns, &view)) {
        return LEASELOCK_E_STATE;
    }
    if (view.phase != LL_TICKET_PHASE_HELD) {
        return view.phase == LL_TICKET_PHASE_LOST ? LEASELOCK_E_LOST
                                                  : LEASELOCK_E_STATE;
    }
    if (ticket->names_n > 1) {
        *ret_why = "a ticket of several names cannot rejoin: release it, and "
                   "acquire them again";
        return LEASELOCK_E_ARGUMENT;
    }
    if (ll_key_part(view.key, 'w').size > 0) {
        *ret_why = "a candidate cannot rejoin: release it, and campaign again";
        return LEASELOCK_E_ARGUMENT;
    }
    if (ll_core_session_view(core, ticket->session, now_ns, &session) &&
        ll_key_delay_ms(view.key, session.lease) > 0) {
        *ret_why = "a ticket with a lock-delay cannot rejoin, as its release "
                   "takes two requests: release it, and acquire it again";
        return LEASELOCK_E_ARGUMENT;
    }
    return 0;
}

static int rejoin_start(struct ll_user_call *call,
                        struct ll_handle *object,
                        struct ll_waiter *waiter,
                        struct leaselock_error *reterr)
{
    const struct rejoin_call *own =
        LL_CONTAINER(call, struct rejoin_call, call);
    struct ll_ticket_object *ticket =
        LL_CONTAINER(object, struct ll_ticket_object, handle);
    const char *why = "";
    int status = rejoin_check(ticket, &why);

    if (status == LEASELOCK_E_STATE || status == LEASELOCK_E_ARGUMENT) {
        return ll_error_text(reterr, status, why);
    }
    if (status == 0) {
        status = place_request(ticket, own, waiter);
    }
    if (status == 0) { /* what is due is of the hold that has ended */
        ll_notice_withdraw(&ticket->lost);
        ll_extra_quieten(ticket);
    } else if (status == LEASELOCK_E_ARGUMENT) {
        return ll_error_text(reterr, status,
                             "a ticket with keep_ms cannot rejoin: release it, "
                             "and acquire it again");
    } else if (status == LEASELOCK_E_LOST) {
        /* As a release of it: reported by the completion. */
        status = ll_ticket_release_begin(ticket, waiter, own->done, own->arg);
    } else {
        (void)ll_ticket_release_begin(ticket, NULL, NULL, NULL);
    }
    return ll_error_text(reterr, status, "");
}

static void rejoin_end(struct ll_user_call *call,
                       struct ll_handle *object,
                       bool waits,
                       int status)
{
    (void)call;
    if (waits && status != 0) { /* its handle is closed */
        ll_client_await_callbacks(object->client, object);
    }
}

static int rejoin(leaselock_ticket *user,
                  const struct rejoin_call *ask,
                  bool waits,
                  struct leaselock_error *reterr)
{
    struct rejoin_call own = *ask;

    own.call.kind = LL_HANDLE_TICKET;
    own.call.start = rejoin_start;
    own.call.end = rejoin_end;
    if (own.timeout_ms < LEASELOCK_FOREVER || own.timeout_ms == 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a rejoin's timeout is 1 or more milliseconds, or "
                             "LEASELOCK_FOREVER");
    }
    return !waits && own.done == NULL
               ? ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "")
               : ll_user_call_run(&own.call, user, waits, reterr);
}

int leaselock_rejoin(leaselock_ticket *user,
                     int timeout_ms,
                     struct leaselock_error *reterr)
{
    struct rejoin_call own = {.timeout_ms = timeout_ms};

    return rejoin(user, &own, true, reterr);
}

int leaselock_rejoin_async(leaselock_ticket *user,
                           int timeout_ms,
                           leaselock_done_fn *done,
                           void *arg,
                           struct leaselock_error *reterr)
{
    struct rejoin_call own = {
        .timeout_ms = timeout_ms, .done = done, .arg = arg};

    return rejoin(user, &own, false, reterr);
}
