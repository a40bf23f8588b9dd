#include "core/object.h"
#include "core/session.h"
#include "core/ticket.h"
#include "core/write.h"

/** The state of a session at a time that core has not been told of yet. */
static enum ll_session_state session_state_at(const struct ll_session *session,
                                              int64_t now_ns)
{
    if (ll_session_is_alive(session) && now_ns >= session->deadline_ns) {
        return LL_SESSION_LOST;
    }
    return session->state;
}

static int64_t session_remaining_ns(const struct ll_session *session,
                                    int64_t now_ns)
{
    return ll_session_is_alive(session)
               ? ll_max(0, session->deadline_ns - now_ns)
               : 0;
}

bool ll_core_session_view(const struct ll_core *core,
                          uint64_t id,
                          int64_t now_ns,
                          struct ll_session_view *ret_view)
{
    struct ll_entry *entry = ll_table_find(&core->objects, id);
    const struct ll_session *session;

    if (entry == NULL || LL_CONTAINER(entry, struct ll_object, entry)->kind !=
                             LL_OBJECT_SESSION) {
        return false;
    }
    session = LL_CONTAINER(entry, struct ll_session, object.entry);
    ret_view->state = session_state_at(session, now_ns);
    ret_view->lease = session->lease;
    ret_view->remaining_ns = session_remaining_ns(session, now_ns);
    return true;
}

static enum ll_ticket_phase ticket_phase_at(const struct ll_ticket *ticket,
                                            int64_t now_ns)
{
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_WAIT:
    case LL_TICKET_NEXT:
        return ticket->acquire_told ? LL_TICKET_PHASE_LEAVING
                                    : LL_TICKET_PHASE_WAITING;
    case LL_TICKET_HELD:
        if (ll_writes_may_release(ticket)) {
            return LL_TICKET_PHASE_LEAVING;
        }
        return session_state_at(ticket->session, now_ns) == LL_SESSION_LOST
                   ? LL_TICKET_PHASE_LOST
                   : LL_TICKET_PHASE_HELD;
    case LL_TICKET_LOST:
        return LL_TICKET_PHASE_LOST;
    case LL_TICKET_LEAVE:
    case LL_TICKET_REAP:
    case LL_TICKET_GONE:
        return LL_TICKET_PHASE_LEAVING;
    }
    return LL_TICKET_PHASE_LEAVING;
}

bool ll_core_ticket_view(const struct ll_core *core,
                         uint64_t id,
                         int64_t now_ns,
                         struct ll_ticket_view *ret_view)
{
    struct ll_entry *entry = ll_table_find(&core->objects, id);
    const struct ll_ticket *ticket;

    if (entry == NULL || LL_CONTAINER(entry, struct ll_object, entry)->kind !=
                             LL_OBJECT_TICKET) {
        return false;
    }
    ticket = LL_CONTAINER(entry, struct ll_ticket, object.entry);
    ret_view->phase = ticket_phase_at(ticket, now_ns);
    ret_view->token = ticket->token;
    ret_view->ahead = ticket->ahead;
    ret_view->remaining_ns = ret_view->phase == LL_TICKET_PHASE_HELD
                                 ? session_remaining_ns(ticket->session, now_ns)
                                 : 0;
    ret_view->key = ll_ticket_key(ticket);
    ret_view->name =
        (struct ll_bytes){ticket->key + ticket->space_size, ticket->name_size};
    return true;
}
