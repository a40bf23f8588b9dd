/* SPDX-License-Identifier: Apache-2.0 */
#include "core/write.h"

#include <string.h>

#include "base/alloc.h"
#include "leaselock/status.h"

void ll_write_free(struct ll_object *object)
{
    struct ll_write *write = ll_write_of(object);

    ll_free(write->proof);
    ll_free(write->compares);
    ll_free(write->else_ops);
    ll_free(write->text);
    ll_free(write);
}

struct ll_write *ll_write_make(const struct ll_event *event)
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
    write->compares = ll_alloc_zero(compares_n + 1, sizeof(*write->compares));
    if (compares_n > 2) {
        write->else_ops = ll_alloc_zero(compares_n - 1, sizeof(struct ll_op));
    }
    if (write->compares == NULL ||
        (compares_n > 2) != (write->else_ops != NULL)) {
        ll_write_free(&write->object);
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

/** Makes the else branch read the keys of the caller's conditions; for the
 *  first ones on a value, the value as well. */
static void write_read_conditions(struct ll_write *write)
{
    size_t values = 0;

    write->else_ops[0] = write->else_op;
    for (size_t i = 2; i < ll_write_conditions_n(write) + 2; i++) {
        const struct ll_compare *compare = &write->compares[i];
        bool values_read =
            compare->target == LL_COMPARE_VALUE && values < LL_WRITE_VALUES_MAX;

        values += values_read;
        write->else_ops[i - 1] = (struct ll_op){
            .kind = LL_OP_RANGE,
            .range = {.key = compare->key, .keys_only = !values_read}};
    }
}

void ll_write_fence(struct ll_write *write, const struct ll_event *event)
{
    const struct ll_ticket *ticket = write->ticket;
    struct ll_bytes key = ll_ticket_key(ticket);
    struct ll_op *mark = &write->ops[write->txn.then_n - 1];
    bool marks = event->write.release && ll_delay_marks(ticket);

    write->releases = event->write.release && !marks;
    write->leaves = marks;
    write->token = ticket->token;
    write->compares[0] =
        (struct ll_compare){.key = key,
                            .target = LL_COMPARE_CREATE_REVISION,
                            .result = LL_COMPARE_EQUAL,
                            .number = ticket->token};
    write->compares[1] = (struct ll_compare){
        .key = key, .target = LL_COMPARE_VERSION, .result = LL_COMPARE_EQUAL};
    if (ticket->has_slot) {
        write->compares[write->txn.compares_n++] =
            (struct ll_compare){.key = key,
                                .target = LL_COMPARE_LEASE,
                                .result = LL_COMPARE_EQUAL,
                                .number = ticket->session->lease};
    }
    if (marks) {
        *mark = ll_delay_mark(key);
    } else if (write->releases) {
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

int ll_write_check(const struct ll_ticket *ticket, const struct ll_event *event)
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
