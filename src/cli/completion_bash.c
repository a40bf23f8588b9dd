/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The script for bash.
 */
#include <stdio.h>

#include "cli/completion.h"

/** What does not depend on the tables. */
/* clang-format off */
static const char *const script[] = {
    "# bash completion for leaselock; \"leaselock completion bash\" prints it.",
    "",
    "# Sets \"words\" to those up to the cursor, \"starts\" to their places in",
    "# COMP_WORDS, where = and : are words, too.",
    "_leaselock_split() {",
    "    local line=${COMP_LINE:0:COMP_POINT} piece i",
    "    words=() starts=()",
    "    for ((i = 0; i <= COMP_CWORD; i++)); do",
    "        piece=${COMP_WORDS[i]}",
    "        if [[ $i -eq 0 || $line == [[:space:]]* ]]; then",
    "            line=${line#\"${line%%[![:space:]]*}\"}",
    "            words+=('') starts+=(\"$i\")",
    "        fi",
    "        [[ $i -lt $COMP_CWORD ]] || piece=$line",
    "        words[${#words[@]}-1]+=$piece",
    "        line=${line#\"$piece\"}",
    "    done",
    "}",
    "",
    "# Completes CMD, which begins at the word $1.",
    "_leaselock_cmd() {",
    "    if declare -F _comp_command_offset >/dev/null; then",
    "        _comp_command_offset \"${starts[$1]}\"",
    "    elif declare -F _command_offset >/dev/null; then",
    "        _command_offset \"${starts[$1]}\"",
    "    elif [[ $1 -eq $((${#words[@]} - 1)) ]]; then",
    "        mapfile -t COMPREPLY < <(compgen -c -- \"$part\")",
    "    else",
    "        compopt -o default",
    "    fi",
    "}",
    "",
    "# Sets \"value\" if the last option in the word $1 takes the next word.",
    "_leaselock_last_option() {",
    "    local letters=${1#-}",
    "    if [[ $1 == --* ]]; then",
    "        _leaselock_value \"$1\"",
    "        return",
    "    fi",
    "    while [[ $letters ]]; do",
    "        _leaselock_value \"-${letters:0:1}\"",
    "        letters=${letters:1}",
    "        if [[ $value ]]; then",
    "            [[ -z $letters ]] || value=",
    "            return",
    "        fi",
    "    done",
    "}",
    "",
    "_leaselock() {",
    "    local words starts part drop value= items= command= word i",
    "    local operands=0 ended= at=0",
    "    COMPREPLY=()",
    "    _leaselock_split",
    "    part=${words[${#words[@]}-1]}",
    "    for ((i = 1; i < ${#words[@]} - 1; i++)); do",
    "        word=${words[i]}",
    "        if [[ $value ]]; then",
    "            value=",
    "        elif [[ -z $ended && $word == -- ]]; then",
    "            ended=1",
    "        elif [[ -z $ended && $word == --*=* ]]; then",
    "            :",
    "        elif [[ -z $ended && $word == -?* ]]; then",
    "            _leaselock_last_option \"$word\"",
    "        elif [[ -z $command ]]; then",
    "            command=$word ended=",
    "            _leaselock_cmd_at \"$command\"",
    "        else",
    "            operands=$((operands + 1))",
    "            [[ $at -eq 0 ]] || ended=1",
    "            if [[ $at -gt 0 && $operands -eq $at ]]; then",
    "                i=$((i + 1))",
    "                if [[ ${words[i]} == -- && $i -lt $((${#words[@]} - 1)) ]]; then",
    "                    i=$((i + 1))",
    "                fi",
    "                _leaselock_cmd \"$i\"",
    "                return",
    "            fi",
    "        fi",
    "    done",
    "    if [[ $value ]]; then",
    "        :",
    "    elif [[ -z $ended && $part == --*=* ]]; then",
    "        _leaselock_value \"${part%%=*}\"",
    "        part=${part#*=}",
    "    elif [[ -z $ended && $part == -* ]]; then",
    "        _leaselock_options \"$command\"",
    "    elif [[ -z $command ]]; then",
    "        _leaselock_commands",
    "    else",
    "        _leaselock_operand \"$command.$((operands + 1))\"",
    "    fi",
    "    case $value in",
    "    names)",
    "        mapfile -t COMPREPLY < <(leaselock __complete bash \"$part\" \\",
    "            \"${words[@]:1:${#words[@]}-2}\" 2>/dev/null </dev/null)",
    "        ;;",
    "    words) mapfile -t COMPREPLY < <(compgen -W \"$items\" -- \"$part\") ;;",
    "    files) compopt -o default ;;",
    "    esac",
    "    # Of a word with = or : bash replaces what is behind them, which is $2.",
    "    drop=${part%\"$2\"}",
    "    drop=${drop#[\\\"\\']}",
    "    for i in \"${!COMPREPLY[@]}\"; do",
    "        if [[ ${COMPREPLY[i]} == \"$drop\"* ]]; then",
    "            COMPREPLY[i]=${COMPREPLY[i]#\"$drop\"}",
    "        else",
    "            unset \"COMPREPLY[i]\"",
    "        fi",
    "    done",
    "}",
    "",
    "complete -F _leaselock leaselock",
    NULL};
