/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ticket.h"

#include "api/extra.h"
#include "api/hooks.h"
#include "api/requeue.h"
#include "api/value.h"
#include "api/write.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/user_call.h"

void ll_ticket_destroy(struct ll_handle *handle)
{
    struct ll_ticket_object *ticket =
        LL_CONTAINER(handle, struct ll_ticket_object, handle);

    ll_completion_free(&ticket->acquired);
    ll_completion_free(&ticket->released);
    if (ticket->unknown != NULL) {
        ll_handle_put(&ticket->unknown->handle);
    }
    ll_requeue_free(ticket->requeue);
    ll_extra_free(ticket->extra);
    ll_free(ticket->label);
    ll_handle_put(&ticket->handle.client->handle);
    ll_free(ticket);
}

void ll_ticket_drop_place(struct ll_rejoin_object *place)
{
    if (place != NULL) {
        ll_handle_leave(&place->handle);
        ll_handle_put(&place->handle);
    }
}

void ll_ticket_settle(struct ll_ticket_object *ticket)
{
    if (!ticket->handle.open && !ticket->acquire_due && !ticket->release_due &&
        !ll_link_alone(&ticket->link)) {
        ll_link_remove(&ticket->link);
        ll_ticket_drop_place(ticket->rejoin);
        ticket->rejoin = NULL;
        ll_requeue_settle(ticket);
        ll_handle_leave(&ticket->handle);
    }
}

/** Withdraws the reports of a loss, a suspect session, a requeue and requests;
 *  wakes the waiting calls, which check the ticket again. */
static void ticket_quieten(struct ll_ticket_object *ticket)
{
    ll_notice_withdraw(&ticket->lost);
    ll_extra_quieten(ticket);
    if (ticket->requeue != NULL) {
        ll_notice_withdraw(&ticket->requeue->notice);
    }
    pthread_cond_broadcast(&ticket->handle.client->changed);
}

void ll_ticket_shut(struct ll_ticket_object *ticket)
{
    (void)ll_handle_shut(&ticket->handle);
    ticket_quieten(ticket);
    ll_ticket_settle(ticket);
}

int ll_ticket_enter(const void *user, struct ll_ticket_object **ret_ticket)
{
    struct ll_handle *handle = NULL;
    int status = ll_user_enter(user, LL_HANDLE_TICKET, &handle);

    if (status == 0) {
        *ret_ticket = LL_CONTAINER(handle, struct ll_ticket_object, handle);
    }
    return status;
}

void ll_ticket_exit(struct ll_ticket_object *ticket)
{
    ll_user_exit(&ticket->handle);
}

uint64_t ll_ticket_id(const struct ll_ticket_object *ticket)
{
    return ticket->requeue != NULL  ? ticket->requeue->id
           : ticket->rejoin != NULL ? ticket->rejoin->handle.entry.id
                                    : ticket->handle.entry.id;
}

uint64_t ll_ticket_owner(const struct ll_ticket_object *ticket)
{
    return ticket->requeue != NULL ? ticket->requeue->owner : ticket->session;
}

/** The ticket that has a place with this handle. */
static struct ll_ticket_object *ticket_of(struct ll_handle *handle)
{
    return handle->kind == LL_HANDLE_PLACE ? ll_requeue_ticket(handle)
           : handle->kind == LL_HANDLE_REJOIN
               ? LL_CONTAINER(handle, struct ll_rejoin_object, handle)->ticket
               : LL_CONTAINER(handle, struct ll_ticket_object, handle);
}

uint64_t ll_ticket_owner_of(struct ll_handle *handle)
{
    return handle->kind == LL_HANDLE_TICKET || handle->kind == LL_HANDLE_REJOIN
               ? ll_ticket_owner(ticket_of(handle))
               : 0;
}

int ll_ticket_release_begin(struct ll_ticket_object *ticket,
                            struct ll_waiter *waiter,
                            leaselock_done_fn *done,
                            void *arg)
{
    struct ll_client *client = ticket->handle.client;
    struct ll_event event = {.kind = LL_EVENT_RELEASE,
                             .id = ll_ticket_id(ticket)};
    struct ll_detail released = {0, -1, LL_ENDPOINT_ANY, ""};
    int status;

    if (!ll_handle_shut(&ticket->handle)) {
        return LEASELOCK_E_HANDLE;
    }
    ticket_quieten(ticket);
    ticket->released.waiter = waiter;
    ticket->released.done = done;
    ticket->released.arg = arg;
    if (ticket->committed) {
        ll_client_complete(client, &ticket->released, &released);
        ll_ticket_settle(ticket);
        return 0;
    }
    ticket->release_due = true;
    event.release.timeout_ns =
        2 * client->options.request_timeout_ms * LL_NS_PER_MS;
    status = ll_client_command(client, &event);
    if (status != 0) {
        ticket->release_due = false;
    }
    ll_ticket_settle(ticket);
    /* Core had dropped it; only the report was still pending. */
    return status == LEASELOCK_E_STATE ? LEASELOCK_E_HANDLE : status;
}

static int release_start(struct ll_user_call *call,
                         struct ll_handle *object,
                         struct ll_waiter *waiter,
                         struct leaselock_error *reterr)
{
    const struct ll_status_call *own =
        LL_CONTAINER(call, struct ll_status_call, call);
    struct ll_ticket_object *ticket =
        LL_CONTAINER(object, struct ll_ticket_object, handle);

