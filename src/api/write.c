#include "api/write.h"

#include <stdio.h>
#include <string.h>

#include "api/get.h"
#include "api/hooks.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

static void write_destroy(struct ll_handle *handle)
{
    struct ll_write_object *write =
        LL_CONTAINER(handle, struct ll_write_object, handle);

    ll_completion_free(&write->completion);
    if (write->ticket != NULL) {
        ll_handle_put(&write->ticket->handle);
    }
    ll_handle_put(&write->client->handle);
    ll_free(write->last_text);
    ll_free(write->compares);
    ll_free(write->ops);
    ll_free(write->reads);
    ll_free(write->bytes);
    ll_free(write);
}

/** Adds to the bytes that a write has; false: they are none, or too many. */
static bool
count_bytes(const void *data, size_t size, bool may_be_empty, size_t *total)
{
    if ((size == 0 && !may_be_empty) || (size > 0 && data == NULL)) {
        return false;
    }
    *total = size < LL_WRITE_BYTES_MAX ? *total + size : LL_WRITE_BYTES_MAX + 1;
    return true;
}

/** 0 and how many bytes there are, or what is wrong with what is asked for. */
static int
ask_count(const struct ll_write_ask *ask, size_t *ret_n, const char **ret_why)
{
    const struct leaselock_txn *txn = ask->txn;
    size_t n = ask->value != NULL ? ask->value->size : 0;
    bool valid =
        (txn->compares_n == 0 || txn->compares != NULL) &&
        (txn->ops_n == 0 || txn->ops != NULL) &&
        (txn->reads_n == 0 || (txn->reads != NULL && txn->ret_reads != NULL));

    *ret_why = "a condition, read or write has no key, or has no data for its "
               "size";
    if (txn->compares_n > LEASELOCK_TXN_PARTS_MAX ||
        txn->ops_n > LEASELOCK_TXN_PARTS_MAX ||
        txn->reads_n > LEASELOCK_TXN_PARTS_MAX - txn->ops_n) {
        *ret_why = "a transaction has at most 100 conditions, and 100 reads "
                   "and writes together";
        return LEASELOCK_E_LIMIT;
    }
    for (size_t i = 0; valid && i < txn->compares_n; i++) {
        const struct leaselock_compare *compare = &txn->compares[i];
        bool values = compare->target == LEASELOCK_COMPARE_VALUE;

        valid = count_bytes(compare->key, compare->key_size, false, &n) &&
                (!values ||
                 count_bytes(compare->value, compare->value_size, true, &n)) &&
                (unsigned)compare->target <= LEASELOCK_COMPARE_VALUE &&
                (unsigned)compare->result <= LEASELOCK_COMPARE_NOT_EQUAL;
    }
    for (size_t i = 0; valid && i < txn->reads_n; i++) {
        const struct leaselock_read *read = &txn->reads[i];

        valid = count_bytes(read->key, read->key_size, false, &n) &&
                count_bytes(read->end, read->end_size, true, &n) &&
                (read->end == NULL) == (read->end_size == 0) &&
                read->limit >= 0;
    }
    for (size_t i = 0; valid && i < txn->ops_n; i++) {
        const struct leaselock_op *op = &txn->ops[i];
        bool puts = op->kind == LEASELOCK_OP_PUT;

        valid = count_bytes(op->key, op->key_size, false, &n) &&
                (!puts || count_bytes(op->value, op->value_size, true, &n)) &&
                (unsigned)op->kind <= LEASELOCK_OP_DELETE;
    }
    if (n > LL_WRITE_BYTES_MAX) {
        *ret_why = "a transaction has at most 64 MiB";
        return LEASELOCK_E_LIMIT;
    }
    *ret_n = n;
    return valid ? 0 : LEASELOCK_E_ARGUMENT;
}

static struct ll_bytes
keep_bytes(struct ll_write_object *write, const void *data, size_t size)
{
    struct ll_bytes kept = {write->bytes + write->bytes_n, size};

    if (size > 0) {
        memcpy(write->bytes + write->bytes_n, data, size);
    }
    write->bytes_n += size;
    return kept;
}

