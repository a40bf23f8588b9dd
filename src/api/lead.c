/* SPDX-License-Identifier: Apache-2.0 */
#include "api/session.h"
#include "api/term.h"
#include "api/ticket.h"
#include "base/clock.h"
#include "base/error.h"
#include "leaselock/election.h"

/**
 * leaselock_lead: runs the steps of a term on the caller's thread.
 */

/** The arguments of leaselock_lead, and its progress. It lives on the stack:
 *  once the blocking release has returned, no notice of a ticket is running or
 *  will follow. */
struct lead {
    struct ll_term term;
    leaselock_client *client;
    leaselock_session *session;
    leaselock_ticket *ticket;
    const char *name;
    const void *value;
    size_t value_size;
    leaselock_lead_fn *fn;
    void *arg;
    bool owns_session;
};

static void
lead_on_suspect(leaselock_ticket *ticket, const char *why, void *arg)
{
    const struct leaselock_lead_options *options =
        &((struct lead *)arg)->term.options;

    options->on_stop(ticket, LEASELOCK_LEAD_SUSPECT, why, options->on_stop_arg);
}

static void lead_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    const struct leaselock_lead_options *options =
        &((struct lead *)arg)->term.options;

    options->on_stop(ticket, LEASELOCK_LEAD_LOST, why, options->on_stop_arg);
}

static int lead_campaign(struct lead *lead, struct leaselock_error *reterr)
{
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct ll_ticket_ask ask = {.options = &acquire, .name = lead->name};
    int status;

    if (lead->term.options.on_stop != NULL) {
        acquire.on_lost = lead_on_lost;
        acquire.on_lost_arg = lead;
        ask.on_suspect = lead_on_suspect;
    }
    acquire.on_yield = lead->term.options.on_yield;
    acquire.on_yield_arg = lead->term.options.on_yield_arg;
    /* A term is long: the cost of a watch is negligible. */
    acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
    ask.timeout_ms = lead->term.options.timeout_ms;
    status = ll_ticket_campaign(lead->session, &ask, lead->value,
                                lead->value_size, true, &lead->ticket, reterr);
    if (status == 0 &&
        leaselock_ticket_state(lead->ticket) != LEASELOCK_TICKET_HELD) {
        (void)leaselock_release(lead->ticket, reterr);
        status = LEASELOCK_E_LOST;
    }
    return status;
}

static void
session_closed(int status, const struct leaselock_error *error, void *arg)
{
    (void)status; /* a lost session ends by itself */
    (void)error;
    (void)arg;
}

/** Waits for the pause to end, or for the client to be closed. */
static int lead_pause(struct lead *lead, struct leaselock_error *reterr)
{
    int64_t end_ns = ll_clock_now_ns() + ll_term_pause_ns(&lead->term);
    struct ll_client *client = NULL;
    int status = ll_client_enter(lead->client, &client);
    int64_t now_ns;

    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    while (!client->closing && (now_ns = ll_clock_now_ns()) < end_ns) {
        ll_client_wait_change(client,
                              (int)((end_ns - now_ns) / LL_NS_PER_MS) + 1);
    }
    status = client->closing ? LEASELOCK_E_CLOSED : 0;
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    return ll_error_text(reterr, status, "");
}

/** Carries out a step.
 *  @return its status, for ll_term_next */
static int lead_do(struct lead *lead,
                   enum ll_term_step step,
                   struct leaselock_error *reterr)
{
    int status;

    switch (step) {
    case LL_TERM_CAMPAIGN:
        return lead_campaign(lead, reterr);
    case LL_TERM_WORK:
        return lead->fn(lead->ticket, lead->arg);
    case LL_TERM_RELEASE:
        return leaselock_release(lead->ticket, reterr);
    case LL_TERM_PAUSE:
        if (lead->owns_session) {
            (void)leaselock_session_close_async(lead->session, session_closed,
                                                NULL, NULL);
            lead->owns_session = false;
        }
        return lead_pause(lead, reterr);
    case LL_TERM_OPEN:
        status = leaselock_session_open(lead->client, lead->term.options.again,
                                        &lead->session, reterr);
        lead->owns_session = status == 0;
        return status;
    case LL_TERM_START:
    case LL_TERM_END:
        break;
    }
    return 0;
}

