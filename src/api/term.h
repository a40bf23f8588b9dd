/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_TERM_H
#define LL_API_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backoff.h"
#include "leaselock/election.h"

/**
 * The steps of leaselock_lead and leaselock_lead_async, and their order. Each
 * of the two carries out the steps in its own way.
 *
 *     step     | its status                   | reports      | next
 *     START    | 0                            | CAMPAIGNING  | CAMPAIGN
 *     CAMPAIGN | 0                            | LEADING      | WORK
 *     CAMPAIGN | LOST, UNAVAILABLE            | LOST         | PAUSE
 *     CAMPAIGN | another error                |              | END
 *     CAMPAIGN | stop                         |              | RELEASE
 *     WORK     | what the work has returned   |              | RELEASE
 *     WORK     | stop                         |              | RELEASE
 *     RELEASE  | LOST, UNAVAILABLE, and the   | LOST         | PAUSE
 *              | work has returned 0          |              |
 *     RELEASE  | anything else                |              | END
 *     PAUSE    | 0                            |              | OPEN
 *     PAUSE    | error, stop                  |              | END
 *     OPEN     | 0                            | CAMPAIGNING  | CAMPAIGN
 *     OPEN     | UNAVAILABLE                  | UNREACHABLE, | PAUSE
 *              |                              | once         |
 *     OPEN     | another error, stop          |              | END
 *     any      | on_change returns not 0      |              | END; RELEASE
 *              |                              |              | where it leads
 *
 * Without the option `again` nothing is reported, and PAUSE is END. After a
 * stop nothing is reported either, and PAUSE, OPEN and CAMPAIGN are END.
 */
enum ll_term_step {
    LL_TERM_START,
    LL_TERM_CAMPAIGN,
    LL_TERM_WORK,
    LL_TERM_RELEASE,
    LL_TERM_PAUSE,
    LL_TERM_OPEN,
    LL_TERM_END,
};

struct ll_term {
    enum ll_term_step step;
    struct leaselock_lead_options options;
    bool stops;
    int stop_status;
    /** What the work or on_change returned. */
    int result;
    unsigned failures; /* in a row */
    bool is_unreachable;
    int64_t work_since_ns;
    struct ll_random random;
    /** END: how it ended. */
    int status;
    struct leaselock_error error;
};

/** Checks and copies the options; what they point to stays borrowed.
 *  @return 0, LEASELOCK_E_ARGUMENT or _SYSTEM */
int ll_term_init(struct ll_term *term,
                 const struct leaselock_lead_options *options,
                 bool has_function,
                 struct leaselock_error *reterr);

/** The step that follows the current one, whose status is given; reports the
 *  change.
 *  @param error  of a status below 0; may be NULL */
enum ll_term_step ll_term_next(struct ll_term *term,
                               int status,
                               const struct leaselock_error *error,
                               int64_t now_ns);

/** Stops the term with this status, unless the release fails. Returns the step
 *  that follows the current one, or the current one. */
enum ll_term_step ll_term_stop(struct ll_term *term, int status);

/** The duration of a PAUSE: doubled with each consecutive failure, and reduced
 *  at random by up to a half. */
int64_t ll_term_pause_ns(struct ll_term *term);

#endif
