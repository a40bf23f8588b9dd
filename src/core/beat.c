#include "base/clock.h"
#include "core/session.h"

/**
 * The renewals of a session's lease.
 */

static const char why_deadline[] =
    "no renewal of the lease was answered before its deadline";
static const char why_gone[] = "etcd does not know the lease any more";

int64_t ll_session_ttl_ns(const struct ll_session *session)
{
    return session->ttl_s * LL_NS_PER_S;
}

static int64_t session_beat_ns(const struct ll_session *session)
{
    return ll_session_ttl_ns(session) / 3;
}

/** Counts the lease's life from when a renewal of it was sent. */
void ll_session_renew(struct ll_session *session, int64_t sent_ns)
{
    int64_t ttl_ns = ll_session_ttl_ns(session);

    session->expiry_ns = sent_ns + ttl_ns;
    session->deadline_ns =
        session->expiry_ns - ll_max(ttl_ns / 10, LL_MARGIN_MIN_NS);
    session->suspect_ns = sent_ns + 2 * session_beat_ns(session);
    session->beat_ns = sent_ns + session_beat_ns(session);
    session->beat_out = false;
    session->beat_due = false;
}

static void session_beat(struct ll_core *core, struct ll_session *session)
{
    session->beat_due = true;
    ll_tell(core, &session->object);
}

/** A beat went unanswered for its time: the stream may be stuck. */
static void session_miss_beat(struct ll_core *core, struct ll_session *session)
{
    struct ll_stream *stream = &core->streams[LL_STREAM_KEEPALIVE];

    session->beat_out = false;
    ll_stream_restart(core, LL_STREAM_KEEPALIVE, stream->generation,
                      "a renewal of the lease was not answered in time");
    /* The new stream opens at the end of this step, and beats. */
    session->beat_ns = LL_NEVER;
}

void ll_session_beat_on_time(struct ll_core *core, struct ll_session *session)
{
    if (core->now_ns >= session->deadline_ns) {
        ll_session_lose(core, session, why_deadline);
        return;
    }
    if (session->state == LL_SESSION_ACTIVE &&
        core->now_ns >= session->suspect_ns) {
        ll_session_set_state(core, session, LL_SESSION_SUSPECT,
                             "a renewal of the lease is overdue");
    }
    if (core->now_ns >= session->beat_ns &&
        core->streams[LL_STREAM_KEEPALIVE].up) {
        if (session->beat_out) {
            session_miss_beat(core, session);
        } else if (!session->beat_due) {
            session_beat(core, session);
        }
    }
}

/** What LeaseTimeToLive says of a lease that a keep-alive did not know. */
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
        (answer->outcome == LL_OUTCOME_OK && answer->lease.ttl_s <= 0)) {
        ll_session_lose(core, session, why_gone);
    } else {
        /* It lives, or etcd does not say; the next beat tells more. */
        session->beat_ns = core->now_ns + LL_BEAT_MIN_NS;
    }
}

static void session_on_keepalive(struct ll_core *core,
                                 struct ll_session *session,
                                 int64_t ttl_s)
{
    if (!ll_session_is_alive(session) || !session->beat_out) {
        return; /* the answer to no beat that counts */
    }
    session->beat_out = false;
    if (ttl_s > 0) {
        session->ttl_s = ll_min(ttl_s, LL_TTL_MAX_S);
        session->renewed = true;
        ll_session_renew(session, session->beat_sent_ns);
        if (session->state == LL_SESSION_SUSPECT) {
            ll_session_set_state(core, session, LL_SESSION_ACTIVE, "");
        }
    } else if (session->renewed) {
        ll_session_lose(core, session, why_gone);
    } else {
        /* A first beat through a follower can reach a leader that has not
         * applied the grant yet; so it is looked at once more. */
        session->checking = true;
        session->beat_ns = LL_NEVER;
        ll_call_at(core, &session->object, core->now_ns);
    }
}

void ll_sessions_on_keepalive(struct ll_core *core,
                              const struct ll_event *event)
{
    struct ll_entry *entry;
    struct ll_session *session;

    if (!ll_stream_is_current(core, LL_STREAM_KEEPALIVE,
                              event->keepalive.generation)) {
        return;
    }
    entry = ll_table_find(&core->leases, (uint64_t)event->keepalive.lease);
    if (entry == NULL) {
        return;
    }
    session = LL_CONTAINER(entry, struct ll_session, by_lease);
    session_on_keepalive(core, session, event->keepalive.ttl_s);
    ll_object_reschedule(core, &session->object);
}

void ll_sessions_on_stream_up(struct ll_core *core)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->sessions) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        /* A lease that has just been granted need not be renewed at once. */
        if (ll_session_is_alive(session) && !session->checking &&
            (session->renewed || session->beat_ns == LL_NEVER ||
             core->now_ns >= session->beat_ns)) {
            session_beat(core, session);
        }
        ll_object_reschedule(core, &session->object);
    }
}

void ll_sessions_on_stream_down(struct ll_core *core)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->sessions) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        if (session->beat_out) {
            session->beat_out = false;
            session->beat_ns = LL_NEVER; /* the next stream beats at once */
        }
        session->beat_due = false;
        ll_object_reschedule(core, &session->object);
    }
}

bool ll_sessions_need_stream(const struct ll_core *core)
{
    return core->alive_n > 0;
}

void ll_session_draw_beat(struct ll_core *core,
                          struct ll_session *session,
                          struct ll_effect *ret_effect)
{
    int64_t wait_ns = session_beat_ns(session);

    if (session->state == LL_SESSION_SUSPECT) {
        wait_ns = ll_max(wait_ns / 2, LL_BEAT_MIN_NS);
    }
    session->beat_due = false;
    session->beat_out = true;
    session->beat_sent_ns = core->now_ns;
    session->beat_ns = core->now_ns + wait_ns;
    ll_object_reschedule(core, &session->object);
    ret_effect->kind = LL_EFFECT_KEEPALIVE;
    ret_effect->keepalive.lease = session->lease;
}
