/* SPDX-License-Identifier: Apache-2.0 */
#include "api/term.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "client/client.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 10000
/** A term of this length resets the count of failures. */
#define TERM_MIN_NS (PAUSE_MAX_MS * LL_NS_PER_MS)

int ll_term_init(struct ll_term *term,
                 const struct leaselock_lead_options *options,
                 bool has_function,
                 struct leaselock_error *reterr)
{
    int status;

    *term =
        (struct ll_term){.step = LL_TERM_START, .error = LEASELOCK_ERROR_INIT};
    status = ll_options_copy(&term->options, sizeof(term->options), options);
    if (status != 0 || !has_function ||
        term->options.timeout_ms < LEASELOCK_FOREVER ||
        (term->options.again != NULL && term->options.again->lease != 0)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "to lead takes a function, options that start "
                             "with LEASELOCK_LEAD_OPTIONS_INIT, and for more "
                             "sessions no lease");
    }
    if (term->options.timeout_ms == 0) {
        term->options.timeout_ms = LEASELOCK_FOREVER;
    }
    return ll_error_text(reterr, ll_random(&term->random.state), "");
}

/** Reports a change; false: the leadership is to end. */
static bool term_report(struct ll_term *term,
                        enum leaselock_lead_change change,
                        const struct leaselock_error *error)
{
    const struct leaselock_lead_options *options = &term->options;

    if (options->again != NULL && options->on_change != NULL && !term->stops) {
        term->result =
            options->on_change(change, error, options->on_change_arg);
    }
    return term->result == 0;
}

static enum ll_term_step
term_end(struct ll_term *term, int status, const struct leaselock_error *error)
{
    term->status = status;
    if (status < 0 && error != NULL) {
        term->error = *error;
    }
    return LL_TERM_END;
}

/** Whether a status ends only the current term. */
static bool is_loss(const struct ll_term *term, int status)
{
    return term->options.again != NULL && !term->stops &&
           (status == LEASELOCK_E_LOST || status == LEASELOCK_E_UNAVAILABLE);
}

static enum ll_term_step term_lose(struct ll_term *term,
                                   const struct leaselock_error *error)
{
    if (!term_report(term, LEASELOCK_CHANGE_LOST, error)) {
        return term_end(term, term->result, NULL);
    }
    term->failures++;
    return LL_TERM_PAUSE;
}

static enum ll_term_step term_campaign(struct ll_term *term)
{
    return term_report(term, LEASELOCK_CHANGE_CAMPAIGNING, NULL)
               ? LL_TERM_CAMPAIGN
               : term_end(term, term->result, NULL);
}

static enum ll_term_step term_on_released(struct ll_term *term,
                                          int status,
                                          const struct leaselock_error *error)
{
    if (status == LEASELOCK_E_HANDLE) {
        status = 0; /* the work has released it */
    }
    if (term->stops) {
        /* A lost term is no failure if another would have followed. */
        if (status == LEASELOCK_E_LOST && term->options.again != NULL) {
            status = 0;
        }
        return term->stop_status != 0 ? term_end(term, term->stop_status, NULL)
                                      : term_end(term, status, error);
    }
    if (term->result != 0 &&
        (status != LEASELOCK_E_LOST || term->options.again != NULL)) {
        return term_end(term, term->result, NULL);
    }
    return is_loss(term, status) ? term_lose(term, error)
                                 : term_end(term, status, error);
}

static enum ll_term_step term_on_opened(struct ll_term *term,
                                        int status,
                                        const struct leaselock_error *error)
{
    if (status == 0) {
        term->is_unreachable = false;
        return term_campaign(term);
    }
    if (status != LEASELOCK_E_UNAVAILABLE) {
        return term_end(term, status, error);
    }
    if (!term->is_unreachable &&
        !term_report(term, LEASELOCK_CHANGE_UNREACHABLE, error)) {
        return term_end(term, term->result, NULL);
    }
    term->is_unreachable = true;
    term->failures++;
    return LL_TERM_PAUSE;
}

static enum ll_term_step term_step(struct ll_term *term,
                                   int status,
                                   const struct leaselock_error *error,
                                   int64_t now_ns)
{
    switch (term->step) {
    case LL_TERM_START:
        return term_campaign(term);
    case LL_TERM_CAMPAIGN:
        if (status != 0) {
            return is_loss(term, status) ? term_lose(term, error)
                                         : term_end(term, status, error);
        }
        term->work_since_ns = now_ns;
        return term_report(term, LEASELOCK_CHANGE_LEADING, NULL)
                   ? LL_TERM_WORK
                   : LL_TERM_RELEASE;
    case LL_TERM_WORK:
        term->result = status;
        if (now_ns - term->work_since_ns >= TERM_MIN_NS) {
            term->failures = 0;
        }
        return LL_TERM_RELEASE;
    case LL_TERM_RELEASE:
        return term_on_released(term, status, error);
    case LL_TERM_PAUSE:
        return status == 0 ? LL_TERM_OPEN : term_end(term, status, error);
    case LL_TERM_OPEN:
        return term_on_opened(term, status, error);
    case LL_TERM_END:
        break;
    }
    return LL_TERM_END;
}

enum ll_term_step ll_term_next(struct ll_term *term,
                               int status,
                               const struct leaselock_error *error,
                               int64_t now_ns)
{
    term->step = term_step(term, status, error, now_ns);
    return term->step;
}

enum ll_term_step ll_term_stop(struct ll_term *term, int status)
{
    term->stops = true;
    term->stop_status = status;
    switch (term->step) {
    case LL_TERM_CAMPAIGN:
    case LL_TERM_WORK:
        term->step = LL_TERM_RELEASE;
        break;
    case LL_TERM_START:
    case LL_TERM_PAUSE:
    case LL_TERM_OPEN:
        term->step = term_end(term, status, NULL);
        break;
    case LL_TERM_RELEASE:
    case LL_TERM_END:
        break;
    }
    return term->step;
}

int64_t ll_term_pause_ns(struct ll_term *term)
{
    int64_t pause_ns = PAUSE_FIRST_MS * LL_NS_PER_MS;

    for (unsigned i = 1; i < term->failures && pause_ns < TERM_MIN_NS; i++) {
        pause_ns *= 2;
    }
    pause_ns = pause_ns < TERM_MIN_NS ? pause_ns : TERM_MIN_NS;
    return pause_ns / 2 + ll_random_below(&term->random, pause_ns / 2);
}