static enum ll_compare_target target_of(enum leaselock_compare_target target)
{
    switch (target) {
    case LEASELOCK_COMPARE_VERSION:
        return LL_COMPARE_VERSION;
    case LEASELOCK_COMPARE_CREATE_REVISION:
        return LL_COMPARE_CREATE_REVISION;
    case LEASELOCK_COMPARE_MOD_REVISION:
        return LL_COMPARE_MOD_REVISION;
    case LEASELOCK_COMPARE_LEASE:
        return LL_COMPARE_LEASE;
    case LEASELOCK_COMPARE_VALUE:
        break;
    }
    return LL_COMPARE_VALUE;
}

static enum ll_compare_result result_of(enum leaselock_compare_result result)
{
    switch (result) {
    case LEASELOCK_COMPARE_EQUAL:
        return LL_COMPARE_EQUAL;
    case LEASELOCK_COMPARE_GREATER:
        return LL_COMPARE_GREATER;
    case LEASELOCK_COMPARE_LESS:
        return LL_COMPARE_LESS;
    case LEASELOCK_COMPARE_NOT_EQUAL:
        break;
    }
    return LL_COMPARE_NOT_EQUAL;
}

static void keep_compare(struct ll_write_object *write,
                         const struct leaselock_compare *from,
                         struct ll_compare *to)
{
    to->key = keep_bytes(write, from->key, from->key_size);
    to->target = target_of(from->target);
    to->result = result_of(from->result);
    if (from->target == LEASELOCK_COMPARE_VALUE) {
        to->value = keep_bytes(write, from->value, from->value_size);
    } else {
        to->number = from->number;
    }
}

static void keep_read(struct ll_write_object *write,
                      const struct leaselock_read *from,
                      struct ll_range *to)
{
    to->key = keep_bytes(write, from->key, from->key_size);
    to->end = keep_bytes(write, from->end, from->end_size);
    to->limit = from->limit;
    to->keys_only = from->keys_only != 0;
}

static void keep_op(struct ll_write_object *write,
                    const struct leaselock_op *from,
                    struct ll_op *to)
{
    struct ll_bytes key = keep_bytes(write, from->key, from->key_size);

    switch (from->kind) {
    case LEASELOCK_OP_PUT:
        to->kind = LL_OP_PUT;
        to->put.key = key;
        to->put.value = keep_bytes(write, from->value, from->value_size);
        to->put.lease = from->lease;
        break;
    case LEASELOCK_OP_DELETE:
        to->kind = LL_OP_DELETE;
        to->del.key = key;
        break;
    }
}

/** A write of so many bytes, with copies of all that it has; NULL: no memory.
 */
static struct ll_write_object *write_new(struct ll_ticket_object *ticket,
                                         const struct ll_write_ask *ask,
                                         size_t bytes_n)
{
    const struct leaselock_txn *txn = ask->txn;
    struct ll_write_object *write = ll_alloc_zero(1, sizeof(*write));

    if (write == NULL) {
        return NULL;
    }
    write->client = ticket->client;
    ll_handle_ref(&ticket->client->handle);
    write->ticket = ticket;
    ll_handle_ref(&ticket->handle);
    ll_link_init(&write->link);
    ll_link_init(&write->asked);
    ll_completion_init(&write->completion, &write->handle, ask->done, ask->arg);
    write->last.text = "";
    write->releases = txn->release != 0;
    write->ret_revision = txn->ret_revision;
    write->compares = ll_alloc_zero(txn->compares_n, sizeof(*write->compares));
    write->ops = ll_alloc_zero(txn->ops_n, sizeof(*write->ops));
    write->reads = ll_alloc_zero(txn->reads_n, sizeof(*write->reads));
    write->reads_n = txn->reads_n;
    write->ret_reads = txn->ret_reads;
    write->bytes = ll_alloc(bytes_n);
    if (write->compares == NULL || write->ops == NULL || write->reads == NULL ||
        write->bytes == NULL) {
        write_destroy(&write->handle);
        return NULL;
    }
    for (size_t i = 0; i < txn->compares_n; i++) {
        keep_compare(write, &txn->compares[i], &write->compares[i]);
    }
    for (size_t i = 0; i < txn->ops_n; i++) {
        keep_op(write, &txn->ops[i], &write->ops[i]);
    }
    for (size_t i = 0; i < txn->reads_n; i++) {
        keep_read(write, &txn->reads[i], &write->reads[i]);
    }
    if (ask->value != NULL) {
        write->value = keep_bytes(write, ask->value->data, ask->value->size);
    }
    return write;
}

