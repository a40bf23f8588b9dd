/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_COMPLETION_H
#define LL_CLI_COMPLETION_H

#include <stddef.h>

#include "cli/command.h"
#include "cli/options.h"

/**
 * The scripts for the shells' completion, made from the tables of commands, of
 * options and of settings. What an option or an operand takes follows from its
 * description in a help text: NAME is a lock's name, FILE a file, COMMAND a
 * command, and words in small letters are to be typed as they are.
 */

/** What can be completed at a place of the command line. */
enum ll_place_kind {
    /** Anything can stand there: a time, a number, a text. */
    LL_PLACE_ANY,
    /** The name of a lock, or how names begin. */
    LL_PLACE_NAMES,
    LL_PLACE_FILES,
    /** One of a list of words. */
    LL_PLACE_WORDS
};

struct ll_place {
    enum ll_place_kind kind;
    /** Separated by blanks. */
    char words[512];
};

/** An option in the scripts. */
struct ll_script_option {
    /** 0: it has no letter. */
    char letter;
    const char *name;
    /** NULL: a switch. */
    const char *argument;
    const char *help;
    /** Not 0: it may be repeated. */
    int repeats;
    /** What its argument is. */
    struct ll_place place;
};

/**
 * The options of a command with these groups, one after the other.
 *
 * @param at  0 at first; advanced
 * @return 0, or -1 when there are no more
 */
int ll_script_option_next(unsigned groups,
                          size_t *at,
                          struct ll_script_option *ret_option);

/** What stands at an operand of a command, the first of which is 1. */
void ll_script_operand(const struct ll_command *command,
                       int operand,
                       struct ll_place *ret_place);

/** The most operands of a command, without those of CMD. */
int ll_script_operands_n(const struct ll_command *command);

/** Prints lines, up to a NULL. */
void ll_script_lines(const char *const *lines);

void ll_script_bash(void);
void ll_script_zsh(void);
void ll_script_fish(void);

#endif
