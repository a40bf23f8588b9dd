/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "coverage.h"
#include "fault.h"

/**
 * A simulated world of clients and a cluster, run from a seed. The same
 * options give the same run, to the last bit.
 */

/** Bugs that can be planted between the world and core, to check that the
 * simulator detects them. */
#define SIM_PLANT_MAP(X)                                                       \
    X(NONE, "none")                                                            \
    /* Deletions of a ticket's own key are not delivered. */                   \
    X(DEAF, "deaf")                                                            \
    /* Renewals of leases are answered without etcd. */                        \
    X(ETERNAL, "eternal")                                                      \
    /* Lost writes are reported as not applied. */                             \
    X(HOPEFUL, "hopeful")                                                      \
    /* The caller's check of a ticket ignores the clock. */                    \
    X(BLIND, "blind")

enum sim_plant {
#define SIM_PLANT_ENUM(name, text) SIM_PLANT_##name,
    SIM_PLANT_MAP(SIM_PLANT_ENUM)
#undef SIM_PLANT_ENUM
        SIM_PLANTS
};

#define SIM_STEPS_DEFAULT 3000

/** A run takes milliseconds; one of this length is taken to hang, and is
 * ended. */
#define SIM_RUN_SECONDS 60

struct sim_options {
    uint64_t seed;
    /** After so many steps the healing begins. */
    unsigned steps;
    /** A bit for each fault that is disabled. */
    uint64_t without;
    /** The limit of clients; 0: the seed decides. */
    unsigned clients_max;
    enum sim_plant plant;
    /** Receives the story; may be NULL. */
    FILE *trace;
    /** Counts are added to it; may be NULL. */
    struct sim_coverage *coverage;
};

struct sim_result {
    const char *invariant; /* the name of the broken one, or NULL */
    char text[400];
    uint64_t hash;
    uint64_t steps;
    int64_t time_ns;
    uint64_t sessions;
    uint64_t tickets;
    uint64_t grants;
    uint64_t shared;  /* of these */
    uint64_t permits; /* of these */
    uint64_t kept;    /* of these: by a key that was kept */
    uint64_t passed;  /* of these: while another session was seen to wait */
    uint64_t touched; /* idle keys that tries asked for */
    uint64_t losses;
    uint64_t writes;
    uint64_t renamed; /* their names were taken: see core/slot.h */
    uint64_t resumed;
    uint64_t several;
    uint64_t rejoined; /* held tickets that queued again */
    uint64_t asked;    /* reported requests to let go */
    uint64_t deadlocks;
    uint64_t observers;
    uint64_t followers;
    uint64_t pages; /* that they read */
    uint64_t go_grants;
    uint64_t faults[SIM_FAULTS];
};

void sim_run(const struct sim_options *options, struct sim_result *ret_result);

/** Writes the command line that repeats the run. */
void sim_replay_line(const struct sim_options *options,
                     char *ret_line,
                     size_t size);

/** sim_run in a process of its own: a failed assertion or a signal is reported
 * like a broken invariant. */
void sim_run_apart(const struct sim_options *options,
                   struct sim_result *ret_result);

/** Searches for a shorter run that breaks the same invariant, and prints its
 * attempts to `log`. options are those of a failing run.
 *  @return whether it found one */
bool sim_shrink(struct sim_options *options,
                struct sim_result *result,
                FILE *log);

#endif
