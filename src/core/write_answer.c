/* SPDX-License-Identifier: Apache-2.0 */
#include "core/write.h"

#include "base/alloc.h"
#include "core/condition.h"
#include "leaselock/status.h"

/** The version as etcd has answered: an attempt that was sent with an older one
 *  can no longer be applied. */
static void ticket_set_version(struct ll_ticket *ticket, int64_t version)
{
    ticket->version_open = false;
    ticket->version = version;
}

/** Takes the results of the reads, if the answer has them. */
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

/** The write was applied at a revision, and its answer was lost: reads again,
 *  at the revision before. */
static void
write_read_again(struct ll_core *core, struct ll_write *write, int64_t revision)
{
    write->phase = LL_WRITE_READ;
    write->revision = revision;
    write->object.failures = 0;
    for (size_t i = 0; i < write->reads_n; i++) {
        write->ops[i].range.revision = revision - 1;
    }
    ll_call_at(core, &write->object, core->now_ns);
    ll_object_reschedule(core, &write->object);
}

/** The answer was taken: it was applied. */
static void
write_done(struct ll_core *core, struct ll_write *write, int64_t revision)
{
    struct ll_ticket *ticket = write->ticket;

    write->revision = revision;
    ll_write_end(core, write, 0);
    if (ticket != NULL && (write->releases || write->leaves)) {
        core->stats.releases[LEASELOCK_STATS_RELEASE_WRITTEN]++;
    }
    if (ticket != NULL && write->releases) {
        ll_ticket_end(core, ticket, 0);
    } else if (ticket != NULL && write->leaves) {
        ticket->marked = true;
        ll_ticket_leave(core, ticket);
    }
}

void ll_write_applied(struct ll_core *core,
                      struct ll_write *write,
                      int64_t revision)
{
    if (write->reads_n > 0 && write->ticket != NULL && !write->went_on) {
        write_read_again(core, write, revision);
    } else {
        write_done(core, write, revision);
    }
}

void ll_write_resend(struct ll_core *core, struct ll_write *write)
{
    write->phase = LL_WRITE_SEND;
    write->lost = false;
    if (write->ticket == NULL) {
        ll_write_fail(core, write, LEASELOCK_E_NOT_HELD);
    } else {
        write->object.failures = 0;
        ll_call_at(core, &write->object, core->now_ns);
        ll_object_reschedule(core, &write->object);
    }
}

/** Whether an answer is that of the else branch. */
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
    size_t n = ll_write_conditions_n(write);
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
    size_t n = ll_write_conditions_n(write);
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

/** Whether a key is the ticket's. */
static bool is_fenced_by(const struct ll_write *write, const struct ll_kv *kv)
{
    const struct ll_compare *last = &write->compares[write->txn.compares_n - 1];
    bool has_slot = write->txn.compares_n > ll_write_conditions_n(write) + 2;

    return kv->create_revision == write->token &&
           (!has_slot || kv->lease == last->number);
}

/** A condition failed: the state of the key shows which. */
static void write_refuted(struct ll_core *core,
                          struct ll_write *write,
                          const struct ll_answer *answer)
{
    const struct ll_range_answer *range;
    struct ll_ticket *ticket = write->ticket;
    const struct ll_kv *kv;

    if (!is_refutation(write, answer)) {
        write->why = "the answer does not fit the request";
        ll_write_fail(core, write, LEASELOCK_E_SERVER);
        return;
    }
    range = &answer->txn.ops[0].range;
    kv = range->kvs_n > 0 && is_fenced_by(write, &range->kvs[0])
             ? &range->kvs[0]
             : NULL;
    if (kv == NULL) {
        ll_write_fail(core, write, LEASELOCK_E_NOT_HELD);
        if (ticket != NULL) {
            ll_ticket_lose_key(core, ticket);
        }
    } else if (kv->version == write->version) {
        if (!write->lost) {
            write_name_condition(write, answer);
        }
        ll_write_fail(core, write, LEASELOCK_E_COMPARE);
    } else {
        /* Another client wrote to the key, an earlier attempt was applied, or
         * a write of unknown outcome was applied after all. */
        if (ticket != NULL) {
            ticket_set_version(ticket, kv->version);
        }
        if (write->lost) {
            ll_write_prove(core, write, kv);
        } else {
            ll_write_resend(core, write);
        }
    }
}

/** The answer to the reads of a write that was applied. If one is too large for
 *  the client, another one would be, too. */
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
    ll_write_end(core, write, 0);
}

/** The conditions' values may make an answer too large for the client. */
static void write_read_no_values(struct ll_write *write)
{
    for (size_t i = 1; i < write->txn.else_n; i++) {
        write->else_ops[i].range.keys_only = true;
    }
}

void ll_write_on_answer(struct ll_core *core,
                        struct ll_object *object,
                        const struct ll_answer *answer,
                        const struct ll_event *event)
{
    struct ll_write *write = ll_write_of(object);

    (void)event;
    switch (write->phase) {
    case LL_WRITE_PROVE:
        ll_write_on_proof(core, write, answer);
        return;
    case LL_WRITE_READ:
        write_on_reads(core, write, answer);
        return;
    case LL_WRITE_SEND:
        break;
    }
    switch (answer->outcome) {
    case LL_OUTCOME_OK:
        if (answer->kind == LL_REQUEST_TXN && answer->txn.succeeded) {
            write_take_reads(write, answer);
            if (write->ticket != NULL) {
                ticket_set_version(write->ticket, write->version + 1);
                ll_yield_wrote(write->ticket, write->version + 1);
            }
            write_done(core, write, answer->revision);
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
            ll_write_fail(core, write, LEASELOCK_E_NOT_HELD);
        } else {
            ll_call_again(core, &write->object, answer->outcome);
        }
        break;
    case LL_OUTCOME_NO_LEASE:
        if (write->ticket != NULL &&
            ll_session_is_alive(write->ticket->session)) {
            ll_session_lose(core, write->ticket->session,
                            LEASELOCK_STATS_LOSS_LEASE);
        } else {
            ll_write_fail(core, write, LEASELOCK_E_NOT_HELD);
        }
        break;
    case LL_OUTCOME_REFUSED:
        ll_write_fail(core, write, LEASELOCK_E_REFUSED);
        break;
    case LL_OUTCOME_ERROR:
        write->lost = write->lost || answer->is_disbelieved;
        /* fall through */
    case LL_OUTCOME_LEASE_EXISTS:
        ll_write_fail(core, write, LEASELOCK_E_SERVER);
        break;
    }
}
