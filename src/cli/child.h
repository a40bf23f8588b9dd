/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_CHILD_H
#define LL_CLI_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "cli/supervisor.h"
#include "cli/terminal.h"

/** The parameters of CMD's start; everything is borrowed. */
struct ll_child_plan {
    const char *name;
    char **argv;
    const struct ll_supervisor_lock *lock;
    const sigset_t *mask;
    /** The action of SIGCHLD before the supervisor changed it. */
    const struct sigaction *child_action;
    struct ll_terminal *terminal;
    /** As in struct ll_supervisor_plan. */
    pid_t tool;
};

/** CMD, the leader of a process group of its own. */
struct ll_child {
    pid_t pid;
    /** Receives the errno of a failed exec. */
    int exec_pipe;
};

/**
 * Forks CMD, with the terminal if CMD is to get it. When the caller's process
 * ends, CMD gets SIGKILL.
 *
 * @return 0 or a negative errno
 */
int ll_child_start(struct ll_child *child, const struct ll_child_plan *plan);

/** Why CMD could not be run: an errno, or 0. To be called once it has ended. */
int ll_child_exec_error(const struct ll_child *child);

#endif
