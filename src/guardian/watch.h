/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_GUARDIAN_WATCH_H
#define LL_GUARDIAN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Whether a process is gone. The kernel tells it by a pidfd; of its folder in
 * /proc, opened by itself while it lived, nothing can be read any more then,
 * whoever has its number since.
 */
struct ll_watch {
    int fd;
    bool is_pidfd;
};

/** Whether it is certainly gone: every thread of it has ended. */
bool ll_watch_is_gone(const struct ll_watch *watch);

/** For poll(): the descriptor that becomes readable then, or -1. */
int ll_watch_poll_fd(const struct ll_watch *watch);

/** The same for what stands in a process' /proc/PID/stat; a test looks at it.
 *  A thread that leads a group of living ones shows as a zombie, too. */
bool ll_watch_stat_is_gone(const char *stat);

#endif
