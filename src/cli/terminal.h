/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_TERMINAL_H
#define LL_CLI_TERMINAL_H

#include <sys/types.h>
#include <termios.h>

/** The controlling terminal, which has one foreground process group at a time:
 *  only that one may read it, and gets ^C and ^Z. */
struct ll_terminal {
    /** -1 when there is none. */
    int fd;
    /** The group of the job that the tool is part of. */
    pid_t ours;
    /** The group that was given the terminal; 0 when none was. */
    pid_t given_to;
    struct termios modes;
    int modes_known;
};

/** Opens the controlling terminal if there is one. */
void ll_terminal_open(struct ll_terminal *terminal, pid_t ours);

/** Whether the tool's job is in the foreground. */
int ll_terminal_is_ours(const struct ll_terminal *terminal);

/**
 * Whether CMD gets the terminal as soon as it starts: if it reads from it and
 * the tool is not part of a pipe, whose other processes may need it.
 */
int ll_terminal_is_for_command(const struct ll_terminal *terminal);

/** Gives the terminal to a group. The caller must have SIGTTOU blocked. */
void ll_terminal_give(struct ll_terminal *terminal, pid_t group);

/**
 * Takes the terminal back if it was given away.
 *
 * @param died  not 0: CMD was killed, so the terminal's modes are restored, too
 */
void ll_terminal_take_back(struct ll_terminal *terminal, int died);

#endif
