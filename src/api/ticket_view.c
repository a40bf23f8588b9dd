#include <string.h>

#include "api/ticket.h"
#include "base/clock.h"

/**
 * What a user can see of a ticket. Everything is computed from core's state
 * and the clock at the moment of the question.
 */

/** Looks with the client's mutex held; STATE: it has given its place back,
 *  which its user has not been told of yet. The view's bytes are core's, so
 * what is needed of them is copied by `copy` before the mutex goes. */
static int ticket_look(leaselock_ticket *user,
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
    if (!ll_core_ticket_view(ticket->client->core, ticket->handle.entry.id,
                             ll_clock_now_ns(), ret_view)) {
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
    int status = ticket_look(user, &view, NULL, NULL, 0);

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
    int status = ticket_look(user, &view, NULL, NULL, 0);

    return status != 0 ? status : view.token;
}

int64_t leaselock_ticket_position(leaselock_ticket *user)
{
    struct ll_ticket_view view;
    int status = ticket_look(user, &view, NULL, NULL, 0);

    if (status != 0) {
        return status;
    }
    return view.ahead < 0 ? LEASELOCK_E_STATE : view.ahead;
}

int64_t leaselock_ticket_remaining_ms(leaselock_ticket *user)
{
    struct ll_ticket_view view;
    int status = ticket_look(user, &view, NULL, NULL, 0);

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

    return ticket_look(user, &view, copy_key, ret_key, size);
}

int leaselock_ticket_name(leaselock_ticket *user, char *ret_name, size_t size)
{
    struct ll_ticket_view view;

    return ticket_look(user, &view, copy_name, ret_name, size);
}
