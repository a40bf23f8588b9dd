/* SPDX-License-Identifier: Apache-2.0 */
#include "core/session_close.h"

#include <assert.h>

#include "core/remains.h"
#include "core/session_open.h"
#include "core/ticket.h"
#include "leaselock/status.h"

/** Nothing is left to be done for it in etcd. */
void ll_session_end(struct ll_core *core, struct ll_session *session)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &session->tickets) {
        ll_session_end_ticket(core, LL_CONTAINER(at, struct ll_ticket, link),
                              LEASELOCK_E_CLOSED, "its session was closed");
    }
    assert(ll_link_alone(&session->tickets));
    ll_call_none(core, &session->object);
    ll_link_remove(&session->link);
    ll_table_remove(&core->sessions.by_lease, &session->by_lease);
    core->sessions.n--;
    session->gone = true;
    /* After the reports of its tickets. */
    ll_link_remove(&session->object.pending);
    ll_object_report(core, &session->object);
}

void ll_session_report_closed(struct ll_core *core,
                              struct ll_session *session,
                              int status)
{
    if (!session->close_reported) {
        session->close_reported = true;
        session->closed_due = true;
        session->close_status = status;
        ll_object_report(core, &session->object);
    }
}

/** Revokes the lease, after its keys with a lock-delay are marked. */
static void session_revoke(struct ll_core *core, struct ll_session *session)
{
    session->revoking = true;
    session->marking = ll_remains_to_mark(session);
    ll_call_at(core, &session->object, core->now_ns);
}

/** The late revoke has been answered, or is not needed any more. */
static void session_settle_late_revoke(struct ll_core *core,
                                       struct ll_session *session)
{
    if (session->late_revoke_owed) {
        session->late_revoke_owed = false;
        core->sessions.late_revokes_n--;
    }
}

/** Revokes the lease, if there may be one. A grant in flight is awaited first:
 *  etcd may process the two in either order, and a revoke that comes first
 *  finds nothing. */
void ll_session_leave(struct ll_core *core, struct ll_session *session)
{
    bool granted = session->state != LL_SESSION_OPENING;

    if (!granted && (session->resumes ||
                     (!session->grant_lost && !session->object.in_flight))) {
        ll_session_report_closed(core, session, 0);
        ll_session_end(core, session);
        return;
    }
    if (!granted) {
        session->expiry_ns = core->now_ns + ll_session_ttl_ns(session);
    }
    ll_session_move(core, session, LL_SESSION_CLOSING);
    ll_session_beat_stop(core, session);
    session->late_revoke_ns = LL_NEVER;
    session->check_ns = LL_NEVER;
    session_settle_late_revoke(core, session);
    session->object.failures = 0;
    if (granted || !session->object.in_flight) {
        session_revoke(core, session);
    }
}

int ll_session_close(struct ll_core *core, const struct ll_event *event)
{
    struct ll_object *object = ll_object_find(core, event->id, &ll_session_ops);
    struct ll_session *session;
    struct ll_link *at;
    struct ll_link *after;

    if (object == NULL) {
        return LEASELOCK_E_HANDLE;
    }
    session = ll_session_of(object);
    if (session->gone || session->state == LL_SESSION_CLOSING) {
        return LEASELOCK_E_STATE;
    }
    if (session->state == LL_SESSION_OPENING || session->check_ns != LL_NEVER) {
        ll_session_report_opened(core, session, LEASELOCK_E_CLOSED);
        session->changed_due = false; /* it was never reported open */
    }
    ll_remains_note(core, session);
    LL_LIST_EACH (at, after, &session->tickets) {
        struct ll_ticket *ticket = LL_CONTAINER(at, struct ll_ticket, link);

        /* The answer to the revoke ends a release in flight. */
        if (!ticket->release_asked) {
            ll_session_end_ticket(core, ticket, LEASELOCK_E_CLOSED,
                                  "its session was closed");
        }
    }
    session->close_ns = ll_after(core->now_ns, event->session_close.timeout_ns);
    ll_session_leave(core, session);
    ll_object_reschedule(core, &session->object);
    return 0;
}

/** Another cluster answers now. Then it is not known whether the revoke, or a
 *  delete that was sent before it, was applied: either may have been, by an
 *  attempt whose answer was lost. */
void ll_session_end_unknown(struct ll_core *core, struct ll_session *session)
{
    struct ll_link *at;
    struct ll_link *after;

    ll_session_report_closed(core, session, LEASELOCK_E_OUTCOME_UNKNOWN);
    LL_LIST_EACH (at, after, &session->tickets) {
        ll_session_end_ticket(core, LL_CONTAINER(at, struct ll_ticket, link),
                              LEASELOCK_E_CLOSED, core->cluster.text);
    }
    /* After the reports of its tickets. */
    ll_link_remove(&session->object.pending);
    ll_object_report(core, &session->object);
}

