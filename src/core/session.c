#include "core/session.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/remains.h"
#include "core/ticket.h"
#include "leaselock/status.h"

/** Every change of state goes through here, for the count of the alive. */
static void session_move(struct ll_core *core,
                         struct ll_session *session,
                         enum ll_session_state state)
{
    core->alive_n -= ll_session_is_alive(session) ? 1 : 0;
    session->state = state;
    core->alive_n += ll_session_is_alive(session) ? 1 : 0;
}

void ll_session_set_state(struct ll_core *core,
                          struct ll_session *session,
                          enum ll_session_state state,
                          const char *why)
{
    session_move(core, session, state);
    session->why = why;
    session->changed_due = true;
    ll_tell(core, &session->object);
}

int ll_session_open(struct ll_core *core, const struct ll_event *event)
{
    struct ll_session *session;

    if (core->sessions_n >= LL_SESSIONS_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    if (ll_table_find(&core->leases, (uint64_t)event->session_open.lease) !=
        NULL) {
        return LEASELOCK_E_STATE; /* a renewal has to find its session */
    }
    session = ll_alloc_zero(1, sizeof(*session));
    if (session == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    session->by_lease.id = (uint64_t)event->session_open.lease;
    if (!ll_table_add(&core->leases, &session->by_lease)) {
        ll_free(session);
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &session->object, &ll_session_ops, event->id)) {
        ll_table_remove(&core->leases, &session->by_lease);
        ll_free(session);
        return LEASELOCK_E_NOMEM;
    }
    core->sessions_n++;
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
    ll_link_append(&core->sessions, &session->link);
    ll_call_at(core, &session->object,
               ll_after(core->now_ns, event->session_open.delay_ns));
    ll_object_reschedule(core, &session->object);
    return 0;
}

/** Ends a ticket with the session, with a status for what is not reported. */
static void ticket_end(struct ll_core *core,
                       struct ll_ticket *ticket,
                       int status,
                       const char *why)
{
    ticket->object.ops->lease->on_end(core, &ticket->object, status, why);
}

/** Nothing more is to be done for it in etcd. */
static void session_end(struct ll_core *core, struct ll_session *session)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &session->tickets) {
        ticket_end(core, LL_CONTAINER(at, struct ll_ticket, link),
                   LEASELOCK_E_CLOSED, "its session was closed");
    }
    assert(ll_link_alone(&session->tickets));
    ll_call_none(core, &session->object);
    ll_link_remove(&session->link);
    ll_table_remove(&core->leases, &session->by_lease);
    core->sessions_n--;
    session->gone = true;
    /* Behind what its tickets have to tell. */
    ll_link_remove(&session->object.telling);
    ll_tell(core, &session->object);
}

static void session_tell_opened(struct ll_core *core,
                                struct ll_session *session,
                                int status)
{
    session->opened_due = true;
    session->open_status = status;
    ll_tell(core, &session->object);
}

static void session_tell_closed(struct ll_core *core,
                                struct ll_session *session,
                                int status)
{
    if (!session->close_told) {
        session->close_told = true;
        session->closed_due = true;
        session->close_status = status;
        ll_tell(core, &session->object);
    }
}

static void session_revoke(struct ll_core *core, struct ll_session *session)
{
    session->revoking = true;
    ll_call_at(core, &session->object, core->now_ns);
}

/** The late revoke has been answered, or is not needed any more. */
static void session_settle_late_revoke(struct ll_core *core,
                                       struct ll_session *session)
{
    if (session->late_revoke_owed) {
        session->late_revoke_owed = false;
        core->late_revokes_n--;
    }
}

/** Revokes the lease, if there may be one. A grant that is on its way is
 *  awaited first: etcd may take the two in any order, and a revoke that comes
 *  first finds nothing. */
