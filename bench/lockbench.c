/*
 * Measures leaselock against a running etcd: see usage below, and README.md
 * for what the figures mean. A new scenario is a function, a prototype in
 * lockbench.h and a line in the table.
 */
#include "lockbench.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    bench_scenario_fn *run;
    const char *does;
} scenarios[] = {
    {"handoff", bench_handoff,
     "clients (default 2) take turns on one lock; --hold-us"},
    {"uncontended", bench_uncontended,
     "workers lock and unlock a name each, on clients (default 1)"},
};

#define SCENARIOS_N (sizeof(scenarios) / sizeof(scenarios[0]))

enum option_id {
    OPTION_ENDPOINTS = 256,
    OPTION_NAME,
    OPTION_CLIENTS,
    OPTION_WORKERS,
    OPTION_SECONDS,
    OPTION_HOLD_US,
    OPTION_SAMPLES,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"endpoints", required_argument, NULL, OPTION_ENDPOINTS},
    {"name", required_argument, NULL, OPTION_NAME},
    {"clients", required_argument, NULL, OPTION_CLIENTS},
    {"workers", required_argument, NULL, OPTION_WORKERS},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"hold-us", required_argument, NULL, OPTION_HOLD_US},
    {"samples", required_argument, NULL, OPTION_SAMPLES},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void print_usage(FILE *out)
{
    fputs("usage: lockbench SCENARIO [OPTION...]\n\nscenarios:\n", out);
    for (size_t i = 0; i < SCENARIOS_N; i++) {
        fprintf(out, "  %-16s %s\n", scenarios[i].name, scenarios[i].does);
    }
    fputs("\noptions:\n"
          "  --endpoints E    etcd, default 127.0.0.1:2379\n"
          "  --name NAME      the lock, default lockbench-PID\n"
          "  --clients N      connections\n"
          "  --workers N      threads, default 1\n"
          "  --seconds N      how long, default 3\n"
          "  --hold-us N      how long a lock is held, default 0\n"
          "  --samples FILE   writes every sample, in microseconds, ascending\n"
          "  --json           prints one line of JSON\n",
          out);
}

static int usage_error(const char *what, const char *text)
{
    fprintf(stderr, "lockbench: %s '%s'\n\n", what, text);
    print_usage(stderr);
    return 2;
}

static int parse_number(const char *text, int least, int most, int *ret_number)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < least ||
        number > most) {
        return usage_error("not a number that can be meant:", text);
    }
    *ret_number = (int)number;
    return 0;
}

struct command {
    struct bench_options options;
    bench_scenario_fn *run;
    const char *samples_path;
    bool json;
    bool help;
};

static int parse_option(struct command *command, int option)
{
    struct bench_options *options = &command->options;

    switch (option) {
    case OPTION_ENDPOINTS:
        options->endpoints = optarg;
        return 0;
    case OPTION_NAME:
        options->name = optarg;
        return 0;
    case OPTION_CLIENTS:
        return parse_number(optarg, 1, BENCH_WORKERS_MAX, &options->clients);
    case OPTION_WORKERS:
        return parse_number(optarg, 1, BENCH_WORKERS_MAX, &options->workers);
    case OPTION_SECONDS:
        return parse_number(optarg, 1, BENCH_SECONDS_MAX, &options->seconds);
    case OPTION_HOLD_US:
        return parse_number(optarg, 0, BENCH_HOLD_MAX_US, &options->hold_us);
    case OPTION_SAMPLES:
        command->samples_path = optarg;
        return 0;
    case OPTION_JSON:
        command->json = true;
        return 0;
    case OPTION_HELP:
        command->help = true;
        return 0;
    default: /* getopt has said what is wrong */
        print_usage(stderr);
        return 2;
    }
}

static int parse(int argc, char **argv, struct command *command)
{
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        int status = parse_option(command, option);

        if (status != 0) {
            return status;
        }
    }
    if (command->help) {
        return 0;
    }
    if (optind + 1 != argc) {
        return usage_error("one scenario is needed, not",
                           optind < argc ? argv[optind + 1] : "");
    }
    for (size_t i = 0; i < SCENARIOS_N; i++) {
        if (strcmp(argv[optind], scenarios[i].name) == 0) {
            command->run = scenarios[i].run;
            return 0;
        }
    }
    return usage_error("no such scenario:", argv[optind]);
}

static int write_samples(const char *path, const struct bench_samples *samples)
{
    FILE *file = fopen(path, "w");
    int status = 0;

    if (file == NULL) {
        fprintf(stderr, "lockbench: %s: %s\n", path, strerror(errno));
        return 1;
    }
    for (size_t i = 0; i < samples->n; i++) {
        fprintf(file, "%.3f\n", (double)samples->items[i] / 1e3);
    }
    status = ferror(file) != 0;
    if (fclose(file) != 0 || status != 0) {
        fprintf(stderr, "lockbench: %s: could not be written\n", path);
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
            printf("%-12s %s\n", key, json_string_value(value));
        } else {
            printf("%-12s %.6g\n", key, json_number_value(value));
        }
    }
}

static int print_result(const struct command *command,
                        const struct bench_result *result)
{
    int failed = 0;

    if (result->fields == NULL) {
        fprintf(stderr, "lockbench: out of memory\n");
        return 1;
    }
    if (command->json) {
        failed = json_dumpf(result->fields, stdout,
                            JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else {
        print_text(result->fields);
    }
    if (failed != 0 || fflush(stdout) != 0) {
        fprintf(stderr, "lockbench: could not print the result\n");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct command command = {
        .options = {.endpoints = "127.0.0.1:2379", .workers = 1, .seconds = 3},
    };
    struct bench_result result = {0};
    char name[32];
    int status;

    (void)snprintf(name, sizeof(name), "lockbench-%ld", (long)getpid());
    command.options.name = name;
    status = parse(argc, argv, &command);
    if (status != 0) {
        return status;
    }
    if (command.help) {
        print_usage(stdout);
        return 0;
    }
    status = command.run(&command.options, &result);
    if (status == 0) {
        status = print_result(&command, &result);
    }
    if (status == 0 && command.samples_path != NULL) {
        status = write_samples(command.samples_path, &result.samples);
    }
    bench_samples_free(&result.samples);
    json_decref(result.fields);
    return status;
}
