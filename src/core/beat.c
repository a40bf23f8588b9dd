/* SPDX-License-Identifier: Apache-2.0 */
#include "core/beat.h"

#include <assert.h>

#include "base/clock.h"
#include "core/session.h"
#include "core/stats.h"
#include "core/ticket.h"

struct ll_beat *ll_beat_on(struct ll_session *session, enum ll_stream_kind kind)
{
    assert(kind != LL_STREAM_WATCH);
    return &session->beats[kind - LL_STREAM_KEEPALIVE];
}

bool ll_session_is_denied(const struct ll_session *session)
{
    return !ll_link_alone(&session->denied);
}

bool ll_session_is_beating(const struct ll_session *session)
{
    for (size_t i = 0; i < LL_BEAT_STREAMS; i++) {
        if (session->beats[i].due || session->beats[i].out) {
            return true;
        }
    }
    return false;
}

int64_t ll_session_ttl_ns(const struct ll_session *session)
{
    return session->ttl_s * LL_NS_PER_S;
}

static int64_t session_beat_ns(const struct ll_session *session)
{
    return ll_session_ttl_ns(session) / 3;
}

/** How long a renewal may be unanswered before it is overdue. */
static int64_t session_answer_timeout_ns(const struct ll_session *session)
{
    return ll_max(
        ll_min(ll_session_ttl_ns(session) / 6, LL_BEAT_OVERDUE_MAX_NS),
        LL_BEAT_OVERDUE_MIN_NS);
}

void ll_session_renew(struct ll_session *session, int64_t sent_ns)
{
    int64_t ttl_ns = ll_session_ttl_ns(session);

    session->expiry_ns = sent_ns + ttl_ns;
    session->deadline_ns =
        session->expiry_ns - ll_max(ttl_ns / 10, LL_MARGIN_MIN_NS);
    session->suspect_ns = sent_ns + 2 * session_beat_ns(session);
    session->beat_ns = sent_ns + session_beat_ns(session);
}

void ll_session_beat_soon(struct ll_core *core, struct ll_session *session)
{
    if (ll_session_is_alive(session) && !session->checking) {
        session->beat_ns = ll_min(session->beat_ns, core->now_ns);
        ll_object_reschedule(core, &session->object);
    }
}

void ll_session_beat_stop(struct ll_core *core, struct ll_session *session)
{
    bool on_trial = ll_beat_on(session, LL_STREAM_TRIAL)->due ||
                    ll_beat_on(session, LL_STREAM_TRIAL)->out;

    for (size_t i = 0; i < LL_BEAT_STREAMS; i++) {
        session->beats[i] = (struct ll_beat){0};
    }
    session->overdue_ns = LL_NEVER;
    ll_keepalive_allow(core, session, on_trial);
}

void ll_session_beat(struct ll_core *core,
                     struct ll_session *session,
                     enum ll_stream_kind kind)
{
    if (core->streams[kind].up && !ll_beat_on(session, kind)->out) {
        ll_beat_on(session, kind)->due = true;
        ll_object_report(core, &session->object);
    }
}

bool ll_session_beat_is_silent(const struct ll_core *core,
                               const struct ll_session *session)
{
    return !core->keepalive.refused && !session->renewal_refused &&
           (core->now_ns >= session->deadline_ns ||
            session->state == LL_SESSION_SUSPECT || session->shaken);
}

void ll_session_beat_on_time(struct ll_core *core, struct ll_session *session)
{
    if (core->now_ns >= session->deadline_ns) {
        ll_session_lose(core, session,
                        ll_session_is_denied(session) || core->keepalive.refused
                            ? LEASELOCK_STATS_LOSS_REFUSED
                            : LEASELOCK_STATS_LOSS_DEADLINE);
        return;
    }
    if (session->state == LL_SESSION_ACTIVE &&
        core->now_ns >= session->suspect_ns) {
        ll_session_set_state(
            core, session, LL_SESSION_SUSPECT,
            ll_session_is_denied(session)
                ? ll_loss_text(core, LEASELOCK_STATS_LOSS_REFUSED)
                : "a renewal of the lease is overdue");
    }
    if (core->now_ns >= session->overdue_ns) {
        core->stats.renewals_late++;
        session->overdue_ns = LL_NEVER;
        ll_keepalive_on_overdue(core, session);
    }
    if (core->now_ns >= session->beat_ns && !ll_session_is_beating(session) &&
        !ll_session_is_denied(session)) {
        ll_session_beat(core, session, LL_STREAM_KEEPALIVE);
        ll_session_beat(core, session, LL_STREAM_KEEPALIVE_2);
    }
}

