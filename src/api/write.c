/* SPDX-License-Identifier: Apache-2.0 */
#include "api/write.h"

#include <stdio.h>
#include <string.h>

#include "api/get.h"
#include "api/hooks.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/user_call.h"

void ll_write_destroy(struct ll_handle *handle)
{
    struct ll_write_object *write =
        LL_CONTAINER(handle, struct ll_write_object, handle);

    ll_completion_free(&write->completion);
    if (write->ticket != NULL) {
        ll_handle_put(&write->ticket->handle);
    }
    ll_handle_put(&write->handle.client->handle);
    ll_free(write->last_text);
    ll_free(write->compares);
    ll_free(write->ops);
    ll_free(write->reads);
    ll_free(write->bytes);
    ll_free(write);
}

/** Takes a finished write out of the tables. */
static void write_leave(struct ll_write_object *write)
{
    struct ll_ticket_object *ticket = write->ticket;

    write->over = true;
    write->ticket = NULL;
    ll_link_remove(&write->link);
    ll_handle_leave(&write->handle);
    ll_handle_put(&ticket->handle);
}

/** Sends a write to core; with the client's mutex held. The caller has a
 *  reference. */
static int write_start(struct ll_write_object *write,
                       const struct ll_write_ask *ask)
{
    struct ll_event event = {.kind = LL_EVENT_WRITE};
    int status = ll_handle_enter(&write->handle, LL_HANDLE_WRITE, false,
                                 ll_write_destroy);

    if (status != 0) {
        ll_write_destroy(&write->handle);
        return status;
    }
    ll_link_append(&write->handle.client->writes, &write->link);
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
    status = ll_client_command(write->handle.client, &event);
    if (status != 0) {
        write_leave(write);
    }
    return status;
}

/** The most bytes of a key or name that a sentence quotes. */
#define QUOTED_MAX 128

/** Fails with a sentence that names the first key below the ticket's lock. */
static int refuse_nested(const struct ll_ticket_object *ticket,
                         const struct leaselock_txn *txn,
                         struct leaselock_error *reterr)
{
    struct ll_ticket_view view;
    size_t prefix_size;
    size_t i = 0;

    if (!ll_core_ticket_view(ticket->handle.client->core, ll_ticket_id(ticket),
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

/** A call of ll_write_run. */
struct write_call {
    struct ll_user_call call;
    const struct ll_write_ask *ask;
    size_t bytes_n;
};

static int write_on_ticket(struct ll_user_call *call,
                           struct ll_handle *object,
                           struct ll_waiter *waiter,
                           struct leaselock_error *reterr)
{
    const struct write_call *own = LL_CONTAINER(call, struct write_call, call);
    struct ll_ticket_object *ticket =
        LL_CONTAINER(object, struct ll_ticket_object, handle);
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
    write = ll_write_new(ticket, own->ask, own->bytes_n);
    if (write == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    write->completion.waiter = waiter;
    status = write_start(write, own->ask);
    return status == LEASELOCK_E_NESTED
               ? refuse_nested(ticket, own->ask->txn, reterr)
               : ll_error_text(reterr, status, "");
}

static void write_on_ticket_end(struct ll_user_call *call,
                                struct ll_handle *object,
                                bool waits,
                                int status)
{
    const struct write_call *own = LL_CONTAINER(call, struct write_call, call);

    if (waits && status == 0 && own->ask->txn->release != 0) {
        ll_client_await_callbacks(object->client, object);
    }
}

int ll_write_run(leaselock_ticket *user,
                 const struct ll_write_ask *ask,
                 bool waits,
                 struct leaselock_error *reterr)
{
    struct write_call own = {.call = {.kind = LL_HANDLE_TICKET,
                                      .start = write_on_ticket,
                                      .end = write_on_ticket_end},
                             .ask = ask};
    const char *why = "";
    int status = ll_write_count(ask, &own.bytes_n, &why);

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
    return ll_user_call_run(&own.call, user, waits, reterr);
}

/** Gives the user all answers to the reads, or none. */
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

/** Ends the call; a write of unknown outcome is kept for
 *  leaselock_fenced_outcome. */
static void write_report(struct ll_write_object *write,
                         const struct ll_detail *detail,
                         int64_t revision,
                         const struct ll_op_answer *reads)
{
    struct ll_ticket_object *ticket = write->ticket;

    write->reported = true;
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
    ll_client_complete(write->handle.client, &write->completion, detail);
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
    ll_outcomes_report(write);
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
        if (write->reported) {
            /* Its handle stays open until this is reported. */
            write->ticket->committed = true;
        } else {
            ll_ticket_shut(write->ticket);
        }
    }
    if (!write->reported) {
        write_report(write, &effect->written.detail, effect->written.revision,
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

        if (!write->reported) {
            write_report(write, &unknown, 0, NULL);
        }
        write_end(write, &unknown);
    }
}
