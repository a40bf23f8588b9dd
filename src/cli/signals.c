/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

int ll_signals_open(struct ll_signals *signals)
{
    static const int taken[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP};
    sigset_t read;
    sigset_t blocked;

    sigemptyset(&read);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct sigaction action;

        if (sigaction(taken[i], NULL, &action) == 0 &&
            action.sa_handler != SIG_IGN) {
            sigaddset(&read, taken[i]);
        }
    }
    blocked = read;
    /* With these blocked, a message that the tool writes to the terminal from
     * the background does not stop it. */
    sigaddset(&blocked, SIGTTOU);
    sigaddset(&blocked, SIGTTIN);
    sigprocmask(SIG_BLOCK, &blocked, &signals->old_mask);
    signals->fd = signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
    return signals->fd >= 0 ? 0 : -errno;
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
