/* SPDX-License-Identifier: Apache-2.0 */
#include "api/requeue.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "api/mode.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

/** Does nothing: the handle is part of a ll_requeue, which its ticket frees. */
static void place_destroy(struct ll_handle *handle)
{
    (void)handle;
}

static void requeued_call(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_requeue *requeue =
        LL_CONTAINER(notice, struct ll_requeue, notice);

    (void)client;
    requeue->on_requeue(ll_handle_user(&requeue->ticket->handle), requeue->why,
                        requeue->on_requeue_arg);
}

/** The mode of each of n names. */
static struct ll_mode *
copy_modes(const struct leaselock_acquire_options *options, size_t n)
{
    struct ll_mode *modes = ll_alloc_zero(n, sizeof(*modes));

    for (size_t i = 0; modes != NULL && i < n; i++) {
        modes[i] = ll_mode_at(options, i);
    }
    return modes;
}

/** Copies the names, with their bytes behind the array. */
static struct ll_bytes *copy_names(const struct ll_bytes *names, size_t n)
{
    size_t size = n * sizeof(*names);
    struct ll_bytes *copies;
    char *at;

    for (size_t i = 0; i < n; i++) {
        size += names[i].size;
    }
    copies = ll_alloc_zero(1, size);
    if (copies == NULL) {
        return NULL;
    }
    at = (char *)(copies + n);
    for (size_t i = 0; i < n; i++) {
        if (names[i].size > 0) {
            memcpy(at, names[i].data, names[i].size);
        }
        copies[i] = (struct ll_bytes){at, names[i].size};
        at += names[i].size;
    }
    return copies;
}

/** When a wait that begins now ends. */
static int64_t end_ns_of(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX
                          : ll_clock_now_ns() + timeout_ms * LL_NS_PER_MS;
}

