/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keep.h"
#include "core/multi.h"
#include "core/object.h"
#include "core/session.h"
#include "core/ticket.h"
#include "core/write.h"

/** The state of a session at a time after core's latest event. */
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
    struct ll_object *object = ll_object_find(core, id, &ll_session_ops);
    const struct ll_session *session;

    if (object == NULL) {
        return false;
    }
    session = ll_session_of(object);
    ret_view->state = session_state_at(session, now_ns);
    ret_view->lease = session->lease;
    ret_view->ttl_s = session->ttl_s;
    ret_view->remaining_ns = session_remaining_ns(session, now_ns);
    ret_view->has_slots = session->has_slots;
    return true;
}

static enum ll_ticket_phase ticket_phase_at(const struct ll_ticket *ticket,
                                            int64_t now_ns)
{
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
        return ticket->acquire_reported ? LL_TICKET_PHASE_LEAVING
                                        : LL_TICKET_PHASE_WAITING;
    case LL_TICKET_HELD:
        if (ll_writes_may_release(ticket) || ll_keep_is_idle(ticket)) {
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

static void ticket_view(const struct ll_ticket *ticket,
                        int64_t now_ns,
                        struct ll_ticket_view *ret_view)
{
    ret_view->phase = ticket_phase_at(ticket, now_ns);
    ret_view->token = ticket->token;
    ret_view->ahead = ticket->ahead;
    ret_view->remaining_ns = ret_view->phase == LL_TICKET_PHASE_HELD
                                 ? session_remaining_ns(ticket->session, now_ns)
                                 : 0;
    ret_view->key = ll_ticket_key(ticket);
    ret_view->hold = ll_keep_hold(ticket);
    ret_view->name = (struct ll_bytes){ticket->key + ticket->namespace_size,
                                       ticket->name_size};
}

/** The view of a multi-lock: that of its first member, but held as long as all
 *  are, and with the largest number ahead that a member has. */
static bool multi_view(const struct ll_multi *multi,
                       int64_t now_ns,
                       struct ll_ticket_view *ret_view)
{
    bool any = false;
    bool all_held = true;
    bool all_leave = true; /* their session was closed */
    bool all_placed = true;
    int64_t ahead = 0;

    for (size_t i = multi->members_n; i > 0; i--) {
        if (multi->members[i - 1] == NULL) {
            all_held = false;
            continue;
        }
        any = true;
        ticket_view(multi->members[i - 1], now_ns, ret_view);
        all_held = all_held && ret_view->phase == LL_TICKET_PHASE_HELD;
        all_leave = all_leave && ret_view->phase == LL_TICKET_PHASE_LEAVING;
        all_placed = all_placed && ret_view->ahead >= 0;
        ahead = ll_max(ahead, ret_view->ahead);
    }
    if (!any) {
        return false;
    }
    ret_view->ahead = all_placed ? ahead : -1;
    if (multi->release_asked || all_leave ||
        (multi->acquire_reported && multi->report.acquire_status != 0)) {
        ret_view->phase = LL_TICKET_PHASE_LEAVING;
    } else if (!multi->acquire_reported) {
        ret_view->phase = LL_TICKET_PHASE_WAITING;
    } else {
        ret_view->phase =
            all_held ? LL_TICKET_PHASE_HELD : LL_TICKET_PHASE_LOST;
    }
    if (ret_view->phase != LL_TICKET_PHASE_HELD) {
        ret_view->remaining_ns = 0;
    }
    return true;
}

bool ll_core_ticket_view(const struct ll_core *core,
                         uint64_t id,
                         int64_t now_ns,
                         struct ll_ticket_view *ret_view)
{
    struct ll_object *object = ll_object_find(core, id, &ll_multi_ops);

    if (object != NULL) {
        return multi_view(ll_multi_of(object), now_ns, ret_view);
    }
    object = ll_object_find(core, id, &ll_ticket_ops);
    if (object == NULL) {
        object = ll_object_find(core, id, &ll_member_ops);
    }
    if (object == NULL) {
        return false;
    }
    ticket_view(ll_ticket_of(object), now_ns, ret_view);
    return true;
}
