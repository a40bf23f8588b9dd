/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_SIGNALS_H
#define LL_CLI_SIGNALS_H

#include <signal.h>

/** The signals that the tool receives by a descriptor instead of a handler. */
struct ll_signals {
    int fd;
    /** Those that it receives. */
    sigset_t taken;
    /** The previous mask, for CMD. */
    sigset_t old_mask;
};

#define LL_SIGNALS_INIT                                                        \
    {                                                                          \
        .fd = -1                                                               \
    }

/**
 * Blocks HUP, INT, QUIT, TERM, USR1, USR2, CONT and TSTP, except those that
 * were ignored when the tool started (nohup), and opens their descriptor. To be
 * called while the process has one thread: later threads inherit the mask.
 *
 * @return 0 or a negative errno
 */
int ll_signals_open(struct ll_signals *signals);

/** Blocks and receives SIGWINCH, too: the terminal's size has changed.
 *  @return 0 or a negative errno */
int ll_signals_add_resize(struct ll_signals *signals);

void ll_signals_close(struct ll_signals *signals);

/** The next signal, or 0 if there is none. */
int ll_signals_read(struct ll_signals *signals);

#endif
