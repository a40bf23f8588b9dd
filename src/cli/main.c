/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/connect.h"
#include "cli/connection.h"
#include "cli/report.h"

static int help(const struct ll_options *options, int argc, char **argv);
static int say_no_command(const char *name);

/** Every command; a new one needs a line here and a file of its own. */
static const struct ll_command commands[] = {
    {"lock", "NAME [[--] CMD ARG...]",
     "run CMD while the lock is held; without CMD hold it until a signal",
     LL_OPTION_ANY | LL_OPTION_LOCK, 1, 1, ll_cli_lock},
    {"elect", "NAME VALUE [[--] CMD ARG...]",
     "run CMD while leading; without CMD lead until a signal",
     LL_OPTION_ANY | LL_OPTION_ELECT, 2, 1, ll_cli_elect},
    {"leader", "NAME", "show what the leader of an election proclaims",
     LL_OPTION_ANY, 0, 1, ll_cli_leader},
    {"observe", "NAME", "print each leader of an election as a line",
     LL_OPTION_ANY | LL_OPTION_OBSERVE, 0, 1, ll_cli_observe},
    {"queue", "NAME", "show who holds the lock and who waits for it",
     LL_OPTION_ANY | LL_OPTION_QUEUE | LL_OPTION_WATCH, 0, 1, ll_cli_queue},
    {"ls", "[PREFIX]", "list the locks that are held, and who holds them",
     LL_OPTION_ANY | LL_OPTION_WATCH, 0, 1, ll_cli_ls},
    {"top", "[PREFIX]", "show the locks on the whole screen as they change",
     LL_OPTION_ANY | LL_OPTION_TOP, 0, 1, ll_cli_top},
    {"yield", "NAME", "ask the holders of a lock to let go",
     LL_OPTION_ANY | LL_OPTION_YIELD, 0, 1, ll_cli_yield},
    {"break", "NAME [KEY]", "take a lock from its holder",
     LL_OPTION_ANY | LL_OPTION_BREAK, 0, 1, ll_cli_break},
    {"deadlocks", "[PREFIX]", "show sessions that wait for each other's locks",
     LL_OPTION_ANY, 0, 1, ll_cli_deadlocks},
    {"exporter", "", "serve metrics of all locks to Prometheus",
     LL_OPTION_ANY | LL_OPTION_EXPORTER, 0, 1, ll_cli_exporter},
    {"ping", "", "show which endpoints answer", LL_OPTION_ANY, 0, 1,
     ll_cli_ping},
    {"estimate", "", "predict how long clients wait for a lock",
     LL_OPTION_ANY | LL_OPTION_ESTIMATE, 0, 0, ll_cli_estimate},
    {"settings", "", "show the settings in use and where each comes from",
     LL_OPTION_ANY, 0, 0, ll_cli_settings},
    {"completion", "bash | zsh | fish",
     "print the script with which a shell completes words", LL_OPTION_ANY, 0, 0,
     ll_cli_completion},
    {"help", "[COMMAND | connection]",
     "show the options of a command, or those for the connection",
     LL_OPTION_ANY, 0, 0, help},
};

#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

const struct ll_command *ll_command_at(size_t index)
{
    return index < COMMANDS_N ? &commands[index] : NULL;
}

