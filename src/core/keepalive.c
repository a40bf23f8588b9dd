/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keepalive.h"

#include <assert.h>

#include "core/session.h"

static enum ll_stream_kind other_than(enum ll_stream_kind kind)
{
    return kind == LL_STREAM_KEEPALIVE ? LL_STREAM_KEEPALIVE_2
                                       : LL_STREAM_KEEPALIVE;
}

static enum ll_stream_kind second_of(const struct ll_core *core)
{
    return other_than(core->keepalive.main);
}

static void keepalive_probe(struct ll_core *core, uint32_t endpoint)
{
    const struct ll_stream *main = &core->streams[core->keepalive.main];
    struct ll_link *at;

    if (!main->up || main->endpoint != endpoint) {
        return;
    }
    for (at = core->sessions.list.next; at != &core->sessions.list;
         at = at->next) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        if (ll_session_is_alive(session) && !ll_session_is_denied(session)) {
            if (!ll_session_is_beating(session)) {
                ll_session_beat_soon(core, session);
            }
            return; /* one is enough */
        }
    }
}

static void keepalive_suspect(struct ll_core *core)
{
    const struct ll_stream *main = &core->streams[core->keepalive.main];

    if (main->up && !core->keepalive.suspect) {
        core->keepalive.suspect = true;
        core->keepalive.only_due[second_of(core) - LL_STREAM_KEEPALIVE] = false;
        ll_note_failure(core, main->endpoint, LL_GRPC_DEADLINE,
                        "a renewal of the lease was not answered in time");
    }
}

/** The renewal that replaces the overdue one is sent when the other stream
 *  opens, at the end of this step. */
void ll_keepalive_on_overdue(struct ll_core *core, struct ll_session *session)
{
    static const char why[] = "a renewal of the lease was not answered in time";
    enum ll_stream_kind second = second_of(core);

    if (ll_beat_on(session, LL_STREAM_TRIAL)->out) {
        ll_stream_restart(core, LL_STREAM_TRIAL, why);
    } else if (ll_beat_on(session, second)->out) {
        ll_stream_restart(core, second, why);
    } else {
        keepalive_suspect(core);
    }
}

void ll_keepalive_allow(struct ll_core *core,
                        struct ll_session *session,
                        bool on_trial)
{
    if (ll_session_is_denied(session)) {
        ll_link_remove(&session->denied);
        core->keepalive.denied_n--;
    }
    if (on_trial) { /* one trial, one stream: the next opens at once */
        ll_stream_close(core, LL_STREAM_TRIAL);
    }
}

/** A stream has answered: it becomes the main one; the other is not needed. */
static void keepalive_trust(struct ll_core *core, enum ll_stream_kind kind)
{
    if (core->keepalive.suspect && kind != LL_STREAM_TRIAL) {
        core->keepalive.suspect = false;
        core->keepalive.main = kind;
        ll_stream_close(core, other_than(kind));
    }
}

void ll_keepalive_on_answer(struct ll_core *core, const struct ll_event *event)
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
    entry = ll_table_find(&core->sessions.by_lease,
                          (uint64_t)event->keepalive.lease);
    if (entry == NULL) {
        return;
    }
    session = LL_CONTAINER(entry, struct ll_session, by_lease);
    beat = *ll_beat_on(session, kind);
    if (!ll_session_is_alive(session) || !beat.out) {
        return; /* no renewal awaits this answer */
    }
    core->keepalive.refused = false;
    ll_session_on_beaten(core, session, beat.sent_ns, event->keepalive.ttl_s);
    keepalive_trust(core, kind);
    ll_endpoint_answered(core, core->streams[kind].endpoint, beat.sent_ns);
    ll_object_reschedule(core, &session->object);
}

/** Renews the lease of the DENIED session whose turn it is. */
static void keepalive_try(struct ll_core *core)
{
    struct ll_link *first = core->keepalive.denied.next;
    struct ll_session *session = LL_CONTAINER(first, struct ll_session, denied);

    ll_link_remove(first);
    ll_link_append(&core->keepalive.denied, first);
    ll_session_beat(core, session, LL_STREAM_TRIAL);
    ll_object_reschedule(core, &session->object);
}

static void keepalive_on_up(struct ll_core *core, enum ll_stream_kind kind)
{
    bool *only_due = &core->keepalive.only_due[kind - LL_STREAM_KEEPALIVE];
    bool all = core->keepalive.suspect && !*only_due;
    struct ll_link *at;
    struct ll_link *after;

    if (kind == LL_STREAM_TRIAL) {
        keepalive_try(core);
        return;
    }
    LL_LIST_EACH (at, after, &core->sessions.list) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        /* A lease that has just been granted need not be renewed at once. */
        if (ll_session_is_alive(session) && !session->checking &&
            !ll_session_is_denied(session) &&
            (all || (session->renewed && !*only_due) ||
             core->now_ns >= session->beat_ns)) {
            ll_session_beat(core, session, kind);
        }
        ll_object_reschedule(core, &session->object);
    }
    *only_due = false;
}

/** The session whose unanswered renewal on a stream is the oldest; or NULL. */
static struct ll_session *oldest_out(struct ll_core *core,
                                     enum ll_stream_kind kind)
{
    struct ll_session *oldest = NULL;
    struct ll_link *at;

