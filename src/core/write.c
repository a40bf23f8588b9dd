/* SPDX-License-Identifier: Apache-2.0 */
#include "core/write.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/condition.h"
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

/** The last word. */
static void write_end(struct ll_core *core, struct ll_write *write, int status)
{
    struct ll_ticket *ticket = write->ticket;

    if (ticket != NULL && write->lost && status != 0) {
        ticket->version_open = true;
    }
    write->is_over = true;
    write->reported_due = true;
    write->status = status;
    write->timeout_ns = LL_NEVER;
    write_detach(write);
    ll_call_none(core, &write->object);
    ll_object_report(core, &write->object);
    ll_object_reschedule(core, &write->object);
    if (ticket != NULL && ticket->key_gone && status != 0) {
        ll_ticket_lose_key(core, ticket); /* it was not given back */
    } else if (ticket != NULL) {
        writes_go_on(core, ticket);
    }
}

/** The last word of one that failed: with an answer lost it may be wrong, and
 *  it is wrong of one that only reads again. */
static void write_fail(struct ll_core *core, struct ll_write *write, int status)
{
    if (write->again) {
        status = 0;
    } else if (write->lost) {
        status = LEASELOCK_E_OUTCOME_UNKNOWN;
    }
    write_end(core, write, status);
}

static void write_free(struct ll_object *object)
{
    struct ll_write *write = ll_write_of(object);

    ll_free(write->compares);
    ll_free(write->else_ops);
    ll_free(write->text);
    ll_free(write);
}

static struct ll_write *write_new(const struct ll_event *event)
{
    size_t compares_n = event->write.compares_n + 2;
    size_t reads_n = event->write.reads_n;
    size_t ops_n = reads_n + event->write.ops_n + 1;
    struct ll_write *write =
        ll_alloc_zero(1, sizeof(*write) + ops_n * sizeof(write->ops[0]));

    if (write == NULL) {
        return NULL;
    }
    ll_link_init(&write->link);
    write->compares = ll_alloc_zero(compares_n, sizeof(*write->compares));
    if (compares_n > 2) {
        write->else_ops = ll_alloc_zero(compares_n - 1, sizeof(struct ll_op));
    }
    if (write->compares == NULL ||
        (compares_n > 2) != (write->else_ops != NULL)) {
        write_free(&write->object);
        return NULL;
    }
    for (size_t i = 0; i < event->write.compares_n; i++) {
        write->compares[2 + i] = event->write.compares[i];
    }
    write->reads_n = reads_n;
    for (size_t i = 0; i < reads_n; i++) {
        write->ops[i] =
            (struct ll_op){.kind = LL_OP_RANGE, .range = event->write.reads[i]};
    }
    for (size_t i = 0; i < event->write.ops_n; i++) {
        write->ops[reads_n + i] = event->write.ops[i];
    }
    write->txn = (struct ll_txn){
        .compares = write->compares,
        .compares_n = compares_n,
        .then_ops = write->ops,
        .then_n = ops_n,
        .else_ops = write->else_ops != NULL ? write->else_ops : &write->else_op,
        .else_n = compares_n - 1};
    return write;
}

/** Reads the keys of the caller's conditions as well where one fails; of the
 *  first ones on a value the value, too. */
static void write_read_conditions(struct ll_write *write)
{
    size_t values = 0;

    write->else_ops[0] = write->else_op;
    for (size_t i = 2; i < write->txn.compares_n; i++) {
        const struct ll_compare *compare = &write->compares[i];
        bool values_read =
            compare->target == LL_COMPARE_VALUE && values < LL_WRITE_VALUES_MAX;

        values += values_read;
        write->else_ops[i - 1] = (struct ll_op){
            .kind = LL_OP_RANGE,
            .range = {.key = compare->key, .keys_only = !values_read}};
    }
}

/** The two conditions that stand before the caller's, the mark, and what is
 *  asked when a condition fails. */
static void write_fence(struct ll_write *write, const struct ll_event *event)
{
    const struct ll_ticket *ticket = write->ticket;
    struct ll_bytes key = ll_ticket_key(ticket);
    struct ll_op *mark = &write->ops[write->txn.then_n - 1];

    write->releases = event->write.release;
    write->token = ticket->token;
    write->compares[0] =
        (struct ll_compare){.key = key,
                            .target = LL_COMPARE_CREATE_REVISION,
                            .result = LL_COMPARE_EQUAL,
                            .number = ticket->token};
    write->compares[1] = (struct ll_compare){
        .key = key, .target = LL_COMPARE_VERSION, .result = LL_COMPARE_EQUAL};
    if (write->releases) {
        *mark = (struct ll_op){.kind = LL_OP_DELETE, .del = {.key = key}};
    } else if (event->write.value != NULL) {
        *mark = (struct ll_op){.kind = LL_OP_PUT,
                               .put = {.key = key,
                                       .value = *event->write.value,
                                       .lease = ticket->session->lease}};
    } else {
        *mark = (struct ll_op){.kind = LL_OP_PUT,
                               .put = {.key = key, .keep = true}};
    }
    write->else_op = (struct ll_op){.kind = LL_OP_RANGE,
                                    .range = {.key = key, .keys_only = true}};
    if (write->else_ops != NULL) {
        write_read_conditions(write);
    }
}

