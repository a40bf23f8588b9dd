/* SPDX-License-Identifier: Apache-2.0 */
#include "api/leadership.h"
#include "api/ticket.h"
#include "base/clock.h"
#include "base/error.h"

/** The steps of a leadership, which run where callbacks are called. */

static void leadership_go(struct ll_leadership *leadership);

/** A started call holds a reference until it ends. */
static int leadership_await(struct ll_leadership *leadership, int status)
{
    if (status != 0) {
        ll_handle_put(&leadership->handle);
    }
    return status;
}

/** Continues after a step that has ended. */
static void leadership_next(struct ll_leadership *leadership,
                            int status,
                            const struct leaselock_error *error)
{
    (void)ll_term_next(&leadership->term, status, error, ll_clock_now_ns());
    leadership_go(leadership);
}

/** Continues if the step that has ended is the current one. */
static void on_step(struct ll_leadership *leadership,
                    enum ll_term_step step,
                    int status,
                    const struct leaselock_error *error)
{
    if (leadership->term.step == step) {
        leadership_next(leadership, status, error);
    }
    ll_handle_put(&leadership->handle);
}

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    on_step(arg, LL_TERM_RELEASE, status, error);
}

static void on_left(int status, const struct leaselock_error *error, void *arg)
{
    (void)status; /* a lost session ends by itself */
    (void)error;
    ll_handle_put(&((struct ll_leadership *)arg)->handle);
}

static void
on_campaigned(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_leadership *leadership = arg;

    if (status == 0 && leadership->term.step == LL_TERM_CAMPAIGN &&
        leaselock_ticket_state(leadership->ticket) != LEASELOCK_TICKET_HELD) {
        ll_handle_ref(&leadership->handle);
        (void)leadership_await(
            leadership, leaselock_release_async(leadership->ticket, on_left,
                                                leadership, NULL));
        status = LEASELOCK_E_LOST;
    }
    on_step(leadership, LL_TERM_CAMPAIGN, status, error);
}

static void
on_opened(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_leadership *leadership = arg;

    if (status != 0) {
        leadership->owns_session = false;
    }
    on_step(leadership, LL_TERM_OPEN, status, error);
}

static void
leadership_on_suspect(leaselock_ticket *ticket, const char *why, void *arg)
{
    const struct leaselock_lead_options *options =
        &((struct ll_leadership *)arg)->term.options;

    options->on_stop(ticket, LEASELOCK_LEAD_SUSPECT, why, options->on_stop_arg);
}

static void
leadership_on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    const struct leaselock_lead_options *options =
        &((struct ll_leadership *)arg)->term.options;

    options->on_stop(ticket, LEASELOCK_LEAD_LOST, why, options->on_stop_arg);
}

static int leadership_campaign(struct ll_leadership *leadership,
                               struct leaselock_error *reterr)
{
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct ll_ticket_ask ask = {.options = &acquire,
                                .name = leadership->name,
                                .timeout_ms =
                                    leadership->term.options.timeout_ms,
                                .done = on_campaigned,
                                .arg = leadership};

    if (leadership->term.options.on_stop != NULL) {
        acquire.on_lost = leadership_on_lost;
        acquire.on_lost_arg = leadership;
        ask.on_suspect = leadership_on_suspect;
    }
    acquire.on_yield = leadership->term.options.on_yield;
    acquire.on_yield_arg = leadership->term.options.on_yield_arg;
    /* A term is long: the cost of a watch is negligible. */
    acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
    return ll_ticket_campaign(leadership->session, &ask, leadership->value,
                              leadership->value_size, false,
                              &leadership->ticket, reterr);
}

/** Closes the session that the leadership owns; false: nothing to wait for. */
static bool leadership_leave(struct ll_leadership *leadership,
                             leaselock_done_fn *done)
{
    if (!leadership->owns_session) {
        return false;
    }
    leadership->owns_session = false;
    ll_handle_ref(&leadership->handle);
    return leadership_await(leadership, leaselock_session_close_async(
                                            leadership->session, done,
                                            leadership, NULL)) == 0;
}

