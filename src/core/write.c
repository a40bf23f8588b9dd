/* SPDX-License-Identifier: Apache-2.0 */
#include "core/write.h"

#include <assert.h>

#include "base/alloc.h"
#include "leaselock/status.h"

/** Sends the first of a ticket's writes, if it is not under way. */
static void writes_go_on(struct ll_core *core, struct ll_ticket *ticket)
{
    if (!ll_link_alone(&ticket->writes)) {
        struct ll_write *first =
            LL_CONTAINER(ticket->writes.next, struct ll_write, link);

        if (!first->object.in_flight && first->object.call_ns == LL_NEVER) {
            ll_call_at(core, &first->object, core->now_ns);
            ll_object_reschedule(core, &first->object);
        }
    }
}

static void write_detach(struct ll_write *write)
{
    if (write->ticket != NULL) {
        ll_link_remove(&write->link);
        write->ticket->writes_n--;
        write->ticket = NULL;
    }
}

void ll_write_end(struct ll_core *core, struct ll_write *write, int status)
{
    struct ll_ticket *ticket = write->ticket;

    if (ticket != NULL && write->lost && status != 0 &&
        write->phase != LL_WRITE_PROVE) {
        ticket->version_open = true; /* else the version is another by now */
    }
    write->is_over = true;
    write->reported_due = true;
    write->status = status;
    write->timeout_ns = LL_NEVER;
    if (ticket != NULL) {
        ll_yield_on_write_end(core, ticket, write, status);
    }
    write_detach(write);
    ll_call_none(core, &write->object);
    ll_object_report(core, &write->object);
    ll_object_reschedule(core, &write->object);
    if (ticket != NULL && ticket->key_gone && status != 0) {
        ll_ticket_lose_key(core, ticket); /* the write did not release it */
    } else if (ticket != NULL) {
        writes_go_on(core, ticket);
    }
}

void ll_write_fail(struct ll_core *core, struct ll_write *write, int status)
{
    if (write->phase == LL_WRITE_READ) {
        status = 0;
    } else if (write->lost) {
        status = LEASELOCK_E_OUTCOME_UNKNOWN;
    }
    ll_write_end(core, write, status);
}

int ll_write_ask(struct ll_core *core,
                 struct ll_ticket *ticket,
                 const struct ll_event *event)
{
    struct ll_write *write;
    int status = ll_write_check(ticket, event);

    if (status != 0) {
        return status;
    }
    if (ticket->state != LL_TICKET_HELD ||
        core->now_ns >= ticket->session->deadline_ns ||
        ll_writes_may_release(ticket)) {
        return LEASELOCK_E_NOT_HELD;
    }
    write = ll_write_make(event);
    if (write == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &write->object, &ll_write_ops, event->id)) {
        ll_write_free(&write->object);
        return LEASELOCK_E_NOMEM;
    }
    write->ticket = ticket;
    write->object.queue_hash = ticket->object.queue_hash;
    write->why = "";
    ll_write_fence(write, event);
    write->timeout_ns = ll_after(core->now_ns, event->write.timeout_ns);
    ll_link_append(&ticket->writes, &write->link);
    ticket->writes_n++;
    writes_go_on(core, ticket);
    ll_object_reschedule(core, &write->object);
    return 0;
}

static void write_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_write *write = ll_write_of(object);

    if (core->now_ns < write->timeout_ns) {
        return;
    }
    write->timeout_ns = LL_NEVER;
    if (write->phase == LL_WRITE_READ) {
        ll_write_end(core, write, 0);
        return;
    }
    if (write->object.in_flight && !write->lost &&
        write->object.failures == 0) {
        ll_note_failure(core, core->endpoints.current, LL_GRPC_DEADLINE,
                        "no answer in time");
    }
    if (write->object.in_flight || write->lost) {
        write->went_on = true;
        write->reported_due = true;
        write->status = LEASELOCK_E_OUTCOME_UNKNOWN;
        ll_object_report(core, &write->object);
    } else {
        ll_write_end(core, write, LEASELOCK_E_UNAVAILABLE);
    }
}

static int64_t write_deadline_ns(const struct ll_core *core,
                                 struct ll_object *object)
{
    struct ll_write *write = ll_write_of(object);

    (void)core;
    return write->timeout_ns;
}

static void write_build(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_part *part,
                        struct ll_request *ret_request)
{
    struct ll_write *write = ll_write_of(object);

