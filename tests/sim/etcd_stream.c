/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <stdlib.h>
#include <string.h>

struct sim_stream *sim_stream_find(const struct sim_etcd *etcd, uint64_t id)
{
    size_t i;

    for (i = 0; i < etcd->streams_n; i++) {
        if (etcd->streams[i]->id == id) {
            return etcd->streams[i];
        }
    }
    return NULL;
}

static void message_free(struct sim_stream_message *message)
{
    sim_arena_free(&message->arena);
    free(message);
}

void sim_stream_pop(struct sim_stream *stream)
{
    message_free(stream->messages[0]);
    stream->messages_n--;
    memmove(stream->messages, stream->messages + 1,
            stream->messages_n * sizeof(stream->messages[0]));
}

static void stream_free(struct sim_stream *stream)
{
    size_t i;

    for (i = 0; i < stream->messages_n; i++) {
        message_free(stream->messages[i]);
    }
    for (i = 0; i < stream->watchers_n; i++) {
        sim_watcher_free(stream->watchers[i]);
    }
    free(stream->messages);
    free(stream->watchers);
    free(stream);
}

/** Removes a stream without a report. */
static void stream_remove(struct sim_etcd *etcd, struct sim_stream *stream)
{
    size_t at = 0;

    while (etcd->streams[at] != stream) {
        at++;
    }
    etcd->streams_n--;
    memmove(&etcd->streams[at], &etcd->streams[at + 1],
            (etcd->streams_n - at) * sizeof(etcd->streams[0]));
    stream_free(stream);
}

static void
stream_down(struct sim_etcd *etcd, struct sim_stream *stream, const char *text)
{
    uint64_t id = stream->id;

    stream_remove(etcd, stream);
    etcd->hooks.on_stream_down(etcd->hooks.arg, id, text);
}

void sim_streams_kill(struct sim_etcd *etcd, unsigned member, const char *text)
{
    size_t i = 0;

    while (i < etcd->streams_n) {
        if (etcd->streams[i]->member == member) {
            stream_down(etcd, etcd->streams[i], text);
        } else {
            i++;
        }
    }
}

void sim_etcd_stream_open(struct sim_etcd *etcd,
                          unsigned member,
                          uint64_t stream,
                          enum ll_stream_kind kind)
{
    struct sim_stream *it = NULL;

    if (etcd->members[member].dead) {
        return;
    }
    it = sim_alloc(1, sizeof(*it));
    it->id = stream;
    it->member = member;
    it->kind = kind;
    SIM_RESERVE(etcd->streams, etcd->streams_n, etcd->streams_capacity);
    etcd->streams[etcd->streams_n++] = it;
    sim_etcd_settle(etcd);
}

void sim_etcd_stream_close(struct sim_etcd *etcd, uint64_t stream)
{
    struct sim_stream *it = sim_stream_find(etcd, stream);

    if (it != NULL) {
        stream_remove(etcd, it);
    }
}

/** Renews a lease at the leader. False: it has to wait. The renewal of an
 * expired lease waits until that is revoked, or until another member leads. */
static bool
keepalive(struct sim_etcd *etcd, struct sim_stream *stream, int64_t id)
{
    struct sim_lease *lease = sim_lease_find(etcd, id);
    int64_t ttl_s = 0;

    if (sim_lease_primary(etcd, stream->member) == SIM_NOBODY ||
        (lease != NULL && lease->expiry_ns <= etcd->now_ns)) {
        return false;
    }
    if (lease != NULL) {
        ttl_s = lease->ttl_s;
        lease->expiry_ns = sim_lease_expiry_from(etcd->now_ns, ttl_s, 0);
    }
    etcd->hooks.on_keepalive(etcd->hooks.arg, stream->id, id, ttl_s);
    return true;
}

static bool is_refused(const struct sim_etcd *etcd,
                       const struct sim_stream_message *message)
{
    const struct sim_lease *lease = message->kind == SIM_STREAM_KEEPALIVE
                                        ? sim_lease_find(etcd, message->id)
                                        : NULL;

    return lease != NULL && lease->is_denied;
}

/** Processes a stream's messages in order, as etcd does.
 *  @return whether the stream still exists */
static bool stream_go_on(struct sim_etcd *etcd, struct sim_stream *stream)
{
    const struct sim_member *member = &etcd->members[stream->member];

    if (member->stopped) {
        return true;
    }
    if (!stream->opened && member->leader == SIM_NOBODY) {
        stream_down(etcd, stream, "etcdserver: no leader");
        return false;
    }
    stream->opened = true;
    while (stream->messages_n > 0) {
        struct sim_stream_message *head = stream->messages[0];
        bool done = false;

        if (is_refused(etcd, head)) {
            stream_down(etcd, stream, SIM_DENIED);
            return false;
        }
        if (head->kind == SIM_STREAM_KEEPALIVE) {
            if (!head->begun) {
                head->begun = true;
                head->deadline_ns = etcd->now_ns + SIM_REQUEST_TIMEOUT_NS +
                                    2 * etcd->config.election_ns;
            }
            done = keepalive(etcd, stream, head->id);
        } else {
            done = sim_watch_message(etcd, stream, head);
        }
        if (!done) {
            break;
        }
        sim_stream_pop(stream);
    }
    return true;
}

