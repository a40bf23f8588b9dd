#include "core/beat.h"

#include <assert.h>

#include "base/clock.h"
#include "core/session.h"

static const char why_deadline[] =
    "no renewal of the lease was answered before its deadline";
static const char why_refused[] = "etcd refuses to renew the lease";
static const char why_gone[] = "etcd does not know the lease any more";

static struct ll_beat *beat_on(struct ll_session *session,
                               enum ll_stream_kind kind)
{
    assert(kind != LL_STREAM_WATCH);
    return &session->beats[kind - LL_STREAM_KEEPALIVE];
}

static enum ll_stream_kind other_than(enum ll_stream_kind kind)
{
    return kind == LL_STREAM_KEEPALIVE ? LL_STREAM_KEEPALIVE_2
                                       : LL_STREAM_KEEPALIVE;
}

static enum ll_stream_kind second_of(const struct ll_core *core)
{
    return other_than(core->beats.main);
}

void ll_beats_init(struct ll_core *core)
{
    core->beats.main = LL_STREAM_KEEPALIVE;
    ll_link_init(&core->beats.denied);
}

static bool is_denied(const struct ll_session *session)
{
    return !ll_link_alone(&session->denied);
}

static bool is_beating(const struct ll_session *session)
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

/** How long a beat may stay unanswered. */
static int64_t session_patience_ns(const struct ll_session *session)
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

void ll_beats_probe(struct ll_core *core, uint32_t endpoint)
{
    const struct ll_stream *main = &core->streams[core->beats.main];
    struct ll_link *at;

    if (!main->up || main->endpoint != endpoint) {
        return;
    }
    for (at = core->sessions.next; at != &core->sessions; at = at->next) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        if (ll_session_is_alive(session) && !is_denied(session)) {
            if (!is_beating(session)) {
                ll_session_beat_soon(core, session);
            }
            return; /* one tells */
        }
    }
}

void ll_session_beat_stop(struct ll_core *core, struct ll_session *session)
{
    bool on_trial = beat_on(session, LL_STREAM_TRIAL)->due ||
                    beat_on(session, LL_STREAM_TRIAL)->out;

    for (size_t i = 0; i < LL_BEAT_STREAMS; i++) {
        session->beats[i] = (struct ll_beat){0};
    }
    session->overdue_ns = LL_NEVER;
    if (is_denied(session)) {
        ll_link_remove(&session->denied);
        core->beats.denied_n--;
    }
    if (on_trial) { /* one trial, one stream: the next one's opens at once */
        ll_stream_close(core, LL_STREAM_TRIAL);
    }
}

/** Beats on a stream, if that is up and owes no answer. */
static void session_beat(struct ll_core *core,
                         struct ll_session *session,
                         enum ll_stream_kind kind)
{
    if (core->streams[kind].up && !beat_on(session, kind)->out) {
        beat_on(session, kind)->due = true;
        ll_tell(core, &session->object);
    }
}

static void beats_doubt(struct ll_core *core)
{
    const struct ll_stream *main = &core->streams[core->beats.main];

    if (main->up && !core->beats.doubted) {
        core->beats.doubted = true;
        core->beats.only_due[second_of(core) - LL_STREAM_KEEPALIVE] = false;
        ll_note_failure(core, main->endpoint, LL_GRPC_DEADLINE,
                        "a renewal of the lease was not answered in time");
    }
}

/** The newest beat went unanswered for its time. What takes its place is sent
 *  when the other stream opens, at the end of this step. */
static void session_miss_beat(struct ll_core *core, struct ll_session *session)
{
    enum ll_stream_kind second = second_of(core);

    session->overdue_ns = LL_NEVER;
    if (beat_on(session, LL_STREAM_TRIAL)->out) {
        ll_stream_restart(core, LL_STREAM_TRIAL,
                          "a renewal of the lease was not answered in time");
    } else if (beat_on(session, second)->out) {
        ll_stream_restart(core, second,
                          "a renewal of the lease was not answered in time");
    } else {
        beats_doubt(core);
    }
}

bool ll_session_beat_is_silent(const struct ll_core *core,
                               const struct ll_session *session)
{
    return !core->beats.refused && !is_denied(session) &&
           (core->now_ns >= session->deadline_ns ||
            session->state == LL_SESSION_SUSPECT || session->shaken);
}

