/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "fresh.h"

/**
 * The simulator's command line.
 */

static const char usage[] =
    "usage: leaselock-sim --seed N [--steps M] [--trace] [--shrink]\n"
    "       leaselock-sim --seeds N [--seed FIRST] [--jobs N]\n"
    "       leaselock-sim --fresh SECONDS [--seed FIRST] [--jobs N]\n"
    "  --failures N    each job ends after N failures\n"
    "  --steps M       the storm's length; then comes the healing\n"
    "  --trace         prints the timeline\n"
    "  --shrink        searches for a shorter run with the same failure\n"
    "  --without KIND  disables a kind of fault; may be repeated\n"
    "  --clients N     at most N clients\n"
    "  --plant BUG     deaf, eternal, hopeful or blind: to see that it is "
    "found\n"
    "  --coverage      prints the transitions that core made\n"
    "  --check FILE    fails when a transition that it lists was not made\n";

struct command {
    struct sim_options options;
    bool has_seed;
    bool shrink;
    bool trace;
    bool coverage;
    const char *check;
    uint64_t seeds;
    unsigned seconds;
    unsigned jobs;
    unsigned failures_max;
};

static enum sim_plant plant_find(const char *name)
{
    static const char *const names[] = {
#define PLANT_NAME(constant, text) text,
        SIM_PLANT_MAP(PLANT_NAME)
#undef PLANT_NAME
    };
    int plant = 0;

    while (plant < SIM_PLANTS && strcmp(name, names[plant]) != 0) {
        plant++;
    }
    return (enum sim_plant)plant;
}

/** Parses an option with a value; false: unknown option. */
static bool
parse_value(struct command *command, const char *name, const char *value)
{
    struct sim_options *options = &command->options;

    if (strcmp(name, "--seed") == 0) {
        options->seed = strtoull(value, NULL, 10);
        command->has_seed = true;
    } else if (strcmp(name, "--seeds") == 0) {
        command->seeds = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--fresh") == 0) {
        command->seconds = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--steps") == 0) {
        options->steps = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--jobs") == 0) {
        command->jobs = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--failures") == 0) {
        command->failures_max = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--clients") == 0) {
        options->clients_max = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--check") == 0) {
        command->check = value;
    } else if (strcmp(name, "--plant") == 0) {
        options->plant = plant_find(value);
        return options->plant != SIM_PLANTS;
    } else if (strcmp(name, "--without") == 0) {
        enum sim_fault fault = sim_fault_find(value);

        if (fault == SIM_FAULTS) {
            return false;
        }
        options->without |= UINT64_C(1) << fault;
    } else {
        return false;
    }
    return true;
}

static bool parse(struct command *command, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            command->trace = true;
        } else if (strcmp(argv[i], "--shrink") == 0) {
            command->shrink = true;
        } else if (strcmp(argv[i], "--coverage") == 0) {
            command->coverage = true;
        } else if (i + 1 < argc && parse_value(command, argv[i], argv[i + 1])) {
            i++;
        } else {
            return false;
        }
    }
    return command->has_seed || command->seeds > 0 || command->seconds > 0;
}

static int run_one(struct command *command, struct sim_sum *sum)
{
    struct sim_options *options = &command->options;
    struct sim_result result;

    options->coverage = &sum->coverage;
    if (command->shrink) {
        sim_run_apart(options, &result);
        if (result.invariant != NULL) {
            (void)sim_shrink(options, &result, stdout);
        }
    } else {
        /* If an assertion stops the process, its seed is known. */
        (void)printf("seed %llu\n", (unsigned long long)options->seed);
        (void)fflush(stdout);
        options->trace = command->trace ? stdout : NULL;
        sim_run(options, &result);
    }
    sim_sum_add(sum, &result);
    if (result.invariant != NULL) {
        sim_failure_print(options, &result, stdout);
        return 1;
    }
    (void)printf("%llu steps, %.3f s, hash %016llx\n",
                 (unsigned long long)result.steps, (double)result.time_ns / 1e9,
                 (unsigned long long)result.hash);
    return 0;
}

static int run_many(struct command *command, struct sim_sum *sum)
{
    if (!command->has_seed &&
        getrandom(&command->options.seed, 4, 0) != (ssize_t)4) {
        return 2;
    }
    (void)printf("seeds from %llu on\n",
                 (unsigned long long)command->options.seed);
    (void)fflush(stdout);
    sim_fresh(&command->options, command->seconds, command->seeds,
              command->jobs, command->failures_max, sum);
    sim_sum_print(sum, stdout);
    return sum->failures > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    static struct sim_sum sum;
    struct command command = {.options = {.steps = SIM_STEPS_DEFAULT},
                              .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
                              .failures_max = SIM_FAILURES_DEFAULT};
    int status;

    if (!parse(&command, argc, argv)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    status = command.seeds > 0 || command.seconds > 0 ? run_many(&command, &sum)
                                                      : run_one(&command, &sum);
    if (command.coverage) {
        sim_coverage_print(&sum.coverage, stdout);
    }
    if (command.check != NULL &&
        sim_coverage_check(&sum.coverage, command.check, stdout) != 0) {
        (void)printf("FAILED: transitions of core were not visited\n");
        status = 1;
    }
    return status;
}
