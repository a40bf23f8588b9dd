/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "net.h"

/**
 * Streams: messages arrive in order, in each direction, whatever the delays. An
 * event in the world's heap only means that the next message of a stream is
 * due, so none can overtake another. */

static struct sim_stream *stream_at(struct sim_world *world, uint64_t id)
{
    return &world->streams[id - 1];
}

static void stream_push(struct sim_world *world,
                        int64_t *last_ns,
                        enum sim_event_kind kind,
                        uint64_t id)
{
    const struct sim_stream *stream = stream_at(world, id);
    int64_t at_ns =
        world->now_ns + sim_net_way_ns(world, stream->peer, stream->member);

    *last_ns = at_ns > *last_ns ? at_ns : *last_ns;
    sim_push(world, *last_ns, kind, 0, id);
}

void sim_net_send(struct sim_world *world,
                  uint64_t id,
                  struct sim_message *message)
{
    struct sim_stream *stream = stream_at(world, id);

    sim_queue_append(&stream->forth, message);
    stream_push(world, &stream->forth_ns, SIM_EVENT_FORTH, id);
}

static void stream_send_back(struct sim_world *world,
                             uint64_t id,
                             struct sim_message *message)
{
    struct sim_stream *stream = stream_at(world, id);

    sim_queue_append(&stream->back, message);
    stream_push(world, &stream->back_ns, SIM_EVENT_BACK, id);
}

/** A proxy creates a watch of its own for each watch, so the messages of two
 * watches have no common order. */
static void stream_send_proxied(struct sim_world *world,
                                uint64_t id,
                                int64_t watch_id,
                                struct sim_message *message)
{
    int64_t *last_ns =
        &stream_at(world, id)->proxy_ns[watch_id & (SIM_PROXY_LANES - 1)];
    int64_t at_ns =
        world->now_ns + 1 + sim_below(&world->net, 2 * world->delay_ns);

    *last_ns = at_ns > *last_ns ? at_ns : *last_ns;
    sim_heap_push(&world->heap, (struct sim_event){.at_ns = *last_ns,
                                                   .kind = SIM_EVENT_PROXY,
                                                   .id = id,
                                                   .message = message});
}

void sim_stream_proxied(struct sim_world *world, const struct sim_event *event)
{
    if (stream_at(world, event->id)->is_served) {
        stream_send_back(world, event->id, event->message);
    } else {
        sim_message_free(&world->pool, event->message);
    }
}

static bool stream_is_silent(const struct sim_world *world,
                             const struct sim_stream *stream)
{
    return sim_net_is_cut(world, stream->peer, stream->member) ||
           world->members[stream->member] == SIM_MEMBER_STOPPED;
}

/** Whether there is a proxy between a client and a member. */
static bool
is_proxied_between(struct sim_world *world, unsigned peer, unsigned member)
{
    bool is =
        world->fault_rate[SIM_FAULT_PROXY] > 0 && (peer + member) % 2 == 0;

    if (is) {
        sim_fault_count(world, SIM_FAULT_PROXY);
    }
    return is;
}

uint64_t sim_net_open(struct sim_world *world, struct sim_stream stream)
{
    uint64_t id;

    if (world->streams_n == world->streams_capacity) {
        world->streams_capacity =
            world->streams_capacity != 0 ? 2 * world->streams_capacity : 64;
        world->streams = realloc(world->streams, world->streams_capacity *
                                                     sizeof(*world->streams));
        if (world->streams == NULL) {
            abort();
        }
    }
    id = ++world->streams_n;
    stream.is_open = true;
    /* Go's clients accept any watch number, so a proxy makes no difference. */
    stream.is_proxied = stream.peer < world->clients_n &&
                        is_proxied_between(world, stream.peer, stream.member);
    *stream_at(world, id) = stream;
    sim_net_send(world, id,
                 sim_message_new(&world->pool, SIM_MESSAGE_STREAM_OPEN, id));
    if (stream_is_silent(world, &stream)) {
        sim_push(world, world->now_ns + world->ping_timeout_ns, SIM_EVENT_PING,
                 0, id);
    }
    return id;
}

