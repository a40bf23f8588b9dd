#include <time.h>

#include "api/error.h"
#include "api/session.h"
#include "api/ticket.h"
#include "base/clock.h"
#include "core/backoff.h"
#include "leaselock/election.h"

/**
 * leaselock_lead: a campaign, a function of the user's, and the end of both;
 * and, to run for good, the same again on another session.
 */

/** The first pause after a loss, doubled with each further loss or failure in a
 *  row; a random half or more of it is taken. */
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 10000
/** How often a pause looks whether the client is closed. */
#define PAUSE_STEP_MS 50
/** A leadership of this length begins a new row. */
#define TERM_MIN_NS (PAUSE_MAX_MS * LL_NS_PER_MS)

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

/** What leaselock_lead was called with, and where it is. */
struct term {
    leaselock_client *client;
    leaselock_session *session;
    const char *name;
    const void *value;
    size_t value_size;
    struct leaselock_lead_options options;
    leaselock_lead_fn *fn;
    void *arg;
    /** What fn or on_change has returned. */
    int result;
    unsigned failures;
    bool owns_session;
    bool is_unreachable;
    struct ll_random random;
};

static int term_change(struct term *term,
                       enum leaselock_lead_change change,
                       const struct leaselock_error *error)
{
    if (term->options.again != NULL && term->options.on_change != NULL) {
        term->result =
            term->options.on_change(change, error, term->options.on_change_arg);
    }
    return term->result;
}

/** Campaigns once, and leads. */
static int term_lead(struct term *term, struct leaselock_error *reterr)
{
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct ll_ticket_ask ask = {.options = &acquire, .name = term->name};
    struct lead lead = {term->options.on_stop, term->options.on_stop_arg};
    leaselock_ticket *ticket = NULL;
    int64_t start_ns;
    int status;

    if (lead.on_stop != NULL) {
        acquire.on_lost = lead_on_lost;
        acquire.on_lost_arg = &lead;
        ask.on_suspect = lead_on_suspect;
    }
    /* A leader stays for long: what a watch costs is nothing beside that. */
    acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
    ask.timeout_ms = term->options.timeout_ms == 0 ? LEASELOCK_FOREVER
                                                   : term->options.timeout_ms;
    status = ll_ticket_campaign(term->session, &ask, term->value,
                                term->value_size, true, &ticket, reterr);
    if (status != 0) {
        return status;
    }
    if (leaselock_ticket_state(ticket) != LEASELOCK_TICKET_HELD) {
        (void)leaselock_release(ticket, reterr);
        return LEASELOCK_E_LOST;
    }
    if (term_change(term, LEASELOCK_CHANGE_LEADING, NULL) == 0) {
        start_ns = ll_clock_now_ns();
        term->result = term->fn(ticket, term->arg);
        if (ll_clock_now_ns() - start_ns >= TERM_MIN_NS) {
            term->failures = 0;
        }
    }
    return lead_end(ticket, term->result, reterr);
}

/** Returns 0, or an error when the client is closed meanwhile. */
static int term_pause(struct term *term)
{
    int64_t pause_ms = PAUSE_FIRST_MS;
    int64_t end_ns;

    for (unsigned i = 1; i < term->failures && pause_ms < PAUSE_MAX_MS; i++) {
        pause_ms *= 2;
    }
    pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
    end_ns = ll_clock_now_ns() +
             (pause_ms / 2 + ll_random_below(&term->random, pause_ms / 2)) *
                 LL_NS_PER_MS;
    while (ll_clock_now_ns() < end_ns) {
        struct timespec step = {0, PAUSE_STEP_MS * LL_NS_PER_MS};
        struct ll_client *client = NULL;
        int status = ll_client_enter(term->client, &client);

        if (status != 0) {
            return status;
        }
        ll_client_unlock(client);
        ll_handle_put(&client->handle);
        (void)nanosleep(&step, NULL);
    }
    return 0;
}

static void
term_closed(int status, const struct leaselock_error *error, void *arg)
{
    (void)status; /* what is left of a lost session ends by itself */
    (void)error;
    (void)arg;
}

/** Opens the next session; tries for as long as etcd does not answer. */
static int term_open(struct term *term, struct leaselock_error *reterr)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int status;

    if (term->owns_session) {
        (void)leaselock_session_close_async(term->session, term_closed, NULL,
                                            NULL);
        term->owns_session = false;
    }
    for (;;) {
        term->failures++;
        status = term_pause(term);
        if (status != 0) {
            return ll_error_text(reterr, status, "");
        }
        status = leaselock_session_open(term->client, term->options.again,
                                        &term->session, &error);
        if (status != LEASELOCK_E_UNAVAILABLE) {
            break;
        }
        if (!term->is_unreachable) {
            term->is_unreachable = true;
            if (term_change(term, LEASELOCK_CHANGE_UNREACHABLE, &error) != 0) {
                return term->result;
            }
        }
    }
    term->is_unreachable = false;
    term->owns_session = status == 0;
    if (status != 0 && reterr != NULL) {
        *reterr = error;
    }
    return status;
}

/** Leads again and again. */
static int term_run(struct term *term, struct leaselock_error *reterr)
{
    int status = 0;

    while (status == 0) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;

        if (term_change(term, LEASELOCK_CHANGE_CAMPAIGNING, NULL) != 0) {
            return term->result;
        }
        status = term_lead(term, &error);
        if ((status != LEASELOCK_E_LOST && status != LEASELOCK_E_UNAVAILABLE) ||
            term->result != 0) {
            if (reterr != NULL) {
                *reterr = error;
            }
            return term->result != 0 ? term->result : status;
        }
        if (term_change(term, LEASELOCK_CHANGE_LOST, &error) != 0) {
            return term->result;
        }
        status = term_open(term, reterr);
    }
    return status;
}

/** Looks up the session's client, and runs for good on it. */
static int term_run_for_good(struct term *term, struct leaselock_error *reterr)
{
    struct ll_session_object *session = NULL;
    int status = ll_client_random(&term->random.state);

    if (status == 0) {
        status = ll_session_enter(term->session, &session);
    }
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    term->client = ll_handle_user(&session->client->handle);
    ll_session_exit(session);
    status = term_run(term, reterr);
    if (term->owns_session) {
        (void)leaselock_session_close(term->session, NULL);
    }
    return status;
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
    struct term term = {.session = session,
                        .name = name,
                        .value = value,
                        .value_size = value_size,
                        .fn = fn,
                        .arg = arg};
    int status = ll_options_copy(&term.options, sizeof(term.options), options);

    if (status != 0 || fn == NULL ||
        term.options.timeout_ms < LEASELOCK_FOREVER ||
        (term.options.again != NULL && term.options.again->lease != 0)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "to lead takes a function, options that start "
                             "with LEASELOCK_LEAD_OPTIONS_INIT, and for more "
                             "sessions no lease");
    }
    return term.options.again != NULL ? term_run_for_good(&term, reterr)
                                      : term_lead(&term, reterr);
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
