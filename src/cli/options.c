/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaselock/config.h"
#include "leaselock/leaselock.h"

#include "base/near.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/feed.h"
#include "cli/option_value.h"
#include "cli/report.h"

#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_TTL_S 10
#define DEFAULT_LISTEN "127.0.0.1:9700"
#define DEFAULT_SERIES_MAX 1000

/** One option: its names, and the field of struct ll_options that it sets. */
struct spec {
    enum ll_option_kind kind;
    /** 0: none. */
    char letter;
    unsigned groups;
    const char *name;
    const char *variable;
    /** etcdctl's variable, used if the tool's own is not set. */
    const char *etcdctl;
    const char *argument;
    size_t field;
    const char *help;
};

#define FIELD(name) offsetof(struct ll_options, name)

/* An option that says what a lock means has no variable: a command that takes
 * another lock inside CMD would inherit it.
 *
 * If two options set one field, the later one wins: by their order here for the
 * environment, by their order on the command line for arguments. */
static const struct spec specs[] = {
    {LL_OPTION_KIND_ALSO, 'a', LL_OPTION_LOCK, "also", NULL, NULL, "NAME",
     FIELD(also_n), "another lock, too: all at once; may be repeated"},
    {LL_OPTION_KIND_FLAG, 's', LL_OPTION_LOCK, "shared", NULL, NULL, NULL,
     FIELD(shared), "hold it together with others that ask for this"},
    {LL_OPTION_KIND_PERMITS, 'p', LL_OPTION_LOCK | LL_OPTION_ESTIMATE,
     "permits", NULL, NULL, "N", FIELD(permits),
     "hold one of N permits; all clients name the same N"},
    {LL_OPTION_KIND_DELAY, 'D', LL_OPTION_LOCK, "lock-delay", NULL, NULL,
     "TIME", FIELD(lock_delay_ms),
     "after this holder's crash, delay the next by TIME"},
    {LL_OPTION_KIND_DELAY, 'O', LL_OPTION_LOCK, "foreign-delay", NULL, NULL,
     "TIME", FIELD(foreign_delay_ms),
     "delay after a crash of a foreign holder"},
    {LL_OPTION_KIND_TIME, 'w', LL_OPTION_LOCK | LL_OPTION_ELECT, "wait",
     "LEASELOCK_WAIT", NULL, "TIME", FIELD(wait_ms),
     "stop waiting after TIME; 0 is --try (default: no limit)"},
    {LL_OPTION_KIND_NO_TIME, 'n', LL_OPTION_LOCK | LL_OPTION_ELECT, "try",
     "LEASELOCK_TRY", NULL, NULL, FIELD(wait_ms),
     "do not wait when the lock is held"},
    {LL_OPTION_KIND_FLAG, 'A', LL_OPTION_LOCK | LL_OPTION_ELECT, "again", NULL,
     NULL, NULL, FIELD(again), "after a loss queue again, and run CMD again"},
    {LL_OPTION_KIND_FLAG, 'R', LL_OPTION_LOCK | LL_OPTION_ELECT, "no-requeue",
     "LEASELOCK_NO_REQUEUE", NULL, NULL, FIELD(no_requeue),
     "exit if etcd does not answer for longer than the TTL"},
    {LL_OPTION_KIND_TTL, 't',
     LL_OPTION_LOCK | LL_OPTION_ELECT | LL_OPTION_ESTIMATE, "ttl",
     "LEASELOCK_TTL", NULL, "TIME", FIELD(ttl_s),
     "time to live of the lease (default 10s, 1s to 24h)"},
    {LL_OPTION_KIND_EXIT_CODE, 'E', LL_OPTION_LOCK | LL_OPTION_ELECT,
     "conflict-exit-code", "LEASELOCK_CONFLICT_EXIT_CODE", NULL, "N",
     FIELD(conflict_exit),
     "exit status when -n or -w ends the wait (default 1)"},
    {LL_OPTION_KIND_TEXT, 'l', LL_OPTION_LOCK | LL_OPTION_ELECT, "label",
     "LEASELOCK_LABEL", NULL, "TEXT", FIELD(label),
     "a label that the queue shows (default: CMD's name)"},
    {LL_OPTION_KIND_TIME, 'g', LL_OPTION_LOCK | LL_OPTION_ELECT, "grace",
     "LEASELOCK_GRACE", NULL, "TIME", FIELD(grace_ms),
     "from SIGTERM to SIGKILL when the lock is lost"},
    {LL_OPTION_KIND_SIGNAL, 'Y', LL_OPTION_LOCK | LL_OPTION_ELECT, "on-yield",
     "LEASELOCK_ON_YIELD", NULL, "SIGNAL", FIELD(on_yield),
     "CMD's signal when asked to let go (default TERM)"},
    {LL_OPTION_KIND_TEXT, 'r', LL_OPTION_YIELD, "reason", NULL, NULL, "TEXT",
     FIELD(reason), "why, for the holder"},
    {LL_OPTION_KIND_NUMBER, 'L', LL_OPTION_QUEUE | LL_OPTION_OBSERVE, "limit",
     "LEASELOCK_LIMIT", NULL, "N", FIELD(limit),
     "show the first N entries (default 0: all)"},
    {LL_OPTION_KIND_FLAG, 'W', LL_OPTION_WATCH, "watch", NULL, NULL, NULL,
     FIELD(watch), "follow the changes until it is ended"},
    {LL_OPTION_KIND_FLAG, 'o', LL_OPTION_TOP, "once", NULL, NULL, NULL,
     FIELD(once), "print a table and end"},
    {LL_OPTION_KIND_INTERVAL, 'i', LL_OPTION_WATCH | LL_OPTION_TOP, "interval",
     NULL, NULL, "TIME", FIELD(interval_ms),
     "time between two reads (default 2s)"},
    {LL_OPTION_KIND_TEXT, 'S', LL_OPTION_TOP, "sort", NULL, NULL, "KEY",
     FIELD(sort), "age, held, waiters, rate, name or mode (default age)"},
    {LL_OPTION_KIND_TEXT, 'f', LL_OPTION_TOP, "filter", NULL, NULL, "TEXT",
     FIELD(filter), "locks whose name or holder contains TEXT"},
    {LL_OPTION_KIND_TEXT, 'I', LL_OPTION_EXPORTER, "listen", "LEASELOCK_LISTEN",
     NULL, "ADDR", FIELD(listen),
     "serve at HOST:PORT (default 127.0.0.1:9700)"},
    {LL_OPTION_KIND_TEXT, 'P', LL_OPTION_EXPORTER, "prefix", NULL, NULL,
     "PREFIX", FIELD(prefix), "only locks whose names begin with PREFIX"},
    {LL_OPTION_KIND_NUMBER, 'M', LL_OPTION_EXPORTER, "series-max",
     "LEASELOCK_SERIES_MAX", NULL, "N", FIELD(series_max),
     "show at most N locks (default 1000, 0: no limit)"},
    {LL_OPTION_KIND_FLAG, 'y', LL_OPTION_BREAK, "yes", NULL, NULL, NULL,
     FIELD(yes), "do not ask"},
    {LL_OPTION_KIND_FLAG, 'F', LL_OPTION_BREAK, "force", NULL, NULL, NULL,
     FIELD(force), "delete a key that is no ticket, too"},
    {LL_OPTION_KIND_NUMBER, 0, LL_OPTION_ESTIMATE, "clients", NULL, NULL, "N",
     FIELD(estimate.clients), "how many clients there are"},
    {LL_OPTION_KIND_RATE, 0, LL_OPTION_ESTIMATE, "rate", NULL, NULL, "RATE",
     FIELD(estimate.rate_per_s), "acquires of all clients, as 5/s or 100/min"},
    {LL_OPTION_KIND_REAL_TIME, 0, LL_OPTION_ESTIMATE, "think", NULL, NULL,
     "TIME", FIELD(estimate.think_s),
     "instead: from a client's release to its next acquire"},
    {LL_OPTION_KIND_REAL_TIME, 0, LL_OPTION_ESTIMATE, "hold", NULL, NULL,
     "TIME", FIELD(estimate.hold_s), "how long the lock is held, on average"},
    {LL_OPTION_KIND_REAL, 0, LL_OPTION_ESTIMATE, "hold-cv", NULL, NULL, "X",
     FIELD(estimate.hold_cv),
     "its spread by its mean (default 1; 0: constant)"},
    {LL_OPTION_KIND_REAL_TIME, 0, LL_OPTION_ESTIMATE, "hold-sd", NULL, NULL,
     "TIME", FIELD(estimate.hold_sd_s), "instead: its standard deviation"},
    {LL_OPTION_KIND_REAL_TIME, 0, LL_OPTION_ESTIMATE, "handover", NULL, NULL,
     "TIME", FIELD(estimate.handover_s),
     "from a release to the next grant (default 1ms)"},
    {LL_OPTION_KIND_REAL_TIME, 0, LL_OPTION_ESTIMATE, "acquire", NULL, NULL,
     "TIME", FIELD(estimate.acquire_s),
     "an acquire of a free lock (default: the hand-over)"},
    {LL_OPTION_KIND_FLAG, 0, LL_OPTION_ESTIMATE, "measure", NULL, NULL, NULL,
     FIELD(estimate.measure), "measure these two in etcd"},
    {LL_OPTION_KIND_DAILY, 0, LL_OPTION_ESTIMATE, "crashes", NULL, NULL, "RATE",
     FIELD(estimate.crashes_per_day), "of one client, as 0.1/day (default 0)"},
    {LL_OPTION_KIND_REAL_TIME, 0, LL_OPTION_ESTIMATE, "within", NULL, NULL,
     "TIME", FIELD(estimate.within_s),
     "how probable is a grant in TIME (default: the mean)"},
    {LL_OPTION_KIND_TEXT, 'e', LL_OPTION_ANY, "endpoints", NULL, NULL, "LIST",
     FIELD(endpoints), "HOST:PORT,... or a URL (default 127.0.0.1:2379)"},
    {LL_OPTION_KIND_SOME_TIME, 'T', LL_OPTION_ANY, "timeout",
     "LEASELOCK_TIMEOUT", "ETCDCTL_COMMAND_TIMEOUT", "TIME", FIELD(timeout_ms),
     "longest wait for etcd's answer (default 5s)"},
    {LL_OPTION_KIND_FLAG, 'j', LL_OPTION_ANY, "json", "LEASELOCK_JSON", NULL,
     NULL, FIELD(json), "print JSON"},
    {LL_OPTION_KIND_COUNT, 'v', LL_OPTION_ANY, "verbose", "LEASELOCK_VERBOSE",
     NULL, NULL, FIELD(verbose),
     "report events on stderr; twice: each protocol step"},
    {LL_OPTION_KIND_FLAG, 'h', LL_OPTION_ANY, "help", NULL, NULL, NULL,
     FIELD(help), "print this help"},
    {LL_OPTION_KIND_FLAG, 'V', LL_OPTION_ANY, "version", NULL, NULL, NULL,
     FIELD(version), "print the version"},
};

