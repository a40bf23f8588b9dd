/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_SPAWN_H
#define TEST_SUPPORT_SPAWN_H

#include <sys/types.h>

/**
 * Forks and runs a program that is killed when the calling thread ends.
 *
 * @param argv    terminated by NULL; argv[0] is searched for in PATH
 * @param env     NULL, or changes to the environment, as test_process_start
 *                takes them
 * @param out_fd  the child's stdout
 * @param err_fd  the child's stderr
 * @return the pid, or -1 with errno if the program has not started */
pid_t test_spawn(const char *const argv[],
                 const char *const env[],
                 int out_fd,
                 int err_fd);

#endif
