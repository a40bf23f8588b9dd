/* SPDX-License-Identifier: Apache-2.0 */
#include "core/session.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/remains.h"
#include "core/session_close.h"
#include "core/session_open.h"
#include "core/stats.h"
#include "core/ticket.h"
#include "leaselock/status.h"

void ll_session_move(struct ll_core *core,
                     struct ll_session *session,
                     enum ll_session_state state)
{
    core->sessions.alive_n -= ll_session_is_alive(session) ? 1 : 0;
    session->state = state;
    core->sessions.alive_n += ll_session_is_alive(session) ? 1 : 0;
}

void ll_session_set_state(struct ll_core *core,
                          struct ll_session *session,
                          enum ll_session_state state,
                          const char *why)
{
    ll_session_move(core, session, state);
    session->why = why;
    session->changed_due = true;
    ll_object_report(core, &session->object);
}

void ll_session_end_ticket(struct ll_core *core,
                           struct ll_ticket *ticket,
                           int status,
                           const char *why)
{
    ticket->object.ops->lease->on_end(core, &ticket->object, status, why);
}

void ll_session_lose(struct ll_core *core,
                     struct ll_session *session,
                     enum leaselock_stats_loss loss)
{
    const char *why = ll_loss_text(core, loss);
    struct ll_link *at;
    struct ll_link *after;

    assert(ll_session_is_alive(session));
    session->loss = loss;
    ll_session_on_checked_cluster(core, session);
    ll_core_log(core, LL_LOG_SESSION_LOST,
                ll_log_status(ll_log_lease(session->lease), LEASELOCK_E_LOST),
                "session %llx is lost: %s", (unsigned long long)session->lease,
                why);
    ll_call_none(core, &session->object);
    session->checking = false;
    /* An answer of another cluster is not silence. */
    session->contradicted = loss == LEASELOCK_STATS_LOSS_CLUSTER;
    session->silenced =
        !session->contradicted && ll_session_beat_is_silent(core, session);
    ll_session_beat_stop(core, session);
    if (core->now_ns >= session->deadline_ns) {
        /* A renewal that was in flight may have reached etcd, and a holder that
         * is stopping has the margin to do so: the revoke waits for both. */
        session->late_revoke_ns = ll_max(session->expiry_ns, core->now_ns);
        session->late_revoke_owed = true;
        core->sessions.late_revokes_n++;
    }
    ll_session_set_state(core, session, LL_SESSION_LOST, why);
    LL_LIST_EACH (at, after, &session->tickets) {
        ll_session_end_ticket(core, LL_CONTAINER(at, struct ll_ticket, link),
                              LEASELOCK_E_LOST, why);
    }
    ll_object_reschedule(core, &session->object);
}

void ll_sessions_on_checked_cluster(struct ll_core *core)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->sessions.list) {
        ll_session_on_checked_cluster(
            core, LL_CONTAINER(at, struct ll_session, link));
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
        ll_session_fail_open(core, session, LEASELOCK_E_SERVER);
        ll_object_reschedule(core, &session->object);
    } else if (ll_session_is_alive(session)) {
        ll_session_lose(core, session, LEASELOCK_STATS_LOSS_CLUSTER);
    } else if (session->state == LL_SESSION_CLOSING) {
        ll_session_end_unknown(core, session);
    } else {
        session->contradicted = true;
    }
}

static void session_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_session *session = ll_session_of(object);

    if (core->now_ns >= session->check_ns) {
        ll_cluster_give_up(core);
        ll_session_on_checked_cluster(core, session);
    }
    switch (session->state) {
    case LL_SESSION_OPENING:
        if (core->now_ns >= session->deadline_ns) {
            if (session->object.in_flight && session->object.failures == 0) {
                ll_note_failure(core, core->endpoints.current, LL_GRPC_DEADLINE,
                                "no answer in time");
            }
            ll_session_fail_open(core, session, LEASELOCK_E_UNAVAILABLE);
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
            ll_session_report_closed(core, session,
                                     LEASELOCK_E_OUTCOME_UNKNOWN);
        }
        if (core->now_ns >= session->expiry_ns &&
            session->object.failures > 0) {
            /* The lease has expired, or will at any moment. */
            ll_session_report_closed(core, session,
                                     LEASELOCK_E_OUTCOME_UNKNOWN);
            ll_session_end(core, session);
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
        if (session->marking) {
            ll_remains_build_marks(session, ret_request);
            break;
        }
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
            ll_session_on_found(core, session, answer);
        } else {
            ll_session_on_grant(core, session, answer);
        }
        break;
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        ll_session_on_checked(core, session, answer);
        break;
    case LL_SESSION_LOST:
        ll_session_on_late_revoke(core, session, answer);
        break;
    case LL_SESSION_CLOSING:
        if (!session->revoking) {
            ll_session_on_late_grant(core, session, answer);
            break;
        }
        if (session->marking) {
            ll_session_on_marked(core, session, answer);
        } else if (session->deleting) {
            ll_session_on_deleted(core, session, answer);
        } else {
            ll_session_on_revoked(core, session, answer);
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
        if (session->contradicted &&
            session->close_status == LEASELOCK_E_OUTCOME_UNKNOWN) {
            ret_effect->detail.grpc_status = -1;
            ret_effect->detail.text = core->cluster.text;
        }
        return true;
    }
    ll_link_remove(&session->object.pending);
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
