/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_id {
    OPTION_ENDPOINTS = 256,
    OPTION_NAME,
    OPTION_GUARDIAN,
    OPTION_USER,
    OPTION_SAMPLES,
    OPTION_SHARED,
    OPTION_REJOIN,
    OPTION_EXPONENTIAL,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_NUMBER, /* the first of the table's */
};

/** An option that is a number. */
static const struct number_option {
    const char *name;
    size_t offset; /* of an int in bench_options */
    int least;
    int most;
    int standard; /* 0: the scenario's */
    const char *does;
} numbers[] = {
    {"clients", offsetof(struct bench_options, clients), 1, BENCH_WORKERS_MAX,
     0, "connections"},
    {"workers", offsetof(struct bench_options, workers), 1, BENCH_WORKERS_MAX,
     1, "threads, default 1"},
    {"tickets", offsetof(struct bench_options, tickets), 1, BENCH_TICKETS_MAX,
     1000, "in flight or waiting, default 1000"},
    {"seconds", offsetof(struct bench_options, seconds), 1, BENCH_SECONDS_MAX,
     3, "how long, or the longest, default 3"},
    {"hold-us", offsetof(struct bench_options, hold_us), 0, BENCH_HOLD_MAX_US,
     0, "how long a lock is held, default 0"},
    {"retry-ms", offsetof(struct bench_options, retry_ms), 1, 10000, 10,
     "between tries where there is no queue, default 10"},
    {"watch-own-ms", offsetof(struct bench_options, watch_own_ms), -1, 60000, 0,
     "when a holder watches its key, -1 at once, default 1000"},
    {"ttl", offsetof(struct bench_options, ttl_s), 2, BENCH_TTL_MAX_S, 10,
     "seconds that a lease lives, default 10"},
    {"permits", offsetof(struct bench_options, permits), 1, BENCH_PERMITS_MAX,
     0, "of the lock: so many hold it at the same time"},
    {"names", offsetof(struct bench_options, names), 1, BENCH_TICKETS_MAX, 0,
     "in waiters: they are spread over so many, default a name each"},
    {"held", offsetof(struct bench_options, held), 0, BENCH_TICKETS_MAX, 0,
     "in growth: locks that the client holds meanwhile"},
    {"queue", offsetof(struct bench_options, queue), 0, BENCH_TICKETS_MAX, 0,
     "in growth: tickets in the queue meanwhile, the holder among them"},
    {"load", offsetof(struct bench_options, load), 1, 10000, 0,
     "in waiting: percent of the lock's time that are asked for, default 60"},
};

#define NUMBERS_N (sizeof(numbers) / sizeof(numbers[0]))
#define TEXTS_N 10

static const struct option text_options[TEXTS_N] = {
    {"endpoints", required_argument, NULL, OPTION_ENDPOINTS},
    {"name", required_argument, NULL, OPTION_NAME},
    {"guardian", required_argument, NULL, OPTION_GUARDIAN},
    {"user", required_argument, NULL, OPTION_USER},
    {"samples", required_argument, NULL, OPTION_SAMPLES},
    {"shared", no_argument, NULL, OPTION_SHARED},
    {"rejoin", no_argument, NULL, OPTION_REJOIN},
    {"exponential", no_argument, NULL, OPTION_EXPONENTIAL},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
};

struct command {
    const struct bench_program *program;
    const struct bench_scenario *scenario;
    struct bench_options options;
    const char *samples_path;
    bool json;
    bool help;
};

static void print_usage(const struct bench_program *program, FILE *out)
{
    fprintf(out, "usage: %s SCENARIO [OPTION...]\n\nscenarios:\n",
            program->name);
    for (size_t i = 0; i < program->scenarios_n; i++) {
        fprintf(out, "  %-16s %s\n", program->scenarios[i].name,
                program->scenarios[i].does);
    }
    fprintf(out,
            "\noptions:\n"
            "  --endpoints E    the server's, default %s\n"
            "  --name NAME      the lock, default %s-PID\n",
            program->endpoints, program->name);
    for (size_t i = 0; i < NUMBERS_N; i++) {
        fprintf(out, "  --%-8s N     %s\n", numbers[i].name, numbers[i].does);
    }
    fputs("  --guardian FILE  the program that watches holders, in failover\n"
          "  --user NAME:PASSWORD  etcd's user\n"
          "  --samples FILE   writes every sample, in microseconds, ascending\n"
          "  --shared         the lock is held together, not alone\n"
          "  --rejoin         in handoff: gives way and queues again at once\n"
          "  --exponential    in waiting: holds vary as exponential times\n"
          "  --json           prints one line of JSON\n",
          out);
}

static int usage_error(const struct bench_program *program,
                       const char *what,
                       const char *text)
{
    fprintf(stderr, "%s: %s '%s'\n\n", program->name, what, text);
    print_usage(program, stderr);
    return 2;
}

static int *number_at(struct bench_options *options, size_t at)
{
    return (int *)(void *)((char *)options + numbers[at].offset);
}

