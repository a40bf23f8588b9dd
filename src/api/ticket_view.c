/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/requeue.h"
#include "api/ticket.h"
#include "base/clock.h"
#include "core/key.h"
#include "leaselock/names.h"

/**
 * What a user can read of a ticket. Each function computes its result from
 * core's state and the clock at the time of the call.
 */

/** Core's id of a ticket, or of a member of a multi-lock. */
static uint64_t part_id(const struct ll_ticket_object *ticket, size_t part)
{
    uint64_t id = ll_ticket_id(ticket);

    return ticket->names_n > 1 && part < ticket->names_n ? id + 1 + part : id;
}

/** In place of a member's number: the ticket as a whole. */
#define WHOLE SIZE_MAX

/** Reads core's view with the client's mutex held. LEASELOCK_E_STATE: a write
 *  has released the ticket, and this is not reported yet. The view's bytes
 *  belong to core, so `copy` copies them before the mutex is unlocked. */
static int ticket_look(leaselock_ticket *user,
                       size_t part,
                       struct ll_ticket_view *ret_view,
                       int (*copy)(const struct ll_ticket_view *view,
                                   char *ret_text,
                                   size_t size),
                       char *ret_text,
                       size_t size)
{
    struct ll_ticket_object *ticket = NULL;
    int status = ll_ticket_enter(user, &ticket);

    if (status != 0) {
        return status;
    }
    if (part != WHOLE && part >= ticket->names_n) {
        status = LEASELOCK_E_ARGUMENT;
    } else if (!ll_core_ticket_view(ticket->handle.client->core,
                                    part_id(ticket, part), ll_clock_now_ns(),
                                    ret_view)) {
        status = ticket->committed ? LEASELOCK_E_STATE : LEASELOCK_E_HANDLE;
    } else if (copy != NULL) {
        status = copy(ret_view, ret_text, size);
    }
    ll_ticket_exit(ticket);
    return status;
}

int leaselock_ticket_state(leaselock_ticket *user)
{
    struct ll_ticket_view view;
    int status = ticket_look(user, WHOLE, &view, NULL, NULL, 0);

    if (status == LEASELOCK_E_STATE) {
        return LEASELOCK_TICKET_RELEASED;
    }
    if (status != 0) {
        return status;
    }
    switch (view.phase) {
    case LL_TICKET_PHASE_WAITING:
        return LEASELOCK_TICKET_WAITING;
    case LL_TICKET_PHASE_HELD:
        return LEASELOCK_TICKET_HELD;
    case LL_TICKET_PHASE_LOST:
        return LEASELOCK_TICKET_LOST;
    case LL_TICKET_PHASE_LEAVING:
        break;
    }
    return LEASELOCK_TICKET_RELEASED;
}

int64_t leaselock_ticket_token(leaselock_ticket *user)
{
    struct ll_ticket_view view;
    int status = ticket_look(user, WHOLE, &view, NULL, NULL, 0);

    return status != 0 ? status : view.token;
}

int64_t leaselock_ticket_hold(leaselock_ticket *user)
{
    struct ll_ticket_view view;
    int status = ticket_look(user, WHOLE, &view, NULL, NULL, 0);

    if (status != 0) {
        return status;
    }
    return view.phase == LL_TICKET_PHASE_WAITING ? 0 : view.hold;
}

int64_t leaselock_ticket_position(leaselock_ticket *user)
{
    struct ll_ticket_view view;
    int status = ticket_look(user, WHOLE, &view, NULL, NULL, 0);

    if (status != 0) {
        return status;
    }
    return view.ahead < 0 ? LEASELOCK_E_STATE : view.ahead;
}

int64_t leaselock_ticket_remaining_ms(leaselock_ticket *user)
{
    struct ll_ticket_view view;
    int status = ticket_look(user, WHOLE, &view, NULL, NULL, 0);

    return status != 0 ? status : view.remaining_ns / LL_NS_PER_MS;
}