static void session_leave(struct ll_core *core, struct ll_session *session)
{
    bool granted = session->state != LL_SESSION_OPENING;

    if (!granted && (session->resumes ||
                     (!session->grant_lost && !session->object.in_flight))) {
        session_tell_closed(core, session, 0);
        session_end(core, session);
        return;
    }
    if (!granted) {
        session->expiry_ns = core->now_ns + ll_session_ttl_ns(session);
    }
    session_move(core, session, LL_SESSION_CLOSING);
    ll_session_beat_stop(core, session);
    session->late_revoke_ns = LL_NEVER;
    session->check_ns = LL_NEVER;
    session_settle_late_revoke(core, session);
    session->object.failures = 0;
    if (granted || !session->object.in_flight) {
        session_revoke(core, session);
    }
}

static void
session_fail_open(struct ll_core *core, struct ll_session *session, int status)
{
    struct ll_link *at;
    struct ll_link *after;

    session_tell_opened(core, session, status);
    LL_LIST_EACH (at, after, &session->tickets) {
        ticket_end(core, LL_CONTAINER(at, struct ll_ticket, link), status, "");
    }
    session->close_told = true; /* nobody asked for it to be closed */
    session_leave(core, session);
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
        session_tell_opened(core, session, LEASELOCK_E_CLOSED);
        session->changed_due = false; /* it was never reported open */
    }
    ll_remains_note(session);
    LL_LIST_EACH (at, after, &session->tickets) {
        struct ll_ticket *ticket = LL_CONTAINER(at, struct ll_ticket, link);

        /* A release that is under way is answered by the revoke. */
        if (!ticket->release_asked) {
            ticket_end(core, ticket, LEASELOCK_E_CLOSED,
                       "its session was closed");
        }
    }
    session->close_ns = ll_after(core->now_ns, event->session_close.timeout_ns);
    session_leave(core, session);
    ll_object_reschedule(core, &session->object);
    return 0;
}

/** Sends what was asked for while the session was OPENING. */
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

static void session_on_checked_cluster(struct ll_core *core,
                                       struct ll_session *session)
{
    if (session->check_ns != LL_NEVER) {
        session->check_ns = LL_NEVER;
        session_tell_opened(core, session, 0);
        session_begin_early(core, session);
        ll_object_reschedule(core, &session->object);
    }
}

void ll_session_lose(struct ll_core *core,
                     struct ll_session *session,
                     const char *why)
{
    struct ll_link *at;
    struct ll_link *after;

    assert(ll_session_is_alive(session));
    session_on_checked_cluster(core, session);
    ll_core_log(core, 1, "session %llx is lost: %s",
                (unsigned long long)session->lease, why);
    ll_call_none(core, &session->object);
    session->checking = false;
    /* Another cluster's answer is no silence. */
    session->silenced =
        why != core->cluster.text && ll_session_beat_is_silent(core, session);
    ll_session_beat_stop(core, session);
    if (core->now_ns >= session->deadline_ns) {
        /* A renewal that was on its way may have reached etcd; the margin
         * belongs to a holder that is stopping. */
        session->late_revoke_ns = ll_max(session->expiry_ns, core->now_ns);
        session->late_revoke_owed = true;
        core->late_revokes_n++;
    }
    ll_session_set_state(core, session, LL_SESSION_LOST, why);
    LL_LIST_EACH (at, after, &session->tickets) {
        ticket_end(core, LL_CONTAINER(at, struct ll_ticket, link),
                   LEASELOCK_E_LOST, why);
    }
    ll_object_reschedule(core, &session->object);
}

/** Another cluster answers now. Whether the revoke was applied, or a delete that
 *  was sent before it, is not known then: either may have been, by a try whose
 *  answer was lost. */
static void session_end_unknown(struct ll_core *core,
                                struct ll_session *session)
{
    struct ll_link *at;
    struct ll_link *after;

    session_tell_closed(core, session, LEASELOCK_E_OUTCOME_UNKNOWN);
    LL_LIST_EACH (at, after, &session->tickets) {
        ticket_end(core, LL_CONTAINER(at, struct ll_ticket, link),
                   LEASELOCK_E_CLOSED, core->cluster.text);
    }
    /* Behind what its tickets have to tell. */
    ll_link_remove(&session->object.telling);
    ll_tell(core, &session->object);
}

