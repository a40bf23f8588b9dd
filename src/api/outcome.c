#include <time.h>

#include "api/write.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

/**
 * leaselock_fenced_outcome: somebody who wants to know a write's last word.
 */
struct ll_outcome_object {
    struct ll_handle handle;
    struct ll_client *client;        /* a reference */
    struct ll_ticket_object *ticket; /* a reference */
    struct ll_link link;             /* in write->asked */
    struct ll_completion completion;
};

static void outcome_destroy(struct ll_handle *handle)
{
    struct ll_outcome_object *outcome =
        LL_CONTAINER(handle, struct ll_outcome_object, handle);

    ll_completion_free(&outcome->completion);
    ll_handle_put(&outcome->ticket->handle);
    ll_handle_put(&outcome->client->handle);
    ll_free(outcome);
}

/** Asks for the last word of a ticket's write; it is told at once where it is
 *  known. With the client's mutex held, and a reference for the caller. */
static int outcome_ask(struct ll_ticket_object *ticket,
                       struct ll_waiter *waiter,
                       leaselock_done_fn *done,
                       void *arg,
                       struct ll_outcome_object **ret_outcome)
{
    struct ll_outcome_object *outcome;
    int status;

    if (ticket->unknown == NULL) {
        return LEASELOCK_E_STATE;
    }
    outcome = ll_alloc_zero(1, sizeof(*outcome));
    if (outcome == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    outcome->client = ticket->client;
    ll_handle_ref(&ticket->client->handle);
    outcome->ticket = ticket;
    ll_handle_ref(&ticket->handle);
    ll_link_init(&outcome->link);
    ll_completion_init(&outcome->completion, &outcome->handle, done, arg);
    outcome->completion.waiter = waiter;
    status = ll_handle_enter(&outcome->handle, LL_HANDLE_OUTCOME, false,
                             outcome_destroy);
    if (status != 0) {
        outcome_destroy(&outcome->handle);
        return status;
    }
    ll_handle_ref(&outcome->handle);
    ll_link_append(&ticket->unknown->asked, &outcome->link);
    if (ticket->unknown->over) {
        ll_outcomes_tell(ticket->unknown);
    }
    *ret_outcome = outcome;
    return 0;
}

/** Ends the wait of one who waits no longer. */
static void outcome_drop(struct ll_outcome_object *outcome)
{
    if (!ll_link_alone(&outcome->link)) {
        outcome->completion.waiter = NULL;
        ll_link_remove(&outcome->link);
        ll_handle_leave(&outcome->handle);
    }
}

void ll_outcomes_tell(struct ll_write_object *write)
{
    while (!ll_link_alone(&write->asked)) {
        struct ll_outcome_object *outcome =
            LL_CONTAINER(write->asked.next, struct ll_outcome_object, link);

        ll_link_remove(&outcome->link);
        if (outcome->ticket->committed) {
            ll_ticket_shut(outcome->ticket);
        }
        ll_client_complete(write->client, &outcome->completion, &write->last);
        ll_handle_leave(&outcome->handle);
    }
}

static int outcome_await(struct ll_ticket_object *ticket,
                         struct ll_waiter *waiter,
                         int timeout_ms,
                         struct leaselock_error *reterr)
{
    struct ll_outcome_object *outcome = NULL;
    int status = outcome_ask(ticket, waiter, NULL, NULL, &outcome);

    if (status != 0) {
        return ll_error_text(reterr, status,
                             status == LEASELOCK_E_STATE
                                 ? "no write of this ticket has ended with an "
                                   "unknown outcome"
                                 : "");
    }
    if (timeout_ms < 0) {
        status = ll_client_await(ticket->client, waiter);
    } else if (ll_client_await_for(ticket->client, waiter, timeout_ms)) {
        status = waiter->status;
    } else {
        status = ll_error_text(reterr, LEASELOCK_E_TIMEOUT,
                               "the outcome of the write is not certain yet");
    }
    if (status == 0) {
        /* It may have given the ticket back. */
        ll_client_await_callbacks(ticket->client, &ticket->handle);
    }
    outcome_drop(outcome);
    ll_handle_put(&outcome->handle);
    return status;
}

int leaselock_fenced_outcome(leaselock_ticket *user,
                             int timeout_ms,
                             struct leaselock_error *reterr)
{
    struct ll_ticket_object *ticket = NULL;
    struct ll_waiter waiter;
    int status;

    if (timeout_ms < LEASELOCK_FOREVER) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a timeout is 0 or more milliseconds, or "
                             "LEASELOCK_FOREVER");
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
        status = outcome_await(ticket, &waiter, timeout_ms, reterr);
        ll_ticket_exit(ticket);
    } else {
        (void)ll_error_text(reterr, status, "");
    }
    ll_waiter_free(&waiter);
    return status;
}

int leaselock_fenced_outcome_async(leaselock_ticket *user,
                                   leaselock_done_fn *done,
                                   void *arg,
                                   struct leaselock_error *reterr)
{
    struct ll_outcome_object *outcome = NULL;
    struct ll_ticket_object *ticket = NULL;
    int status;

    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    status = ll_ticket_enter(user, &ticket);
    if (status == 0) {
        status = outcome_ask(ticket, NULL, done, arg, &outcome);
        if (status == 0) {
            ll_handle_put(&outcome->handle);
        }
        ll_ticket_exit(ticket);
    }
    return ll_error_text(reterr, status, "");
}