int64_t ll_session_beat_deadline_ns(const struct ll_core *core,
                                    const struct ll_session *session)
{
    int64_t deadline_ns = ll_min(session->deadline_ns, session->overdue_ns);

    if (session->state == LL_SESSION_ACTIVE) {
        deadline_ns = ll_min(deadline_ns, session->suspect_ns);
    }
    /* Without a stream, a renewal is sent when one opens, not at a time. */
    if (core->streams[core->keepalive.main].up &&
        !ll_session_is_beating(session) && !ll_session_is_denied(session)) {
        deadline_ns = ll_min(deadline_ns, session->beat_ns);
    }
    return deadline_ns;
}

bool ll_session_beat_next(struct ll_core *core,
                          struct ll_session *session,
                          struct ll_effect *ret_effect)
{
    for (size_t i = 0; i < LL_BEAT_STREAMS; i++) {
        struct ll_beat *beat = &session->beats[i];

        if (beat->due) {
            core->stats.renewals_sent++;
            *beat = (struct ll_beat){.out = true,
                                     .sent_ns = core->now_ns,
                                     .order = ++core->keepalive.order};
            session->overdue_ns =
                core->now_ns + session_answer_timeout_ns(session);
            ll_object_reschedule(core, &session->object);
            ret_effect->kind = LL_EFFECT_KEEPALIVE;
            ret_effect->keepalive.which =
                (enum ll_stream_kind)(LL_STREAM_KEEPALIVE + i);
            ret_effect->keepalive.lease = session->lease;
            return true;
        }
    }
    return false;
}

/** Whether a lease does not exist. etcd rounds the remaining TTL down, so it is
 *  0 in the last second of a lease, and always for a lease of 1 s. A TTL of -1,
 *  or a granted TTL of 0, means that there is no such lease. */
static bool is_gone(const struct ll_answer *answer)
{
    return answer->lease.ttl_s < 0 ||
           (answer->lease.ttl_s == 0 && answer->lease.granted_ttl_s == 0);
}

void ll_session_on_checked(struct ll_core *core,
                           struct ll_session *session,
                           const struct ll_answer *answer)
{
    if (answer->outcome == LL_OUTCOME_LOST ||
        answer->outcome == LL_OUTCOME_AGAIN) {
        ll_call_again(core, &session->object, answer->outcome);
        return;
    }
    session->checking = false;
    if (answer->outcome == LL_OUTCOME_NO_LEASE ||
        (answer->outcome == LL_OUTCOME_OK && is_gone(answer))) {
        ll_session_lose(core, session, LEASELOCK_STATS_LOSS_LEASE);
    } else {
        /* The lease exists, or that stays open; the next renewal shows it. */
        session->beat_ns = core->now_ns + LL_BEAT_MIN_NS;
    }
}

static void tickets_on_active(struct ll_core *core, struct ll_session *session)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &session->tickets) {
        struct ll_object *ticket =
            &LL_CONTAINER(at, struct ll_ticket, link)->object;

        if (ticket->ops->lease->on_active != NULL) {
            ticket->ops->lease->on_active(core, ticket);
        }
    }
}

void ll_session_on_beaten(struct ll_core *core,
                          struct ll_session *session,
                          int64_t sent_ns,
                          int64_t ttl_s)
{
    core->stats.renewals_answered++;
    ll_histogram_add(&core->stats.renewal, core->now_ns - sent_ns);
    ll_session_beat_stop(core, session);
    if (ttl_s > 0) {
        ll_histogram_add(&core->stats.renewal_margin,
                         session->deadline_ns - core->now_ns);
        session->ttl_s = ll_min(ttl_s, LL_TTL_MAX_S);
        session->renewed = true;
        session->shaken = false;
        session->renewal_refused = false;
        ll_session_renew(session, sent_ns);
        if (session->state == LL_SESSION_SUSPECT) {
            ll_session_set_state(core, session, LL_SESSION_ACTIVE, "");
            tickets_on_active(core, session);
        }
    } else if (session->renewed) {
        ll_session_lose(core, session, LEASELOCK_STATS_LOSS_LEASE);
    } else {
        /* The first renewal through a follower can reach a leader that has not
         * applied the grant yet, so the lease is checked once more. */
        session->checking = true;
        session->beat_ns = LL_NEVER;
        ll_call_at(core, &session->object, core->now_ns);
    }
}

void ll_session_beat_on_down(struct ll_core *core,
                             struct ll_session *session,
                             enum ll_stream_kind kind)
{
    struct ll_beat *beat = ll_beat_on(session, kind);
    bool lost = beat->due || beat->out;

    *beat = (struct ll_beat){0};
    if (lost) {
        /* The next stream that opens sends one, whatever else is in flight. */
        session->beat_ns = ll_min(session->beat_ns, core->now_ns);
        session->overdue_ns =
            ll_session_is_beating(session)
                ? core->now_ns + session_answer_timeout_ns(session)
                : LL_NEVER;
    }
    ll_object_reschedule(core, &session->object);
}
