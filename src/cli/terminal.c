/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void ll_terminal_open(struct ll_terminal *terminal, pid_t ours)
{
    memset(terminal, 0, sizeof(*terminal));
    terminal->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    terminal->ours = ours;
}

int ll_terminal_is_ours(const struct ll_terminal *terminal)
{
    return terminal->fd >= 0 && tcgetpgrp(terminal->fd) == terminal->ours;
}

static int is_pipe(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

int ll_terminal_is_for_command(const struct ll_terminal *terminal)
{
    return ll_terminal_is_ours(terminal) && isatty(STDIN_FILENO) &&
           !is_pipe(STDOUT_FILENO);
}

void ll_terminal_give(struct ll_terminal *terminal, pid_t group)
{
    if (terminal->given_to == 0) {
        terminal->modes_known = tcgetattr(terminal->fd, &terminal->modes) == 0;
    }
    if (tcsetpgrp(terminal->fd, group) == 0) {
        terminal->given_to = group;
    }
}

/** Whether the terminal's foreground group has ended. */
static int is_orphaned(const struct ll_terminal *terminal)
{
    pid_t group = tcgetpgrp(terminal->fd);

    return group > 0 && kill(-group, 0) != 0 && errno == ESRCH;
}

void ll_terminal_take_back(struct ll_terminal *terminal, int died)
{
    if (terminal->given_to == 0) {
        return;
    }
    if (tcgetpgrp(terminal->fd) != terminal->given_to &&
        !is_orphaned(terminal)) {
        return; /* a shell has given it to another job */
    }
    tcsetpgrp(terminal->fd, terminal->ours);
    if (died && terminal->modes_known) {
        tcsetattr(terminal->fd, TCSADRAIN, &terminal->modes);
    }
}