void ll_sessions_on_checked_cluster(struct ll_core *core)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->sessions) {
        session_on_checked_cluster(core,
                                   LL_CONTAINER(at, struct ll_session, link));
    }
}

static void session_on_cluster(struct ll_core *core, struct ll_object *object)
{
    struct ll_session *session = ll_session_of(object);

    if (session->gone) {
        return;
    }
    if (session->state == LL_SESSION_OPENING || session->check_ns != LL_NEVER) {
        session->changed_due = false;
        session_fail_open(core, session, LEASELOCK_E_SERVER);
        ll_object_reschedule(core, &session->object);
    } else if (ll_session_is_alive(session)) {
        ll_session_lose(core, session, core->cluster.text);
    } else if (session->state == LL_SESSION_CLOSING) {
        session_end_unknown(core, session);
    }
}

static void session_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_session *session = ll_session_of(object);

    if (core->now_ns >= session->check_ns) {
        ll_cluster_give_up(core);
        session_on_checked_cluster(core, session);
    }
    switch (session->state) {
    case LL_SESSION_OPENING:
        if (core->now_ns >= session->deadline_ns) {
            if (session->object.in_flight && session->object.failures == 0) {
                ll_note_failure(core, core->endpoint, LL_GRPC_DEADLINE,
                                "no answer in time");
            }
            session_fail_open(core, session, LEASELOCK_E_UNAVAILABLE);
        }
        break;
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        ll_session_beat_on_time(core, session);
        break;
    case LL_SESSION_LOST:
        if (core->now_ns >= session->late_revoke_ns) {
            session->late_revoke_ns = LL_NEVER;
            session->object.failures = 0;
            ll_call_at(core, &session->object, core->now_ns);
        }
        break;
    case LL_SESSION_CLOSING:
        if (session->gone) {
            break;
        }
        if (core->now_ns >= session->close_ns) {
            session->close_ns = LL_NEVER;
            session_tell_closed(core, session, LEASELOCK_E_OUTCOME_UNKNOWN);
        }
        if (core->now_ns >= session->expiry_ns &&
            session->object.failures > 0) {
            /* The lease has ended by itself, or will at any moment. */
            session_tell_closed(core, session, LEASELOCK_E_OUTCOME_UNKNOWN);
            session_end(core, session);
        }
        break;
    }
}

static int64_t session_deadline_ns(const struct ll_core *core,
                                   struct ll_object *object)
{
    struct ll_session *session = ll_session_of(object);

    if (session->gone) {
        return LL_NEVER;
    }
    switch (session->state) {
    case LL_SESSION_OPENING:
        return session->deadline_ns;
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        return ll_min(session->check_ns,
                      ll_session_beat_deadline_ns(core, session));
    case LL_SESSION_LOST:
        return session->late_revoke_ns;
    case LL_SESSION_CLOSING:
        return session->object.failures > 0
                   ? ll_min(session->close_ns, session->expiry_ns)
                   : session->close_ns;
    }
    return LL_NEVER;
}

static void session_build(struct ll_core *core,
                          struct ll_object *object,
                          struct ll_part *part,
                          struct ll_request *ret_request)
{
    struct ll_session *session = ll_session_of(object);

    ret_request->lease.lease = session->lease;
    switch (session->state) {
    case LL_SESSION_OPENING:
        if (session->resumes) {
            ret_request->kind = LL_REQUEST_LEASE_TTL;
            break;
        }
        ret_request->kind = LL_REQUEST_LEASE_GRANT;
        ret_request->lease.ttl_s = session->ttl_s;
        if (session->first_sent_ns == 0) {
            session->first_sent_ns = core->now_ns;
        }
        break;
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        ret_request->kind = LL_REQUEST_LEASE_TTL;
        break;
    case LL_SESSION_CLOSING:
        if (session->deleting) {
            ll_remains_build(session, part, ret_request);
            break;
        }
        /* fall through */
    case LL_SESSION_LOST:
        ret_request->kind = LL_REQUEST_LEASE_REVOKE;
        break;
    }
}

