/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "api/write.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/user_call.h"

/**
 * leaselock_fenced_outcome: a pending request for a write's final outcome.
 */
struct ll_outcome_object {
    struct ll_handle handle;
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
    ll_handle_put(&outcome->handle.client->handle);
    ll_free(outcome);
}

/** Requests the final outcome of a ticket's write, which is reported at once if
 *  it is known. With the client's mutex held; the caller gets a reference. */
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
    outcome->handle.client = ticket->handle.client;
    ll_handle_ref(&ticket->handle.client->handle);
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
        ll_outcomes_report(ticket->unknown);
    }
    *ret_outcome = outcome;
    return 0;
}

void ll_outcomes_report(struct ll_write_object *write)
{
    while (!ll_link_alone(&write->asked)) {
        struct ll_outcome_object *outcome =
            LL_CONTAINER(write->asked.next, struct ll_outcome_object, link);

        ll_link_remove(&outcome->link);
        if (outcome->ticket->committed) {
            ll_ticket_shut(outcome->ticket);
        }
        ll_client_complete(write->handle.client, &outcome->completion,
                           &write->last);
        ll_handle_leave(&outcome->handle);
    }
}

/** A call of leaselock_fenced_outcome or leaselock_fenced_outcome_async. */
struct outcome_call {
    struct ll_user_call call;
    leaselock_done_fn *done;
    void *arg;
    struct ll_outcome_object *outcome; /* a reference, once it is started */
};

static int outcome_start(struct ll_user_call *call,
                         struct ll_handle *object,
                         struct ll_waiter *waiter,
                         struct leaselock_error *reterr)
{
    struct outcome_call *own = LL_CONTAINER(call, struct outcome_call, call);
    struct ll_ticket_object *ticket =
        LL_CONTAINER(object, struct ll_ticket_object, handle);
    int status =
        outcome_ask(ticket, waiter, own->done, own->arg, &own->outcome);

    return ll_error_text(reterr, status,
                         status == LEASELOCK_E_STATE
                             ? "no write of this ticket has ended with an "
                               "unknown outcome"
                             : "");
}

static void outcome_end(struct ll_user_call *call,
                        struct ll_handle *object,
                        bool waits,
                        int status)
{
    struct outcome_call *own = LL_CONTAINER(call, struct outcome_call, call);
    struct ll_outcome_object *outcome = own->outcome;

    if (waits && status == 0) {
        /* The write may have released the ticket. */
        ll_client_await_callbacks(object->client, object);
    }
    if (waits && !ll_link_alone(&outcome->link)) {
        outcome->completion.waiter = NULL; /* the call has stopped waiting */
        ll_link_remove(&outcome->link);
        ll_handle_leave(&outcome->handle);
    }
    ll_handle_put(&outcome->handle);
}

int leaselock_fenced_outcome(leaselock_ticket *user,
                             int timeout_ms,
                             struct leaselock_error *reterr)
{
    struct outcome_call own = {
        .call = {.kind = LL_HANDLE_TICKET,
                 .start = outcome_start,
                 .end = outcome_end,
                 .late = "the outcome of the write is not certain yet"}};

    if (timeout_ms < LEASELOCK_FOREVER) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a timeout is 0 or more milliseconds, or "
                             "LEASELOCK_FOREVER");
    }
    if (timeout_ms >= 0) {
        own.call.until_ns = ll_clock_now_ns() + timeout_ms * LL_NS_PER_MS;
    }
    return ll_user_call_run(&own.call, user, true, reterr);
}

int leaselock_fenced_outcome_async(leaselock_ticket *user,
                                   leaselock_done_fn *done,
                                   void *arg,
                                   struct leaselock_error *reterr)
{
    struct outcome_call own = {.call = {.kind = LL_HANDLE_TICKET,
                                        .start = outcome_start,
                                        .end = outcome_end},
                               .done = done,
                               .arg = arg};

    return done == NULL ? ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "")
                        : ll_user_call_run(&own.call, user, false, reterr);
}
