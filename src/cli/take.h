/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_TAKE_H
#define LL_CLI_TAKE_H

#include "cli/options.h"

/** What the commands lock and elect have in common: they take a place at the
 *  head of a queue, do what was asked for, and leave it. */
struct ll_take {
    const char *command; /* for messages */
    const char *name;
    /** What is proclaimed; NULL for a lock. */
    const char *value;
    /** What runs meanwhile; NULL: nothing, until a signal comes. */
    char **cmd;
};

/** Returns the exit code. */
int ll_take_run(const struct ll_options *options, const struct ll_take *take);

#endif