/** etcd answers again: a lease that was lost while it did not is revoked now.
 *  After a restart of etcd it would live for a whole TTL, and its keys would
 *  stand in front of those of this session. */
static void session_revoke_lost(struct ll_core *core)
{
    struct ll_link *at;

    for (at = core->sessions.next;
         core->late_revokes_n > 0 && at != &core->sessions; at = at->next) {
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

static void session_granted(struct ll_core *core,
                            struct ll_session *session,
                            int64_t sent_ns)
{
    int64_t open_ns = session->deadline_ns;

    /* From now on a lease that is not found has been there, and is gone. */
    session->grant_lost = false;
    ll_session_renew(session, sent_ns);
    ll_session_set_state(core, session, LL_SESSION_ACTIVE, "");
    session_revoke_lost(core);
    session->check_ns = ll_min(open_ns, core->now_ns + LL_CLUSTER_CHECK_NS);
    if (!ll_cluster_is_awaited(core)) {
        session_on_checked_cluster(core, session);
    }
}

/** The lease that another process granted: what is left of it counts from when
 *  it was asked for. */
static void session_on_found(struct ll_core *core,
                             struct ll_session *session,
                             const struct ll_answer *answer)
{
    int64_t margin_ns;
    int64_t left_s;

    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        ll_call_again(core, &session->object, answer->outcome);
    } else if (answer->outcome == LL_OUTCOME_REFUSED) {
        session_fail_open(core, session, LEASELOCK_E_REFUSED);
    } else if (answer->outcome == LL_OUTCOME_NO_LEASE ||
               (answer->outcome == LL_OUTCOME_OK && answer->lease.ttl_s <= 0)) {
        session_fail_open(core, session, LEASELOCK_E_LOST);
    } else if (answer->outcome != LL_OUTCOME_OK) {
        session_fail_open(core, session, LEASELOCK_E_SERVER);
    } else {
        session->ttl_s = ll_min(answer->lease.granted_ttl_s, LL_TTL_MAX_S);
        session->renewed = true; /* a TTL of 0 is final */
        session_granted(core, session, session->object.sent_ns);
        margin_ns = session->expiry_ns - session->deadline_ns;
        /* A new leader may have given it more than the TTL; the next beat
         * takes that away again. */
        left_s = ll_min(answer->lease.ttl_s, session->ttl_s);
        session->expiry_ns = session->object.sent_ns + left_s * LL_NS_PER_S;
        session->deadline_ns = session->expiry_ns - margin_ns;
        session->beat_ns = core->now_ns;
        ll_object_reschedule(core, &session->object);
    }
}

static void session_on_grant(struct ll_core *core,
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
            /* Somebody else's: two random numbers of 63 bits were equal. */
            session_fail_open(core, session, LEASELOCK_E_SERVER);
            break;
        }
        /* An earlier try did it; etcd gives no less than it was asked for. */
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
        session_fail_open(core, session, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_ERROR:
        session_fail_open(core, session, LEASELOCK_E_SERVER);
        break;
    }
}

static void session_delete_next(struct ll_core *core,
                                struct ll_session *session)
{
    session->deleting = true;
    session->object.failures = 0;
    ll_call_at(core, &session->object, core->now_ns);
}

static void session_on_revoked(struct ll_core *core,
                               struct ll_session *session,
                               const struct ll_answer *answer)
{
    switch (answer->outcome) {
    case LL_OUTCOME_NO_LEASE:
        session_tell_closed(core, session, 0);
        if (session->grant_lost && core->now_ns < session->expiry_ns) {
            /* A grant that was given up may still land. */
            ll_call_at(core, &session->object,
                       core->now_ns + LL_BACKOFF_MAX_NS);
            break;
        }
        session_end(core, session);
        break;
    case LL_OUTCOME_OK:
        session_tell_closed(core, session, 0);
        session_end(core, session);
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
        session_tell_closed(core, session, LEASELOCK_E_REFUSED);
        session_end(core, session);
        break;
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        session_tell_closed(core, session, LEASELOCK_E_SERVER);
        session_end(core, session);
        break;
    }
}

