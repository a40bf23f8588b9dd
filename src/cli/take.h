/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_TAKE_H
#define LL_CLI_TAKE_H

#include "cli/options.h"

/** The common part of the commands lock and elect: they wait for the head of a
 *  queue, run the command, and leave the queue. */
struct ll_take {
    const char *command; /* for messages */
    const char *name;
    /** The proclaimed value; NULL for a lock. */
    const char *value;
    /** The command to run; NULL: none, wait for a signal. */
    char **cmd;
};

/** Returns the exit code. */
int ll_take_run(const struct ll_options *options, const struct ll_take *take);

#endif
