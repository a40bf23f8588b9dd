/* SPDX-License-Identifier: Apache-2.0 */
#include "core/write.h"

#include "base/alloc.h"
#include "leaselock/status.h"

/** What the reads have shown of a write. */
enum verdict {
    APPLIED,
    NOT_APPLIED,
    WITHOUT_EFFECT, /* of what was read */
    UNPROVEN,
};

/** The caller's writes, without the mark. */
static const struct ll_op *write_ops(const struct ll_write *write,
                                     size_t *ret_n)
{
    *ret_n = write->txn.then_n - write->reads_n - 1;
    return write->ops + write->reads_n;
}

/** The put of the ticket's key, or its deletion. */
static const struct ll_op *write_mark(const struct ll_write *write)
{
    return &write->ops[write->txn.then_n - 1];
}

static bool gives_value(const struct ll_write *write)
{
    const struct ll_op *mark = write_mark(write);

    return mark->kind == LL_OP_PUT && !mark->put.keep;
}

/** The first key that the write puts, or NULL. */
static const struct ll_op *write_put(const struct ll_write *write)
{
    size_t n;
    const struct ll_op *ops = write_ops(write, &n);

    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind == LL_OP_PUT) {
            return &ops[i];
        }
    }
    return NULL;
}

/** Whether the change is not the first one after `version`. */
static bool is_late_change(const struct ll_write *write)
{
    return write->changes > 1;
}

static void fail(struct ll_core *core, struct ll_write *write)
{
    ll_write_fail(core, write, LEASELOCK_E_OUTCOME_UNKNOWN);
}

static void ask(struct ll_core *core, struct ll_write *write)
{
    write->object.failures = 0;
    ll_call_at(core, &write->object, core->now_ns);
    ll_object_reschedule(core, &write->object);
}

/** Sends it again, though it may have been applied, to no effect. */
static void resend_unsure(struct ll_core *core, struct ll_write *write)
{
    if (write->ticket != NULL) {
        ll_yield_unsure(write->ticket, write);
    }
    ll_write_resend(core, write);
}

void ll_write_prove(struct ll_core *core,
                    struct ll_write *write,
                    const struct ll_kv *own)
{
    size_t n;

    (void)write_ops(write, &n);
    if (own->version < write->version) {
        fail(core, write);
        return;
    }
    if (write->releases) {
        ll_write_resend(core, write);
        return;
    }
    if (n == 0 && !gives_value(write)) {
        resend_unsure(core, write);
        return;
    }
    write->phase = LL_WRITE_PROVE;
    if (write->ticket == NULL ||
        own->version - write->version > LL_WRITE_CHANGES_MAX) {
        fail(core, write);
        return;
    }
    if (write->proof == NULL) {
        write->proof =
            ll_alloc_zero(1 + 2 * LL_WRITE_PROOFS_MAX, sizeof(*write->proof));
    }
    if (write->proof == NULL) {
        fail(core, write);
        return;
    }
    write->changes = (unsigned)(own->version - write->version);
    write->change = own->mod_revision;
    ask(core, write);
}

static struct ll_op
read_at(struct ll_bytes key, int64_t revision, bool keys_only)
{
    return (struct ll_op){
        .kind = LL_OP_RANGE,
        .range = {.key = key, .revision = revision, .keys_only = keys_only}};
}

/** Reads a key at the change and right before it. */
static void read_both(struct ll_write *write,
                      struct ll_bytes key,
                      bool keys_only,
                      size_t *n)
{
    write->proof[(*n)++] = read_at(key, write->change, keys_only);
    write->proof[(*n)++] = read_at(key, write->change - 1, keys_only);
}

struct ll_txn ll_write_proof_txn(struct ll_write *write)
{
    struct ll_bytes own = write->compares[0].key;
    const struct ll_op *put = write_put(write);
    size_t ops_n;
    const struct ll_op *ops = write_ops(write, &ops_n);
    size_t n = 1;

    write->proof[0] =
        read_at(own, write->change - (is_late_change(write) ? 1 : 0), true);
    if (!is_late_change(write) && put != NULL) {
        write->proof[n++] = read_at(put->put.key, write->change, true);
    } else if (!is_late_change(write)) {
        if (gives_value(write)) {
            read_both(write, own, false, &n);
        }
        for (size_t i = 0; i < ops_n && n < 2 * LL_WRITE_PROOFS_MAX; i++) {
            read_both(write, ops[i].del.key, true, &n);
        }
    }
    return (struct ll_txn){.then_ops = write->proof, .then_n = n};
}

