/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_FRESH_H
#define SIM_FRESH_H

#include <sys/types.h>

#include "sim.h"

/** The totals of many runs. */
struct sim_sum {
    uint64_t seeds;
    uint64_t failures;
    uint64_t steps;
    int64_t time_s; /* of the worlds' clocks */
    uint64_t sessions;
    uint64_t tickets;
    uint64_t grants;
    uint64_t shared;
    uint64_t permits;
    uint64_t kept;
    uint64_t passed;
    uint64_t touched;
    uint64_t losses;
    uint64_t writes;
    uint64_t renamed;
    uint64_t resumed;
    uint64_t several;
    uint64_t rejoined;
    uint64_t asked;
    uint64_t deadlocks;
    uint64_t observers;
    uint64_t followers;
    uint64_t pages;
    uint64_t go_grants;
    uint64_t faults[SIM_FAULTS];
    struct sim_coverage coverage;
};

void sim_sum_add(struct sim_sum *sum, const struct sim_result *result);
void sim_sum_print(const struct sim_sum *sum, FILE *file);

/** Waits for a process to end.
 *  @return its status, or -errno */
int sim_await(pid_t process);

/** Prints a failed run, with the command line that repeats it. */
void sim_failure_print(const struct sim_options *options,
                       const struct sim_result *result,
                       FILE *file);

/** A process ends after this many failures: more would add nothing new. */
#define SIM_FAILURES_DEFAULT 10

/**
 * Runs consecutive seeds from options' on in several processes, for a time or
 * (seconds 0) a number of seeds. Failures are printed as they occur; a process
 * ends after failures_max of them. */
void sim_fresh(const struct sim_options *options,
               unsigned seconds,
               uint64_t seeds,
               unsigned jobs,
               unsigned failures_max,
               struct sim_sum *ret_sum);

#endif
