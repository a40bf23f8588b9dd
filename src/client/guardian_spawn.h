/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_GUARDIAN_SPAWN_H
#define LL_CLIENT_GUARDIAN_SPAWN_H

#include <sys/types.h>

#include "client/guardian_table.h"

/** The parameters of a guardian's start. */
struct ll_guardian_plan {
    const char *path;
    /** By enum ll_guardian_fd, from LL_GUARDIAN_SOCKET on; -1: /dev/null. */
    int fds[LL_GUARDIAN_FDS_END - LL_GUARDIAN_SOCKET];
};

/**
 * Starts a guardian with these descriptors and no others, in a session of its
 * own and not as a child of this process.
 *
 * @param ret_pid  its process id
 * @return 0 or a negative errno
 */
int ll_guardian_spawn(const struct ll_guardian_plan *plan, pid_t *ret_pid);

#endif
