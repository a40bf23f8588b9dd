/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                              SIGTSTP, SIGTTIN, SIGTTOU};
#define SIGNALS_N (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void on_signal(int signal)
{
    caught = signal;
}

/** Reads up to the end of a line. The signals are unblocked only while it
 *  waits, so that none is missed. Returns the line's length, or -1. */
static ssize_t read_line(int fd, const sigset_t *mask, char *line, size_t size)
{
    struct pollfd readable = {fd, POLLIN, 0};
    size_t n = 0;

    while (n < size) {
        if (ppoll(&readable, 1, NULL, mask) != 1 ||
            read(fd, line + n, 1) != 1) {
            return -1; /* a signal, or the end of the input */
        }
        if (line[n] == '\n') {
            line[n] = '\0';
            return (ssize_t)n;
        }
        n++;
    }
    return -1;
}

/** Prompts once. Returns as read_line. */
static ssize_t ask(int fd, const char *prompt, char *ret_secret, size_t size)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before[SIGNALS_N];
    struct termios modes;
    struct termios silent;
    sigset_t blocked;
    sigset_t mask;
    ssize_t n;

    if (tcgetattr(fd, &modes) != 0) {
        return -1;
    }
    sigemptyset(&action.sa_mask);
    sigemptyset(&blocked);
    for (size_t i = 0; i < SIGNALS_N; i++) {
        sigaddset(&blocked, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, &mask);
    for (size_t i = 0; i < SIGNALS_N; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
    silent = modes;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    n = tcsetattr(fd, TCSAFLUSH, &silent) == 0 &&
                write(fd, prompt, strlen(prompt)) == (ssize_t)strlen(prompt)
            ? read_line(fd, &mask, ret_secret, size)
            : -1;
    (void)tcsetattr(fd, TCSAFLUSH, &modes);
    (void)!write(fd, "\n", 1);
    for (size_t i = 0; i < SIGNALS_N; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return n;
}

int ll_ask_secret(const char *prompt, char *ret_secret, size_t size)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    ssize_t n;
    int stopped;

    if (fd < 0) {
        return -1;
    }
    do {
        caught = 0;
        n = ask(fd, prompt, ret_secret, size);
        stopped = caught == SIGTSTP || caught == SIGTTIN || caught == SIGTTOU;
        if (caught != 0) {
            (void)raise(caught); /* its default effect; prompt after a stop */
        }
    } while (n < 0 && stopped);
    (void)close(fd);
    if (n < 0) {
        explicit_bzero(ret_secret, size);
        return -1;
    }
    return 0;
}