void ll_session_beat_on_time(struct ll_core *core, struct ll_session *session)
{
    if (core->now_ns >= session->deadline_ns) {
        ll_session_lose(core, session,
                        is_denied(session) || core->beats.refused
                            ? why_refused
                            : why_deadline);
        return;
    }
    if (session->state == LL_SESSION_ACTIVE &&
        core->now_ns >= session->suspect_ns) {
        ll_session_set_state(core, session, LL_SESSION_SUSPECT,
                             is_denied(session)
                                 ? why_refused
                                 : "a renewal of the lease is overdue");
    }
    if (core->now_ns >= session->overdue_ns) {
        session_miss_beat(core, session);
    }
    if (core->now_ns >= session->beat_ns && !is_beating(session) &&
        !is_denied(session)) {
        session_beat(core, session, LL_STREAM_KEEPALIVE);
        session_beat(core, session, LL_STREAM_KEEPALIVE_2);
    }
}

int64_t ll_session_beat_deadline_ns(const struct ll_core *core,
                                    const struct ll_session *session)
{
    int64_t deadline_ns = ll_min(session->deadline_ns, session->overdue_ns);

    if (session->state == LL_SESSION_ACTIVE) {
        deadline_ns = ll_min(deadline_ns, session->suspect_ns);
    }
    /* Without a stream the next one's opening beats, not the time. */
    if (core->streams[core->beats.main].up && !is_beating(session) &&
        !is_denied(session)) {
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
            *beat = (struct ll_beat){.out = true,
                                     .sent_ns = core->now_ns,
                                     .order = ++core->beats.order};
            session->overdue_ns = core->now_ns + session_patience_ns(session);
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

/** Whether a lease is not there. etcd rounds what is left down, so that it is 0
 *  in the last second of a lease and all the time of one of 1 s; -1, or none
 *  granted, says that there is none. */
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
        ll_session_lose(core, session, why_gone);
    } else {
        /* It lives, or etcd does not say; the next beat tells more. */
        session->beat_ns = core->now_ns + LL_BEAT_MIN_NS;
    }
}

/** Takes in the answer to the beat that was sent at a time. */
static void session_on_beaten(struct ll_core *core,
                              struct ll_session *session,
                              int64_t sent_ns,
                              int64_t ttl_s)
{
    ll_session_beat_stop(core, session);
    if (ttl_s > 0) {
        session->ttl_s = ll_min(ttl_s, LL_TTL_MAX_S);
        session->renewed = true;
        session->shaken = false;
        ll_session_renew(session, sent_ns);
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

/** A stream has answered: it is the main one, and the other is not needed. */
static void beats_trust(struct ll_core *core, enum ll_stream_kind kind)
{
    if (core->beats.doubted && kind != LL_STREAM_TRIAL) {
        core->beats.doubted = false;
        core->beats.main = kind;
        ll_stream_close(core, other_than(kind));
    }
}

void ll_beats_on_answer(struct ll_core *core, const struct ll_event *event)
{
    enum ll_stream_kind kind = LL_STREAM_KEEPALIVE;
    struct ll_session *session;
    struct ll_entry *entry;
    struct ll_beat beat;

    while (kind < LL_STREAM_TRIAL &&
           core->streams[kind].generation != event->keepalive.generation) {
        kind++;
    }
    if (!ll_stream_is_current(core, kind, event->keepalive.generation) ||
        !ll_cluster_believes(core, event->keepalive.cluster_id,
                             core->streams[kind].endpoint)) {
        return;
    }
    entry = ll_table_find(&core->leases, (uint64_t)event->keepalive.lease);
    if (entry == NULL) {
        return;
    }
    session = LL_CONTAINER(entry, struct ll_session, by_lease);
    beat = *beat_on(session, kind);
    if (!ll_session_is_alive(session) || !beat.out) {
        return; /* the answer to no beat that counts */
    }
    core->beats.refused = false;
    session_on_beaten(core, session, beat.sent_ns, event->keepalive.ttl_s);
    beats_trust(core, kind);
    ll_endpoint_answered(core, core->streams[kind].endpoint, beat.sent_ns);
    ll_object_reschedule(core, &session->object);
}

/** Renews the lease of the DENIED session whose turn it is. */
static void beats_try(struct ll_core *core)
{
    struct ll_link *first = core->beats.denied.next;
    struct ll_session *session = LL_CONTAINER(first, struct ll_session, denied);

    ll_link_remove(first);
    ll_link_append(&core->beats.denied, first);
    session_beat(core, session, LL_STREAM_TRIAL);
    ll_object_reschedule(core, &session->object);
}

void ll_beats_on_up(struct ll_core *core, enum ll_stream_kind kind)
{
    bool *only_due = &core->beats.only_due[kind - LL_STREAM_KEEPALIVE];
    bool all = core->beats.doubted && !*only_due;
    struct ll_link *at;
    struct ll_link *after;

    if (kind == LL_STREAM_TRIAL) {
        beats_try(core);
        return;
    }
    LL_LIST_EACH (at, after, &core->sessions) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        /* A lease that has just been granted need not be renewed at once. */
        if (ll_session_is_alive(session) && !session->checking &&
            !is_denied(session) &&
            (all || (session->renewed && !*only_due) ||
             core->now_ns >= session->beat_ns)) {
            session_beat(core, session, kind);
        }
        ll_object_reschedule(core, &session->object);
    }
    *only_due = false;
}

/** The session whose unanswered beat on a stream went out first; or NULL. */
static struct ll_session *oldest_out(struct ll_core *core,
                                     enum ll_stream_kind kind)
{
    struct ll_session *oldest = NULL;
    struct ll_link *at;

    for (at = core->sessions.next; at != &core->sessions; at = at->next) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        if (beat_on(session, kind)->out &&
            (oldest == NULL ||
             beat_on(session, kind)->order < beat_on(oldest, kind)->order)) {
            oldest = session;
        }
    }
    return oldest;
}

