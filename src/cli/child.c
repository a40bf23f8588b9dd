/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/command.h"

static void set_environment(const char *name,
                            const struct ll_supervisor_lock *lock)
{
    char number[24];

    setenv("LEASELOCK_NAME", name, 1);
    setenv("LEASELOCK_LOCK_KEY", lock->key, 1);
    (void)snprintf(number, sizeof(number), "%" PRId64, lock->token);
    setenv("LEASELOCK_TOKEN", number, 1);
    (void)snprintf(number, sizeof(number), "%016" PRIx64,
                   (uint64_t)lock->lease);
    setenv("LEASELOCK_LEASE", number, 1);
}

/** Removes the tool's own passwords from CMD's environment. etcdctl's variables
 *  belong to another program, which CMD may run. */
static void hide_passwords(void)
{
    const char *endpoints = getenv("LEASELOCK_ENDPOINTS");
    char *user = getenv("LEASELOCK_USER");
    char *colon = user != NULL ? strchr(user, ':') : NULL;

    unsetenv("LEASELOCK_PASSWORD");
    if (colon != NULL) {
        memset(colon, '\0', strlen(colon));
    }
    if (endpoints != NULL && strchr(endpoints, '@') != NULL) {
        unsetenv("LEASELOCK_ENDPOINTS");
    }
}

/** systemd names the process that is to take its sockets, or to send signs of
 *  life, by its id. CMD does what the tool was started for. */
static void take_place_of(pid_t tool, const char *variable)
{
    const char *value = getenv(variable);
    char number[24];

    (void)snprintf(number, sizeof(number), "%jd", (intmax_t)tool);
    if (value != NULL && strcmp(value, number) == 0) {
        (void)snprintf(number, sizeof(number), "%jd", (intmax_t)getpid());
        setenv(variable, number, 1);
    }
}

/** CMD's first steps, in the child. If the supervisor is killed, the kernel
 *  kills CMD. */
static _Noreturn void
become_command(const struct ll_child_plan *plan, pid_t parent, int exec_pipe)
{
    int error;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(LL_EXIT_NOT_FOUND);
    }
    if (ll_terminal_is_for_command(plan->terminal)) {
        ll_terminal_give(plan->terminal, getpid());
    }
    set_environment(plan->name, plan->lock);
    hide_passwords();
    take_place_of(plan->tool, "LISTEN_PID");
    take_place_of(plan->tool, "WATCHDOG_PID");
    sigaction(SIGCHLD, plan->child_action, NULL);
    sigprocmask(SIG_SETMASK, plan->mask, NULL);
    execvp(plan->argv[0], plan->argv);
    error = errno;
    (void)!write(exec_pipe, &error, sizeof(error));
    _exit(LL_EXIT_NOT_FOUND);
}

int ll_child_start(struct ll_child *child, const struct ll_child_plan *plan)
{
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -errno;
    }
    child->pid = fork();
    if (child->pid == 0) {
        become_command(plan, parent, ends[1]);
    }
    if (child->pid < 0) {
        int error = errno;

        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    close(ends[1]);
    child->exec_pipe = ends[0];
    /* The child does both, too: their order does not matter. */
    setpgid(child->pid, child->pid);
    if (ll_terminal_is_for_command(plan->terminal)) {
        ll_terminal_give(plan->terminal, child->pid);
    }
    return 0;
}

int ll_child_exec_error(const struct ll_child *child)
{
    int error;

    return read(child->exec_pipe, &error, sizeof(error)) ==
                   (ssize_t)sizeof(error)
               ? error
               : 0;
}