int ll_requeue_prepare(struct ll_ticket_object *ticket,
                       const struct leaselock_acquire_options *options,
                       const struct ll_ticket_ask *ask,
                       struct ll_bytes value,
                       const char *who)
{
    struct ll_requeue *requeue = ll_alloc_zero(1, sizeof(*requeue));
    const char *label = options->label != NULL ? options->label : "";
    struct ll_bytes name = {ask->name,
                            ask->name != NULL ? strlen(ask->name) : 0};

    if (requeue == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    requeue->ticket = ticket;
    requeue->owner = ticket->session;
    ll_link_init(&requeue->link);
    ll_notice_init(&requeue->notice, &ticket->handle);
    requeue->notice.call = requeued_call;
    requeue->on_requeue = options->on_requeue;
    requeue->on_requeue_arg = options->on_requeue_arg;
    requeue->find_deadlock = options->find_deadlock != 0;
    requeue->yields = options->on_yield != NULL;
    requeue->watch_own_ns = options->watch_own_key_ms * LL_NS_PER_MS;
    memcpy(requeue->who, who, strlen(who) + 1);
    requeue->lock_delay_ms = (uint32_t)options->lock_delay_ms;
    requeue->foreign_delay_ms = (uint32_t)options->foreign_delay_ms;
    requeue->end_ns = end_ns_of(ask->timeout_ms);
    requeue->value = ll_alloc_copy(value.data, value.size);
    requeue->value_size = value.size;
    requeue->keep_ns = options->keep_ms * LL_NS_PER_MS;
    requeue->local_passes = (uint32_t)options->local_passes;
    requeue->label = ll_alloc_copy(label, strlen(label));
    requeue->names = ask->names != NULL ? copy_names(ask->names, ask->names_n)
                                        : copy_names(&name, 1);
    requeue->modes = copy_modes(options, ask->names != NULL ? ask->names_n : 1);
    if (requeue->value == NULL || requeue->label == NULL ||
        requeue->names == NULL || requeue->modes == NULL) {
        ll_requeue_free(requeue);
        return LEASELOCK_E_NOMEM;
    }
    ticket->requeue = requeue;
    return 0;
}

int ll_requeue_renew(struct ll_ticket_object *ticket,
                     int timeout_ms,
                     struct ll_bytes value)
{
    struct ll_requeue *requeue = ticket->requeue;
    char *copy;

    if (requeue == NULL) {
        return 0;
    }
    copy = ll_alloc_copy(value.data, value.size);
    if (copy == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    ll_free(requeue->value);
    requeue->value = copy;
    requeue->value_size = value.size;
    requeue->end_ns = end_ns_of(timeout_ms);
    return 0;
}

void ll_requeue_free(struct ll_requeue *requeue)
{
    if (requeue != NULL) {
        assert(!requeue->place.entered);
        ll_free(requeue->value);
        ll_free(requeue->label);
        ll_free(requeue->names);
        ll_free(requeue->modes);
        ll_free(requeue);
    }
}

bool ll_requeue_wants(struct ll_ticket_object *ticket,
                      const struct ll_effect *effect)
{
    struct ll_client *client = ticket->handle.client;

    if (ticket->requeue == NULL || !effect->silenced || client->closing ||
        !ticket->handle.open) {
        return false;
    }
    ticket->requeue->why = "etcd was silent for longer than the lease lives";
    ll_link_append_once(&client->requeues, &ticket->requeue->link);
    return true;
}

struct ll_ticket_object *ll_requeue_ticket(struct ll_handle *handle)
{
    return LL_CONTAINER(handle, struct ll_requeue, place)->ticket;
}

void ll_requeue_settle(struct ll_ticket_object *ticket)
{
    struct ll_requeue *requeue = ticket->requeue;

    if (requeue != NULL) {
        if (!ll_link_alone(&requeue->link)) {
            ll_link_remove(&requeue->link);
        }
        if (requeue->place.entered) {
            ll_handle_leave(&requeue->place);
        }
    }
    ll_session_leave_heir(ticket->handle.client, ticket->session);
}

/** Gives the ticket's next place an id, and reserves core's further ids. */
static int place_renew(struct ll_ticket_object *ticket)
{
    struct ll_handle *place = &ticket->requeue->place;
    uint64_t parts_n = ticket->names_n > 1 ? ticket->names_n : 0;
    int status;

    if (place->entered) {
        ll_handle_leave(place);
    }
    status = ll_handle_enter_with(place, LL_HANDLE_PLACE, false, parts_n + 1,
                                  place_destroy);
    if (status == 0) {
        ticket->requeue->id = place->entry.id;
    }
    return status;
}

static void ask_again(const struct ll_ticket_object *ticket,
                      struct ll_event *event)
{
    const struct ll_requeue *requeue = ticket->requeue;
    int64_t timeout_ns = -1;

    if (requeue->end_ns != INT64_MAX) {
        /* 0 would mean a single attempt. */
        timeout_ns = requeue->end_ns - ll_clock_now_ns();
        timeout_ns = timeout_ns > 1 ? timeout_ns : 1;
    }
    event->id = requeue->id;
    if (ticket->names_n > 1) {
        event->kind = LL_EVENT_ACQUIRE_ALL;
        event->acquire_all.session = ticket->session;
        event->acquire_all.names = requeue->names;
        event->acquire_all.names_n = ticket->names_n;
        event->acquire_all.modes = requeue->modes;
        event->acquire_all.value =
            (struct ll_bytes){requeue->value, requeue->value_size};
        event->acquire_all.timeout_ns = timeout_ns;
        event->acquire_all.find_deadlock = requeue->find_deadlock;
        event->acquire_all.watch_own_ns = requeue->watch_own_ns;
        event->acquire_all.yields = requeue->yields;
        event->acquire_all.early = true;
    } else {
        event->kind = LL_EVENT_ACQUIRE;
        event->acquire.session = ticket->session;
        event->acquire.name = requeue->names[0];
        event->acquire.value =
            (struct ll_bytes){requeue->value, requeue->value_size};
        event->acquire.who =
            (struct ll_bytes){requeue->who, strlen(requeue->who)};
        event->acquire.mode = requeue->modes[0];
        event->acquire.lock_delay_ms = requeue->lock_delay_ms;
        event->acquire.foreign_delay_ms = requeue->foreign_delay_ms;
        event->acquire.timeout_ns = timeout_ns;
        event->acquire.watch_own_ns = requeue->watch_own_ns;
        event->acquire.yields = requeue->yields;
        event->acquire.keep_ns = requeue->keep_ns;
        event->acquire.local_passes = requeue->local_passes;
        event->acquire.label =
            (struct ll_bytes){requeue->label, strlen(requeue->label)};
        event->acquire.find_deadlock = requeue->find_deadlock;
        event->acquire.early = true;
    }
}

/** Requests a ticket's next place. */
static int queue_again(struct ll_client *client,
                       struct ll_ticket_object *ticket)
{
    struct ll_session_object *heir = NULL;
    struct ll_event event = {0};
    int status = ll_session_heir(client, ticket->requeue->owner, 0, &heir);

    if (status != 0) {
        return status;
    }
    /* Join first: a session without tickets may be closed. */
    heir->tickets_n++;
    ll_session_leave_heir(client, ticket->session);
    ticket->session = heir->handle.entry.id;
    status = place_renew(ticket);
    if (status != 0) {
        return status;
    }
    ask_again(ticket, &event);
    status = ll_client_command(client, &event);
    if (status == 0) {
        ticket->requeue->times++;
        if (ticket->requeue->on_requeue != NULL) {
            ll_notice_post(client, &ticket->requeue->notice);
        }
    }
    return status;
}

/** Queues the first ticket that is due again. */
static void requeue_next(struct ll_client *client)
{
    struct ll_requeue *requeue =
        LL_CONTAINER(client->requeues.next, struct ll_requeue, link);
    struct ll_ticket_object *ticket = requeue->ticket;
    int status;

    ll_link_remove(&requeue->link);
    ll_handle_ref(&ticket->handle);
    status = queue_again(client, ticket);
    if (status != 0) {
        struct ll_detail detail = {status, -1, LL_ENDPOINT_ANY, ""};

        ll_ticket_fail_acquire(client, ticket, &detail);
    }
    ll_handle_put(&ticket->handle);
}

void ll_requeue_run(struct ll_client *client)
{
    /* The commands below call this function again. */
    if (client->requeuing) {
        return;
    }
    client->requeuing = true;
    while (!ll_link_alone(&client->requeues) ||
           !ll_link_alone(&client->heirs)) {
        if (!ll_link_alone(&client->requeues)) {
            requeue_next(client);
        } else {
            ll_sessions_close_heirs(client);
        }
    }
    client->requeuing = false;
}
