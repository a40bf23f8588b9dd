/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a temporary cluster of three members, applies all faults of faults.c
 * to it, and prints a table of the effects on leaselock's users: see usage
 * below, and docs/faults.md for the columns. */
#include "faultbench.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 50
#define RUNS_DEFAULT 5

struct command {
    int runs;
    const char *only;
};

static int usage(void)
{
    size_t i;

    (void)fprintf(stderr, "usage: faultbench [--runs N] [--only NAME]\n\n"
                          "NAME is one of:\n");
    for (i = 0; i < faults_n; i++) {
        (void)fprintf(stderr, "  %-24s %s; clients on %s\n", faults[i].name,
                      faults[i].what, faults[i].clients);
    }
    return 2;
}

static int parse(int argc, char **argv, struct command *command)
{
    static const struct option options[] = {
        {"runs", required_argument, NULL, 'r'},
        {"only", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        char *end = NULL;
        long runs;

        if (option == 'o') {
            command->only = optarg;
            continue;
        }
        errno = 0;
        runs = option == 'r' ? strtol(optarg, &end, 10) : 0;
        if (errno != 0 || end == NULL || *end != '\0' || runs < 1 ||
            runs > RUNS_MAX) {
            return usage();
        }
        command->runs = (int)runs;
    }
    return optind == argc ? 0 : usage();
}

static int compare(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;

    return (*a > *b) - (*a < *b);
}

static void print_value(int64_t value_ms)
{
    if (value_ms == FAULT_NEVER_MS) {
        (void)printf("lost");
    } else {
        (void)printf("%.2f", (double)value_ms / 1e3);
    }
}

/** Prints a column: the median (of an even number, the greater one) and the
 * maximum, in seconds. */
static void print_column(int64_t *values_ms, int n, bool least_is_worst)
{
    qsort(values_ms, (size_t)n, sizeof(*values_ms), compare);
    (void)printf(" ");
    print_value(values_ms[least_is_worst ? (n - 1) / 2 : n / 2]);
    (void)printf(" / ");
    print_value(values_ms[least_is_worst ? 0 : n - 1]);
    (void)printf(" |");
}

/** Prints a line of the table. */
static void print_line(const struct fault *fault,
                       const struct fault_figures *figures,
                       int n)
{
    int64_t holder[RUNS_MAX];
    int64_t waiter[RUNS_MAX];
    int64_t handoff[RUNS_MAX];
    int64_t listing[RUNS_MAX];
    int suspected = 0;
    int lost = 0;
    int i;

    for (i = 0; i < n; i++) {
        holder[i] = figures[i].holder_left_ms;
        waiter[i] = figures[i].waiter_ms;
        handoff[i] = figures[i].handoff_ms;
        listing[i] = figures[i].listing_ms;
        suspected += figures[i].suspected;
        lost += figures[i].lost;
    }
    (void)printf("| %s | %s |", fault->what, fault->clients);
    print_column(holder, n, true);
    print_column(waiter, n, false);
    print_column(handoff, n, false);
    print_column(listing, n, false);
    (void)printf(" %d | %d |\n", suspected, lost);
    (void)fflush(stdout);
}

static void print_head(int runs)
{
    char version[64] = "";
    char load[64] = "";
    const char *program = getenv("LEASELOCK_TEST_ETCD");
    const char *const argv[] = {program == NULL || program[0] == '\0' ? "etcd"
                                                                      : program,
                                "--version", NULL};
    struct test_process process = TEST_PROCESS_INIT;
    FILE *file = fopen("/proc/loadavg", "re");

    if (test_process_start(&process, argv, NULL) == 0) {
        (void)test_process_line(&process, TEST_STDOUT, 5000, version,
                                sizeof(version));
        test_process_end(&process);
    }
    if (file != NULL) {
        if (fgets(load, sizeof(load), file) != NULL) {
            load[strcspn(load, "\n")] = '\0';
        }
        (void)fclose(file);
    }
    (void)printf("%s; leases of %d s; %d runs each; load before: %s\n\n",
                 version, FAULT_TTL_S, runs, load);
    (void)printf("| fault | clients on | holder: least left, s "
                 "| waiter: lock after, s | longest pause of hand-overs, s "
                 "| longest listing, s | suspect | lost |\n"
                 "|---|---|---|---|---|---|---|---|\n");
}

/** Measures a fault on a cluster of its own. */
static int measure(const struct fault *fault, int runs)
{
    static struct fault_figures figures[RUNS_MAX];
    struct test_cluster cluster;
    int result = -1;
    int run = 0;

    if (test_cluster_start(&cluster) == 0) {
        for (result = 0; run < runs && result == 0; run++) {
            /* A prime step spreads the runs over the interval between
             * renewals. */
            result = fault_measure(&cluster, fault, 1009u * (unsigned)(run + 1),
                                   &figures[run]);
        }
    }
    test_cluster_stop(&cluster);
    if (result == 0) {
        print_line(fault, figures, runs);
    }
    return result;
}

int main(int argc, char **argv)
{
    struct command command = {RUNS_DEFAULT, NULL};
    int status = parse(argc, argv, &command);
    int measured = 0;
    size_t i;

    if (status != 0) {
        return status;
    }
    print_head(command.runs);
    for (i = 0; i < faults_n; i++) {
        if (command.only == NULL || strcmp(command.only, faults[i].name) == 0) {
            if (measure(&faults[i], command.runs) != 0) {
                (void)fprintf(stderr, "faultbench: %s could not be measured\n",
                              faults[i].name);
                return 1;
            }
            measured++;
        }
    }
    return measured > 0 ? 0 : usage();
}
