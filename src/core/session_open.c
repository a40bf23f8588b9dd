/* SPDX-License-Identifier: Apache-2.0 */
#include "core/session_open.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "core/session_close.h"
#include "core/slot.h"
#include "core/ticket.h"
#include "leaselock/status.h"

int ll_session_open(struct ll_core *core, const struct ll_event *event)
{
    struct ll_session *session;

    if (core->sessions.n >= LL_SESSIONS_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    if (ll_table_find(&core->sessions.by_lease,
                      (uint64_t)event->session_open.lease) != NULL) {
        return LEASELOCK_E_STATE; /* a renewal has to find its session */
    }
    session = ll_alloc_zero(1, sizeof(*session));
    if (session == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    session->by_lease.id = (uint64_t)event->session_open.lease;
    if (!ll_table_add(&core->sessions.by_lease, &session->by_lease)) {
        ll_free(session);
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &session->object, &ll_session_ops, event->id)) {
        ll_table_remove(&core->sessions.by_lease, &session->by_lease);
        ll_free(session);
        return LEASELOCK_E_NOMEM;
    }
    session->has_slots = !event->session_open.resume &&
                         ll_slots_suit(core, event->session_open.names);
    core->sessions.n++;
    core->sessions.opened_n++;
    ll_link_init(&session->tickets);
    ll_link_init(&session->denied);
    ll_link_init(&session->remains);
    ll_link_init(&session->refused);
    session->lease = event->session_open.lease;
    session->ttl_s = event->session_open.ttl_s;
    session->resumes = event->session_open.resume;
    if (session->resumes) {
        /* The numbers of the process that granted it are not known. */
        session->numbers_first = ll_random_next(&core->random) >> 16;
    }
    session->deadline_ns =
        ll_after(core->now_ns, event->session_open.timeout_ns);
    session->close_ns = LL_NEVER;
    session->late_revoke_ns = LL_NEVER;
    session->check_ns = LL_NEVER;
    session->overdue_ns = LL_NEVER;
    session->why = "";
    ll_cluster_check(core, session->lease);
    session->state = LL_SESSION_OPENING;
    ll_link_init(&session->link);
    ll_link_append(&core->sessions.list, &session->link);
    ll_call_at(core, &session->object,
               ll_after(core->now_ns, event->session_open.delay_ns));
    ll_object_reschedule(core, &session->object);
    return 0;
}

void ll_session_report_opened(struct ll_core *core,
                              struct ll_session *session,
                              int status)
{
    session->opened_due = true;
    session->open_status = status;
    ll_object_report(core, &session->object);
}

void ll_session_fail_open(struct ll_core *core,
                          struct ll_session *session,
                          int status)
{
    struct ll_link *at;
    struct ll_link *after;

    ll_session_report_opened(core, session, status);
    LL_LIST_EACH (at, after, &session->tickets) {
        ll_session_end_ticket(core, LL_CONTAINER(at, struct ll_ticket, link),
                              status, "");
    }
    session->close_reported = true; /* no close was requested */
    ll_session_leave(core, session);
}

/** Sends the requests that were made while the session was OPENING. */
static void session_begin_early(struct ll_core *core,
                                struct ll_session *session)
{
    struct ll_link *at;

    for (at = session->tickets.next; at != &session->tickets; at = at->next) {
        struct ll_object *ticket =
            &LL_CONTAINER(at, struct ll_ticket, link)->object;

        ticket->ops->lease->on_open(core, ticket);
    }
}

void ll_session_on_checked_cluster(struct ll_core *core,
                                   struct ll_session *session)
{
    if (session->check_ns != LL_NEVER) {
        session->check_ns = LL_NEVER;
        ll_session_report_opened(core, session, 0);
        session_begin_early(core, session);
        ll_object_reschedule(core, &session->object);
    }
}

static void session_granted(struct ll_core *core,
                            struct ll_session *session,
                            int64_t sent_ns)
{
    int64_t open_ns = session->deadline_ns;

    /* From now on, a lease that is not found has existed, and is gone. */
    session->grant_lost = false;
    ll_session_renew(session, sent_ns);
    ll_session_set_state(core, session, LL_SESSION_ACTIVE, "");
    ll_session_revoke_lost(core);
    session->check_ns = ll_min(open_ns, core->now_ns + LL_CLUSTER_CHECK_NS);
    if (!ll_cluster_is_awaited(core)) {
        ll_session_on_checked_cluster(core, session);
    }
}

/** The lease that another process granted: its remaining time counts from when
 *  the request for it was sent. */
void ll_session_on_found(struct ll_core *core,
                         struct ll_session *session,
                         const struct ll_answer *answer)
{
    int64_t margin_ns;
    int64_t left_s;

    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        ll_call_again(core, &session->object, answer->outcome);
    } else if (answer->outcome == LL_OUTCOME_REFUSED) {
        ll_session_fail_open(core, session, LEASELOCK_E_REFUSED);
    } else if (answer->outcome == LL_OUTCOME_NO_LEASE ||
               (answer->outcome == LL_OUTCOME_OK && answer->lease.ttl_s <= 0)) {
        ll_session_fail_open(core, session, LEASELOCK_E_LOST);
    } else if (answer->outcome != LL_OUTCOME_OK) {
        ll_session_fail_open(core, session, LEASELOCK_E_SERVER);
    } else {
        session->ttl_s = ll_min(answer->lease.granted_ttl_s, LL_TTL_MAX_S);
        session->renewed = true; /* a TTL of 0 is final */
        session_granted(core, session, session->object.sent_ns);
        margin_ns = session->expiry_ns - session->deadline_ns;
        /* A new leader may have extended it beyond the TTL; the next renewal
         * undoes that. */
        left_s = ll_min(answer->lease.ttl_s, session->ttl_s);
        session->expiry_ns = session->object.sent_ns + left_s * LL_NS_PER_S;
        session->deadline_ns = session->expiry_ns - margin_ns;
        session->beat_ns = core->now_ns;
        ll_object_reschedule(core, &session->object);
    }
}

void ll_session_on_grant(struct ll_core *core,
                         struct ll_session *session,
                         const struct ll_answer *answer)
{
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        if (answer->lease.ttl_s > 0) {
            session->ttl_s = ll_min(answer->lease.ttl_s, LL_TTL_MAX_S);
        }
        session_granted(core, session, session->object.sent_ns);
        break;
    case LL_OUTCOME_LEASE_EXISTS:
        if (!session->grant_lost) {
            /* Another client's: two random numbers of 63 bits were equal. */
            ll_session_fail_open(core, session, LEASELOCK_E_SERVER);
            break;
        }
        /* An earlier attempt did it; etcd grants no less than requested. */
        session_granted(core, session, session->first_sent_ns);
        break;
    case LL_OUTCOME_LOST:
        session->grant_lost = true;
        ll_call_again(core, &session->object, answer->outcome);
        break;
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &session->object, answer->outcome);
        break;
    case LL_OUTCOME_REFUSED:
        ll_session_fail_open(core, session, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_ERROR:
        ll_session_fail_open(core, session, LEASELOCK_E_SERVER);
        break;
    }
}
