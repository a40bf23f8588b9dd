#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaselock/config.h"
#include "leaselock/leaselock.h"

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/report.h"

#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_TTL_S 10
/** As of a session's options. */
#define TTL_MIN_S 1
#define TTL_MAX_S 86400
#define MS_PER_S 1000
#define EXIT_CODE_MAX 255
#define VERBOSE_MAX 2

enum kind {
    /** A switch. */
    KIND_FLAG,
    /** A switch that counts, up to VERBOSE_MAX. */
    KIND_COUNT,
    /** A switch that sets a time to 0. */
    KIND_NO_TIME,
    KIND_TEXT,
    /** One more of the list `also`. */
    KIND_ALSO,
    /** Kept as milliseconds. */
    KIND_TIME,
    /** As KIND_TIME, but more than 0. */
    KIND_SOME_TIME,
    /** A time of a lease, kept as seconds. */
    KIND_TTL,
    /** 0 to 255. */
    KIND_EXIT_CODE,
    /** A whole number, at least 0. */
    KIND_NUMBER
};

/** One option: its names, and the field of struct ll_options that it sets. */
struct spec {
    enum kind kind;
    char letter;
    unsigned groups;
    const char *name;
    const char *variable;
    /** etcdctl's, where ours is not set. */
    const char *etcdctl;
    const char *argument;
    size_t field;
    const char *help;
};

#define FIELD(name) offsetof(struct ll_options, name)

/* Where two set one field, the later wins: in the table for the environment,
 * on the line for the arguments. */
static const struct spec specs[] = {
    {KIND_ALSO, 'a', LL_OPTION_LOCK, "also", NULL, NULL, "NAME", FIELD(also_n),
     "another lock, too: all at once; may be repeated"},
    {KIND_TIME, 'w', LL_OPTION_LOCK | LL_OPTION_ELECT, "wait", "LEASELOCK_WAIT",
     NULL, "TIME", FIELD(wait_ms),
     "stop waiting after TIME; 0 is --try (default: no limit)"},
    {KIND_NO_TIME, 'n', LL_OPTION_LOCK | LL_OPTION_ELECT, "try",
     "LEASELOCK_TRY", NULL, NULL, FIELD(wait_ms),
     "do not wait when the lock is held"},
    {KIND_FLAG, 'A', LL_OPTION_LOCK | LL_OPTION_ELECT, "again", NULL, NULL,
     NULL, FIELD(again), "after a loss queue again, and run CMD again"},
    {KIND_FLAG, 'R', LL_OPTION_LOCK | LL_OPTION_ELECT, "no-requeue",
     "LEASELOCK_NO_REQUEUE", NULL, NULL, FIELD(no_requeue),
     "exit if etcd does not answer for longer than the TTL"},
    {KIND_TTL, 't', LL_OPTION_LOCK | LL_OPTION_ELECT, "ttl", "LEASELOCK_TTL",
     NULL, "TIME", FIELD(ttl_s),
     "time to live of the lease (default 10s, 1s to 24h)"},
    {KIND_EXIT_CODE, 'E', LL_OPTION_LOCK | LL_OPTION_ELECT,
     "conflict-exit-code", "LEASELOCK_CONFLICT_EXIT_CODE", NULL, "N",
     FIELD(conflict_exit),
     "exit status when -n or -w ends the wait (default 1)"},
    {KIND_TEXT, 'l', LL_OPTION_LOCK | LL_OPTION_ELECT, "label",
     "LEASELOCK_LABEL", NULL, "TEXT", FIELD(label),
     "a label that the queue shows (default: CMD's name)"},
    {KIND_TIME, 'g', LL_OPTION_LOCK | LL_OPTION_ELECT, "grace",
     "LEASELOCK_GRACE", NULL, "TIME", FIELD(grace_ms),
     "from SIGTERM to SIGKILL when the lock is lost"},
    {KIND_NUMBER, 'L', LL_OPTION_QUEUE | LL_OPTION_OBSERVE, "limit",
     "LEASELOCK_LIMIT", NULL, "N", FIELD(limit),
     "show the first N entries (default 0: all)"},
    {KIND_FLAG, 'y', LL_OPTION_BREAK, "yes", NULL, NULL, NULL, FIELD(yes),
     "do not ask"},
    {KIND_FLAG, 'F', LL_OPTION_BREAK, "force", NULL, NULL, NULL, FIELD(force),
     "delete a key that is no ticket, too"},
    {KIND_TEXT, 'e', LL_OPTION_ANY, "endpoints", NULL, NULL, "LIST",
     FIELD(endpoints), "HOST:PORT,... or a URL (default 127.0.0.1:2379)"},
    {KIND_SOME_TIME, 'T', LL_OPTION_ANY, "timeout", "LEASELOCK_TIMEOUT",
     "ETCDCTL_COMMAND_TIMEOUT", "TIME", FIELD(timeout_ms),
     "longest wait for etcd's answer (default 5s)"},
    {KIND_FLAG, 'j', LL_OPTION_ANY, "json", "LEASELOCK_JSON", NULL, NULL,
     FIELD(json), "print JSON"},
    {KIND_COUNT, 'v', LL_OPTION_ANY, "verbose", "LEASELOCK_VERBOSE", NULL, NULL,
     FIELD(verbose), "report events on stderr; twice: each protocol step"},
    {KIND_FLAG, 'h', LL_OPTION_ANY, "help", NULL, NULL, NULL, FIELD(help),
     "print this help"},
    {KIND_FLAG, 'V', LL_OPTION_ANY, "version", NULL, NULL, NULL, FIELD(version),
     "print the version"},
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
}