static int copy_bytes(struct ll_bytes bytes, char *ret_text, size_t size)
{
    if (ret_text == NULL || size <= bytes.size) {
        return LEASELOCK_E_ARGUMENT;
    }
    memcpy(ret_text, bytes.data, bytes.size);
    ret_text[bytes.size] = '\0';
    return (int)bytes.size;
}

static int
copy_key(const struct ll_ticket_view *view, char *ret_text, size_t size)
{
    return copy_bytes(view->key, ret_text, size);
}

static int
copy_name(const struct ll_ticket_view *view, char *ret_text, size_t size)
{
    return copy_bytes(view->name, ret_text, size);
}

int leaselock_ticket_key(leaselock_ticket *user, char *ret_key, size_t size)
{
    struct ll_ticket_view view;

    return ticket_look(user, WHOLE, &view, copy_key, ret_key, size);
}

int leaselock_ticket_name(leaselock_ticket *user, char *ret_name, size_t size)
{
    struct ll_ticket_view view;

    return ticket_look(user, WHOLE, &view, copy_name, ret_name, size);
}

/** The kind of the mode that the key names; copies no text. */
static int
copy_mode(const struct ll_ticket_view *view, char *ret_text, size_t size)
{
    (void)ret_text;
    (void)size;
    return (int)ll_key_mode(view->key).kind;
}

static int
copy_permits(const struct ll_ticket_view *view, char *ret_text, size_t size)
{
    (void)ret_text;
    (void)size;
    return (int)ll_key_mode(view->key).permits;
}

int leaselock_ticket_mode(leaselock_ticket *user)
{
    struct ll_ticket_view view;

    return ticket_look(user, WHOLE, &view, copy_mode, NULL, 0);
}

int leaselock_ticket_permits(leaselock_ticket *user)
{
    struct ll_ticket_view view;

    return ticket_look(user, WHOLE, &view, copy_permits, NULL, 0);
}

int64_t leaselock_ticket_lease(leaselock_ticket *user)
{
    struct ll_ticket_object *ticket = NULL;
    struct ll_session_view view;
    int64_t lease = LEASELOCK_E_HANDLE;
    int status = ll_ticket_enter(user, &ticket);

    if (status != 0) {
        return status;
    }
    if (ll_core_session_view(ticket->handle.client->core, ticket->session,
                             ll_clock_now_ns(), &view)) {
        lease = view.lease;
    }
    ll_ticket_exit(ticket);
    return lease;
}

int leaselock_ticket_requeues(leaselock_ticket *user)
{
    struct ll_ticket_object *ticket = NULL;
    int status = ll_ticket_enter(user, &ticket);

    if (status != 0) {
        return status;
    }
    status = ticket->requeue != NULL ? ticket->requeue->times : 0;
    ll_ticket_exit(ticket);
    return status;
}

int leaselock_ticket_names_n(leaselock_ticket *user)
{
    struct ll_ticket_object *ticket = NULL;
    int status = ll_ticket_enter(user, &ticket);

    if (status != 0) {
        return status;
    }
    status = (int)ticket->names_n;
    ll_ticket_exit(ticket);
    return status;
}

/** Whether the caller's number can be a member's; WHOLE cannot. */
static bool part_is_valid(size_t at)
{
    return at < LEASELOCK_NAMES_MAX;
}

int leaselock_ticket_name_at(leaselock_ticket *user,
                             size_t at,
                             char *ret_name,
                             size_t size)
{
    struct ll_ticket_view view;

    return part_is_valid(at)
               ? ticket_look(user, at, &view, copy_name, ret_name, size)
               : LEASELOCK_E_ARGUMENT;
}

int leaselock_ticket_key_at(leaselock_ticket *user,
                            size_t at,
                            char *ret_key,
                            size_t size)
{
    struct ll_ticket_view view;

    return part_is_valid(at)
               ? ticket_look(user, at, &view, copy_key, ret_key, size)
               : LEASELOCK_E_ARGUMENT;
}

int leaselock_ticket_mode_at(leaselock_ticket *user, size_t at)
{
    struct ll_ticket_view view;

    return part_is_valid(at) ? ticket_look(user, at, &view, copy_mode, NULL, 0)
                             : LEASELOCK_E_ARGUMENT;
}
