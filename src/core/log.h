/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_LOG_H
#define LL_CORE_LOG_H

#include "core/event.h"

struct ll_batch;
struct ll_core;
struct ll_stream;
struct ll_ticket;

/**
 * The lines of the log. leaselock/log.h has the table of all events, with the
 * level and the fields of each. A line is a record that is drawn as an
 * LL_EFFECT_LOG; every event is counted, logged or not. The events that are
 * tracepoints as well (base/probe.h) have functions of their own.
 */

/** Adds a line if its level is logged; lost without memory. */
void ll_core_log(struct ll_core *core,
                 enum ll_log_event event,
                 struct ll_log_fields fields,
                 const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/** The fields of a line about nothing else, a ticket, an endpoint, a lease. */
static inline struct ll_log_fields ll_log_none(void)
{
    return (struct ll_log_fields){.token = 0};
}
struct ll_log_fields ll_log_ticket(const struct ll_ticket *ticket);
static inline struct ll_log_fields ll_log_endpoint(uint32_t endpoint)
{
    return (struct ll_log_fields){.endpoint = endpoint, .has_endpoint = true};
}
static inline struct ll_log_fields ll_log_lease(int64_t lease)
{
    return (struct ll_log_fields){.lease = lease};
}
/** Adds a status, or a duration, to fields. */
static inline struct ll_log_fields ll_log_status(struct ll_log_fields fields,
                                                 int status)
{
    fields.status = status;
    return fields;
}
static inline struct ll_log_fields ll_log_duration(struct ll_log_fields fields,
                                                   int64_t duration_ns)
{
    fields.duration_ns = duration_ns;
    fields.has_duration = true;
    return fields;
}

/** Events that are logged from more than one place, or traced: a ticket begins,
 *  is granted, released (by its caller, with this status) or lost; a request of
 *  several parts is sent and answered; a stream ends. */
void ll_log_begins(struct ll_core *core, const struct ll_ticket *ticket);
void ll_log_granted(struct ll_core *core, const struct ll_ticket *ticket);
void ll_log_released(struct ll_core *core, uint64_t id, int status);
void ll_log_lost(struct ll_core *core,
                 const struct ll_ticket *ticket,
                 const char *why);
void ll_log_batch_sent(struct ll_core *core, const struct ll_batch *batch);
void ll_log_batch_answered(struct ll_core *core,
                           const struct ll_batch *batch,
                           enum ll_outcome outcome);
void ll_log_stream_ended(struct ll_core *core,
                         const struct ll_stream *stream,
                         const char *why);

/** Draws the oldest line; false: there is none. */
bool ll_logs_next(struct ll_core *core, struct ll_effect *ret_effect);
void ll_logs_free(struct ll_core *core);

#endif
