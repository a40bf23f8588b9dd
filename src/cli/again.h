/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What --again does between a loss and the next place in the queue:
 *
 *     ll_hold_run  ->  lost, CMD is gone  ->  ll_again_open: close the session,
 *                  pause, open another  ->  a new place  ->  ll_hold_run
 *
 * CMD's own end, a signal, and what etcd refuses end it.
 */
#ifndef LL_CLI_AGAIN_H
#define LL_CLI_AGAIN_H

#include <stdint.h>

#include "cli/hold.h"

struct ll_again {
    /** Losses and failures in a row. */
    int failures;
    /** When CMD was started last. */
    int64_t held_ns;
};

#define LL_AGAIN_INIT                                                          \
    {                                                                          \
        0, 0                                                                   \
    }

/** The lock is held, and CMD is about to run. */
void ll_again_held(struct ll_again *again);

/** Whether an exit code is a loss after which it goes on. */
int ll_again_is_due(const struct ll_hold *hold, int code);

/**
 * Puts the hold back to where ll_hold_open left it, on a new session: closes
 * the old one, pauses, and tries for as long as etcd does not answer, within
 * --wait, which counts anew from the loss.
 *
 * @return 0, or an exit code: after a message, or without one of a signal
 */
int ll_again_open(struct ll_again *again, struct ll_hold *hold);

#endif