/** Whether a key would be in the ticket's own queue. */
static bool is_in_queue(struct ll_bytes key, const struct ll_ticket *ticket)
{
    struct ll_bytes prefix = ll_ticket_prefix(ticket);

    return key.size >= prefix.size &&
           memcmp(key.data, prefix.data, prefix.size) == 0;
}

/** 0, or why a write is none. */
static int write_check(const struct ll_ticket *ticket,
                       const struct ll_event *event)
{
    size_t i;

    if (event->write.compares_n > LL_WRITE_PARTS_MAX ||
        event->write.ops_n > LL_WRITE_PARTS_MAX ||
        event->write.reads_n > LL_WRITE_PARTS_MAX - event->write.ops_n ||
        ticket->writes_n >= LL_WRITES_MAX ||
        (event->write.value != NULL &&
         event->write.value->size > LL_VALUE_MAX)) {
        return LEASELOCK_E_LIMIT;
    }
    if (event->write.release && event->write.value != NULL) {
        return LEASELOCK_E_ARGUMENT;
    }
    for (i = 0; i < event->write.reads_n; i++) {
        if (event->write.reads[i].key.size == 0) {
            return LEASELOCK_E_ARGUMENT;
        }
    }
    for (i = 0; i < event->write.ops_n; i++) {
        const struct ll_op *op = &event->write.ops[i];
        bool put = op->kind == LL_OP_PUT;
        struct ll_bytes key = put ? op->put.key : op->del.key;

        if ((!put && op->kind != LL_OP_DELETE) || key.size == 0 ||
            (!put && op->del.end.size > 0) ||
            ll_bytes_equal(key, ll_ticket_key(ticket))) {
            return LEASELOCK_E_ARGUMENT;
        }
        if (is_in_queue(key, ticket)) {
            return LEASELOCK_E_NESTED;
        }
    }
    return 0;
}

