/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include "core/watch.h"
#include "leaselock/status.h"

/**
 * Prints the timeline. */

static const char *request_name(const struct ll_request *request)
{
    switch (request->kind) {
    case LL_REQUEST_TXN:
        if (request->txn.compares_n == 0) {
            return "read the keys";
        }
        if (request->txn.compares_n > 1) {
            return "write";
        }
        for (size_t i = 0; i < request->txn.then_n; i++) {
            if (request->txn.then_ops[i].kind == LL_OP_DELETE) {
                return "delete the key";
            }
        }
        return "enqueue";
    case LL_REQUEST_DELETE:
        return "delete the key";
    case LL_REQUEST_RANGE:
        return "read the queue";
    case LL_REQUEST_LEASE_GRANT:
        return "grant a lease";
    case LL_REQUEST_LEASE_REVOKE:
        return "revoke the lease";
    case LL_REQUEST_LEASE_TTL:
        return "read the lease";
    case LL_REQUEST_STATUS:
        return "status";
    case LL_REQUEST_MEMBER_LIST:
        return "list the members";
    }
    return "?";
}

static const char *outcome_name(enum ll_outcome outcome)
{
    static const char *const names[] = {
        "answered",     "no answer", "again later", "no such lease",
        "lease exists", "refused",   "error"};

    return names[outcome];
}

static const char *stream_name(enum ll_stream_kind kind)
{
    return kind == LL_STREAM_WATCH ? "watch" : "keep-alive";
}

static const char *slot_name(int64_t watch_id)
{
    return (watch_id & 1) != 0 ? "its predecessor's key" : "its own key";
}

static const char *mode_name(struct ll_mode mode)
{
    static const char *const names[] = {"", ", shared,", ", a permit,"};

    return names[mode.kind];
}

static void story_answer(const struct sim_client *client,
                         const struct ll_event *event)
{
    const struct ll_answer *answer = event->answer.answer;

    SIM_REPORT(
        client->world, "client %u < %llu: %s%s%s, call %u, revision %lld",
        client->peer.number, (unsigned long long)event->id,
        outcome_name(answer->outcome), answer->text[0] != '\0' ? ": " : "",
        answer->text, event->answer.seq, (long long)answer->revision);
}

static void story_watch(const struct sim_client *client,
                        const struct ll_event *event,
                        const char *what)
{
    SIM_REPORT(
        client->world, "client %u < %lld: %s, watch of %s, revision %lld%s%s%s",
        client->peer.number,
        (long long)ll_watch_owner_of(event->watch.watch_id), what,
        slot_name(event->watch.watch_id), (long long)event->watch.revision,
        event->watch.events_n > 0 && event->watch.events[0].deleted
            ? ", deleted"
            : "",
        event->kind == LL_EVENT_WATCH_CANCELED ? ": " : "",
        event->kind == LL_EVENT_WATCH_CANCELED ? event->watch.reason : "");
}

static void story_command(const struct sim_client *client,
                          const struct ll_event *event,
                          const char *what,
                          int64_t timeout_ns)
{
    SIM_REPORT(client->world, "client %u: caller %s %llu, timeout %.3f s",
               client->peer.number, what, (unsigned long long)event->id,
               (double)timeout_ns / 1e9);
}

static void story_follow(const struct sim_client *client,
                         const struct ll_event *event)
{
    if (event->follow.from.size == 0) {
        story_command(client, event, "has no memory for a report to follower",
                      0);
        return;
    }
    SIM_REPORT(client->world, "client %u: caller follows %.*s: follower %llu",
               client->peer.number,
               event->follow.from.size > 1 ? (int)event->follow.from.size : 8,
               event->follow.from.size > 1 ? event->follow.from.data
                                           : "all keys",
               (unsigned long long)event->id);
}

