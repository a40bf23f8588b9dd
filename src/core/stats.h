/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_STATS_H
#define LL_CORE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/report.h"
#include "core/request.h"
#include "leaselock/stats.h"

/**
 * What a client counts: leaselock/stats.h has the meaning of each counter. Core
 * has one struct of them, which the client's mutex protects like all of core;
 * so a counter is a plain addition, and no clock is read for a time: all times
 * are those of events. Counters of one line are incremented where they happen;
 * here are those that have to be told apart first.
 *
 * The counters of acquires, losses and releases are those of the reports to the
 * user, so each hold is granted once and ends at most once:
 *
 *     report                         | counts
 *     ACQUIRED                       | acquires, by its mode and status
 *     LOST                           | losses
 *     RELEASED, of a granted ticket, | releases
 *     without a LOST before          |
 *     none: a fenced write that      | releases, WRITTEN; the ticket has no
 *     releases is applied            | report after it
 *     none: a rejoin begins          | releases, REJOINED; the same
 */

struct ll_core;
struct ll_ticket;

/** Counts a time; one below 0 counts as 0. */
void ll_histogram_add(struct leaselock_histogram *histogram, int64_t ns);

/** Each: the report is drawn. */
void ll_stats_acquired(struct ll_core *core,
                       const struct ll_report *report,
                       enum leaselock_stats_mode mode,
                       bool try_only);
void ll_stats_lost(struct ll_core *core, struct ll_report *report);
void ll_stats_released(struct ll_core *core, const struct ll_report *report);

/** A ticket is about to enter a state (enum ll_ticket_state): a hand-over takes from WAIT to HELD. A
 *  lock-delay is a wait of its own kind, and the members of a multi-lock wait
 *  for each other: these are not counted. */
void ll_stats_on_state(struct ll_core *core,
                       struct ll_ticket *ticket,
                       int state);
/** A read of a ticket's keys is sent. */
void ll_stats_read(struct ll_core *core, const struct ll_ticket *ticket);

/** A request is answered, or given up. */
void ll_stats_answered(struct ll_core *core, const struct ll_answer *answer);

/** Why a hold or a session is lost, as a sentence; static, or core's. */
const char *ll_loss_text(const struct ll_core *core,
                         enum leaselock_stats_loss loss);

#endif
