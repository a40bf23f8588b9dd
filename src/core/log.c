/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/probe.h"
#include "core/object.h"
#include "core/ticket.h"
#include "leaselock/status.h"

#define LEVEL(name, word, level, fields) LEASELOCK_LOG_##level,

static const int levels[] = {LEASELOCK_LOG_EVENT_MAP(LEVEL)};

/** A line of the log that is to be drawn. */
struct ll_log_line {
    struct ll_link link;
    enum ll_log_event event;
    struct ll_log_fields fields; /* the lock's name is behind the text */
    char text[];
};

struct ll_log_fields ll_log_ticket(const struct ll_ticket *ticket)
{
    return (struct ll_log_fields){
        .lock = {ticket->key + ticket->namespace_size, ticket->name_size},
        .token = ticket->token,
        .lease = ticket->session != NULL ? ticket->session->lease : 0};
}

/** Formats a text into the scratch buffer. @return its length */
__attribute__((format(printf, 2, 0))) static size_t
scratch_print(struct ll_core *core, const char *format, va_list args)
{
    int size =
        vsnprintf(core->scratch.text, sizeof(core->scratch.text), format, args);

    if (size < 0) {
        core->scratch.text[0] = '\0';
        return 0;
    }
    return size < (int)sizeof(core->scratch.text)
               ? (size_t)size
               : sizeof(core->scratch.text) - 1;
}

void ll_core_log(struct ll_core *core,
                 enum ll_log_event event,
                 struct ll_log_fields fields,
                 const char *format,
                 ...)
{
    struct ll_log_line *line;
    va_list args;
    size_t size;

    core->stats.events[event]++;
    if (levels[event] > core->config.log_level) {
        return;
    }
    va_start(args, format);
    size = scratch_print(core, format, args);
    va_end(args);
    line = ll_alloc(sizeof(*line) + size + 1 + fields.lock.size);
    if (line == NULL) {
        return;
    }
    ll_link_init(&line->link);
    line->event = event;
    line->fields = fields;
    memcpy(line->text, core->scratch.text, size + 1);
    if (fields.lock.size > 0) {
        memcpy(line->text + size + 1, fields.lock.data, fields.lock.size);
    }
    line->fields.lock.data = line->text + size + 1;
    ll_link_append(&core->logs.lines, &line->link);
}

void ll_log_begins(struct ll_core *core, const struct ll_ticket *ticket)
{
    struct ll_bytes lock = ll_log_ticket(ticket).lock;

    core->stats.events[LL_LOG_TICKET_BEGINS]++;
    LL_PROBE(ticket_begins, ticket->object.entry.id, lock.data, lock.size);
}

void ll_log_granted(struct ll_core *core, const struct ll_ticket *ticket)
{
    struct ll_log_fields fields = ll_log_ticket(ticket);
    int64_t wait_ns = core->now_ns - ticket->report.begun_ns;

    ll_core_log(core, LL_LOG_TICKET_GRANTED, ll_log_duration(fields, wait_ns),
                "%s is held with token %lld", ticket->key,
                (long long)ticket->token);
    LL_PROBE(ticket_granted, ticket->object.entry.id, fields.lock.data,
             fields.lock.size, ticket->token, wait_ns);
}

void ll_log_released(struct ll_core *core, uint64_t id, int status)
{
    core->stats.events[LL_LOG_TICKET_RELEASED]++;
    LL_PROBE(ticket_released, id, status);
}

void ll_log_lost(struct ll_core *core,
                 const struct ll_ticket *ticket,
                 const char *why)
{
    struct ll_log_fields fields = ll_log_ticket(ticket);

    ll_core_log(core, LL_LOG_TICKET_LOST,
                ll_log_status(fields, LEASELOCK_E_LOST), "%s is lost: %s",
                ticket->key, why);
    LL_PROBE(ticket_lost, ticket->object.entry.id, fields.lock.data,
             fields.lock.size, ticket->token, why);
}

void ll_log_batch_sent(struct ll_core *core, const struct ll_batch *batch)
{
    core->stats.events[LL_LOG_BATCH_SENT]++;
    LL_PROBE(batch_sent, batch - core->batches.slots, batch->n, batch->ops_n);
}

void ll_log_batch_answered(struct ll_core *core,
                           const struct ll_batch *batch,
                           enum ll_outcome outcome)
{
    core->stats.events[LL_LOG_BATCH_ANSWERED]++;
    LL_PROBE(batch_answered, batch - core->batches.slots, batch->n,
             (int)outcome, core->now_ns - batch->sent_ns);
}

void ll_log_stream_ended(struct ll_core *core,
                         const struct ll_stream *stream,
                         const char *why)
{
    ll_core_log(core, LL_LOG_STREAM_ENDED, ll_log_endpoint(stream->endpoint),
                "%s stream %u ended: %s", stream->ops->name, stream->generation,
                why);
    LL_PROBE(stream_ended, stream->ops->name, stream->endpoint,
             stream->generation, why);
}

bool ll_logs_next(struct ll_core *core, struct ll_effect *ret_effect)
{
    struct ll_log_line *line;

    ll_free(core->logs.drawn);
    core->logs.drawn = NULL;
    if (ll_link_alone(&core->logs.lines)) {
        return false;
    }
    line = LL_CONTAINER(core->logs.lines.next, struct ll_log_line, link);
    ll_link_remove(&line->link);
    core->logs.drawn = line;
    *ret_effect = (struct ll_effect){.kind = LL_EFFECT_LOG};
    ret_effect->log.event = line->event;
    ret_effect->log.level = levels[line->event];
    ret_effect->log.text = line->text;
    ret_effect->log.fields = line->fields;
    return true;
}

void ll_logs_free(struct ll_core *core)
{
    struct ll_link *at;
    struct ll_link *after;

    LL_LIST_EACH (at, after, &core->logs.lines) {
        ll_free(LL_CONTAINER(at, struct ll_log_line, link));
    }
    ll_free(core->logs.drawn);
}