    return ll_error_text(
        reterr, ll_ticket_release_begin(ticket, waiter, own->done, own->arg),
        "");
}

int leaselock_release(leaselock_ticket *user, struct leaselock_error *reterr)
{
    struct ll_status_call own = {.call = {.kind = LL_HANDLE_TICKET,
                                          .start = release_start,
                                          .end = ll_user_call_end_quiet}};

    return user == NULL ? 0 : ll_user_call_run(&own.call, user, true, reterr);
}

int leaselock_release_async(leaselock_ticket *user,
                            leaselock_done_fn *done,
                            void *arg,
                            struct leaselock_error *reterr)
{
    struct ll_status_call own = {
        .call = {.kind = LL_HANDLE_TICKET, .start = release_start},
        .done = done,
        .arg = arg};

    return ll_user_call_run(&own.call, user, false, reterr);
}

/** A ticket can be granted while its session is suspect. */
static void ticket_check_suspect(struct ll_client *client,
                                 struct ll_ticket_object *ticket)
{
    struct ll_session_view view;

    if (ll_core_session_view(client->core, ticket->session, ll_clock_now_ns(),
                             &view) &&
        view.state == LL_SESSION_SUSPECT) {
        ll_extra_suspect(ticket, "a renewal is overdue");
    }
}

void ll_tickets_suspect(struct ll_client *client,
                        uint64_t session,
                        const char *why)
{
    struct ll_link *at;

    for (at = client->tickets.next; at != &client->tickets; at = at->next) {
        struct ll_ticket_object *ticket =
            LL_CONTAINER(at, struct ll_ticket_object, link);

        if (ticket->session == session) {
            ll_extra_suspect(ticket, why);
        }
    }
    pthread_cond_broadcast(&client->changed);
}

/** The end of the ticket's newest wait. */
static struct ll_completion *ticket_completion(struct ll_ticket_object *ticket)
{
    return ticket->rejoin != NULL ? &ticket->rejoin->completion
                                  : &ticket->acquired;
}

static void ticket_on_acquired(struct ll_client *client,
                               struct ll_ticket_object *ticket,
                               const struct ll_detail *detail)
{
    struct ll_completion *completion = ticket_completion(ticket);

    ticket->acquire_due = false;
    client->granting_n -= completion->waiter == NULL ? 1 : 0;
    if (detail->status != 0 && completion->done == NULL) {
        (void)ll_handle_shut(&ticket->handle);
    }
    ll_client_complete(client, completion, detail);
    if (detail->status == 0) {
        ticket_check_suspect(client, ticket);
    }
}

static void ticket_on_released(struct ll_client *client,
                               struct ll_ticket_object *ticket,
                               const struct ll_detail *detail)
{
    ticket->release_due = false;
    ll_client_complete(client, &ticket->released, detail);
}

void ll_ticket_fail_acquire(struct ll_client *client,
                            struct ll_ticket_object *ticket,
                            const struct ll_detail *detail)
{
    if (ticket->acquire_due) {
        ticket_on_acquired(client, ticket, detail);
        ll_ticket_settle(ticket);
    }
}

void ll_ticket_effect(struct ll_client *client, const struct ll_effect *effect)
{
    struct ll_handle *handle = ll_handle_find(effect->id);
    struct ll_ticket_object *ticket;

    if (handle == NULL) {
        return;
    }
    ticket = ticket_of(handle);
    if (ll_ticket_id(ticket) != effect->id) {
        return; /* of an earlier place */
    }
    if (effect->kind == LL_EFFECT_ACQUIRED && ticket->acquire_due) {
        if (!ll_requeue_wants(ticket, effect)) {
            struct ll_detail detail = effect->detail;
            char blocked[LL_BLOCKER_TEXT_SIZE];

            if (effect->acquired.is_blocked &&
                effect->acquired.blocker.name.size > 0) {
                ll_blocker_text(&effect->acquired.blocker, blocked);
                detail.text = blocked;
            }
            ticket_on_acquired(client, ticket, &detail);
        }
    } else if (effect->kind == LL_EFFECT_RELEASED && ticket->release_due) {
        ticket_on_released(client, ticket, &effect->detail);
    } else if (effect->kind == LL_EFFECT_ASKED) {
        ll_extra_asked(ticket, effect);
    } else if (effect->kind == LL_EFFECT_LOST) {
        pthread_cond_broadcast(&client->changed);
        if (ticket->on_lost != NULL && ticket->handle.open) {
            ticket->lost_why = effect->lost.why;
            ll_notice_post(client, &ticket->lost);
        }
    }
    ll_ticket_settle(ticket);
}

void ll_tickets_close(struct ll_client *client, uint64_t session)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &client->tickets) {
        struct ll_ticket_object *ticket =
            LL_CONTAINER(at, struct ll_ticket_object, link);

        if (ll_ticket_owner(ticket) != session) {
            continue;
        }
        ticket_quieten(ticket);
        if (!ll_link_alone(&ticket_completion(ticket)->notice.link)) {
            /* Not reported yet: the report becomes E_CLOSED, and its
             * callback closes the handle. */
            ticket_completion(ticket)->status = LEASELOCK_E_CLOSED;
        } else {
            ll_ticket_shut(ticket);
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
        ll_ticket_shut(ticket);
    }
}
