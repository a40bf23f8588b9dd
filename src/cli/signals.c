/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

int ll_signals_open(struct ll_signals *signals)
{
    static const int taken[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP};
    sigset_t blocked;

    sigemptyset(&signals->taken);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct sigaction action;

        if (sigaction(taken[i], NULL, &action) == 0 &&
            action.sa_handler != SIG_IGN) {
            sigaddset(&signals->taken, taken[i]);
        }
    }
    blocked = signals->taken;
    /* With these blocked, a message that the tool writes to the terminal from
     * the background does not stop it. */
    sigaddset(&blocked, SIGTTOU);
    sigaddset(&blocked, SIGTTIN);
    sigprocmask(SIG_BLOCK, &blocked, &signals->old_mask);
    signals->fd = signalfd(-1, &signals->taken, SFD_CLOEXEC | SFD_NONBLOCK);
    return signals->fd >= 0 ? 0 : -errno;
}

int ll_signals_add_resize(struct ll_signals *signals)
{
    sigset_t resize;

    sigemptyset(&resize);
    sigaddset(&resize, SIGWINCH);
    sigprocmask(SIG_BLOCK, &resize, NULL);
    sigaddset(&signals->taken, SIGWINCH);
    return signalfd(signals->fd, &signals->taken, 0) >= 0 ? 0 : -errno;
}

void ll_signals_close(struct ll_signals *signals)
{
    if (signals->fd >= 0) {
        close(signals->fd);
        signals->fd = -1;
    }
}

int ll_signals_read(struct ll_signals *signals)
{
    struct signalfd_siginfo info;

    if (read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return 0;
    }
    return (int)info.ssi_signo;
}
