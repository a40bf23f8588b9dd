/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The steps of --again between a loss and the next place in the queue:
 *
 *     ll_hold_run  ->  lost, CMD has ended  ->  ll_again_open: close the
 *                  session, pause, open another  ->  a new place  ->
 *                  ll_hold_run
 *
 * It stops when CMD ends by itself, at a signal, and when etcd refuses.
 */
#ifndef LL_CLI_AGAIN_H
#define LL_CLI_AGAIN_H

#include <stdint.h>

#include "cli/hold.h"

struct ll_again {
    /** Consecutive losses and failures. */
    int failures;
    /** When CMD was last started. */
    int64_t held_ns;
};

#define LL_AGAIN_INIT                                                          \
    {                                                                          \
        0, 0                                                                   \
    }

/** Records that the lock is held, and CMD is about to run. */
void ll_again_held(struct ll_again *again);

/** Whether an exit code is a loss after which the tool queues again. */
int ll_again_is_due(const struct ll_hold *hold, int code);

/**
 * Resets the hold to its state after ll_hold_open, with a new session: closes
 * the old one, pauses, and retries while etcd does not answer, within --wait,
 * which starts anew at the loss.
 *
 * @return 0, or an exit code: after a message, or, for a signal, without one
 */
int ll_again_open(struct ll_again *again, struct ll_hold *hold);

#endif
