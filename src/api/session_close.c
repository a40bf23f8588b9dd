/* SPDX-License-Identifier: Apache-2.0 */
#include "api/hooks.h"
#include "api/session.h"
#include "api/ticket.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/user_call.h"

/** How a session is closed. */

int ll_session_close_one(struct ll_session_object *session,
                         struct ll_waiter *waiter,
                         leaselock_done_fn *done,
                         void *arg)
{
    struct ll_client *client = session->handle.client;
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
    ll_session_settle(session);
    return status == LEASELOCK_E_STATE ? LEASELOCK_E_HANDLE : status;
}

/** Begins to close a session whose handle has just been shut, and its
 *  replacement. If there is a replacement, the session's own lease is lost
 *  already, and the call waits until the replacement's lease is revoked. */
static int session_close_begin(struct ll_session_object *session,
                               struct ll_waiter *waiter,
                               leaselock_done_fn *done,
                               void *arg)
{
    struct ll_session_object *heir = session->heir;
    int status;

    if (heir == NULL || !ll_handle_shut(&heir->handle)) {
        return ll_session_close_one(session, waiter, done, arg);
    }
    ll_handle_ref(&heir->handle);
    (void)ll_session_close_one(session, NULL, NULL, NULL);
    status = ll_session_close_one(heir, waiter, done, arg);
    ll_handle_put(&heir->handle);
    return status;
}

static int close_start(struct ll_user_call *call,
                       struct ll_handle *object,
                       struct ll_waiter *waiter,
                       struct leaselock_error *reterr)
{
    const struct ll_status_call *own =
        LL_CONTAINER(call, struct ll_status_call, call);
    int status = LEASELOCK_E_HANDLE;

    if (ll_handle_shut(object)) {
        status = session_close_begin(
            LL_CONTAINER(object, struct ll_session_object, handle), waiter,
            own->done, own->arg);
    }
    return ll_error_text(reterr, status, "");
}

int leaselock_session_close(leaselock_session *user,
                            struct leaselock_error *reterr)
{
    struct ll_status_call own = {.call = {.kind = LL_HANDLE_SESSION,
                                          .start = close_start,
                                          .end = ll_user_call_end_quiet}};

    return user == NULL ? 0 : ll_user_call_run(&own.call, user, true, reterr);
}

int leaselock_session_close_async(leaselock_session *user,
                                  leaselock_done_fn *done,
                                  void *arg,
                                  struct leaselock_error *reterr)
{
    struct ll_status_call own = {
        .call = {.kind = LL_HANDLE_SESSION, .start = close_start},
        .done = done,
        .arg = arg};

    return ll_user_call_run(&own.call, user, false, reterr);
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

    /* Closing a session may remove any other from the list. */
    while ((session = session_first_open(client)) != NULL) {
        (void)ll_handle_shut(&session->handle);
        (void)session_close_begin(session, NULL, NULL, NULL);
    }
}
