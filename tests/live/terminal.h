/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a tool on a terminal of its own, with its output and typed input. */
#ifndef TEST_LIVE_TERMINAL_H
#define TEST_LIVE_TERMINAL_H

#include "live/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/wait.h"

#define COLUMNS 60
#define SCREEN_SIZE 8192
#define CTRL_C "\003"
#define CTRL_Z "\032"

/** A tool that is the session leader of a terminal of its own. */
struct terminal {
    pid_t pid;
    int fd;
    /** All output to it. */
    char screen[SCREEN_SIZE];
    size_t size;
};

/** Starts a tool; argv ends with a NULL. */
static inline void open_terminal_with(struct terminal *terminal,
                                      const char *endpoint,
                                      const char *const argv[])
{
    const struct winsize size = {24, COLUMNS, 0, 0};

    memset(terminal, 0, sizeof(*terminal));
    terminal->pid = forkpty(&terminal->fd, NULL, NULL, &size);
    assert_true(terminal->pid >= 0);
    if (terminal->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("LEASELOCK_ENDPOINTS", endpoint, 1);
        (void)signal(SIGINT, SIG_DFL);
        execv(test_tool(), (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)fcntl(terminal->fd, F_SETFD, FD_CLOEXEC);
}

/** Reads new output. Returns whether more may follow. */
static inline bool read_screen(struct terminal *terminal, int timeout_ms)
{
    struct pollfd fd = {terminal->fd, POLLIN, 0};
    ssize_t n;

    assert_true(terminal->size < SCREEN_SIZE - 1);
    if (poll(&fd, 1, timeout_ms) != 1) {
        return true;
    }
    n = read(terminal->fd, terminal->screen + terminal->size,
             SCREEN_SIZE - 1 - terminal->size);
    if (n <= 0) {
        return false; /* EIO: no process has the terminal open any more */
    }
    terminal->size += (size_t)n;
    terminal->screen[terminal->size] = '\0';
    return true;
}

static inline void expect_on_screen(struct terminal *terminal, const char *part)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);

    while (strstr(terminal->screen, part) == NULL) {
        if (!read_screen(terminal, 10) || test_now_ns() > deadline_ns) {
            fail_msg("\"%s\" is not in \"%s\"", part, terminal->screen);
        }
    }
}

static inline void type(struct terminal *terminal, const char *keys)
{
    assert_int_equal(write(terminal->fd, keys, strlen(keys)), strlen(keys));
}

/** Waits for the tool's end, and returns its exit code. */
static inline int close_terminal(struct terminal *terminal)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);
    int status = 0;

    while (read_screen(terminal, 10) && test_now_ns() < deadline_ns) {
    }
    if (test_now_ns() >= deadline_ns) {
        kill(terminal->pid, SIGKILL);
    }
    assert_int_equal(waitpid(terminal->pid, &status, 0), terminal->pid);
    close(terminal->fd);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#endif