/** Takes a write out of the tables: it is over. */
static void write_leave(struct ll_write_object *write)
{
    struct ll_ticket_object *ticket = write->ticket;

    write->over = true;
    write->ticket = NULL;
    ll_link_remove(&write->link);
    ll_handle_leave(&write->handle);
    ll_handle_put(&ticket->handle);
}

/** Asks core; with the client's mutex held. The caller has a reference. */
static int write_start(struct ll_write_object *write,
                       const struct ll_write_ask *ask)
{
    struct ll_event event = {.kind = LL_EVENT_WRITE};
    int status =
        ll_handle_enter(&write->handle, LL_HANDLE_WRITE, false, write_destroy);

    if (status != 0) {
        write_destroy(&write->handle);
        return status;
    }
    ll_link_append(&write->client->writes, &write->link);
    event.id = write->handle.entry.id;
    event.write.ticket = ll_ticket_id(write->ticket);
    event.write.compares = write->compares;
    event.write.compares_n = ask->txn->compares_n;
    event.write.ops = write->ops;
    event.write.ops_n = ask->txn->ops_n;
    event.write.reads = write->reads;
    event.write.reads_n = write->reads_n;
    event.write.value = ask->value != NULL ? &write->value : NULL;
    event.write.release = write->releases;
    event.write.timeout_ns =
        ask->timeout_ms < 0 ? INT64_MAX : ask->timeout_ms * LL_NS_PER_MS;
    status = ll_client_command(write->client, &event);
    if (status != 0) {
        write_leave(write);
    }
    return status;
}

/** Bytes of a key or name that a sentence quotes at most. */
#define QUOTED_MAX 128

/** Names the first key that is below the ticket's own lock. */
static int refuse_nested(const struct ll_ticket_object *ticket,
                         const struct leaselock_txn *txn,
                         struct leaselock_error *reterr)
{
    struct ll_ticket_view view;
    size_t prefix_size;
    size_t i = 0;

    if (!ll_core_ticket_view(ticket->client->core, ll_ticket_id(ticket),
                             ll_clock_now_ns(), &view)) {
        return ll_error_text(reterr, LEASELOCK_E_NESTED, "");
    }
    prefix_size = (size_t)(view.name.data - view.key.data) + view.name.size + 1;
    while (i + 1 < txn->ops_n &&
           (txn->ops[i].key_size < prefix_size ||
            memcmp(txn->ops[i].key, view.key.data, prefix_size) != 0)) {
        i++;
    }
    return ll_error_format(
        reterr, LEASELOCK_E_NESTED,
        "the key \"%.*s\" is below the ticket's own lock "
        "\"%.*s\", where every key is a place in the queue, and "
        "this one would block it; keep data under another prefix",
        (int)(txn->ops[i].key_size < QUOTED_MAX ? txn->ops[i].key_size
                                                : QUOTED_MAX),
        (const char *)txn->ops[i].key,
        (int)(view.name.size < QUOTED_MAX ? view.name.size : QUOTED_MAX),
        view.name.data);
}

static int write_on_ticket(struct ll_ticket_object *ticket,
                           const struct ll_write_ask *ask,
                           size_t bytes_n,
                           struct ll_waiter *waiter,
                           struct leaselock_error *reterr)
{
    struct ll_write_object *write;
    int status;

    if (ticket->committed) {
        return ll_error_text(reterr, LEASELOCK_E_NOT_HELD, "");
    }
    if (ticket->names_n > 1) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a ticket over several names has no fence: write "
                             "under one of a single name");
    }
    write = write_new(ticket, ask, bytes_n);
    if (write == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    write->completion.waiter = waiter;
    status = write_start(write, ask);
    if (status == LEASELOCK_E_NESTED) {
        return refuse_nested(ticket, ask->txn, reterr);
    }
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    if (waiter != NULL) {
        status = ll_client_await(ticket->client, waiter);
        if (status == 0 && ask->txn->release != 0) {
            ll_client_await_callbacks(ticket->client, &ticket->handle);
        }
    }
    return status;
}