/** Ends the peer's side: its end is reported soon, the member receives it
 * later. */
static void stream_end(struct sim_world *world, uint64_t id, const char *why)
{
    struct sim_stream *stream = stream_at(world, id);
    struct sim_message *down;

    if (!stream->is_open) {
        return;
    }
    stream->is_open = false;
    down = sim_message_new(&world->pool, SIM_MESSAGE_STREAM_DOWN, id);
    sim_message_set_text(down, why);
    sim_heap_push(&world->heap, (struct sim_event){.at_ns = world->now_ns + 1,
                                                   .kind = SIM_EVENT_BACK,
                                                   .number = stream->peer,
                                                   .id = id,
                                                   .message = down});
    sim_net_send(world, id,
                 sim_message_new(&world->pool, SIM_MESSAGE_STREAM_CLOSE, id));
}

void sim_net_close(struct sim_world *world, uint64_t stream)
{
    stream_end(world, stream, "canceled");
}

void sim_streams_break(struct sim_world *world,
                       unsigned peer,
                       unsigned member,
                       const char *why)
{
    for (uint64_t id = 1; id <= world->streams_n; id++) {
        const struct sim_stream *stream = stream_at(world, id);

        if (stream->is_open && stream->peer == peer &&
            stream->member == member) {
            stream_end(world, id, why);
        }
    }
}

void sim_net_ping(struct sim_world *world, unsigned member)
{
    for (uint64_t id = 1; id <= world->streams_n; id++) {
        if (stream_at(world, id)->is_open &&
            stream_at(world, id)->member == member) {
            sim_push(world, world->now_ns + world->ping_timeout_ns,
                     SIM_EVENT_PING, 0, id);
        }
    }
}

void sim_stream_ping(struct sim_world *world, uint64_t id)
{
    if (stream_is_silent(world, stream_at(world, id))) {
        stream_end(world, id, "keep-alive ping unanswered");
    }
}

/** The cluster that a stream was opened at. */
static struct sim_etcd *stream_etcd(struct sim_world *world,
                                    const struct sim_stream *stream)
{
    return stream->is_other ? world->other : world->etcd;
}

/** A message reaches the member, which processes it. */
static void stream_serve(struct sim_world *world,
                         struct sim_stream *stream,
                         const struct sim_message *message)
{
    uint64_t id = message->id;

    if (message->kind == SIM_MESSAGE_STREAM_OPEN) {
        stream->is_served = true;
        stream->is_other = world->links[stream->peer][stream->member].is_other;
        sim_etcd_stream_open(stream_etcd(world, stream),
                             stream->is_other ? 0 : stream->member, id,
                             stream->kind == LL_STREAM_WATCH
                                 ? LL_STREAM_WATCH
                                 : LL_STREAM_KEEPALIVE);
        return;
    }
    if (!stream->is_served) {
        return;
    }
    if (message->kind == SIM_MESSAGE_STREAM_CLOSE) {
        stream->is_served = false;
        sim_etcd_stream_close(stream_etcd(world, stream), id);
    } else if (message->kind == SIM_MESSAGE_BEAT) {
        sim_etcd_keepalive(stream_etcd(world, stream), id, message->beat.lease,
                           world->now_ns);
    } else if (message->kind == SIM_MESSAGE_WATCH_CREATE) {
        struct sim_watch_request watch = message->watch;

        watch.watch_id = stream->is_proxied ? 0 : watch.watch_id;
        sim_etcd_watch_create(stream_etcd(world, stream), id, &watch,
                              world->now_ns);
    } else if (message->kind == SIM_MESSAGE_WATCH_CANCEL) {
        sim_etcd_watch_cancel(stream_etcd(world, stream), id, message->watch_id,
                              world->now_ns);
    }
}