bool ll_beats_on_refusal(struct ll_core *core,
                         enum ll_stream_kind kind,
                         int64_t *ret_pause_ns)
{
    struct ll_session *session = oldest_out(core, kind);
    struct ll_stream *stream = &core->streams[kind];

    if (session == NULL) {
        return false;
    }
    *ret_pause_ns = 0;
    if (kind == LL_STREAM_TRIAL) {
        *ret_pause_ns =
            ll_max(ll_min(ll_backoff_ns(&core->random, stream->failures),
                          LL_BEAT_PAUSE_MAX_NS) /
                       core->beats.denied_n,
                   LL_BEAT_TRIAL_PAUSE_MIN_NS);
        return true;
    }
    stream->failures = 0;
    core->beats.only_due[kind - LL_STREAM_KEEPALIVE] = true;
    if (!is_denied(session)) {
        ll_core_log(core, 1,
                    "session %llx: etcd refuses to renew the lease; it is "
                    "tried again until its deadline",
                    (unsigned long long)session->lease);
        ll_link_append(&core->beats.denied, &session->denied);
        core->beats.denied_n++;
    }
    beat_on(session, other_than(kind))->due = false;
    return true;
}

static void session_on_stream_down(struct ll_core *core,
                                   struct ll_session *session,
                                   enum ll_stream_kind kind)
{
    struct ll_beat *beat = beat_on(session, kind);
    bool lost = beat->due || beat->out;

    *beat = (struct ll_beat){0};
    if (lost) {
        /* The next stream to open has to carry one, whatever else is out. */
        session->beat_ns = ll_min(session->beat_ns, core->now_ns);
        session->overdue_ns = is_beating(session)
                                  ? core->now_ns + session_patience_ns(session)
                                  : LL_NEVER;
    }
    ll_object_reschedule(core, &session->object);
}

void ll_beats_on_down(struct ll_core *core, enum ll_stream_kind kind)
{
    struct ll_link *at;
    struct ll_link *after;
    /* Not of one that is left because the other one answers. */
    bool shakes = kind == core->beats.main &&
                  !core->beats.only_due[kind - LL_STREAM_KEEPALIVE];

    if (kind == LL_STREAM_TRIAL) { /* of those alone can one be on it */
        LL_LIST_EACH (at, after, &core->beats.denied) {
            session_on_stream_down(
                core, LL_CONTAINER(at, struct ll_session, denied), kind);
        }
        return;
    }
    if (core->beats.doubted && kind == core->beats.main) {
        core->beats.doubted = false;
        if (core->streams[other_than(kind)].up) {
            core->beats.main = other_than(kind);
        }
    }
    LL_LIST_EACH (at, after, &core->sessions) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        session->shaken |= shakes;
        session_on_stream_down(core, session, kind);
    }
}

void ll_beats_leave(struct ll_core *core, uint32_t endpoint)
{
    const struct ll_stream *main = &core->streams[core->beats.main];

    if (main->up && main->endpoint == endpoint) {
        beats_doubt(core);
    }
}

bool ll_beats_need_stream(const struct ll_core *core, enum ll_stream_kind kind)
{
    if (kind == LL_STREAM_TRIAL) {
        return !ll_link_alone(&core->beats.denied);
    }
    return core->alive_n > 0 &&
           (kind == core->beats.main || core->beats.doubted);
}
