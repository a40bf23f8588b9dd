/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "api/extra.h"
#include "api/mode.h"
#include "api/requeue.h"
#include "api/session.h"
#include "api/ticket.h"
#include "api/value.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/user_call.h"
#include "core/key.h"

/**
 * How a ticket of the user begins: with a new place, or with a place that
 * another process took.
 */

static void ticket_lost_call(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_ticket_object *ticket =
        LL_CONTAINER(notice, struct ll_ticket_object, lost);

    (void)client;
    ticket->on_lost(ll_handle_user(&ticket->handle), ticket->lost_why,
                    ticket->on_lost_arg);
}

/** Closes the handle of a failed acquire when its callback has returned. */
static void ticket_acquired_after(struct ll_client *client,
                                  struct ll_notice *notice)
{
    struct ll_ticket_object *ticket =
        LL_CONTAINER(notice, struct ll_ticket_object, acquired.notice);

    (void)client;
    if (ticket->acquired.status != 0) {
        ll_ticket_shut(ticket);
    }
}

static struct ll_ticket_object *
ticket_new(struct ll_session_object *session,
           const struct leaselock_acquire_options *options,
           const struct ll_ticket_ask *ask,
           struct ll_waiter *waiter)
{
    struct ll_ticket_object *ticket = ll_alloc_zero(1, sizeof(*ticket));

    if (ticket == NULL) {
        return NULL;
    }
    ticket->handle.client = session->handle.client;
    ll_handle_ref(&session->handle.client->handle);
    ticket->session = session->handle.entry.id;
    ll_link_init(&ticket->link);
    ll_completion_init(&ticket->acquired, &ticket->handle, ask->done, ask->arg);
    ticket->acquired.waiter = waiter;
    ticket->acquired.notice.after = ticket_acquired_after;
    ll_completion_init(&ticket->released, &ticket->handle, NULL, NULL);
    ll_notice_init(&ticket->lost, &ticket->handle);
    ticket->lost.call = ticket_lost_call;
    ticket->on_lost = options->on_lost;
    ticket->on_lost_arg = options->on_lost_arg;
    if (options->label != NULL) {
        ticket->label = ll_alloc_copy(options->label, strlen(options->label));
    }
    if ((options->label != NULL && ticket->label == NULL) ||
        ll_extra_make(ticket, options, ask) != 0) {
        ll_ticket_destroy(&ticket->handle);
        return NULL;
    }
    return ticket;
}

const char *leaselock_name_check(const char *name)
{
    return name == NULL ? "a lock's name must not be NULL"
                        : ll_name_check((struct ll_bytes){name, strlen(name)});
}

/** Checks a request for a ticket, and copies its options. */
static int ask_check(const struct ll_ticket_ask *ask,
                     struct leaselock_acquire_options *options,
                     struct leaselock_error *reterr)
{
    const char *fault = ask->key != NULL || ask->names != NULL
                            ? NULL
                            : leaselock_name_check(ask->name);

    if (ll_options_copy(options, sizeof(*options), ask->options) != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the options of a ticket with "
                             "LEASELOCK_ACQUIRE_OPTIONS_INIT");
    }
    if (fault != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NAME, fault);
    }
    if (ask->timeout_ms < LEASELOCK_FOREVER) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a timeout is 0 or more milliseconds, or "
                             "LEASELOCK_FOREVER");
    }
    if (options->watch_own_key_ms < LEASELOCK_AT_ONCE) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "watch_own_key_ms is 0 for the default, 1 or more "
                             "milliseconds, or LEASELOCK_AT_ONCE");
    }
    if (ask->key != NULL && options->requeue != 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a place that is taken over from another process "
                             "cannot be queued again: `requeue` must be 0");
    }
    if (!ll_value_label_is_valid(options->label)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a label is at most 128 bytes of UTF-8 without "
                             "control characters");
    }
    return ll_mode_check(ask, options, reterr);
}

int ll_ticket_value(struct ll_session_object *session,
                    const char *label,
                    int keep_ms,
                    struct ll_bytes *ret_value,
                    char **ret_made)
{
    int64_t now_unix_s = time(NULL);
    int status = 0;

    if (label != NULL) {
        status = ll_value_make(label, keep_ms, now_unix_s, ret_made,
                               &ret_value->size);
        ret_value->data = *ret_made;
        return status;
    }
    if (session->value == NULL || session->value_since_unix_s != now_unix_s ||
        session->value_keep_ms != keep_ms) {
        ll_free(session->value);
        session->value = NULL;
        session->value_since_unix_s = now_unix_s;
        session->value_keep_ms = keep_ms;
        status = ll_value_make(session->label, keep_ms, now_unix_s,
                               &session->value, &session->value_size);
    }
    *ret_value = (struct ll_bytes){session->value, session->value_size};
    return status;
}