static int parse_number(const char *text, int *ret_number)
{
    char *end;
    long number;

    if (!isdigit((unsigned char)*text)) {
        return -1;
    }
    errno = 0;
    number = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || number > INT_MAX) {
        return -1;
    }
    *ret_number = (int)number;
    return 0;
}

/** Adds to the names of --also; the field is their number. */
static const char *add_name(void *field, const char *text)
{
    struct ll_options *options =
        (struct ll_options *)(void *)((char *)field - FIELD(also_n));

    if (options->also_n == LEASELOCK_NAMES_MAX - 1) {
        return "one of the first 59 of its kind";
    }
    if (leaselock_name_check(text) != NULL) {
        return "a name";
    }
    options->also[options->also_n++] = text;
    return NULL;
}

/** Sets the field of an option that takes @text. Returns what the text should
 *  have been, or NULL when all is well. */
static const char *
set_value(const struct spec *spec, void *field, const char *text)
{
    switch (spec->kind) {
    case KIND_FLAG:
    case KIND_COUNT:
    case KIND_NO_TIME:
        break;
    case KIND_TEXT:
        *(const char **)field = text;
        break;
    case KIND_ALSO:
        return add_name(field, text);
    case KIND_TIME:
        if (leaselock_duration_parse(text, field) != 0) {
            return "a time such as 2s, 500ms or 0.5, and at most 2000000s";
        }
        break;
    case KIND_SOME_TIME: {
        int ms;

        if (leaselock_duration_parse(text, &ms) != 0 || ms == 0) {
            return "a time such as 2s, 500ms or 0.5, more than 0 and at most "
                   "2000000s";
        }
        *(int *)field = ms;
        break;
    }
    case KIND_TTL: {
        int ms;

        if (leaselock_duration_parse(text, &ms) != 0 || ms % MS_PER_S != 0 ||
            ms < TTL_MIN_S * MS_PER_S || ms > TTL_MAX_S * MS_PER_S) {
            return "a time of whole seconds, as etcd counts leases, from 1s "
                   "to 24h, such as 30s, 2m or 30";
        }
        *(int *)field = ms / MS_PER_S;
        break;
    }
    case KIND_EXIT_CODE: {
        int code;

        if (parse_number(text, &code) != 0 || code > EXIT_CODE_MAX) {
            return "an exit code from 0 to 255";
        }
        *(int *)field = code;
        break;
    }
    case KIND_NUMBER:
        if (parse_number(text, field) != 0) {
            return "a whole number from 0 to 2147483647";
        }
        break;
    }
    return NULL;
}

/** Sets the field of a switch. */
static void set_switch(const struct spec *spec, void *field, int times)
{
    int *number = field;

    switch (spec->kind) {
    case KIND_FLAG:
        *number = times > 0;
        break;
    case KIND_COUNT:
        *number = times < VERBOSE_MAX ? times : VERBOSE_MAX;
        break;
    case KIND_NO_TIME:
        if (times > 0) {
            *number = 0;
        }
        break;
    case KIND_TEXT:
    case KIND_ALSO:
    case KIND_TIME:
    case KIND_SOME_TIME:
    case KIND_TTL:
    case KIND_EXIT_CODE:
    case KIND_NUMBER:
        break;
    }
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
    int times;

    if (text == NULL || *text == '\0') {
        return 0;
    }
    if (spec->argument != NULL) {
        wanted = set_value(spec, field_of(options, spec), text);
    } else if (parse_number(text, &times) == 0) {
        set_switch(spec, field_of(options, spec), times);
    } else {
        wanted = "1 or 0";
    }
    if (wanted != NULL) {
        ll_say("the variable %s is \"%s\", which is not %s", variable, text,
               wanted);
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

/** The option behind an answer of getopt_long, which is its index plus
 *  CHAR_MAX + 1, or its letter. NULL: it is one of the connection's, whose
 *  indices follow. */
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

/** Fills getopt_long's two tables from our one. */
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
        *ret_letters++ = specs[i].letter;
        if (specs[i].argument != NULL) {
            *ret_letters++ = ':';
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

/** Says what is wrong with the word that getopt_long stopped at. */
static int refuse(const char *command, int answer, char **argv)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    const char *word =
        optopt > 0 && optopt <= CHAR_MAX ? letter : argv[optind - 1];

    if (answer == ':') {
        return ll_say_usage(command, "the option %s needs a value", word);
    }
    if (optopt > CHAR_MAX) {
        return ll_say_usage(command, "the option %s takes no value", word);
    }
    return ll_say_usage(command, "there is no option %s", word);
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
    int answer;

    make_tables(groups, in_order, letters, longs);
    opterr = 0;
    optind = 0; /* glibc: start anew */
    while ((answer = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const struct spec *spec;
        const char *wanted;

        if (answer == '?' || answer == ':') {
            return refuse(command, answer, argv);
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
            set_switch(spec, field_of(options, spec), ++times[spec - specs]);
            continue;
        }
        wanted = set_value(spec, field_of(options, spec), optarg);
        if (wanted != NULL) {
            return ll_say_usage(command, "--%s is \"%s\", which is not %s",
                                spec->name, optarg, wanted);
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
        (void)snprintf(names, sizeof(names), "-%c, --%s%s%s", spec->letter,
                       spec->name, spec->argument != NULL ? " " : "",
                       spec->argument != NULL ? spec->argument : "");
        printf("  %-26s %s\n", names, spec->help);
    }
}

/** Replaces a word of the command line, from @from on, by a copy. */
static void hide(const char **word, size_t from)
{
    /* For the rest of the process, which the leak sanitizer is to see. */
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
