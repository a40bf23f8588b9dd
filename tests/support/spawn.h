#ifndef TEST_SUPPORT_SPAWN_H
#define TEST_SUPPORT_SPAWN_H

#include <sys/types.h>

/**
 * Forks and runs a program that dies with the thread that calls this.
 *
 * @param argv    ends with NULL; argv[0] is looked for in PATH
 * @param env     NULL, or changes to the environment, as test_process_start
 *                takes them
 * @param out_fd  the child's stdout
 * @param err_fd  the child's stderr
 * @return the pid, or -1 with errno when the program has not started
 */
pid_t test_spawn(const char *const argv[],
                 const char *const env[],
                 int out_fd,
                 int err_fd);

#endif
