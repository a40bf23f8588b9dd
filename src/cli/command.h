/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_COMMAND_H
#define LL_CLI_COMMAND_H

#include "cli/options.h"

/** The exit codes of the tool, besides those of CMD. */
enum ll_exit {
    LL_EXIT_OK = 0,
    LL_EXIT_NOT_ACQUIRED = 1,
    /** A deadlock was found, or a queue that would grow without end. */
    LL_EXIT_FOUND = 1,
    LL_EXIT_USAGE = 2,
    /** etcd cannot be reached, or answers with an error. */
    LL_EXIT_UNAVAILABLE = 69,
    /** The lock, or the place in its queue, is lost. */
    LL_EXIT_LOST = 70,
    /** The operating system refuses memory, a process or a descriptor. */
    LL_EXIT_SYSTEM = 71,
    /** The standard output cannot be written. */
    LL_EXIT_OUTPUT = 74,
    /** etcd refuses the credentials or the permission. */
    LL_EXIT_REFUSED = 77,
    LL_EXIT_CANNOT_RUN = 126,
    LL_EXIT_NOT_FOUND = 127,
    /** Plus the number of the signal. */
    LL_EXIT_SIGNAL = 128
};

/** One command of the tool: a line of main's table. */
struct ll_command {
    const char *name;
    /** The text after the options in the usage line. */
    const char *operands;
    /** A line for the list of commands. */
    const char *summary;
    /** The options that it accepts: LL_OPTION_ANY and others, or-ed. */
    unsigned options;
    /** Not 0: the words after so many operands are CMD's, options, too. */
    int cmd_at;
    /** Not 0: it connects to etcd, which may require a password. */
    int connects;
    /**
     * Runs the command.
     *
     * @param argc  the number of operands in argv
     * @param argv  the operands, followed by a NULL
     * @return the exit code
     */
    int (*run)(const struct ll_options *options, int argc, char **argv);
};

/** The commands, one after the other; NULL when there are no more. */
const struct ll_command *ll_command_at(size_t index);

int ll_cli_lock(const struct ll_options *options, int argc, char **argv);
int ll_cli_elect(const struct ll_options *options, int argc, char **argv);
int ll_cli_leader(const struct ll_options *options, int argc, char **argv);
int ll_cli_observe(const struct ll_options *options, int argc, char **argv);
int ll_cli_queue(const struct ll_options *options, int argc, char **argv);
int ll_cli_ls(const struct ll_options *options, int argc, char **argv);
int ll_cli_top(const struct ll_options *options, int argc, char **argv);
int ll_cli_yield(const struct ll_options *options, int argc, char **argv);
int ll_cli_break(const struct ll_options *options, int argc, char **argv);
int ll_cli_deadlocks(const struct ll_options *options, int argc, char **argv);
int ll_cli_ping(const struct ll_options *options, int argc, char **argv);
int ll_cli_estimate(const struct ll_options *options, int argc, char **argv);
int ll_cli_exporter(const struct ll_options *options, int argc, char **argv);
int ll_cli_settings(const struct ll_options *options, int argc, char **argv);
int ll_cli_completion(const struct ll_options *options, int argc, char **argv);

#endif
