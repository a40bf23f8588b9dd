/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_STREAM_H
#define LL_CORE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/event.h"

struct ll_core;
struct ll_stream;

/**
 * The long-lived streams: one for the watches (watch.h), the others for the
 * renewals of leases (keepalive.h).
 *
 *     state | event                      | next  | does
 *     DOWN  | needed, pause over         | UP    | opens with a new generation
 *     UP    | STREAM_DOWN of it          | DOWN  | pauses, leaves the endpoint
 *     UP    | restart (an answer is      | DOWN  | closes; opens again at once,
 *           | overdue)                   |       | on the next endpoint
 *     UP    | its endpoint is superseded | DOWN  | the same, for the watches;
 *           | (see endpoint.h)           |       | renewals get a second stream
 *     UP    | another endpoint is in use | DOWN  | the same
 *           | (see nearest.h)            |       |
 *     UP    | not needed any more: one   | DOWN  | closes
 *           | of the two for renewals    |       |
 *
 * The two for renewals differ in their role, which they exchange (see
 * keepalive.h). A stream can be written to as soon as it is UP. A message of an
 * older generation is dropped. The pauses start from the shortest again once a
 * stream has delivered anything.
 */

/** What a stream is for. */
struct ll_stream_ops {
    const char *name;
    /** The longest pause before it is opened again. */
    int64_t pause_max_ns;
    /** Whether it is to be open. */
    bool (*is_needed)(const struct ll_core *core, enum ll_stream_kind kind);
    /** Numbers a new stream. */
    uint32_t (*generation)(struct ll_core *core);
    /** It can be written to; may be NULL. */
    void (*on_up)(struct ll_core *core, enum ll_stream_kind kind);
    void (*on_down)(struct ll_core *core, enum ll_stream_kind kind);
    /** etcd refuses the stream, or what was sent on it: notes the failure.
     *  on_down comes next. */
    void (*on_refused)(struct ll_core *core,
                       struct ll_stream *stream,
                       const struct ll_event *event);
    /** The endpoint of the stream, which is up, is superseded. */
    void (*leave)(struct ll_core *core, enum ll_stream_kind kind);
    /** Another endpoint than that of the stream, which is up, is in use. */
    void (*move)(struct ll_core *core, enum ll_stream_kind kind);
};

struct ll_stream {
    enum ll_stream_kind kind;
    const struct ll_stream_ops *ops;
    bool up;
    bool open_due;  /* the STREAM_OPEN is to be drawn */
    bool close_due; /* the STREAM_CLOSE of closing_generation is */
    bool proven;    /* it has delivered something */
    uint32_t generation;
    uint32_t closing_generation;
    uint32_t endpoint;
    unsigned failures; /* in a row */
    int64_t retry_ns;  /* no new stream before it */
};

void ll_stream_init(struct ll_core *core,
                    enum ll_stream_kind kind,
                    const struct ll_stream_ops *ops);

/** Opens what is needed and due. */
void ll_streams_on_time(struct ll_core *core);
/** When ll_streams_on_time is due. */
int64_t ll_streams_deadline_ns(const struct ll_core *core);

/** Closes a stream that is up, makes its endpoint SUSPECT, and opens another
 *  if it is needed. */
void ll_stream_restart(struct ll_core *core,
                       enum ll_stream_kind kind,
                       const char *why);
/** Closes a stream, if it is up. */
void ll_stream_close(struct ll_core *core, enum ll_stream_kind kind);
/** Keeps the failure that ended a stream, and takes it into account for its
 *  endpoint. */
void ll_stream_note_failure(struct ll_core *core, const struct ll_event *event);

void ll_streams_on_down(struct ll_core *core, const struct ll_event *event);
/** Whether an event is from the stream that is up; notes that it works. */
bool ll_stream_is_current(struct ll_core *core,
                          enum ll_stream_kind kind,
                          uint32_t generation);

/** Draws the opening or closing of a stream; false when there is none. */
bool ll_streams_next(struct ll_core *core, struct ll_effect *ret_effect);

#endif