int leaselock_lead(leaselock_session *user,
                   const char *name,
                   const void *value,
                   size_t value_size,
                   const struct leaselock_lead_options *options,
                   leaselock_lead_fn *fn,
                   void *arg,
                   struct leaselock_error *reterr)
{
    struct lead lead = {.session = user,
                        .name = name,
                        .value = value,
                        .value_size = value_size,
                        .fn = fn,
                        .arg = arg};
    struct ll_session_object *session = NULL;
    int status = ll_term_init(&lead.term, options, fn != NULL, reterr);

    if (status == 0) {
        status = ll_error_text(reterr, ll_session_enter(user, &session), "");
    }
    if (status != 0) {
        return status;
    }
    lead.client = ll_handle_user(&session->handle.client->handle);
    ll_session_exit(session);
    while (lead.term.step != LL_TERM_END) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;

        status = lead_do(&lead, lead.term.step, &error);
        (void)ll_term_next(&lead.term, status, &error, ll_clock_now_ns());
    }
    if (lead.owns_session) {
        (void)leaselock_session_close(lead.session, NULL);
    }
    if (lead.term.error.code != 0 && reterr != NULL) {
        *reterr = lead.term.error;
    }
    return lead.term.status;
}

/** A leaselock_lead_state, or an error; with the client's mutex held.
 *  @param ret_remaining_ms  how long the leadership is certain to last */
static int lead_look(const struct ll_ticket_object *ticket,
                     int *ret_remaining_ms)
{
    const struct ll_core *core = ticket->handle.client->core;
    struct ll_session_view session;
    struct ll_ticket_view view;
    int64_t now_ns = ll_clock_now_ns();

    *ret_remaining_ms = 0;
    if (!ticket->handle.open) {
        return LEASELOCK_E_HANDLE;
    }
    if (!ll_core_ticket_view(core, ll_ticket_id(ticket), now_ns, &view)) {
        return ticket->committed ? LEASELOCK_LEAD_LOST : LEASELOCK_E_HANDLE;
    }
    switch (view.phase) {
    case LL_TICKET_PHASE_WAITING:
        return LEASELOCK_E_STATE;
    case LL_TICKET_PHASE_HELD:
        break;
    case LL_TICKET_PHASE_LOST:
    case LL_TICKET_PHASE_LEAVING:
        return LEASELOCK_LEAD_LOST;
    }
    *ret_remaining_ms = (int)(view.remaining_ns / LL_NS_PER_MS) + 1;
    return ll_core_session_view(core, ticket->session, now_ns, &session) &&
                   session.state == LL_SESSION_SUSPECT
               ? LEASELOCK_LEAD_SUSPECT
               : LEASELOCK_LEAD_LEADING;
}

int leaselock_lead_wait(leaselock_ticket *user, int timeout_ms)
{
    struct ll_ticket_object *ticket = NULL;
    int64_t end_ns = INT64_MAX;
    int remaining_ms = 0;
    int status;

    if (timeout_ms < LEASELOCK_FOREVER) {
        return LEASELOCK_E_ARGUMENT;
    }
    if (timeout_ms != 0 && ll_client_in_callback()) {
        return LEASELOCK_E_DEADLOCK;
    }
    status = ll_ticket_enter(user, &ticket);
    if (status != 0) {
        return status;
    }
    if (timeout_ms >= 0) {
        end_ns = ll_clock_now_ns() + (timeout_ms + INT64_C(1)) * LL_NS_PER_MS;
    }
    for (;;) {
        int64_t left_ms = (end_ns - ll_clock_now_ns()) / LL_NS_PER_MS;

        status = lead_look(ticket, &remaining_ms);
        if (status != LEASELOCK_LEAD_LEADING || timeout_ms == 0 ||
            left_ms <= 0) {
            break;
        }
        ll_client_wait_change(ticket->handle.client, left_ms < remaining_ms
                                                         ? (int)left_ms
                                                         : remaining_ms);
    }
    ll_ticket_exit(ticket);
    return status;
}