static struct ll_bytes label_of(const struct leaselock_acquire_options *options)
{
    const char *label = options->label != NULL ? options->label : "";

    return (struct ll_bytes){label, strlen(label)};
}

/** The event that requests a new place, or several, from core.
 *  @param ret_modes  takes the modes of several names; the event borrows it */
static void ask_place(const struct ll_session_object *session,
                      const struct leaselock_acquire_options *options,
                      const struct ll_ticket_ask *ask,
                      struct ll_bytes value,
                      struct ll_bytes who,
                      struct ll_mode ret_modes[LL_NAMES_MAX],
                      struct ll_event *event)
{
    int64_t timeout_ns =
        ask->timeout_ms < 0 ? -1 : ask->timeout_ms * LL_NS_PER_MS;
    int64_t watch_own_ns = options->watch_own_key_ms * LL_NS_PER_MS;

    if (ask->names != NULL) {
        for (size_t i = 0; i < ask->names_n; i++) {
            ret_modes[i] = ll_mode_at(options, i);
        }
        event->kind = LL_EVENT_ACQUIRE_ALL;
        event->acquire_all.session = session->handle.entry.id;
        event->acquire_all.names = ask->names;
        event->acquire_all.names_n = ask->names_n;
        event->acquire_all.modes = ret_modes;
        event->acquire_all.value = value;
        event->acquire_all.timeout_ns = timeout_ns;
        event->acquire_all.find_deadlock = options->find_deadlock != 0;
        event->acquire_all.watch_own_ns = watch_own_ns;
        event->acquire_all.yields = options->on_yield != NULL;
    } else {
        event->kind = LL_EVENT_ACQUIRE;
        event->acquire.session = session->handle.entry.id;
        event->acquire.name = (struct ll_bytes){ask->name, strlen(ask->name)};
        event->acquire.value = value;
        event->acquire.who = who;
        event->acquire.mode = ll_mode_of(options);
        event->acquire.lock_delay_ms = (uint32_t)options->lock_delay_ms;
        event->acquire.foreign_delay_ms = (uint32_t)options->foreign_delay_ms;
        event->acquire.timeout_ns = timeout_ns;
        event->acquire.find_deadlock = options->find_deadlock != 0;
        event->acquire.watch_own_ns = watch_own_ns;
        event->acquire.yields = options->on_yield != NULL;
        event->acquire.keep_ns = options->keep_ms * LL_NS_PER_MS;
        event->acquire.local_passes = (uint32_t)options->local_passes;
        event->acquire.label = label_of(options);
    }
}

/** The event that requests from core the place of an existing key. */
static void ask_resume(const struct ll_session_object *session,
                       const struct leaselock_acquire_options *options,
                       const struct ll_ticket_ask *ask,
                       struct ll_event *event)
{
    event->kind = LL_EVENT_RESUME;
    event->resume.session = session->handle.entry.id;
    event->resume.key = (struct ll_bytes){ask->key, strlen(ask->key)};
    event->resume.token = ask->token;
    event->resume.watch_own_ns = options->watch_own_key_ms * LL_NS_PER_MS;
    event->resume.yields = options->on_yield != NULL;
    event->resume.timeout_ns =
        ask->timeout_ms < 0 ? -1 : ask->timeout_ms * LL_NS_PER_MS;
}

/** The time in the description of a candidate; 0: it is not to have one. */
static int64_t who_time(const struct ll_session_object *session)
{
    struct ll_session_view view;

    return ll_core_session_view(session->handle.client->core,
                                session->handle.entry.id, ll_clock_now_ns(),
                                &view) &&
                   view.has_slots
               ? 0
               : time(NULL);
}

/** Makes a ticket and requests its place; with the client's mutex held. */
static int ticket_start(struct ll_session_object *session,
                        const struct leaselock_acquire_options *options,
                        const struct ll_ticket_ask *ask,
                        struct ll_ticket_object *ticket)
{
    struct ll_client *client = session->handle.client;
    struct ll_event event = {0};
    struct ll_bytes value = {NULL, 0};
    struct ll_mode modes[LL_NAMES_MAX];
    char who[LL_WHO_MAX + 1] = "";
    char *made = NULL;
    int status = 0;

