/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_GUARDIAN_WATCH_H
#define LL_GUARDIAN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Whether a process has ended. The pidfd shows it; without one, the process'
 * folder in /proc, which the process opened itself, can no longer be read,
 * even if its process id is in use again.
 */
struct ll_watch {
    int fd;
    bool is_pidfd;
};

/** Whether the process has certainly ended: all its threads have. */
bool ll_watch_is_gone(const struct ll_watch *watch);

/** For poll(): the descriptor that becomes readable then, or -1. */
int ll_watch_poll_fd(const struct ll_watch *watch);

/** The same from the contents of /proc/PID/stat; for tests, too. A zombie
 *  leader of a group of running threads has not ended. */
bool ll_watch_stat_is_gone(const char *stat);

#endif