static int parse_number(struct command *command, size_t at)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(optarg, &end, 10);
    if (errno != 0 || end == optarg || *end != '\0' ||
        number < numbers[at].least || number > numbers[at].most) {
        return usage_error(command->program,
                           "not a number that can be meant:", optarg);
    }
    *number_at(&command->options, at) = (int)number;
    return 0;
}

static int parse_option(struct command *command, int option)
{
    switch (option) {
    case OPTION_ENDPOINTS:
        command->options.endpoints = optarg;
        return 0;
    case OPTION_NAME:
        command->options.name = optarg;
        return 0;
    case OPTION_GUARDIAN:
        command->options.guardian = optarg;
        return 0;
    case OPTION_USER:
        command->options.user = optarg;
        return 0;
    case OPTION_SAMPLES:
        command->samples_path = optarg;
        return 0;
    case OPTION_SHARED:
        command->options.shared = true;
        return 0;
    case OPTION_REJOIN:
        command->options.rejoin = true;
        return 0;
    case OPTION_EXPONENTIAL:
        command->options.exponential = true;
        return 0;
    case OPTION_JSON:
        command->json = true;
        return 0;
    case OPTION_HELP:
        command->help = true;
        return 0;
    default:
        if (option >= OPTION_NUMBER) {
            return parse_number(command, (size_t)(option - OPTION_NUMBER));
        }
        print_usage(command->program, stderr); /* getopt has printed the
                                                * error */
        return 2;
    }
}

static int parse(struct command *command, int argc, char **argv)
{
    const struct bench_program *program = command->program;
    struct option all[TEXTS_N + NUMBERS_N + 1] = {{0}};
    int option;

    memcpy(all, text_options, sizeof(text_options));
    for (size_t i = 0; i < NUMBERS_N; i++) {
        all[TEXTS_N + i] = (struct option){numbers[i].name, required_argument,
                                           NULL, OPTION_NUMBER + (int)i};
        *number_at(&command->options, i) = numbers[i].standard;
    }
    while ((option = getopt_long(argc, argv, "", all, NULL)) != -1) {
        int status = parse_option(command, option);

        if (status != 0) {
            return status;
        }
    }
    if (command->help) {
        return 0;
    }
    if (optind + 1 != argc) {
        return usage_error(program, "one scenario is needed, not",
                           optind < argc ? argv[optind + 1] : "");
    }
    for (size_t i = 0; i < program->scenarios_n; i++) {
        if (strcmp(argv[optind], program->scenarios[i].name) == 0) {
            command->scenario = &program->scenarios[i];
            return 0;
        }
    }
    return usage_error(program, "no such scenario:", argv[optind]);
}

static int write_samples(const char *path, const struct bench_samples *samples)
{
    FILE *file = fopen(path, "we");
    int status = 0;

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    for (size_t i = 0; i < samples->n; i++) {
        fprintf(file, "%.3f\n", (double)samples->items[i] / 1e3);
    }
    status = ferror(file) != 0;
    if (fclose(file) != 0 || status != 0) {
        fprintf(stderr, "%s: could not be written\n", path);
        status = 1;
    }
    return status;
}

static void print_text(json_t *fields)
{
    const char *key;
    json_t *value;

    json_object_foreach(fields, key, value)
    {
        if (json_is_string(value)) {
            printf("%-20s %s\n", key, json_string_value(value));
        } else {
            printf("%-20s %.6g\n", key, json_number_value(value));
        }
    }
}

static int print_result(const struct command *command,
                        const struct bench_result *result)
{
    int failed = 0;

    if (result->failed) {
        return bench_no_memory();
    }
    if (command->json) {
        failed = json_dumpf(result->fields, stdout,
                            JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else {
        print_text(result->fields);
    }
    if (failed != 0 || fflush(stdout) != 0) {
        fprintf(stderr, "could not print the result\n");
        return 1;
    }
    return 0;
}

static int run(const struct command *command)
{
    struct bench_result result = {.fields = json_object()};
    int status;

    bench_result_text(&result, "peer", command->program->peer);
    bench_result_text(&result, "scenario", command->scenario->name);
    status = command->scenario->run(&command->options, &result);
    if (status == 0) {
        status = print_result(command, &result);
    }
    if (status == 0 && command->samples_path != NULL) {
        bench_samples_sort(&result.samples);
        status = write_samples(command->samples_path, &result.samples);
    }
    bench_samples_free(&result.samples);
    json_decref(result.fields);
    return status;
}

int bench_main(const struct bench_program *program, int argc, char **argv)
{
    struct command command = {.program = program};
    char name[64];
    int status;

    (void)snprintf(name, sizeof(name), "%s-%ld", program->name, (long)getpid());
    command.options.endpoints = program->endpoints;
    command.options.server = program->server;
    command.options.name = name;
    status = parse(&command, argc, argv);
    if (status != 0) {
        return status;
    }
    if (command.help) {
        print_usage(program, stdout);
        return 0;
    }
    return run(&command);
}