int ll_write_run(leaselock_ticket *user,
                 const struct ll_write_ask *ask,
                 bool waits,
                 struct leaselock_error *reterr)
{
    struct ll_ticket_object *ticket = NULL;
    struct ll_waiter waiter;
    const char *why = "";
    size_t bytes_n = 0;
    int status = ask_count(ask, &bytes_n, &why);

    if (status != 0) {
        return ll_error_text(reterr, status, why);
    }
    if (ask->timeout_ms < LEASELOCK_FOREVER || ask->timeout_ms == 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a write's timeout is 1 or more milliseconds, "
                             "or LEASELOCK_FOREVER");
    }
    if (!waits && ask->done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    if (waits && ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = ll_waiter_init(&waiter, reterr);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    status = ll_ticket_enter(user, &ticket);
    if (status == 0) {
        status = write_on_ticket(ticket, ask, bytes_n, waits ? &waiter : NULL,
                                 reterr);
        ll_ticket_exit(ticket);
    } else {
        (void)ll_error_text(reterr, status, "");
    }
    ll_waiter_free(&waiter);
    return status;
}

/** Gives the user what was read: all of it, or nothing. */
static void give_reads(struct ll_write_object *write,
                       const struct ll_op_answer *reads,
                       int64_t revision)
{
    bool whole = reads != NULL;

    for (size_t i = 0; i < write->reads_n; i++) {
        write->ret_reads[i] =
            whole ? ll_get_make(&reads[i].range, revision) : NULL;
        whole = write->ret_reads[i] != NULL;
    }
    for (size_t i = 0; !whole && i < write->reads_n; i++) {
        leaselock_get_free(write->ret_reads[i]);
        write->ret_reads[i] = NULL;
    }
}

/** The call ends; one of unknown outcome is what the user can ask for. */
static void write_tell(struct ll_write_object *write,
                       const struct ll_detail *detail,
                       int64_t revision,
                       const struct ll_op_answer *reads)
{
    struct ll_ticket_object *ticket = write->ticket;

    write->told = true;
    if (detail->status == 0 && write->ret_revision != NULL) {
        *write->ret_revision = revision;
    }
    if (detail->status == 0) {
        give_reads(write, reads, revision - 1);
    }
    if (detail->status == LEASELOCK_E_OUTCOME_UNKNOWN) {
        if (ticket->unknown != NULL) {
            ll_handle_put(&ticket->unknown->handle);
        }
        ticket->unknown = write;
        ll_handle_ref(&write->handle);
    }
    ll_client_complete(write->client, &write->completion, detail);
}

static void write_end(struct ll_write_object *write,
                      const struct ll_detail *detail)
{
    write->last = *detail;
    write->last.text = "";
    if (detail->text[0] != '\0') {
        write->last_text = ll_alloc_copy(detail->text, strlen(detail->text));
        write->last.text = write->last_text != NULL ? write->last_text : "";
    }
    ll_outcomes_tell(write);
    write_leave(write);
}

void ll_write_effect(struct ll_client *client, const struct ll_effect *effect)
{
    struct ll_handle *handle = ll_handle_find(effect->id);
    struct ll_write_object *write;

    (void)client;
    if (handle == NULL || handle->kind != LL_HANDLE_WRITE) {
        return;
    }
    write = LL_CONTAINER(handle, struct ll_write_object, handle);
    if (effect->written.last && write->releases &&
        effect->written.detail.status == 0) {
        if (write->told) {
            /* Its handle stays until the user hears of it. */
            write->ticket->committed = true;
        } else {
            ll_ticket_shut(write->ticket);
        }
    }
    if (!write->told) {
        write_tell(write, &effect->written.detail, effect->written.revision,
                   effect->written.reads);
    }
    if (effect->written.last) {
        write_end(write, &effect->written.detail);
    }
}

void ll_writes_abort(struct ll_client *client)
{
    struct ll_detail unknown = {LEASELOCK_E_OUTCOME_UNKNOWN, -1,
                                LL_ENDPOINT_ANY, ""};

    while (!ll_link_alone(&client->writes)) {
        struct ll_write_object *write =
            LL_CONTAINER(client->writes.next, struct ll_write_object, link);

        if (!write->told) {
            write_tell(write, &unknown, 0, NULL);
        }
        write_end(write, &unknown);
    }
}