int ll_write_ask(struct ll_core *core,
                 struct ll_ticket *ticket,
                 const struct ll_event *event)
{
    struct ll_write *write;
    int status = write_check(ticket, event);

    if (status != 0) {
        return status;
    }
    if (ticket->state != LL_TICKET_HELD ||
        core->now_ns >= ticket->session->deadline_ns ||
        ll_writes_may_release(ticket)) {
        return LEASELOCK_E_NOT_HELD;
    }
    write = write_new(event);
    if (write == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (!ll_object_enter(core, &write->object, &ll_write_ops, event->id)) {
        write_free(&write->object);
        return LEASELOCK_E_NOMEM;
    }
    write->ticket = ticket;
    write->object.queue_hash = ticket->object.queue_hash;
    write->why = "";
    write_fence(write, event);
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
    if (write->again) {
        write_end(core, write, 0);
        return;
    }
    if (write->object.in_flight && !write->lost &&
        write->object.failures == 0) {
        ll_note_failure(core, core->endpoint, LL_GRPC_DEADLINE,
                        "no answer in time");
    }
    if (write->object.in_flight || write->lost) {
        write->went_on = true;
        write->reported_due = true;
        write->status = LEASELOCK_E_OUTCOME_UNKNOWN;
        ll_object_report(core, &write->object);
    } else {
        write_end(core, write, LEASELOCK_E_UNAVAILABLE);
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
    if (write->again) {
        ret_request->kind = LL_REQUEST_TXN;
        ret_request->txn =
            (struct ll_txn){.then_ops = write->ops, .then_n = write->reads_n};
        return;
    }
    assert(write->ticket != NULL && write->ticket->writes.next == &write->link);
    write->version = write->ticket->version;
    write->version_open = write->ticket->version_open;
    write->compares[1].number = write->version;
    ret_request->kind = LL_REQUEST_TXN;
    ret_request->txn = write->txn;
}

/** What etcd says of the version: a try that was sent with an older one can
 *  not land any more. */
static void ticket_set_version(struct ll_ticket *ticket, int64_t version)
{
    ticket->version_open = false;
    ticket->version = version;
}

/** Takes what the reads gave, if the answer has it. */
static void write_take_reads(struct ll_write *write,
                             const struct ll_answer *answer)
{
    bool fits =
        answer->kind == LL_REQUEST_TXN && answer->txn.ops_n >= write->reads_n;

    for (size_t i = 0; fits && i < write->reads_n; i++) {
        fits = answer->txn.ops[i].kind == LL_OP_RANGE;
    }
    write->reads = fits && write->reads_n > 0 ? answer->txn.ops : NULL;
}

/** It was applied at a revision, and its answer was lost: the reads are made
 *  again, of the revision before. */
static void
write_read_again(struct ll_core *core, struct ll_write *write, int64_t revision)
{
    write->again = true;
    write->revision = revision;
    write->object.failures = 0;
    for (size_t i = 0; i < write->reads_n; i++) {
        write->ops[i].range.revision = revision - 1;
    }
    ll_call_at(core, &write->object, core->now_ns);
    ll_object_reschedule(core, &write->object);
}

static void
write_applied(struct ll_core *core, struct ll_write *write, int64_t revision)
{
    struct ll_ticket *ticket = write->ticket;

    write->revision = revision;
    if (ticket != NULL) {
        ticket_set_version(ticket, write->version + 1);
    }
    write_end(core, write, 0);
    if (ticket != NULL && write->releases) {
        ll_ticket_end(core, ticket, 0);
    }
}

/** Whether an answer is one to the else branch. */
static bool is_refutation(const struct ll_write *write,
                          const struct ll_answer *answer)
{
    bool fits = answer->kind == LL_REQUEST_TXN &&
                answer->txn.ops_n == write->txn.else_n;

    for (size_t i = 0; fits && i < write->txn.else_n; i++) {
        fits = answer->txn.ops[i].kind == LL_OP_RANGE;
    }
    return fits;
}

/** The caller's condition that failed: the first one, or the only one whose
 *  value was not read.
 *  @return its number, or how many there are when it is not known */
static size_t write_failed_condition(const struct ll_write *write,
                                     const struct ll_answer *answer)
{
    size_t n = write->txn.compares_n - 2;
    size_t unknown = n;
    size_t unknown_n = 0;

    for (size_t i = 0; i < n; i++) {
        const struct ll_range_answer *range = &answer->txn.ops[i + 1].range;

        switch (ll_condition_judge(&write->compares[i + 2],
                                   range->kvs_n > 0 ? range->kvs : NULL,
                                   !write->else_ops[i + 1].range.keys_only)) {
        case LL_CONDITION_MET:
            break;
        case LL_CONDITION_FAILED:
            return i;
        case LL_CONDITION_UNKNOWN:
            unknown = i;
            unknown_n++;
            break;
        }
    }
    return unknown_n == 1 ? unknown : n;
}

static void write_name_condition(struct ll_write *write,
                                 const struct ll_answer *answer)
{
    size_t n = write->txn.compares_n - 2;
    size_t failed;
    const struct ll_range_answer *range;

    if (n == 0) {
        return;
    }
    failed = write_failed_condition(write, answer);
    if (failed == n) {
        write->why = "one of the conditions on values behind the first four";
        return;
    }
    range = &answer->txn.ops[failed + 1].range;
    write->text = ll_alloc(LL_CONDITION_TEXT_SIZE);
    if (write->text != NULL) {
        ll_condition_text(
            &write->compares[failed + 2], range->kvs_n > 0 ? range->kvs : NULL,
            !write->else_ops[failed + 1].range.keys_only, write->text);
        write->why = write->text;
    }
}

/** A condition failed: what stands of the key says which. */
static void write_refuted(struct ll_core *core,
                          struct ll_write *write,
                          const struct ll_answer *answer)
{
    const struct ll_range_answer *range;
    struct ll_ticket *ticket = write->ticket;
    const struct ll_kv *kv;

    if (!is_refutation(write, answer)) {
        write->why = "the answer does not fit the request";
        write_fail(core, write, LEASELOCK_E_SERVER);
        return;
    }
    range = &answer->txn.ops[0].range;
    kv = range->kvs_n > 0 && range->kvs[0].create_revision == write->token
             ? &range->kvs[0]
             : NULL;
    if (kv == NULL) {
        write_fail(core, write, LEASELOCK_E_NOT_HELD);
        if (ticket != NULL) {
            ll_ticket_lose_key(core, ticket);
        }
    } else if (kv->version == write->version) {
        if (!write->lost) {
            write_name_condition(write, answer);
        }
        write_fail(core, write, LEASELOCK_E_COMPARE);
    } else if (write->lost && !write->version_open &&
               kv->version == write->version + 1) {
        if (write->reads_n > 0 && ticket != NULL && !write->went_on &&
            !write->releases) {
            ticket_set_version(ticket, kv->version);
            write_read_again(core, write, kv->mod_revision);
        } else {
            write_applied(core, write, kv->mod_revision);
        }
    } else if (write->lost || ticket == NULL) {
        write_fail(core, write, LEASELOCK_E_OUTCOME_UNKNOWN);
        if (ticket != NULL) {
            ticket_set_version(ticket, kv->version);
        }
    } else {
        /* Somebody else wrote to the key, or a write of unknown outcome was
         * applied after all. */
        ticket_set_version(ticket, kv->version);
        ll_call_at(core, &write->object, core->now_ns);
    }
}

/** The answer to the reads of one that was applied. One that is too large for
 *  us will be so again. */
static void write_on_reads(struct ll_core *core,
                           struct ll_write *write,
                           const struct ll_answer *answer)
{
    bool retry = answer->outcome == LL_OUTCOME_AGAIN ||
                 (answer->outcome == LL_OUTCOME_LOST &&
                  answer->grpc_status != LL_GRPC_RESOURCE_EXHAUSTED);

    if (retry && write->ticket != NULL) {
        ll_call_again(core, &write->object, answer->outcome);
        return;
    }
    if (answer->outcome == LL_OUTCOME_OK) {
        write_take_reads(write, answer);
    }
    write_end(core, write, 0);
}

/** The conditions' values may be what makes an answer too large for us. */
static void write_read_no_values(struct ll_write *write)
{
    for (size_t i = 1; i < write->txn.else_n; i++) {
        write->else_ops[i].range.keys_only = true;
    }
}

static void write_on_answer(struct ll_core *core,
                            struct ll_object *object,
                            const struct ll_answer *answer,
                            const struct ll_event *event)
{
    struct ll_write *write = ll_write_of(object);

    (void)event;
    if (write->again) {
        write_on_reads(core, write, answer);
        return;
    }
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        if (answer->kind == LL_REQUEST_TXN && answer->txn.succeeded) {
            write_take_reads(write, answer);
            write_applied(core, write, answer->revision);
        } else {
            write_refuted(core, write, answer);
        }
        break;
    case LL_OUTCOME_LOST:
        write->lost = true;
        if (answer->grpc_status == LL_GRPC_RESOURCE_EXHAUSTED) {
            write_read_no_values(write);
        }
        /* fall through */
    case LL_OUTCOME_AGAIN:
        if (write->ticket == NULL) {
            write_fail(core, write, LEASELOCK_E_NOT_HELD);
        } else {
            ll_call_again(core, &write->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_NO_LEASE:
        if (write->ticket != NULL &&
            ll_session_is_alive(write->ticket->session)) {
            ll_session_lose(core, write->ticket->session,
                            "etcd does not know the lease any more");
        } else {
            write_fail(core, write, LEASELOCK_E_NOT_HELD);
        }
        break;
    case LL_OUTCOME_REFUSED:
        write_fail(core, write, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_ERROR:
        write->lost = write->lost || answer->is_disbelieved;
        /* fall through */
    case LL_OUTCOME_LEASE_EXISTS:
        write_fail(core, write, LEASELOCK_E_SERVER);
        break;
    }
}

void ll_writes_end(struct ll_core *core, struct ll_ticket *ticket)
{
    while (!ll_link_alone(&ticket->writes)) {
        struct ll_write *write =
            LL_CONTAINER(ticket->writes.next, struct ll_write, link);

        write_detach(write);
        if (!write->object.in_flight) {
            write_fail(core, write, LEASELOCK_E_NOT_HELD);
        }
    }
}

bool ll_writes_may_release(const struct ll_ticket *ticket)
{
    const struct ll_write *newest =
        LL_CONTAINER(ticket->writes.prev, struct ll_write, link);

    return !ll_link_alone(&ticket->writes) && newest->releases;
}

bool ll_writes_may_have_released(const struct ll_ticket *ticket)
{
    const struct ll_write *newest =
        LL_CONTAINER(ticket->writes.prev, struct ll_write, link);

    return ll_writes_may_release(ticket) &&
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
        write_free(&write->object);
    }
    return false;
}

static enum ll_call_way write_way(const struct ll_core *core,
                                  struct ll_object *object)
{
    const struct ll_write *write = ll_write_of(object);
    bool fits = write->txn.compares_n == 2 && write->reads_n == 0 &&
                write->txn.then_n <= LL_BATCH_OPS_MAX;

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

/* A snapshot that was restored as another cluster may have had the write's key:
 * there it was applied. */
static const struct ll_batch_ops write_batch_ops = LL_BATCH_OPS(
    write_way, write_bytes, NULL, NULL, write_is_wanted, LL_OUTCOME_LOST);

const struct ll_object_ops ll_write_ops = LL_OBJECT_OPS(write_free,
                                                        write_on_time,
                                                        write_deadline_ns,
                                                        write_build,
                                                        write_on_answer,
                                                        write_next,
                                                        NULL,
                                                        NULL,
                                                        NULL,
                                                        NULL,
                                                        &write_batch_ops,
                                                        NULL);