/** The deletion of one key of a lease that etcd refuses to revoke. */
static void session_on_deleted(struct ll_core *core,
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
            session_tell_closed(core, session, LEASELOCK_E_REFUSED);
            session_end(core, session);
        }
        break;
    case LL_OUTCOME_LOST:
    case LL_OUTCOME_AGAIN:
        ll_call_again(core, &session->object, answer->outcome);
        break;
    case LL_OUTCOME_NO_LEASE:
    case LL_OUTCOME_LEASE_EXISTS:
    case LL_OUTCOME_ERROR:
        session_tell_closed(core, session, LEASELOCK_E_SERVER);
        session_end(core, session);
        break;
    }
}

/** The grant of a session that is being closed. */
static void session_on_late_grant(struct ll_core *core,
                                  struct ll_session *session,
                                  const struct ll_answer *answer)
{
    session->grant_lost |= answer->outcome == LL_OUTCOME_LOST;
    if (answer->outcome == LL_OUTCOME_OK || session->grant_lost) {
        session_revoke(core, session);
    } else {
        session_tell_closed(core, session, 0);
        session_end(core, session);
    }
}

/** The revoke of a lease that was lost by its deadline. */
static void session_on_late_revoke(struct ll_core *core,
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

static void session_on_answer(struct ll_core *core,
                              struct ll_object *object,
                              const struct ll_answer *answer,
                              const struct ll_event *event)
{
    struct ll_session *session = ll_session_of(object);

    (void)event;
    switch (session->state) {
    case LL_SESSION_OPENING:
        if (session->resumes) {
            session_on_found(core, session, answer);
        } else {
            session_on_grant(core, session, answer);
        }
        break;
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        ll_session_on_checked(core, session, answer);
        break;
    case LL_SESSION_LOST:
        session_on_late_revoke(core, session, answer);
        break;
    case LL_SESSION_CLOSING:
        if (!session->revoking) {
            session_on_late_grant(core, session, answer);
            break;
        }
        if (session->deleting) {
            session_on_deleted(core, session, answer);
        } else {
            session_on_revoked(core, session, answer);
        }
        break;
    }
}

static void session_free(struct ll_object *object)
{
    struct ll_session *session = ll_session_of(object);

    ll_remains_free(session);
    ll_free(session);
}

static bool session_next(struct ll_core *core,
                         struct ll_object *object,
                         struct ll_effect *ret_effect)
{
    struct ll_session *session = ll_session_of(object);

    *ret_effect = (struct ll_effect){.id = session->object.entry.id};
    if (ll_session_beat_next(core, session, ret_effect)) {
        return true;
    }
    if (session->opened_due) {
        session->opened_due = false;
        ret_effect->kind = LL_EFFECT_SESSION_OPENED;
        ret_effect->detail = ll_detail_of(core, session->open_status, "");
        return true;
    }
    if (session->changed_due && session->check_ns == LL_NEVER) {
        session->changed_due = false;
        ret_effect->kind = LL_EFFECT_SESSION_CHANGED;
        ret_effect->session.state = session->state;
        ret_effect->session.why = session->why;
        return true;
    }
    if (session->closed_due) {
        session->closed_due = false;
        ret_effect->kind = LL_EFFECT_SESSION_CLOSED;
        ret_effect->detail = ll_detail_of(core, session->close_status, "");
        if (session->close_status == LEASELOCK_E_REFUSED && session->gone &&
            ret_effect->detail.grpc_status == LL_GRPC_DENIED) {
            ret_effect->detail.text = ll_remains_text(core, session);
        }
        return true;
    }
    ll_link_remove(&session->object.telling);
    if (session->gone) {
        ll_object_leave(core, &session->object);
        session_free(&session->object);
    }
    return false;
}

const struct ll_object_ops ll_session_ops = LL_OBJECT_OPS(session_free,
                                                          session_on_time,
                                                          session_deadline_ns,
                                                          session_build,
                                                          session_on_answer,
                                                          session_next,
                                                          NULL,
                                                          NULL,
                                                          session_on_cluster,
                                                          NULL,
                                                          NULL,
                                                          NULL);