    for (at = core->sessions.list.next; at != &core->sessions.list;
         at = at->next) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        if (ll_beat_on(session, kind)->out &&
            (oldest == NULL || ll_beat_on(session, kind)->order <
                                   ll_beat_on(oldest, kind)->order)) {
            oldest = session;
        }
    }
    return oldest;
}

/** etcd refused what was sent on a stream: the session of its oldest unanswered
 *  renewal is DENIED. False: no renewal is unanswered. */
static bool keepalive_deny(struct ll_core *core,
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
                          LL_KEEPALIVE_PAUSE_MAX_NS) /
                       core->keepalive.denied_n,
                   LL_KEEPALIVE_TRIAL_PAUSE_MIN_NS);
        return true;
    }
    session->renewal_refused = true;
    stream->failures = 0;
    core->keepalive.only_due[kind - LL_STREAM_KEEPALIVE] = true;
    if (!ll_session_is_denied(session)) {
        ll_core_log(core, LL_LOG_RENEWAL_REFUSED, ll_log_lease(session->lease),
                    "session %llx: etcd refuses to renew the lease; it is "
                    "tried again until its deadline",
                    (unsigned long long)session->lease);
        ll_link_append(&core->keepalive.denied, &session->denied);
        core->keepalive.denied_n++;
    }
    ll_beat_on(session, other_than(kind))->due = false;
    return true;
}

static void keepalive_on_down(struct ll_core *core, enum ll_stream_kind kind)
{
    struct ll_link *at;
    struct ll_link *after;
    /* Not if the stream is closed because the other one answers. */
    bool shakes = kind == core->keepalive.main &&
                  !core->keepalive.only_due[kind - LL_STREAM_KEEPALIVE];

    if (kind == LL_STREAM_TRIAL) { /* only DENIED sessions use it */
        LL_LIST_EACH (at, after, &core->keepalive.denied) {
            ll_session_beat_on_down(
                core, LL_CONTAINER(at, struct ll_session, denied), kind);
        }
        return;
    }
    if (core->keepalive.suspect && kind == core->keepalive.main) {
        core->keepalive.suspect = false;
        if (core->streams[other_than(kind)].up) {
            core->keepalive.main = other_than(kind);
        }
    }
    LL_LIST_EACH (at, after, &core->sessions.list) {
        struct ll_session *session = LL_CONTAINER(at, struct ll_session, link);

        session->shaken |= shakes;
        ll_session_beat_on_down(core, session, kind);
    }
}

/** The endpoint of a stream that is up is superseded. */
static void keepalive_leave(struct ll_core *core, enum ll_stream_kind kind)
{
    if (kind == core->keepalive.main) {
        keepalive_suspect(core);
    }
}

/** Another endpoint is in use: the second stream is opened there. It becomes
 *  the main one when it answers; until then this one stays, and works. */
static void keepalive_move(struct ll_core *core, enum ll_stream_kind kind)
{
    if (kind == core->keepalive.main && !core->keepalive.suspect) {
        core->keepalive.suspect = true;
        core->keepalive.only_due[second_of(core) - LL_STREAM_KEEPALIVE] = false;
    }
}

static bool keepalive_is_needed(const struct ll_core *core,
                                enum ll_stream_kind kind)
{
    if (kind == LL_STREAM_TRIAL) {
        return !ll_link_alone(&core->keepalive.denied);
    }
    return core->sessions.alive_n > 0 &&
           (kind == core->keepalive.main || core->keepalive.suspect);
}

/** No two keep-alive streams share a generation. */
static uint32_t keepalive_generation(struct ll_core *core)
{
    return ++core->keepalive.generation;
}

static void keepalive_on_refused(struct ll_core *core,
                                 struct ll_stream *stream,
                                 const struct ll_event *event)
{
    int64_t pause_ns;
    struct ll_link *at;

    if (!event->stream_down.no_token &&
        keepalive_deny(core, stream->kind, &pause_ns)) {
        /* The endpoint works: another one would refuse that renewal, too. */
        ll_keep_failure(core, event->stream_down.endpoint,
                        event->stream_down.grpc_status,
                        event->stream_down.text);
        stream->retry_ns = core->now_ns + pause_ns;
    } else {
        ll_stream_note_failure(core, event);
        core->keepalive.refused = true;
        for (at = core->sessions.list.next; at != &core->sessions.list;
             at = at->next) {
            LL_CONTAINER(at, struct ll_session, link)->renewal_refused = true;
        }
    }
}

static const struct ll_stream_ops keepalive_ops = {
    .name = "keep-alive",
    .pause_max_ns = LL_KEEPALIVE_PAUSE_MAX_NS,
    .is_needed = keepalive_is_needed,
    .generation = keepalive_generation,
    .on_up = keepalive_on_up,
    .on_down = keepalive_on_down,
    .on_refused = keepalive_on_refused,
    .leave = keepalive_leave,
    .move = keepalive_move,
};

void ll_keepalive_init(struct ll_core *core)
{
    core->keepalive.main = LL_STREAM_KEEPALIVE;
    ll_link_init(&core->keepalive.denied);
    for (size_t i = 0; i < LL_BEAT_STREAMS; i++) {
        ll_stream_init(core, (enum ll_stream_kind)(LL_STREAM_KEEPALIVE + i),
                       &keepalive_ops);
    }
    core->endpoints.user.probe = keepalive_probe;
}
