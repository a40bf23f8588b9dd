/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_REPORT_H
#define LL_CORE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "leaselock/stats.h"

struct ll_core;
struct ll_object;

/**
 * What a ticket or a multi-lock has to report to its user: ACQUIRED, LOST and
 * RELEASED, in this order. A member of a multi-lock has the same, and the
 * multi-lock takes it over (see multi.h).
 */
struct ll_report {
    const char *why;  /* of a failed acquire or a loss; static, or core's */
    int64_t begun_ns; /* the acquire's command */
    int16_t acquire_status;
    int16_t release_status;
    bool acquired_due : 1;
    bool lost_due : 1;
    bool released_due : 1;
    bool silenced : 1; /* the session was lost as etcd did not answer */
    bool was_lost : 1; /* LOST was drawn */
    enum leaselock_stats_loss loss : 8; /* of a loss */
};

/** Each makes a report due. */
void ll_report_acquired(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_report *report,
                        int status);
void ll_report_lost(struct ll_core *core,
                    struct ll_object *object,
                    struct ll_report *report,
                    enum leaselock_stats_loss loss);
void ll_report_released(struct ll_core *core,
                        struct ll_object *object,
                        struct ll_report *report,
                        int status);

/** Takes over what is due. @return whether anything was */
bool ll_report_take(struct ll_report *report, struct ll_report *ret_due);

/** Draws what is due as an effect, and counts it; false when nothing is. The
 *  caller adds the blocker to an ACQUIRED, and counts that: it knows the mode.
 *
 *  @param text  of an ACQUIRED that failed */
bool ll_report_next(struct ll_core *core,
                    struct ll_object *object,
                    struct ll_report *report,
                    const char *text,
                    struct ll_effect *ret_effect);

#endif