/** etcd answers again: revokes a lease that was lost while it did not. After a
 *  restart of etcd that lease would live for a whole TTL, with its keys ahead
 *  of those of this session. */
void ll_session_revoke_lost(struct ll_core *core)
{
    struct ll_link *at;

    for (at = core->sessions.list.next;
         core->sessions.late_revokes_n > 0 && at != &core->sessions.list;
         at = at->next) {
        struct ll_session *lost = LL_CONTAINER(at, struct ll_session, link);

        if (lost->state == LL_SESSION_LOST && lost->late_revoke_owed &&
            !lost->object.in_flight && core->now_ns >= lost->expiry_ns) {
            lost->expiry_ns = core->now_ns + ll_session_ttl_ns(lost);
            lost->late_revoke_ns = LL_NEVER;
            lost->object.failures = 0;
            ll_call_at(core, &lost->object, core->now_ns);
            ll_object_reschedule(core, &lost->object);
        }
    }
}

static void session_delete_next(struct ll_core *core,
                                struct ll_session *session)
{
    session->deleting = true;
    session->object.failures = 0;
    ll_call_at(core, &session->object, core->now_ns);
}

void ll_session_on_revoked(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer)
{
    switch (answer->outcome) {
    case LL_OUTCOME_NO_LEASE:
        /* Another cluster has no lease of ours. */
        ll_session_report_closed(
            core, session,
            session->contradicted ? LEASELOCK_E_OUTCOME_UNKNOWN : 0);
        if (session->grant_lost && core->now_ns < session->expiry_ns) {
            /* A grant that was abandoned may still be applied. */
            ll_call_at(core, &session->object,
                       core->now_ns + LL_BACKOFF_MAX_NS);
            break;
        }
        ll_session_end(core, session);
        break;
    case LL_OUTCOME_OK:
        ll_session_report_closed(core, session, 0);
        ll_session_end(core, session);
        break;
    case LL_OUTCOME_LOST:
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &session->object, answer->outcome);
        break;
    case LL_OUTCOME_REFUSED:
        if (answer->grpc_status == LL_GRPC_DENIED && ll_remains_any(session)) {
            session_delete_next(core, session);
            break;
        }
        ll_session_report_closed(core, session, LEASELOCK_E_REFUSED);
        ll_session_end(core, session);
        break;
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        ll_session_report_closed(core, session, LEASELOCK_E_SERVER);
        ll_session_end(core, session);
        break;
    }
}

/** Keys were marked, or will not be. */
void ll_session_on_marked(struct ll_core *core,
                          struct ll_session *session,
                          const struct ll_answer *answer)
{
    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        ll_call_again(core, &session->object, answer->outcome);
        return;
    }
    ll_remains_marked(session);
    session->object.failures = 0;
    session_revoke(core, session);
}

/** The deletion of one key of a lease that etcd refuses to revoke. */
void ll_session_on_deleted(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer)
{
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
    case LL_OUTCOME_REFUSED:
        ll_remains_answered(session, answer->outcome == LL_OUTCOME_REFUSED);
        if (ll_remains_any(session)) {
            session_delete_next(core, session);
        } else if (session->refused_n == 0) {
            session->deleting = false;
            session_revoke(core, session);
        } else {
            ll_session_report_closed(core, session, LEASELOCK_E_REFUSED);
            ll_session_end(core, session);
        }
        break;
    case LL_OUTCOME_LOST:
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &session->object, answer->outcome);
        break;
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        ll_session_report_closed(core, session, LEASELOCK_E_SERVER);
        ll_session_end(core, session);
        break;
    }
}

/** The grant of a session that is being closed. */
void ll_session_on_late_grant(struct ll_core *core,
                              struct ll_session *session,
                              const struct ll_answer *answer)
{
    session->grant_lost |= answer->outcome == LL_OUTCOME_LOST;
    if (answer->outcome == LL_OUTCOME_OK || session->grant_lost) {
        session_revoke(core, session);
    } else {
        ll_session_report_closed(core, session, 0);
        ll_session_end(core, session);
    }
}

/** The revoke of a lease that was lost by its deadline. */
void ll_session_on_late_revoke(struct ll_core *core,
                               struct ll_session *session,
                               const struct ll_answer *answer)
{
    if (answer->outcome != LL_OUTCOME_LOST &&
        answer->outcome != LL_OUTCOME_AGAIN) {
        session_settle_late_revoke(core, session);
    } else if (core->now_ns < session->expiry_ns + ll_session_ttl_ns(session)) {
        ll_call_again(core, &session->object, answer->outcome);
    }
}