#define SPECS_N (sizeof(specs) / sizeof(specs[0]))

void ll_options_init(struct ll_options *options)
{
    memset(options, 0, sizeof(*options));
    options->connection =
        (struct leaselock_client_options)LEASELOCK_CLIENT_OPTIONS_INIT;
    options->timeout_ms = DEFAULT_TIMEOUT_MS;
    options->wait_ms = LEASELOCK_FOREVER;
    options->ttl_s = DEFAULT_TTL_S;
    options->conflict_exit = LL_EXIT_NOT_ACQUIRED;
    options->grace_ms = -1;
    options->on_yield = SIGTERM;
    options->interval_ms = LL_FEED_INTERVAL_MS;
    options->estimate = LL_ESTIMATE_NOTHING;
    options->listen = DEFAULT_LISTEN;
    options->series_max = DEFAULT_SERIES_MAX;
}

static void *field_of(struct ll_options *options, const struct spec *spec)
{
    return (char *)options + spec->field;
}

static int read_variable(struct ll_options *options,
                         const struct spec *spec,
                         const char *variable)
{
    const char *text = getenv(variable);
    const char *wanted = NULL;
    char hint[LL_NEAR_HINT_SIZE];
    int times;

    if (text == NULL || *text == '\0') {
        return 0;
    }
    if (spec->argument != NULL) {
        wanted = ll_option_set(spec->kind, field_of(options, spec), text);
    } else if (ll_option_number(text, &times) == 0) {
        ll_option_switch(spec->kind, field_of(options, spec), times);
    } else {
        wanted = "1 or 0";
    }
    if (wanted != NULL) {
        ll_say("the variable %s is \"%s\", which is not %s%s", variable, text,
               wanted, ll_option_hint(spec->kind, text, hint));
        return LL_EXIT_USAGE;
    }
    return 0;
}

