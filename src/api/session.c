/* SPDX-License-Identifier: Apache-2.0 */
#include "api/session.h"

#include "api/hooks.h"
#include "api/ticket.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "client/user_call.h"

void ll_session_destroy(struct ll_handle *handle)
{
    struct ll_session_object *session =
        LL_CONTAINER(handle, struct ll_session_object, handle);

    ll_completion_free(&session->opened);
    ll_completion_free(&session->closed);
    if (session->heir != NULL) {
        ll_handle_put(&session->heir->handle);
    }
    ll_handle_put(&session->handle.client->handle);
    ll_free(session->label);
    ll_free(session->value);
    ll_free(session);
}

void ll_session_settle(struct ll_session_object *session)
{
    if (!session->handle.open && !session->open_due && !session->close_due &&
        !ll_link_alone(&session->link)) {
        ll_link_remove(&session->link);
        if (!ll_link_alone(&session->useless)) {
            ll_link_remove(&session->useless);
        }
        if (session->guarded != 0) {
            ll_guardian_release(session->handle.client, session->guarded);
            session->guarded = 0;
        }
        ll_handle_leave(&session->handle);
    }
}

int ll_session_enter(const void *user, struct ll_session_object **ret_session)
{
    struct ll_handle *handle = NULL;
    int status = ll_user_enter(user, LL_HANDLE_SESSION, &handle);

    if (status == 0) {
        *ret_session = LL_CONTAINER(handle, struct ll_session_object, handle);
    }
    return status;
}

void ll_session_exit(struct ll_session_object *session)
{
    ll_user_exit(&session->handle);
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

/** Core's view of a session now; LEASELOCK_E_HANDLE: core has dropped it. */
static int session_look(leaselock_session *user,
                        struct ll_session_view *ret_view)
{
    struct ll_session_object *session = NULL;
    int status = ll_session_enter(user, &session);

    if (status != 0) {
        return status;
    }
    if (!ll_core_session_view(session->handle.client->core,
                              session->handle.entry.id, ll_clock_now_ns(),
                              ret_view)) {
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
    if (client->closing && detail->status == LEASELOCK_E_OUTCOME_UNKNOWN) {
        /* leaselock_client_close itself detects an unanswered close. */
        if (detail->grpc_status < 0 && detail->text[0] != '\0') {
            (void)ll_client_error(client, detail, &client->close_unknown);
        }
    } else if (client->closing && client->close_error.code == 0) {
        (void)ll_client_error(client, detail, &client->close_error);
    }
    pthread_cond_broadcast(&client->changed);
    ll_client_complete(client, &session->closed, detail);
}

/** Reports to held tickets that the session is suspect or no longer is; a loss
 *  is reported by core for each ticket. */
static void session_report_tickets(struct ll_session_object *session,
                                   const struct ll_effect *effect)
{
    enum ll_session_state state = effect->session.state;

    if (state == LL_SESSION_SUSPECT || state == LL_SESSION_ACTIVE) {
        ll_tickets_suspect(session->handle.client, session->handle.entry.id,
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
        session_report_tickets(session, effect);
    }
    ll_session_settle(session);
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
        ll_session_settle(session);
    }
}