static void story_followed(const struct sim_client *client,
                           const struct ll_effect *effect)
{
    static const char *const words[] = {
        [LL_FOLLOWED_LOADING] = "loads",     [LL_FOLLOWED_PAGE] = "a page",
        [LL_FOLLOWED_CHANGES] = "changes",   [LL_FOLLOWED_CURRENT] = "current",
        [LL_FOLLOWED_LOST] = "etcd is lost", [LL_FOLLOWED_FAILED] = "failed",
        [LL_FOLLOWED_END] = "the end"};
    bool has_page = effect->followed.kind == LL_FOLLOWED_PAGE;
    size_t n = has_page ? effect->followed.kvs_n
               : effect->followed.kind == LL_FOLLOWED_CHANGES
                   ? effect->followed.events_n
                   : 0;

    SIM_REPORT(client->world,
               "client %u: follower %llu: %s%s%s, of %zu keys, revision %lld",
               client->peer.number, (unsigned long long)effect->id,
               words[effect->followed.kind],
               has_page && effect->followed.is_first ? ", the first" : "",
               has_page && effect->followed.is_last ? ", the last" : "", n,
               (long long)effect->followed.revision);
}

void sim_story_event(const struct sim_client *client,
                     const struct ll_event *event)
{
    struct sim_world *world = client->world;
    unsigned who = client->peer.number;

    switch (event->kind) {
    case LL_EVENT_TIME:
        break;
    case LL_EVENT_SESSION_OPEN:
        story_command(client, event, "opens session",
                      event->session_open.timeout_ns);
        break;
    case LL_EVENT_SESSION_CLOSE:
        story_command(client, event, "closes session",
                      event->session_close.timeout_ns);
        break;
    case LL_EVENT_ACQUIRE:
        SIM_REPORT(world,
                   "client %u: caller acquires %.*s%s in session %llu: ticket "
                   "%llu, timeout %.3f s",
                   who, (int)event->acquire.name.size, event->acquire.name.data,
                   mode_name(event->acquire.mode),
                   (unsigned long long)event->acquire.session,
                   (unsigned long long)event->id,
                   (double)event->acquire.timeout_ns / 1e9);
        break;
    case LL_EVENT_ACQUIRE_ALL:
        SIM_REPORT(
            world,
            "client %u: caller acquires %zu locks in session %llu: ticket "
            "%llu, timeout %.3f s",
            who, event->acquire_all.names_n,
            (unsigned long long)event->acquire_all.session,
            (unsigned long long)event->id,
            (double)event->acquire_all.timeout_ns / 1e9);
        break;
    case LL_EVENT_RELEASE:
        story_command(client, event, "releases", event->release.timeout_ns);
        break;
    case LL_EVENT_RESUME:
        story_command(client, event, "resumes", event->resume.timeout_ns);
        break;
    case LL_EVENT_REJOIN:
        SIM_REPORT(world,
                   "client %u: caller's ticket %llu gives way and queues again "
                   "as %llu, timeout %.3f s",
                   who, (unsigned long long)event->rejoin.ticket,
                   (unsigned long long)event->id,
                   (double)event->rejoin.timeout_ns / 1e9);
        break;
    case LL_EVENT_OBSERVE:
        SIM_REPORT(world, "client %u: caller observes %.*s: observer %llu", who,
                   (int)event->observe.name.size, event->observe.name.data,
                   (unsigned long long)event->id);
        break;
    case LL_EVENT_OBSERVE_END:
        story_command(client, event, "ends observer", 0);
        break;
    case LL_EVENT_FOLLOW:
        story_follow(client, event);
        break;
    case LL_EVENT_FOLLOW_END:
        story_command(client, event, "ends follower", 0);
        break;
    case LL_EVENT_WRITE:
        story_command(client, event,
                      event->write.release ? "writes and releases" : "writes",
                      event->write.timeout_ns);
        break;
    case LL_EVENT_QUERY:
        story_command(client, event, "queries", event->query.timeout_ns);
        break;
    case LL_EVENT_QUERY_CANCEL:
        story_command(client, event, "cancels query", 0);
        break;
    case LL_EVENT_ANSWER:
        story_answer(client, event);
        break;
    case LL_EVENT_STREAM_DOWN:
        SIM_REPORT(world, "client %u < %s stream %u ended: %s", who,
                   stream_name(event->stream_down.which),
                   event->stream_down.generation, event->stream_down.text);
        break;
    case LL_EVENT_KEEPALIVE:
        SIM_REPORT(world, "client %u < keep-alive answered, TTL %lld", who,
                   (long long)event->keepalive.ttl_s);
        break;
    case LL_EVENT_WATCH_CREATED:
        story_watch(client, event, "created");
        break;
    case LL_EVENT_WATCH_CANCELED:
        story_watch(client, event, "canceled");
        break;
    case LL_EVENT_WATCH_CHANGED:
        story_watch(client, event, "event");
        break;
    case LL_EVENT_ENDPOINTS:
        SIM_REPORT(world, "client %u < %u endpoints, %llx of them in use", who,
                   event->endpoints.n,
                   (unsigned long long)event->endpoints.usable);
        break;
    }
}

