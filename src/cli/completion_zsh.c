/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The script for zsh: arguments for its function _arguments.
 */
#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

/** What does not depend on the tables, before and after what does. */
/* clang-format off */
static const char *const head[] = {
    "#compdef leaselock",
    "# zsh completion for leaselock; \"leaselock completion zsh\" prints it.",
    "",
    "_leaselock_names() {",
    "    local -a names",
    "    local expl",
    "    names=(\"${(@f)$(leaselock __complete zsh \"${(Q)PREFIX}\" \\",
    "        \"${(@Q)_leaselock_words}\" 2>/dev/null </dev/null)}\")",
    "    names=(\"${(@)names:#}\")",
    "    _wanted locks expl 'name of a lock' compadd -a - names",
    "}",
    "",
    "_leaselock_cmd() {",
    "    if [[ $words[1] == -- && $CURRENT -gt 1 ]]; then",
    "        shift words",
    "        (( CURRENT-- ))",
    "    fi",
    "    if (( CURRENT == 1 )); then",
    "        _command_names -e",
    "    else",
    "        _normal",
    "    fi",
    "}",
    NULL};
/* clang-format on */

/* clang-format off */
static const char *const tail[] = {
    "_leaselock() {",
    "    local curcontext=$curcontext state line ret=1",
    "    local -a _leaselock_words _leaselock_opts",
    "    local -a _leaselock_args _leaselock_list",
    "    local -A opt_args",
    "    _leaselock_words=(\"${(@)words[2,CURRENT-1]}\")",
    "    _leaselock_options ''",
    "    _arguments -C -s -S -A '-*' : $_leaselock_opts '1: :->command' '*:: :->rest' && ret=0",
    "    case $state in",
    "    command)",
    "        _leaselock_commands",
    "        _describe -t commands 'command of leaselock' _leaselock_list && ret=0",
    "        ;;",
    "    rest)",
    "        curcontext=${curcontext%:*:*}:leaselock-$words[1]:",
    "        _leaselock_options $words[1]",
    "        _leaselock_operands $words[1]",
    "        _arguments -s -S $_leaselock_args && ret=0",
    "        ;;",
    "    esac",
    "    return ret",
    "}",
    "",
    "if [[ $funcstack[1] == _leaselock ]]; then",
    "    _leaselock \"$@\"",
    "else",
    "    compdef _leaselock leaselock",
    "fi",
    NULL};
/* clang-format on */

/** Prints a text, to stand within single quotes, with a backslash before each of
 *  some characters. */
static void print_escaped(const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            (void)fputs("'\\''", stdout);
            continue;
        }
        if (strchr(special, *text) != NULL) {
            putchar('\\');
        }
        putchar(*text);
    }
}

/** Prints the message and the action of a place. */
static void print_place(const char *message, const struct ll_place *place)
{
    putchar(':');
    print_escaped(message, ":\\");
    putchar(':');
    switch (place->kind) {
    case LL_PLACE_ANY:
        putchar(' ');
        break;
    case LL_PLACE_NAMES:
        (void)fputs("_leaselock_names", stdout);
        break;
    case LL_PLACE_FILES:
        (void)fputs("_files", stdout);
        break;
    case LL_PLACE_WORDS:
        printf("(%s)", place->words);
        break;
    }
}

static void print_option(const struct ll_script_option *option)
{
    const char *equals = option->argument != NULL ? "=" : "";
    const char *plus = option->argument != NULL ? "+" : "";

    (void)fputs("            ", stdout);
    if (option->letter == '\0') {
        printf("'--%s%s", option->name, equals);
    } else if (option->repeats) {
        printf("'*'{-%c%s,--%s%s}'", option->letter, plus, option->name,
               equals);
    } else {
        printf("'(-%c --%s)'{-%c%s,--%s%s}'", option->letter, option->name,
               option->letter, plus, option->name, equals);
    }
    putchar('[');
    print_escaped(option->help, "[]\\");
    putchar(']');
    if (option->argument != NULL) {
        print_place(option->argument, &option->place);
    }
    puts("'");
}

static void print_options(const char *command, unsigned groups)
{
    struct ll_script_option option;

    printf("    %s)\n        _leaselock_opts=(\n", command);
    for (size_t at = 0; ll_script_option_next(groups, &at, &option) == 0;) {
        print_option(&option);
    }
    puts("        )\n        ;;");
}

static void print_operands(const struct ll_command *command)
{
    int n = ll_script_operands_n(command);

    printf("    %s) _leaselock_args=(%s: $_leaselock_opts", command->name,
           command->cmd_at > 0 ? "-A '-*' " : "");
    for (int operand = 1; operand <= n; operand++) {
        struct ll_place place;

        ll_script_operand(command, operand, &place);
        printf(" '%d", operand);
        print_place(" ", &place);
        putchar('\'');
    }
    if (command->cmd_at > 0) {
        (void)fputs(" '*::: :_leaselock_cmd'", stdout);
    }
    puts(") ;;");
}

void ll_script_zsh(void)
{
    const struct ll_command *command;

    ll_script_lines(head);
    puts("\n# Sets _leaselock_opts to the options of a command.\n"
         "_leaselock_options() {\n    case $1 in");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        print_options(command->name, command->options);
    }
    print_options("*", LL_OPTION_ANY);
    puts("    esac\n}\n\n"
         "# Sets _leaselock_args to the arguments for _arguments.\n"
         "_leaselock_operands() {\n    case $1 in");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        print_operands(command);
    }
    puts("    *) _leaselock_args=(: $_leaselock_opts) ;;\n    esac\n}\n\n"
         "_leaselock_commands() {\n    _leaselock_list=(");
    for (size_t i = 0; (command = ll_command_at(i)) != NULL; i++) {
        printf("        '%s:", command->name);
        print_escaped(command->summary, ":\\");
        puts("'");
    }
    puts("    )\n}\n");
    ll_script_lines(tail);
}
