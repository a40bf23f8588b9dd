/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the guardian: the path of its program, and whether a
 * process has ended. */
#ifndef TEST_LIVE_GUARDED_H
#define TEST_LIVE_GUARDED_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "support/wait.h"

/** The guardian of this build. */
static inline const char *guardian_program(void)
{
    const char *path = getenv("LEASELOCK_GUARDIAN_PATH");

    return path != NULL ? path : "build/libexec/leaselock-guardian";
}

/** Whether a process, by a pointer to its id, has ended: init may reap it
 * late. */
static inline bool process_is_gone(void *pid)
{
    char path[32];
    char line[256] = "";
    const char *state;
    FILE *stat;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", *(const pid_t *)pid);
    stat = fopen(path, "re");
    if (stat == NULL) {
        return true;
    }
    state = fgets(line, sizeof(line), stat) != NULL ? strrchr(line, ')') : NULL;
    (void)fclose(stat);
    return state == NULL || state[2] == 'Z' || state[2] == 'X';
}

#endif