static int is_set(const char *variable)
{
    const char *text = getenv(variable);

    return text != NULL && *text != '\0';
}

int ll_options_read_environment(struct ll_options *options, unsigned groups)
{
    for (size_t i = 0; i < SPECS_N; i++) {
        const struct spec *spec = &specs[i];
        const char *variable = spec->variable;
        int status;

        if (variable == NULL || (spec->groups & groups) == 0) {
            continue;
        }
        if (spec->etcdctl != NULL && !is_set(variable)) {
            variable = spec->etcdctl;
        }
        status = read_variable(options, spec, variable);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/** The option for a return value of getopt_long, which is its letter, or its
 *  index plus CHAR_MAX + 1. NULL: an option of the connection, whose indices
 *  follow. */
static const struct spec *spec_of(int answer)
{
    if (answer > CHAR_MAX) {
        answer -= CHAR_MAX + 1;
        return (size_t)answer < SPECS_N ? &specs[answer] : NULL;
    }
    for (size_t i = 0; i < SPECS_N; i++) {
        if (specs[i].letter == answer) {
            return &specs[i];
        }
    }
    return NULL;
}

/** Fills getopt_long's two tables from the table above. */
static void make_tables(unsigned groups,
                        int in_order,
                        char *ret_letters,
                        struct option *ret_options)
{
    size_t n = 0;

    if (in_order) {
        *ret_letters++ = '+';
    }
    *ret_letters++ = ':';
    for (size_t i = 0; i < SPECS_N; i++) {
        if ((specs[i].groups & groups) == 0) {
            continue;
        }
        if (specs[i].letter != 0) {
            *ret_letters++ = specs[i].letter;
            if (specs[i].argument != NULL) {
                *ret_letters++ = ':';
            }
        }
        ret_options[n++] = (struct option){
            specs[i].name,
            specs[i].argument != NULL ? required_argument : no_argument, NULL,
            CHAR_MAX + 1 + (int)i};
    }
    *ret_letters = '\0';
    n += ll_connection_add_options(ret_options + n, CHAR_MAX + 1 + SPECS_N);
    ret_options[n] = (struct option){NULL, 0, NULL, 0};
}

int ll_option_at(size_t index, struct ll_option_about *ret_about)
{
    const struct spec *spec;

    if (index >= SPECS_N) {
        return -1;
    }
    spec = &specs[index];
    *ret_about =
        (struct ll_option_about){spec->kind, spec->groups,   spec->letter,
                                 spec->name, spec->argument, spec->help};
    return 0;
}

/** Suggests the option that is nearest to an unknown word, "--NAME" or
 *  "--NAME=VALUE". */
static const char *
option_hint(unsigned groups, const char *word, char hint[LL_NEAR_HINT_SIZE])
{
    const struct leaselock_setting *setting;
    struct ll_near near;

    if (strncmp(word, "--", 2) != 0) {
        return "";
    }
    ll_near_begin(&near, word + 2, strcspn(word + 2, "="));
    for (size_t i = 0; i < SPECS_N; i++) {
        if ((specs[i].groups & groups) != 0) {
            ll_near_try(&near, specs[i].name);
        }
    }
    for (unsigned i = 0; (setting = leaselock_setting_at(i)) != NULL; i++) {
        ll_near_try(&near, setting->name);
    }
    return ll_near_hint(&near, "--", hint);
}

/** Reports the word that getopt_long stopped at. */
static int refuse(unsigned groups, const char *command, int answer, char **argv)
{
    char hint[LL_NEAR_HINT_SIZE];
    char letter[3] = {'-', (char)optopt, '\0'};
    const char *word =
        optopt > 0 && optopt <= CHAR_MAX ? letter : argv[optind - 1];

    if (answer == ':') {
        return ll_say_usage(command, "the option %s needs a value", word);
    }
    if (optopt > CHAR_MAX) {
        return ll_say_usage(command, "the option %s takes no value", word);
    }
    return ll_say_usage(command, "there is no option %s%s", word,
                        option_hint(groups, word, hint));
}

int ll_options_read_arguments(struct ll_options *options,
                              unsigned groups,
                              const char *command,
                              int argc,
                              char **argv,
                              int in_order,
                              int *ret_operand)
{
    char letters[2 * SPECS_N + 3];
    struct option longs[SPECS_N + LL_CONNECTION_OPTIONS_MAX + 1];
    int times[SPECS_N] = {0};
    char hint[LL_NEAR_HINT_SIZE];
    int answer;

    make_tables(groups, in_order, letters, longs);
    opterr = 0;
    optind = 0; /* glibc: restart the scan */
    while ((answer = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const struct spec *spec;
        const char *wanted;

        if (answer == '?' || answer == ':') {
            return refuse(groups, command, answer, argv);
        }
        spec = spec_of(answer);
        if (spec == NULL) {
            int code = ll_connection_set(&options->connection,
                                         (unsigned)answer - CHAR_MAX - 1 -
                                             (unsigned)SPECS_N,
                                         optarg, command);

            if (code != 0) {
                return code;
            }
            continue;
        }
        if (spec->argument == NULL) {
            ll_option_switch(spec->kind, field_of(options, spec),
                             ++times[spec - specs]);
            continue;
        }
        wanted = ll_option_set(spec->kind, field_of(options, spec), optarg);
        if (wanted != NULL) {
            return ll_say_usage(command, "--%s is \"%s\", which is not %s%s",
                                spec->name, optarg, wanted,
                                ll_option_hint(spec->kind, optarg, hint));
        }
    }
    *ret_operand = optind;
    return 0;
}

void ll_options_print_help(unsigned groups)
{
    for (size_t i = 0; i < SPECS_N; i++) {
        const struct spec *spec = &specs[i];
        char names[40];

        if ((spec->groups & groups) == 0) {
            continue;
        }
        (void)snprintf(names, sizeof(names), "%c%c%c --%s%s%s",
                       spec->letter != 0 ? '-' : ' ',
                       spec->letter != 0 ? spec->letter : ' ',
                       spec->letter != 0 ? ',' : ' ', spec->name,
                       spec->argument != NULL ? " " : "",
                       spec->argument != NULL ? spec->argument : "");
        printf("  %-26s %s\n", names, spec->help);
    }
}

/** Replaces a word of the command line by a copy, and overwrites it from @from
 *  on. */
static void hide(const char **word, size_t from)
{
    /* Reachable until the process ends, for the leak sanitizer. */
    static char *copies[3];
    static size_t copies_n;
    char *copy = strdup(*word);

    if (copy == NULL || copies_n == sizeof(copies) / sizeof(copies[0])) {
        free(copy);
        return;
    }
    copies[copies_n++] = copy;
    memset((char *)(uintptr_t)*word + from, '*', strlen(*word + from));
    *word = copy;
}

void ll_options_hide(struct ll_options *options)
{
    struct leaselock_client_options *connection = &options->connection;
    const char *colon =
        connection->user != NULL ? strchr(connection->user, ':') : NULL;

    if (connection->password != NULL) {
        hide(&connection->password, 0);
    }
    if (colon != NULL) {
        hide(&connection->user, (size_t)(colon - connection->user) + 1);
    }
    if (options->endpoints != NULL && strchr(options->endpoints, '@') != NULL) {
        hide(&options->endpoints, 0);
    }
}
