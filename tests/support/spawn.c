/* SPDX-License-Identifier: Apache-2.0 */
#include "support/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/** The exit status of a child that could not execute the program. */
#define EXIT_NOT_STARTED 127

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/** The length of "NAME" in "NAME=VALUE" or "NAME". */
static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static bool is_overridden(const char *entry, const char *const env[])
{
    size_t length = name_length(entry);
    size_t i;

    for (i = 0; env != NULL && env[i] != NULL; i++) {
        if (name_length(env[i]) == length &&
            strncmp(env[i], entry, length) == 0) {
            return true;
        }
    }
    return false;
}

/** This process's environment with env's changes; free() frees it. */
static const char **merged_environment(const char *const env[])
{
    const char **merged;
    size_t n = 0;
    size_t i;

    for (i = 0; environ[i] != NULL; i++) {
        n++;
    }
    for (i = 0; env != NULL && env[i] != NULL; i++) {
        n++;
    }
    merged = calloc(n + 1, sizeof(*merged));
    if (merged == NULL) {
        return NULL;
    }
    n = 0;
    for (i = 0; environ[i] != NULL; i++) {
        if (!is_overridden(environ[i], env)) {
            merged[n++] = environ[i];
        }
    }
    for (i = 0; env != NULL && env[i] != NULL; i++) {
        if (env[i][name_length(env[i])] == '=') {
            merged[n++] = env[i];
        }
    }
    return merged;
}

/** execvpe's lists are not const for historical reasons; it changes nothing. */
static char *const *exec_list(const char *const *list)
{
    union {
        const char *const *in;
        char *const *out;
    } same = {.in = list};

    return same.out;
}

/**
 * The child's side of the fork. Other threads, gRPC's among them, do not exist
 * here and may have held any lock, so only system calls are safe. */
_Noreturn static void become(const char *const argv[],
                             const char *const envp[],
                             pid_t parent,
                             int out_fd,
                             int err_fd,
                             int report_fd)
{
    sigset_t none;
    int number;
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        /* The parent died before the line above, so no signal follows. */
        _exit(EXIT_NOT_STARTED);
    }
    if (null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 &&
        dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(err_fd, STDERR_FILENO) >= 0) {
        (void)execvpe(argv[0], exec_list(argv), exec_list(envp));
    }
    number = errno;
    if (write(report_fd, &number, sizeof(number)) < 0) {
        _exit(EXIT_NOT_STARTED);
    }
    _exit(EXIT_NOT_STARTED);
}

pid_t test_spawn(const char *const argv[],
                 const char *const env[],
                 int out_fd,
                 int err_fd)
{
    const char **envp = merged_environment(env);
    int report[2] = {-1, -1};
    int number = 0;
    pid_t parent = getpid();
    pid_t pid = -1;

    if (envp == NULL || pipe2(report, O_CLOEXEC) != 0) {
        number = errno;
        goto out;
    }
    pid = fork();
    if (pid == 0) {
        become(argv, envp, parent, out_fd, err_fd, report[1]);
    }
    if (pid < 0) {
        number = errno;
        goto out;
    }
    close_fd(&report[1]);
    /* The pipe closes when the program starts, or carries the error. */
    if (read(report[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
        (void)waitpid(pid, NULL, 0);
        pid = -1;
    }
out:
    close_fd(&report[0]);
    close_fd(&report[1]);
    free(envp);
    errno = number;
    return pid;
}