/** Calls the user's callback, and closes the handle. */
static void leadership_finish(struct ll_leadership *leadership)
{
    struct ll_client *client = leadership->handle.client;
    struct ll_term *term = &leadership->term;

    if (term->status < 0 && term->error.code == 0) {
        (void)ll_error_text(&term->error, term->status, "");
    }
    leadership->done(term->status, term->status < 0 ? &term->error : NULL,
                     leadership->arg);
    ll_client_lock(client);
    (void)ll_handle_shut(&leadership->handle);
    ll_notice_withdraw(&leadership->look);
    ll_link_remove(&leadership->link);
    ll_client_unlock(client);
    ll_handle_leave(&leadership->handle);
}

static void on_ended(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_leadership *leadership = arg;

    leadership_finish(leadership);
    on_left(status, error, leadership);
}

/** Enters the current step, or the one that follows from a stop, and records it
 *  for other threads. */
static void leadership_enter(struct ll_leadership *leadership)
{
    struct ll_term *term = &leadership->term;

    ll_client_lock(leadership->handle.client);
    if (term->step == LL_TERM_CAMPAIGN) {
        leadership->ticket = NULL; /* the release of NULL ends at once */
    }
    if (leadership->stops && !term->stops) {
        (void)ll_term_stop(term, leadership->stop_status);
    }
    leadership->works = term->step == LL_TERM_WORK;
    leadership->pause_ns = term->step == LL_TERM_PAUSE
                               ? ll_clock_now_ns() + ll_term_pause_ns(term)
                               : INT64_MAX;
    ll_client_unlock(leadership->handle.client);
}

/** Begins a step.
 *  @return 0: the end of the step is reported later; else the step's status */
static int leadership_begin(struct ll_leadership *leadership,
                            struct leaselock_error *reterr)
{
    switch (leadership->term.step) {
    case LL_TERM_CAMPAIGN:
        ll_handle_ref(&leadership->handle);
        return leadership_await(leadership,
                                leadership_campaign(leadership, reterr));
    case LL_TERM_WORK:
        leadership->on_term(ll_handle_user(&leadership->handle),
                            leadership->ticket, leadership->arg);
        return 0;
    case LL_TERM_RELEASE:
        ll_handle_ref(&leadership->handle);
        return leadership_await(
            leadership, leaselock_release_async(leadership->ticket, on_released,
                                                leadership, reterr));
    case LL_TERM_PAUSE:
        (void)leadership_leave(leadership, on_left);
        return 0;
    case LL_TERM_OPEN:
        ll_handle_ref(&leadership->handle);
        leadership->owns_session = true;
        return leadership_await(
            leadership, leaselock_session_open_async(
                            ll_handle_user(&leadership->handle.client->handle),
                            &leadership->again, on_opened, leadership,
                            &leadership->session, reterr));
    case LL_TERM_END:
        if (!leadership_leave(leadership, on_ended)) {
            leadership_finish(leadership);
        }
        return 0;
    case LL_TERM_START:
        break;
    }
    return 0;
}

/** Begins steps until one is in progress. */
static void leadership_go(struct ll_leadership *leadership)
{
    for (;;) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        int status;

        leadership_enter(leadership);
        status = leadership_begin(leadership, &error);
        if (status == 0) {
            return; /* the leadership may be freed */
        }
        (void)ll_term_next(&leadership->term, status, &error,
                           ll_clock_now_ns());
    }
}

/** Handles a stop, the end of the work or the end of the pause since the step
 *  began. */
void ll_leadership_look(struct ll_client *client, struct ll_notice *notice)
{
    struct ll_leadership *leadership =
        LL_CONTAINER(notice, struct ll_leadership, look);
    struct ll_term *term = &leadership->term;
    enum ll_term_step step = term->step;
    bool stops;
    bool works;
    bool pauses;

    ll_client_lock(client);
    stops = leadership->stops && !term->stops;
    works = leadership->works;
    pauses = leadership->pause_ns != INT64_MAX;
    ll_client_unlock(client);
    if (stops) {
        if (ll_term_stop(term, leadership->stop_status) != step) {
            leadership_go(leadership);
        }
    } else if (step == LL_TERM_START || (step == LL_TERM_WORK && !works) ||
               (step == LL_TERM_PAUSE && !pauses)) {
        leadership_next(leadership, 0, NULL);
    }
}
