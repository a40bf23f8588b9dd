/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stream.h"

#include "core/object.h"

/** A stream has failed, or is given up: it is opened again if it is needed. */
static void stream_count(struct ll_core *core, enum ll_stream_kind kind)
{
    core->stats.reconnects[kind == LL_STREAM_WATCH
                               ? LEASELOCK_STATS_STREAM_WATCHES
                               : LEASELOCK_STATS_STREAM_RENEWALS]++;
}

static void stream_set_down(struct ll_core *core, struct ll_stream *stream)
{
    stream->up = false;
    stream->open_due = false;
    stream->ops->on_down(core, stream->kind);
}

static void stream_open(struct ll_core *core, struct ll_stream *stream)
{
    stream->up = true;
    stream->open_due = true;
    stream->proven = false;
    stream->generation = stream->ops->generation(core);
    stream->endpoint = core->endpoints.current;
    ll_core_log(core, LL_LOG_STREAM_OPENED, ll_log_endpoint(stream->endpoint),
                "opening %s stream %u on endpoint %u", stream->ops->name,
                stream->generation, stream->endpoint);
    if (stream->ops->on_up != NULL) {
        stream->ops->on_up(core, stream->kind);
    }
}

void ll_streams_on_time(struct ll_core *core)
{
    for (size_t i = 0; i < LL_STREAMS; i++) {
        struct ll_stream *stream = &core->streams[i];

        if (!stream->up && core->now_ns >= stream->retry_ns &&
            stream->ops->is_needed(core, stream->kind)) {
            stream_open(core, stream);
        }
    }
}

int64_t ll_streams_deadline_ns(const struct ll_core *core)
{
    int64_t deadline_ns = LL_NEVER;

    for (size_t i = 0; i < LL_STREAMS; i++) {
        const struct ll_stream *stream = &core->streams[i];

        if (!stream->up && stream->ops->is_needed(core, stream->kind)) {
            deadline_ns = ll_min(deadline_ns, stream->retry_ns);
        }
    }
    return deadline_ns;
}

void ll_stream_close(struct ll_core *core, enum ll_stream_kind kind)
{
    struct ll_stream *stream = &core->streams[kind];

    if (!stream->up) {
        return;
    }
    if (!stream->open_due) {
        stream->close_due = true;
        stream->closing_generation = stream->generation;
    }
    stream->retry_ns = core->now_ns;
    stream_set_down(core, stream);
}

void ll_stream_restart(struct ll_core *core,
                       enum ll_stream_kind kind,
                       const char *why)
{
    if (core->streams[kind].up) {
        stream_count(core, kind);
        ll_log_stream_ended(core, &core->streams[kind], why);
        ll_note_failure(core, core->streams[kind].endpoint, LL_GRPC_DEADLINE,
                        why);
        ll_stream_close(core, kind);
    }
}

/** The endpoint is superseded. */
static void streams_leave(struct ll_core *core, uint32_t endpoint)
{
    for (size_t i = 0; i < LL_STREAMS; i++) {
        const struct ll_stream *stream = &core->streams[i];

        if (stream->up && stream->endpoint == endpoint) {
            stream->ops->leave(core, stream->kind);
        }
    }
}

static void streams_move(struct ll_core *core)
{
    for (size_t i = 0; i < LL_STREAMS; i++) {
        const struct ll_stream *stream = &core->streams[i];

        if (stream->up && stream->endpoint != core->endpoints.current) {
            stream->ops->move(core, stream->kind);
        }
    }
}

void ll_stream_note_failure(struct ll_core *core, const struct ll_event *event)
{
    ll_note_failure(core, event->stream_down.endpoint,
                    event->stream_down.grpc_status, event->stream_down.text);
}

void ll_streams_on_down(struct ll_core *core, const struct ll_event *event)
{
    struct ll_stream *stream = &core->streams[event->stream_down.which];
    unsigned endpoints = core->endpoints.n;

    if (!stream->up || stream->generation != event->stream_down.generation) {
        return;
    }
    ll_log_stream_ended(core, stream, event->stream_down.text);
    stream_count(core, stream->kind);
    stream->failures = stream->proven ? 1 : stream->failures + 1;
    stream->retry_ns = core->now_ns;
    if (stream->failures >= endpoints) {
        stream->retry_ns += ll_min(
            ll_backoff_ns(&core->random, stream->failures - endpoints + 1),
            stream->ops->pause_max_ns);
    }
    if (event->stream_down.outcome == LL_OUTCOME_REFUSED) {
        ll_core_log(core, LL_LOG_STREAM_REFUSED,
                    ll_log_endpoint(stream->endpoint),
                    "the %s stream is refused: %s", stream->ops->name,
                    event->stream_down.text);
        stream->ops->on_refused(core, stream, event);
    } else {
        ll_stream_note_failure(core, event);
    }
    stream_set_down(core, stream);
}

bool ll_stream_is_current(struct ll_core *core,
                          enum ll_stream_kind kind,
                          uint32_t generation)
{
    struct ll_stream *stream = &core->streams[kind];

    if (!stream->up || stream->generation != generation) {
        return false;
    }
    stream->proven = true;
    ll_endpoint_received(core, stream->endpoint);
    return true;
}

bool ll_streams_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    for (size_t i = 0; i < LL_STREAMS; i++) {
        struct ll_stream *stream = &core->streams[i];

        if (stream->close_due || stream->open_due) {
            bool close = stream->close_due;

            *ret_effect = (struct ll_effect){
                .kind = close ? LL_EFFECT_STREAM_CLOSE : LL_EFFECT_STREAM_OPEN};
            ret_effect->stream.which = stream->kind;
            ret_effect->stream.generation =
                close ? stream->closing_generation : stream->generation;
            ret_effect->stream.endpoint = stream->endpoint;
            if (close) {
                stream->close_due = false;
            } else {
                stream->open_due = false;
            }
            return true;
        }
    }
    return false;
}

void ll_stream_init(struct ll_core *core,
                    enum ll_stream_kind kind,
                    const struct ll_stream_ops *ops)
{
    core->streams[kind].kind = kind;
    core->streams[kind].ops = ops;
    core->endpoints.user.leave = streams_leave;
    core->endpoints.user.move = streams_move;
}