/* clang-format on */

/** Prints what a place sets. */
static void print_place(const struct ll_place *place)
{
    switch (place->kind) {
    case LL_PLACE_ANY:
        (void)fputs("value=any", stdout);
        break;
    case LL_PLACE_NAMES:
        (void)fputs("value=names", stdout);
        break;
    case LL_PLACE_FILES:
        (void)fputs("value=files", stdout);
        break;
    case LL_PLACE_WORDS:
        printf("value=words items='%s'", place->words);
        break;
    }
    puts(" ;;");
}

/** Prints the option $1's value. */
static void print_values(void)
{
    struct ll_script_option option;

    puts("\n# Sets \"value\" to what the option $1 takes; a switch takes "
         "nothing.\n"
         "_leaselock_value() {\n"
         "    value= items=\n"
         "    case $1 in");
    for (size_t at = 0; ll_script_option_next(~0u, &at, &option) == 0;) {
        if (option.argument == NULL) {
            continue;
        }
        (void)fputs("    ", stdout);
        if (option.letter != '\0') {
            printf("-%c | ", option.letter);
        }
        printf("--%s) ", option.name);
        print_place(&option.place);
    }
    puts("    esac\n}");
}

/** Prints a line with the options of a command with these groups. */
static void print_options(const char *command, unsigned groups)
{
    struct ll_script_option option;

    printf("    %s) items='", command);
    for (size_t at = 0; ll_script_option_next(groups, &at, &option) == 0;) {
        printf(" --%s", option.name);
    }
    puts("' ;;");
}

static void print_commands(void)
{
    const struct ll_command *command;

    puts("\n# The options of the command $1.\n"
         "_leaselock_options() {\n"
         "    value=words\n"
         "    case $1 in");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        print_options(command->name, command->options);
    }
    print_options("*", LL_OPTION_ANY);
    puts("    esac\n}\n"
         "\n# Before how many operands of the command $1 CMD begins, if there "
         "is one.\n"
         "_leaselock_cmd_at() {\n"
         "    case $1 in");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        if (command->cmd_at > 0) {
            printf("    %s) at=%d ;;\n", command->name, command->cmd_at);
        }
    }
    puts("    esac\n}\n"
         "\n_leaselock_commands() {");
    (void)fputs("    value=words items='", stdout);
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        printf(" %s", command->name);
    }
    puts("'\n}");
}

static void print_operands(void)
{
    const struct ll_command *command;

    puts("\n# What stands at an operand; $1: COMMAND.NUMBER.\n"
         "_leaselock_operand() {\n"
         "    value= items=\n"
         "    case $1 in");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        int n = ll_script_operands_n(command);

        for (int operand = 1; operand <= n; operand++) {
            struct ll_place place;

            ll_script_operand(command, operand, &place);
            if (place.kind != LL_PLACE_ANY) {
                printf("    %s.%d) ", command->name, operand);
                print_place(&place);
            }
        }
    }
    puts("    esac\n}");
}

void ll_script_bash(void)
{
    ll_script_lines(script);
    print_values();
    print_commands();
    print_operands();
}
