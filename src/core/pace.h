/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_PACE_H
#define LL_CORE_PACE_H

#include <stdint.h>

struct ll_core;

/**
 * How long a hand-over of a queue takes: from one holder to the next, with the
 * hold between them. It is learned from tickets that waited behind several others,
 * at the deletion of their predecessor, and gives when the turn of another one is
 * to be expected.
 *
 *     state   | event                                   | next
 *     unknown | a ticket with n ahead, 2 or more, since | known: t / (n - 1/2),
 *             | t behind them, sees its predecessor go  | as it came during a hold
 *     known   | the same, and that is less              | known: that
 *     known   | the same, and it is more                | known: a quarter of the
 *             |                                         | way there
 *     known   | another queue with the same place       | of the other one
 *
 * So it errs on the short side: a holder that takes long once costs nobody a
 * wait, and one read more is all that comes of an estimate that is too short.
 */

/** Queues of which it is known at a time; they share places by their hash. */
#define LL_PACES 64

struct ll_pace {
    int64_t hand_over_ns; /* 0: unknown */
    uint32_t queue_hash;
};

/** The predecessor of a ticket has released its key, `waited_ns` after the ticket's
 *  newest watch was created: that is less than it has waited behind `ahead_n` others
 *  if that was longer than LL_WATCH_OWN_NS, or if it was connected again. */
void ll_pace_note(struct ll_core *core,
                  uint32_t queue_hash,
                  int64_t ahead_n,
                  int64_t waited_ns);
/** @return how long a hand-over of the queue takes; 0: unknown */
int64_t ll_pace_of(const struct ll_core *core, uint32_t queue_hash);

#endif