static bool is_value_of(const struct ll_range_answer *range,
                        const struct ll_bytes *value)
{
    return range->kvs_n > 0 && ll_bytes_equal(range->kvs[0].value, *value);
}

/** Judges by the new value of the ticket's own key, read at 1 and 2. */
static enum verdict judge_value(const struct ll_write *write,
                                const struct ll_answer *answer)
{
    const struct ll_bytes *value = &write_mark(write)->put.value;
    const struct ll_range_answer *after = ll_answer_range(answer, 1);
    const struct ll_range_answer *before = ll_answer_range(answer, 2);

    if (after == NULL || before == NULL) {
        return UNPROVEN;
    }
    return !is_value_of(after, value)    ? NOT_APPLIED
           : !is_value_of(before, value) ? APPLIED
                                         : WITHOUT_EFFECT;
}

/** Judges by the deletions, whose keys were read from `at` on. */
static enum verdict judge_deletions(const struct ll_write *write,
                                    const struct ll_answer *answer,
                                    size_t at)
{
    size_t n;

    (void)write_ops(write, &n);
    for (size_t i = 0; i < n; i++) {
        const struct ll_range_answer *after =
            ll_answer_range(answer, at + 2 * i);
        const struct ll_range_answer *before =
            ll_answer_range(answer, at + 2 * i + 1);

        if (after == NULL || before == NULL) {
            return UNPROVEN; /* more than are read, too */
        }
        if (after->kvs_n > 0) {
            return NOT_APPLIED;
        }
        if (before->kvs_n > 0) {
            return APPLIED;
        }
    }
    return WITHOUT_EFFECT;
}

static enum verdict judge(const struct ll_write *write,
                          const struct ll_answer *answer)
{
    enum verdict verdict = WITHOUT_EFFECT;

    if (write_put(write) != NULL) {
        const struct ll_range_answer *put = ll_answer_range(answer, 1);

        return put == NULL ? UNPROVEN
               : put->kvs_n > 0 && put->kvs[0].mod_revision == write->change
                   ? APPLIED
                   : NOT_APPLIED;
    }
    if (gives_value(write)) {
        verdict = judge_value(write, answer);
    }
    return verdict == WITHOUT_EFFECT
               ? judge_deletions(write, answer, gives_value(write) ? 3 : 1)
               : verdict;
}

static void
conclude(struct ll_core *core, struct ll_write *write, enum verdict verdict)
{
    switch (verdict) {
    case APPLIED:
        if (write->version_open) {
            fail(core, write);
        } else {
            if (write->ticket != NULL) {
                ll_yield_wrote(write->ticket, write->version + write->changes);
            }
            ll_write_applied(core, write, write->change);
        }
        break;
    case WITHOUT_EFFECT:
        resend_unsure(core, write);
        break;
    case NOT_APPLIED:
        ll_write_resend(core, write);
        break;
    case UNPROVEN:
        fail(core, write);
        break;
    }
}

/** The answer begins with the ticket's key at the change, or before it. */
static void on_read(struct ll_core *core,
                    struct ll_write *write,
                    const struct ll_answer *answer)
{
    const struct ll_range_answer *range = ll_answer_range(answer, 0);
    const struct ll_kv *own =
        range != NULL && range->kvs_n > 0 ? &range->kvs[0] : NULL;
    int64_t version = write->version + write->changes;

    if (is_late_change(write)) {
        version--;
    }
    if (own == NULL || own->create_revision != write->token ||
        own->version != version) {
        fail(core, write);
    } else if (!is_late_change(write)) {
        conclude(core, write, judge(write, answer));
    } else if (write->ticket == NULL) {
        fail(core, write);
    } else {
        write->changes--;
        write->change = own->mod_revision;
        ask(core, write);
    }
}

void ll_write_on_proof(struct ll_core *core,
                       struct ll_write *write,
                       const struct ll_answer *answer)
{
    bool again = answer->outcome == LL_OUTCOME_AGAIN ||
                 (answer->outcome == LL_OUTCOME_LOST &&
                  answer->grpc_status != LL_GRPC_RESOURCE_EXHAUSTED);

    if (answer->outcome == LL_OUTCOME_OK) {
        on_read(core, write, answer);
    } else if (again && write->ticket != NULL) {
        ll_call_again(core, &write->object, answer->outcome);
    } else {
        fail(core, write);
    }
}