    (void)core;
    (void)part;
    ret_request->kind = LL_REQUEST_TXN;
    if (write->phase == LL_WRITE_PROVE) {
        ret_request->txn = ll_write_proof_txn(write);
        return;
    }
    if (write->phase == LL_WRITE_READ) {
        ret_request->txn =
            (struct ll_txn){.then_ops = write->ops, .then_n = write->reads_n};
        return;
    }
    assert(write->ticket != NULL && write->ticket->writes.next == &write->link);
    write->version = write->ticket->version;
    write->version_open = write->ticket->version_open;
    write->compares[1].number = write->version;
    ret_request->txn = write->txn;
}

void ll_writes_end(struct ll_core *core, struct ll_ticket *ticket)
{
    while (!ll_link_alone(&ticket->writes)) {
        struct ll_write *write =
            LL_CONTAINER(ticket->writes.next, struct ll_write, link);

        write_detach(write);
        if (!write->object.in_flight) {
            ll_write_fail(core, write, LEASELOCK_E_NOT_HELD);
        }
    }
}

bool ll_writes_may_release(const struct ll_ticket *ticket)
{
    const struct ll_write *newest =
        LL_CONTAINER(ticket->writes.prev, struct ll_write, link);

    return !ll_link_alone(&ticket->writes) &&
           (newest->releases || newest->leaves);
}

bool ll_writes_may_have_released(const struct ll_ticket *ticket)
{
    const struct ll_write *newest =
        LL_CONTAINER(ticket->writes.prev, struct ll_write, link);

    return ll_writes_may_release(ticket) && newest->releases &&
           (newest->object.in_flight || newest->lost);
}

static bool write_next(struct ll_core *core,
                       struct ll_object *object,
                       struct ll_effect *ret_effect)
{
    struct ll_write *write = ll_write_of(object);

    if (write->reported_due) {
        write->reported_due = false;
        *ret_effect = (struct ll_effect){.kind = LL_EFFECT_WRITTEN};
        ret_effect->id = write->object.entry.id;
        ret_effect->written.detail =
            ll_detail_of(core, write->status, write->why);
        ret_effect->written.last = write->is_over;
        ret_effect->written.revision = write->revision;
        ret_effect->written.reads = write->reads;
        ret_effect->written.reads_n = write->reads_n;
        return true;
    }
    ll_link_remove(&write->object.pending);
    if (write->is_over) {
        ll_object_leave(core, &write->object);
        ll_write_free(&write->object);
    }
    return false;
}

static enum ll_call_way write_way(const struct ll_core *core,
                                  struct ll_object *object)
{
    const struct ll_write *write = ll_write_of(object);
    bool fits = ll_write_conditions_n(write) == 0 && write->reads_n == 0 &&
                write->txn.then_n <= LL_BATCH_OPS_MAX &&
                write->phase == LL_WRITE_SEND;

    return fits && !core->batches.lists ? LL_CALL_GATHER : LL_CALL_ALONE;
}

static size_t write_bytes(struct ll_object *object)
{
    const struct ll_write *write = ll_write_of(object);
    size_t bytes = 4 * write->ticket->key_size;

    for (size_t i = 0; i < write->txn.then_n; i++) {
        const struct ll_op *op = &write->txn.then_ops[i];

        bytes += op->kind == LL_OP_PUT ? op->put.key.size + op->put.value.size
                                       : op->del.key.size;
    }
    return bytes;
}

static bool write_is_wanted(struct ll_object *object)
{
    return ll_write_of(object)->ticket != NULL;
}

/* Another cluster, restored from a snapshot, may have had the write's key: then
 * it has applied the write. */
static enum ll_batch_share write_share(struct ll_object *object)
{
    (void)object;
    return LL_SHARE_NONE;
}

static const struct ll_batch_ops write_batch_ops =
    LL_BATCH_OPS(write_way,
                 write_bytes,
                 write_share,
                 NULL,
                 NULL,
                 NULL,
                 write_is_wanted,
                 LL_OUTCOME_LOST);

const struct ll_object_ops ll_write_ops = LL_OBJECT_OPS(ll_write_free,
                                                        write_on_time,
                                                        write_deadline_ns,
                                                        write_build,
                                                        ll_write_on_answer,
                                                        write_next,
                                                        NULL,
                                                        NULL,
                                                        NULL,
                                                        NULL,
                                                        &write_batch_ops,
                                                        NULL);