    if (ask->key != NULL) {
        ask_resume(session, options, ask, &event);
    } else {
        if (ask->value == NULL) {
            status = ll_ticket_value(session, options->label, options->keep_ms,
                                     &value, &made);
        } else {
            value = (struct ll_bytes){ask->value, ask->value_size};
            ll_value_make_who(options->label != NULL ? options->label
                                                     : session->label,
                              who_time(session), who);
        }
        ask_place(session, options, ask, value,
                  (struct ll_bytes){who, strlen(who)}, modes, &event);
    }
    ticket->names_n = ask->names != NULL ? (uint32_t)ask->names_n : 1;
    if (status == 0 && options->requeue != 0 && ask->timeout_ms != 0) {
        status = ll_requeue_prepare(ticket, options, ask, value, who);
    }
    if (status == 0) {
        /* Core uses the ids that follow for the members of a multi-lock, and
         * for the detection of a deadlock. */
        status = ll_handle_enter_with(&ticket->handle, LL_HANDLE_TICKET, true,
                                      ask->names_n + 1, ll_ticket_destroy);
    }
    if (status != 0) {
        ll_ticket_destroy(&ticket->handle);
        goto out;
    }
    if (ticket->requeue != NULL) {
        ticket->requeue->id = ticket->handle.entry.id;
    }
    ticket->acquire_due = true;
    client->granting_n += ticket->acquired.waiter == NULL ? 1 : 0;
    ll_link_append(&client->tickets, &ticket->link);
    ll_handle_ref(&ticket->handle); /* the caller's */
    event.id = ticket->handle.entry.id;
    status = ll_client_command(client, &event);
    if (status != 0) {
        ticket->acquire_due = false;
        client->granting_n -= ticket->acquired.waiter == NULL ? 1 : 0;
        ll_ticket_shut(ticket);
        ll_handle_put(&ticket->handle);
    }
out:
    ll_free(made);
    return status;
}

/** A call of ll_ticket_begin. */
struct acquire_call {
    struct ll_user_call call;
    const struct leaselock_acquire_options *options;
    const struct ll_ticket_ask *ask;
    struct ll_ticket_object *ticket; /* a reference, once it is started */
    leaselock_ticket **ret_ticket;
};

static int acquire_start(struct ll_user_call *call,
                         struct ll_handle *object,
                         struct ll_waiter *waiter,
                         struct leaselock_error *reterr)
{
    struct acquire_call *own = LL_CONTAINER(call, struct acquire_call, call);
    struct ll_session_object *session =
        LL_CONTAINER(object, struct ll_session_object, handle);
    int status = LEASELOCK_E_NOMEM;

    own->ticket = ticket_new(session, own->options, own->ask, waiter);
    if (own->ticket != NULL) {
        status = ticket_start(session, own->options, own->ask, own->ticket);
    }
    return ll_error_text(reterr, status, "");
}

static void acquire_end(struct ll_user_call *call,
                        struct ll_handle *object,
                        bool waits,
                        int status)
{
    struct acquire_call *own = LL_CONTAINER(call, struct acquire_call, call);

    (void)object;
    (void)waits;
    if (status == 0) {
        *own->ret_ticket = ll_handle_user(&own->ticket->handle);
    }
    ll_handle_put(&own->ticket->handle);
}

int ll_ticket_begin(leaselock_session *user,
                    const struct ll_ticket_ask *ask,
                    bool waits,
                    leaselock_ticket **ret_ticket,
                    struct leaselock_error *reterr)
{
    struct leaselock_acquire_options options;
    struct acquire_call own = {.call = {.kind = LL_HANDLE_SESSION,
                                        .start = acquire_start,
                                        .end = acquire_end},
                               .options = &options,
                               .ask = ask,
                               .ret_ticket = ret_ticket};
    int status = ask_check(ask, &options, reterr);

    if (status != 0) {
        return status;
    }
    if (ret_ticket == NULL || (!waits && ask->done == NULL)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return ll_user_call_run(&own.call, user, waits, reterr);
}

int leaselock_acquire(leaselock_session *user,
                      const char *name,
                      const struct leaselock_acquire_options *options,
                      int timeout_ms,
                      leaselock_ticket **ret_ticket,
                      struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {
        .options = options, .timeout_ms = timeout_ms, .name = name};

    return ll_ticket_begin(user, &ask, true, ret_ticket, reterr);
}

int leaselock_acquire_async(leaselock_session *user,
                            const char *name,
                            const struct leaselock_acquire_options *options,
                            int timeout_ms,
                            leaselock_done_fn *done,
                            void *arg,
                            leaselock_ticket **ret_ticket,
                            struct leaselock_error *reterr)
{
    struct ll_ticket_ask ask = {.options = options,
                                .timeout_ms = timeout_ms,
                                .name = name,
                                .done = done,
                                .arg = arg};

    return ll_ticket_begin(user, &ask, false, ret_ticket, reterr);
}
