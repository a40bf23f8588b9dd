#include "api/error.h"
#include "api/ticket.h"
#include "base/clock.h"
#include "leaselock/election.h"

/**
 * leaselock_lead: a campaign, a function of the user's, and the end of both.
 */

/** Lives on the stack of leaselock_lead: no notice of a ticket is running or
 *  comes once its blocking release has returned. */
struct lead {
    leaselock_stop_fn *on_stop;
    void *on_stop_arg;
};

static void
lead_on_suspect(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct lead *lead = arg;

    lead->on_stop(ticket, LEASELOCK_LEAD_SUSPECT, why, lead->on_stop_arg);
}

static void lead_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct lead *lead = arg;

    lead->on_stop(ticket, LEASELOCK_LEAD_LOST, why, lead->on_stop_arg);
}

/** Ends what the function has led. */
static int
lead_end(leaselock_ticket *ticket, int result, struct leaselock_error *reterr)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int status = leaselock_release(ticket, &error);

    if (status == LEASELOCK_E_HANDLE) {
        return result; /* the function has released it */
    }
    if (status == LEASELOCK_E_LOST || result == 0) {
        if (status != 0 && reterr != NULL) {
            *reterr = error;
        }
        return status;
    }
    return result;
}

int leaselock_lead(leaselock_session *session,
                   const char *name,
                   const void *value,
                   size_t value_size,
                   const struct leaselock_lead_options *options,
                   leaselock_lead_fn *fn,
                   void *arg,
                   struct leaselock_error *reterr)
{
    struct leaselock_lead_options own;
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct ll_ticket_ask ask = {.options = &acquire, .name = name};
    leaselock_ticket *ticket = NULL;
    struct lead lead;
    int status = ll_options_copy(&own, sizeof(own), options);

    if (status != 0 || fn == NULL || own.timeout_ms < LEASELOCK_FOREVER) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "to lead takes a function, and options that start "
                             "with LEASELOCK_LEAD_OPTIONS_INIT");
    }
    if (own.on_stop != NULL) {
        lead = (struct lead){own.on_stop, own.on_stop_arg};
        acquire.on_lost = lead_on_lost;
        acquire.on_lost_arg = &lead;
        ask.on_suspect = lead_on_suspect;
    }
    /* A leader stays for long: what a watch costs is nothing beside that. */
    acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
    ask.timeout_ms = own.timeout_ms == 0 ? LEASELOCK_FOREVER : own.timeout_ms;
    status = ll_ticket_campaign(session, &ask, value, value_size, true, &ticket,
                                reterr);
    if (status != 0) {
        return status;
    }
    if (leaselock_ticket_state(ticket) != LEASELOCK_TICKET_HELD) {
        (void)leaselock_release(ticket, reterr);
        return LEASELOCK_E_LOST;
    }
    return lead_end(ticket, fn(ticket, arg), reterr);
}

/** A leaselock_lead_state, or an error; with the client's mutex held.
 *  @param ret_remaining_ms  how long it is certain to lead */
static int lead_look(const struct ll_ticket_object *ticket,
                     int *ret_remaining_ms)
{
    const struct ll_core *core = ticket->client->core;
    struct ll_session_view session;
    struct ll_ticket_view view;
    int64_t now_ns = ll_clock_now_ns();

    *ret_remaining_ms = 0;
    if (!ticket->handle.open) {
        return LEASELOCK_E_HANDLE;
    }
    if (!ll_core_ticket_view(core, ticket->handle.entry.id, now_ns, &view)) {
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
               : LEASELOCK_LEAD_ON;
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
        if (status != LEASELOCK_LEAD_ON || timeout_ms == 0 || left_ms <= 0) {
            break;
        }
        ll_client_wait_change(ticket->client, left_ms < remaining_ms
                                                  ? (int)left_ms
                                                  : remaining_ms);
    }
    ll_ticket_exit(ticket);
    return status;
}
