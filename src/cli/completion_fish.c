/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The script for fish: a line "complete" for each option, command and operand.
 */
#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

/** What does not depend on the tables. */
/* clang-format off */
static const char *const script[] = {
    "# fish completion for leaselock; \"leaselock completion fish\" prints it.",
    "",
    "# Whether an option takes the next word. $argv: a word of options",
    "function __leaselock_waits",
    "    if string match -q -- '--*' $argv[1]",
    "        __leaselock_takes $argv[1]",
    "        return",
    "    end",
    "    set -l letters (string split '' -- (string sub -s 2 -- $argv[1]))",
    "    for i in (seq (count $letters))",
    "        if __leaselock_takes -$letters[$i]",
    "            test $i -eq (count $letters)",
    "            return",
    "        end",
    "    end",
    "    return 1",
    "end",
    "",
    "# Prints the command before the cursor, or \"-\", the number of its",
    "# operands, whether options may follow, and where CMD begins, or 0.",
    "function __leaselock_where",
    "    set -l tokens (commandline -opc)",
    "    set -l command -",
    "    set -l operands 0",
    "    set -l open yes",
    "    set -l value no",
    "    set -l at 0",
    "    for i in (seq 2 (count $tokens))",
    "        set -l token $tokens[$i]",
    "        if test $value = yes",
    "            set value no",
    "        else if test $open = yes; and test \"x$tokens[$i]\" = x--",
    "            set open no",
    "        else if test $open = yes; and string match -qr -- '^-.' \"$token\"",
    "            if not string match -q -- '--*=*' \"$tokens[$i]\"",
    "                and __leaselock_waits $tokens[$i]",
    "                set value yes",
    "            end",
    "        else if test $command = -",
    "            set command (string escape -- $tokens[$i])",
    "            set at (__leaselock_cmd_at $tokens[$i])",
    "            set open yes",
    "        else",
    "            set operands (math $operands + 1)",
    "            if test $at -gt 0",
    "                set open no",
    "                if test $operands -eq $at",
    "                    echo $command $operands no (math $i + 1)",
    "                    return",
    "                end",
    "            end",
    "        end",
    "    end",
    "    echo $command $operands $open 0",
    "end",
    "",
    "# Whether the options of one of the commands may stand at the cursor.",
    "function __leaselock_option",
    "    set -l where (string split ' ' -- (__leaselock_where))",
    "    test $where[3] = yes; and contains -- $where[1] $argv",
    "end",
    "",
    "# Whether the cursor is at an operand. $argv: a command, a number",
    "function __leaselock_operand",
    "    set -l where (string split ' ' -- (__leaselock_where))",
    "    test $where[4] -eq 0",
    "    and test x$where[1] = x$argv[1]",
    "    and test (math $where[2] + 1) -eq $argv[2]",
    "end",
    "",
    "function __leaselock_in_cmd",
    "    set -l where (string split ' ' -- (__leaselock_where))",
    "    test $where[4] -gt 0",
    "end",
    "",
    "function __leaselock_cmd",
    "    set -l where (string split ' ' -- (__leaselock_where))",
    "    set -l tokens (commandline -opc)",
    "    set -l begin $where[4]",
    "    set -l line",
    "    if test $begin -le (count $tokens); and test \"x$tokens[$begin]\" = x--",
    "        set begin (math $begin + 1)",
    "    end",
    "    if test $begin -le (count $tokens)",
    "        set line (string escape -- $tokens[$begin..-1])",
    "    end",
    "    complete --do-complete=(string join ' ' -- $line \"$(commandline -ct)\")",
    "end",
    "",
    "function __leaselock_names",
    "    set -l part (string replace -r '^--[a-z-]+=' '' -- \"$(commandline -ct)\")",
    "    set -l plain (string unescape -- $part)",
    "    or set plain (string trim -l -c '\"\\'' -- $part)",
    "    if string match -q -- '-*' $plain",
    "        return",
    "    end",
    "    set -l words (commandline -opc)",
    "    set -e words[1]",
    "    leaselock __complete fish \"$plain\" $words 2>/dev/null </dev/null",
    "end",
    NULL};
/* clang-format on */

/** Prints a text within single quotes. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar('\'');
}

/** Prints the function that says which options take a value. */
static void print_takes(void)
{
    struct ll_script_option option;

    (void)fputs("\nfunction __leaselock_takes\n    contains -- $argv[1]",
                stdout);
    for (size_t at = 0; ll_script_option_next(~0u, &at, &option) == 0;) {
        if (option.argument == NULL) {
            continue;
        }
        if (option.letter != '\0') {
            printf(" -%c", option.letter);
        }
        printf(" --%s", option.name);
    }
    puts("\nend");
}

/** Prints the function that says before how many operands CMD begins. */
static void print_cmd_at(void)
{
    const struct ll_command *command;

    puts("\nfunction __leaselock_cmd_at\n    switch \"$argv[1]\"");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        if (command->cmd_at > 0) {
            printf("        case %s\n            echo %d\n", command->name,
                   command->cmd_at);
        }
    }
    puts("        case '*'\n            echo 0\n    end\nend\n");
}

/** Whether a command with these groups has the option. */
static int has_option(unsigned groups, const char *name)
{
    struct ll_script_option option;

    for (size_t at = 0; ll_script_option_next(groups, &at, &option) == 0;) {
        if (strcmp(option.name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void print_place(const struct ll_place *place, const char *needs)
{
    switch (place->kind) {
    case LL_PLACE_ANY:
        printf(" -f%s", needs);
        break;
    case LL_PLACE_NAMES:
        printf(" -f%s -a '(__leaselock_names)'", needs);
        break;
    case LL_PLACE_FILES:
        printf(" -F%s", needs);
        break;
    case LL_PLACE_WORDS:
        printf(" -f%s -a '%s'", needs, place->words);
        break;
    }
}

static void print_option(const struct ll_script_option *option)
{
    const struct ll_command *command;

    (void)fputs("complete -c leaselock -n '__leaselock_option", stdout);
    if (has_option(LL_OPTION_ANY, option->name)) {
        (void)fputs(" -", stdout);
    }
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        if (has_option(command->options, option->name)) {
            printf(" %s", command->name);
        }
    }
    putchar('\'');
    if (option->letter != '\0') {
        printf(" -s %c", option->letter);
    }
    printf(" -l %s", option->name);
    if (option->argument != NULL) {
        print_place(&option->place, " -r");
    }
    (void)fputs(" -d ", stdout);
    print_quoted(option->help);
    putchar('\n');
}

static void print_command(const struct ll_command *command)
{
    int n = ll_script_operands_n(command);

    printf("complete -c leaselock -f -n '__leaselock_operand - 1' -a %s -d ",
           command->name);
    print_quoted(command->summary);
    putchar('\n');
    for (int operand = 1; operand <= n; operand++) {
        struct ll_place place;

        ll_script_operand(command, operand, &place);
        if (place.kind != LL_PLACE_ANY) {
            printf("complete -c leaselock -n '__leaselock_operand %s %d'",
                   command->name, operand);
            print_place(&place, "");
            putchar('\n');
        }
    }
}

void ll_script_fish(void)
{
    const struct ll_command *command;
    struct ll_script_option option;

    ll_script_lines(script);
    print_takes();
    print_cmd_at();
    puts("complete -c leaselock -f");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        print_command(command);
    }
    puts("complete -c leaselock -n __leaselock_in_cmd -a '(__leaselock_cmd)'");
    for (size_t at = 0; ll_script_option_next(~0u, &at, &option) == 0;) {
        print_option(&option);
    }
}