void sim_streams_stir(struct sim_etcd *etcd)
{
    size_t i = 0;

    while (i < etcd->streams_n) {
        if (stream_go_on(etcd, etcd->streams[i])) {
            i++;
        }
    }
}

/** The time at which a stream's member will have had no leader for too long. */
static int64_t leaderless_ns(const struct sim_etcd *etcd,
                             const struct sim_stream *stream)
{
    const struct sim_member *member = &etcd->members[stream->member];

    if (member->leaderless_ns == SIM_NEVER || member->stopped) {
        return SIM_NEVER;
    }
    return member->leaderless_ns +
           SIM_STREAM_PATIENCE * etcd->config.election_ns;
}

/** The time at which the message at a stream's head is due. */
static int64_t head_ns(const struct sim_etcd *etcd,
                       const struct sim_stream *stream)
{
    if (stream->messages_n == 0 || !stream->messages[0]->begun ||
        etcd->members[stream->member].stopped) {
        return SIM_NEVER;
    }
    return stream->messages[0]->deadline_ns;
}

void sim_streams_time(struct sim_etcd *etcd)
{
    size_t i = 0;

    while (i < etcd->streams_n) {
        struct sim_stream *stream = etcd->streams[i];

        if (leaderless_ns(etcd, stream) <= etcd->now_ns) {
            stream_down(etcd, stream, "etcdserver: no leader");
        } else if (head_ns(etcd, stream) > etcd->now_ns) {
            i++;
        } else if (stream->kind == LL_STREAM_KEEPALIVE) {
            stream_down(etcd, stream, "etcdserver: request timed out");
        } else {
            (void)stream_go_on(etcd, stream);
            i++;
        }
    }
}

int64_t sim_streams_deadline_ns(const struct sim_etcd *etcd)
{
    int64_t deadline_ns = SIM_NEVER;
    size_t i;

    for (i = 0; i < etcd->streams_n; i++) {
        int64_t at_ns = leaderless_ns(etcd, etcd->streams[i]);
        int64_t head = head_ns(etcd, etcd->streams[i]);

        at_ns = head < at_ns ? head : at_ns;
        deadline_ns = at_ns < deadline_ns ? at_ns : deadline_ns;
    }
    return deadline_ns;
}

/** Appends a message; NULL: the stream has ended. */
static struct sim_stream_message *
message_add(struct sim_etcd *etcd, uint64_t stream, int64_t id)
{
    struct sim_stream *it = sim_stream_find(etcd, stream);
    struct sim_stream_message *message = NULL;

    if (it == NULL) {
        return NULL;
    }
    message = sim_alloc(1, sizeof(*message));
    message->id = id;
    SIM_RESERVE(it->messages, it->messages_n, it->messages_capacity);
    it->messages[it->messages_n++] = message;
    return message;
}

void sim_etcd_keepalive(struct sim_etcd *etcd,
                        uint64_t stream,
                        int64_t lease,
                        int64_t now_ns)
{
    struct sim_stream_message *message = NULL;

    sim_etcd_advance(etcd, now_ns);
    message = message_add(etcd, stream, lease);
    if (message != NULL) {
        message->kind = SIM_STREAM_KEEPALIVE;
        sim_etcd_settle(etcd);
    }
}

void sim_etcd_watch_create(struct sim_etcd *etcd,
                           uint64_t stream,
                           const struct sim_watch_request *request,
                           int64_t now_ns)
{
    struct sim_stream_message *message = NULL;

    sim_etcd_advance(etcd, now_ns);
    message = message_add(etcd, stream, request->watch_id);
    if (message != NULL) {
        message->kind = SIM_STREAM_CREATE;
        message->create = *request;
        message->create.key = sim_copy_bytes(&message->arena, request->key);
        message->create.end = sim_copy_bytes(&message->arena, request->end);
        sim_etcd_settle(etcd);
    }
}

void sim_etcd_watch_cancel(struct sim_etcd *etcd,
                           uint64_t stream,
                           int64_t watch_id,
                           int64_t now_ns)
{
    struct sim_stream_message *message = NULL;

    sim_etcd_advance(etcd, now_ns);
    message = message_add(etcd, stream, watch_id);
    if (message != NULL) {
        message->kind = SIM_STREAM_CANCEL;
        sim_etcd_settle(etcd);
    }
}