static void
stream_send_down(struct sim_world *world, uint64_t id, const char *text)
{
    struct sim_message *down =
        sim_message_new(&world->pool, SIM_MESSAGE_STREAM_DOWN, id);

    sim_message_set_text(down, text);
    stream_send_back(world, id, down);
}

void sim_stream_forth(struct sim_world *world, uint64_t id)
{
    struct sim_stream *stream = stream_at(world, id);
    struct sim_message *message;

    if (sim_net_is_cut(world, stream->peer, stream->member)) {
        sim_push(world, world->links[stream->peer][stream->member].cut_until_ns,
                 SIM_EVENT_FORTH, 0, id);
        return;
    }
    message = sim_queue_take(&stream->forth);
    if (!sim_net_is_refused(world, stream->peer, stream->member) ||
        message->kind == SIM_MESSAGE_STREAM_CLOSE) {
        stream_serve(world, stream, message);
    } else if (message->kind == SIM_MESSAGE_STREAM_OPEN) {
        stream_send_down(world, id, "connection refused");
    }
    sim_message_free(&world->pool, message);
}

void sim_stream_back(struct sim_world *world, uint64_t id)
{
    struct sim_stream *stream = stream_at(world, id);
    struct sim_message *message;

    if (stream->is_open &&
        sim_net_is_cut(world, stream->peer, stream->member)) {
        sim_push(world, world->links[stream->peer][stream->member].cut_until_ns,
                 SIM_EVENT_BACK, 0, id);
        return;
    }
    message = sim_queue_take(&stream->back);
    if (stream->is_open) {
        sim_net_deliver(world, stream->peer, message);
    } else {
        sim_message_free(&world->pool, message);
    }
}

static void
stream_on_watch(void *arg, uint64_t id, const struct ll_event *event)
{
    struct sim_world *world = arg;
    struct sim_message *message;

    /* Go's clients have no slow re-check: they would wait forever. */
    if (event->kind == LL_EVENT_WATCH_CHANGED &&
        stream_at(world, id)->peer < world->clients_n &&
        sim_fault_strikes(world, SIM_FAULT_MISS)) {
        SIM_REPORT(world, "    (a watch event is missed)");
        sim_followers_missed(world, stream_at(world, id)->peer, event,
                             stream_at(world, id)->is_proxied);
        return;
    }
    message = sim_message_new(&world->pool, SIM_MESSAGE_WATCH_EVENT, id);
    sim_message_set_event(message, event);
    if (stream_at(world, id)->is_proxied) {
        stream_send_proxied(world, id, event->watch.watch_id, message);
    } else {
        stream_send_back(world, id, message);
    }
}

static void
stream_on_keepalive(void *arg, uint64_t id, int64_t lease, int64_t ttl_s)
{
    struct sim_world *world = arg;
    struct sim_message *message =
        sim_message_new(&world->pool, SIM_MESSAGE_BEAT_ANSWER, id);

    message->beat.lease = lease;
    message->beat.ttl_s =
        ttl_s == 0 && stream_at(world, id)->is_proxied ? -1 : ttl_s;
    stream_send_back(world, id, message);
}

static void stream_on_down(void *arg, uint64_t id, const char *text)
{
    struct sim_world *world = arg;

    stream_at(world, id)->is_served = false;
    stream_send_down(world, id, text);
}

void sim_stream_hooks(struct sim_etcd_hooks *ret_hooks)
{
    ret_hooks->on_watch = stream_on_watch;
    ret_hooks->on_keepalive = stream_on_keepalive;
    ret_hooks->on_stream_down = stream_on_down;
}

void sim_streams_free(struct sim_world *world)
{
    struct sim_message *message;

    for (uint64_t id = 1; id <= world->streams_n; id++) {
        struct sim_stream *stream = stream_at(world, id);

        while ((message = sim_queue_take(&stream->forth)) != NULL ||
               (message = sim_queue_take(&stream->back)) != NULL) {
            sim_message_free(&world->pool, message);
        }
    }
    free(world->streams);
}