static void story_reported(const struct sim_client *client,
                           const struct ll_effect *effect,
                           const char *what)
{
    SIM_REPORT(client->world, "client %u: %llu is %s: %s", client->peer.number,
               (unsigned long long)effect->id, what,
               leaselock_status_name(effect->detail.status));
}

void sim_story_effect(const struct sim_client *client,
                      const struct ll_effect *effect)
{
    static const char *const states[] = {"opening", "active", "suspect", "lost",
                                         "closing"};
    struct sim_world *world = client->world;
    unsigned who = client->peer.number;
    unsigned long long id = effect->id;

    switch (effect->kind) {
    case LL_EFFECT_CALL:
        SIM_REPORT(world, "client %u > %llu: %s, call %u, endpoint %u", who, id,
                   request_name(&effect->call.request), effect->call.seq,
                   effect->call.endpoint);
        break;
    case LL_EFFECT_STREAM_OPEN:
    case LL_EFFECT_STREAM_CLOSE:
        SIM_REPORT(world, "client %u > %s %s stream %u, endpoint %u", who,
                   effect->kind == LL_EFFECT_STREAM_OPEN ? "open" : "close",
                   stream_name(effect->stream.which), effect->stream.generation,
                   effect->stream.endpoint);
        break;
    case LL_EFFECT_KEEPALIVE:
        SIM_REPORT(world, "client %u > keep-alive of session %llu on stream %u",
                   who, id,
                   world->streams[client->streams[effect->keepalive.which] - 1]
                       .generation);
        break;
    case LL_EFFECT_WATCH_CREATE:
    case LL_EFFECT_WATCH_CANCEL:
        SIM_REPORT(world, "client %u > %lld: %s watching %s", who,
                   (long long)ll_watch_owner_of(effect->watch.watch_id),
                   effect->kind == LL_EFFECT_WATCH_CREATE ? "begin" : "end",
                   slot_name(effect->watch.watch_id));
        break;
    case LL_EFFECT_SESSION_OPENED:
        story_reported(client, effect, "open");
        break;
    case LL_EFFECT_SESSION_CHANGED:
        SIM_REPORT(world, "client %u: session %llu is %s %s", who, id,
                   states[effect->session.state], effect->session.why);
        break;
    case LL_EFFECT_SESSION_CLOSED:
        story_reported(client, effect, "closed");
        break;
    case LL_EFFECT_ACQUIRED:
        story_reported(client, effect, "acquired");
        break;
    case LL_EFFECT_LOST:
        SIM_REPORT(world, "client %u: %llu is lost: %s", who, id,
                   effect->lost.why);
        break;
    case LL_EFFECT_RELEASED:
        story_reported(client, effect, "released");
        break;
    case LL_EFFECT_ASKED:
        SIM_REPORT(world, "client %u: %llu is asked to let go%s", who, id,
                   effect->asked.by_others ? ", certainly by others" : "");
        break;
    case LL_EFFECT_OBSERVED:
        SIM_REPORT(world, "client %u: observer %llu: %s%.*s", who, id,
                   effect->observed.is_end           ? "the end"
                   : effect->observed.leader == NULL ? "nobody leads"
                                                     : "the leader is ",
                   effect->observed.leader != NULL
                       ? (int)effect->observed.leader->key.size
                       : 0,
                   effect->observed.leader != NULL
                       ? effect->observed.leader->key.data
                       : "");
        break;
    case LL_EFFECT_WRITTEN:
        SIM_REPORT(world, "client %u: write %llu has ended%s: %s", who, id,
                   effect->written.last ? "" : " for its caller",
                   leaselock_status_name(effect->written.detail.status));
        break;
    case LL_EFFECT_FOLLOWED:
        story_followed(client, effect);
        break;
    case LL_EFFECT_QUERIED:
        story_reported(client, effect, "queried");
        break;
    case LL_EFFECT_LOG:
        break;
    }
}