static const struct ll_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int print_help(void)
{
    puts("usage: leaselock COMMAND [OPTION...] [ARG...]\n"
         "\n"
         "Ordered fair locks and leader election on etcd.\n"
         "\n"
         "commands:");
    for (size_t i = 0; i < COMMANDS_N; i++) {
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    puts("\noptions of every command:");
    ll_options_print_help(LL_OPTION_ANY);
    puts("\n"
         "'leaselock COMMAND --help' shows the options of one, 'leaselock help "
         "connection'\nthose for TLS, users, timeouts and so on; leaselock(1) "
         "says it all.");
    return ll_print_flush();
}

static int print_command_help(const struct ll_command *command)
{
    printf("usage: leaselock %s [OPTION...]%s%s\n"
           "\n"
           "%s: %s\n"
           "\n"
           "options:\n",
           command->name, command->operands[0] != '\0' ? " " : "",
           command->operands, command->name, command->summary);
    ll_options_print_help(command->options);
    puts("\n"
         "Most are also taken from the environment, LEASELOCK_TIMEOUT for "
         "--timeout and so\non. 'leaselock help connection' shows the options "
         "for TLS, users and the like.");
    return ll_print_flush();
}

static int print_connection_help(void)
{
    puts("Options for the connection, of every command:");
    ll_connection_print_help();
    puts(
        "\n"
        "A TIME is 2s, 500ms, 1m30s, or seconds. Each is also taken from the "
        "environment,\nLEASELOCK_CACERT for --cacert and so on, from etcdctl's "
        "variables, from a URL\nthat --endpoints names, and from "
        "~/.config/leaselock.conf or /etc/leaselock.conf;\n'leaselock "
        "settings' shows what counts, and leaselock-settings(5) says it all.");
    return ll_print_flush();
}

static int help(const struct ll_options *options, int argc, char **argv)
{
    const struct ll_command *command;

    (void)options;
    if (argc == 0) {
        return print_help();
    }
    if (argc > 1) {
        return ll_say_usage("help", "unexpected argument \"%s\"", argv[1]);
    }
    if (strcmp(argv[0], "connection") == 0) {
        return print_connection_help();
    }
    command = find_command(argv[0]);
    return command != NULL ? print_command_help(command)
                           : say_no_command(argv[0]);
}

static int print_version(void)
{
    printf("leaselock %s\n", LEASELOCK_VERSION);
    if (strcmp(LEASELOCK_VERSION, leaselock_version()) != 0) {
        printf("library %s\n", leaselock_version());
    }
    return ll_print_flush();
}

static int say_no_command(const char *name)
{
    char names[256] = "";
    char hint[LL_NEAR_HINT_SIZE];
    struct ll_near near;
    size_t length = 0;

    for (size_t i = 0; i < COMMANDS_N && length < sizeof(names); i++) {
        length += (size_t)snprintf(names + length, sizeof(names) - length,
                                   "%s%s", i > 0 ? ", " : "", commands[i].name);
    }
    if (name == NULL) {
        return ll_say_usage(NULL, "a command is missing; there are: %s", names);
    }
    ll_near_begin(&near, name, strlen(name));
    for (size_t i = 0; i < COMMANDS_N; i++) {
        ll_near_try(&near, commands[i].name);
    }
    return ll_say_usage(NULL, "there is no command \"%s\"%s; there are: %s",
                        name, ll_near_hint(&near, "", hint), names);
}

/** Removes the "--" between the operands and CMD. */
static int split_cmd(const struct ll_command *command, int *argc, char **argv)
{
    int at = command->cmd_at;

    for (int i = 1; i < *argc && i < at; i++) {
        if (argv[i][0] == '-') {
            return ll_say_usage(command->name,
                                "options go before NAME, and \"%s\" stands "
                                "behind it",
                                argv[i]);
        }
    }
    if (at == 0 || *argc <= at || argv[at][0] != '-') {
        return 0;
    }
    if (strcmp(argv[at], "--") != 0) {
        return ll_say_usage(command->name,
                            "options go before NAME; a CMD that begins with "
                            "'-' (as \"%s\" does) goes behind a '--'",
                            argv[at]);
    }
    if (*argc == at + 1) {
        return ll_say_usage(command->name, "CMD is missing behind the '--'");
    }
    memmove(argv + at, argv + at + 1, (size_t)(*argc - at) * sizeof(*argv));
    --*argc;
    return 0;
}

static int run_command(const struct ll_command *command,
                       struct ll_options *options,
                       int argc,
                       char **argv)
{
    int operand;
    int code =
        ll_options_read_arguments(options, command->options, command->name,
                                  argc, argv, command->cmd_at, &operand);

    if (code != 0) {
        return code;
    }
    if (options->help) {
        return print_command_help(command);
    }
    if (options->version) {
        return print_version();
    }
    argc -= operand;
    argv += operand;
    code = split_cmd(command, &argc, argv);
    ll_options_hide(options);
    if (code == 0 && command->connects) {
        code = ll_connect_ask(options);
    }
    return code != 0 ? code : command->run(options, argc, argv);
}

int main(int argc, char **argv)
{
    const struct ll_command *command = NULL;
    struct ll_options before;
    struct ll_options options;
    int operand = 1;
    int code;

    /* Names are UTF-8 in every locale; only their widths on the terminal depend
     * on the locale, and without it each character counts as one column. */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (argc > 1 && strcmp(argv[1], LL_COMPLETE_COMMAND) == 0) {
        return ll_complete(argc - 2, argv + 2);
    }
    ll_options_init(&options);
    before = options;
    code = ll_options_read_arguments(&before, LL_OPTION_ANY, NULL, argc, argv,
                                     1, &operand);
    if (code != 0) {
        return code;
    }
    if (before.help) {
        return print_help();
    }
    if (before.version) {
        return print_version();
    }
    command = operand < argc ? find_command(argv[operand]) : NULL;
    if (command == NULL) {
        return say_no_command(operand < argc ? argv[operand] : NULL);
    }
    /* The environment first, then the options before and after COMMAND. */
    code = ll_options_read_environment(&options, command->options);
    if (code == 0) {
        code = ll_options_read_arguments(&options, LL_OPTION_ANY, NULL, operand,
                                         argv, 1, &(int){0});
    }
    if (code != 0) {
        return code;
    }
    return run_command(command, &options, argc - operand, argv + operand);
}
