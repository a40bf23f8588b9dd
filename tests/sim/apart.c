/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fresh.h"

/**
 * Runs in processes of their own, so that a failed assertion of core is
 * reported like a broken invariant, and the search for a shorter run. */

/** A run's result, in memory that outlives its process. */
struct apart {
    struct sim_result result;
    char invariant[64];
    bool is_done;
};

static void *shared_new(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

static void apart_child(const struct sim_options *options, struct apart *apart)
{
    /* An assertion's message is printed once, by the run that is kept. */
    (void)close(STDERR_FILENO);
    (void)alarm(SIM_RUN_SECONDS);
    sim_run(options, &apart->result);
    if (apart->result.invariant != NULL) {
        (void)strncpy(apart->invariant, apart->result.invariant,
                      sizeof(apart->invariant) - 1);
    }
    apart->is_done = true;
    _exit(0);
}

int sim_await(pid_t process)
{
    int status = 0;
    pid_t ended;

    do {
        ended = waitpid(process, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended < 0 ? -errno : status;
}

void sim_run_apart(const struct sim_options *options,
                   struct sim_result *ret_result)
{
    static char names[8][64];
    static unsigned turn;
    struct apart *apart = shared_new(sizeof(*apart));
    char *name = names[turn++ % 8];
    pid_t child = fork();

    if (child == 0) {
        apart_child(options, apart);
    }
    (void)sim_await(child);
    *ret_result = apart->result;
    ret_result->invariant = NULL;
    if (!apart->is_done) {
        ret_result->invariant = "assertions";
        (void)strcpy(ret_result->text, "the process died");
    } else if (apart->invariant[0] != '\0') {
        (void)strcpy(name, apart->invariant);
        ret_result->invariant = name;
    }
    (void)munmap(apart, sizeof(*apart));
}

void sim_replay_line(const struct sim_options *options,
                     char *ret_line,
                     size_t size)
{
    static const char *const plants[] = {
#define PLANT_NAME(name, text) text,
        SIM_PLANT_MAP(PLANT_NAME)
#undef PLANT_NAME
    };
    size_t used;

    used =
        (size_t)snprintf(ret_line, size, "leaselock-sim --seed %llu --steps %u",
                         (unsigned long long)options->seed, options->steps);
    if (options->clients_max != 0) {
        used += (size_t)snprintf(ret_line + used, size - used, " --clients %u",
                                 options->clients_max);
    }
    for (int fault = 0; fault < SIM_FAULTS && used < size; fault++) {
        if ((options->without >> fault & 1) != 0) {
            used +=
                (size_t)snprintf(ret_line + used, size - used, " --without %s",
                                 sim_fault_name((enum sim_fault)fault));
        }
    }
    if (options->plant != SIM_PLANT_NONE && used < size) {
        (void)snprintf(ret_line + used, size - used, " --plant %s",
                       plants[options->plant]);
    }
}

/** Whether other options break the same invariant in fewer steps, or in as many
 * with fewer faults. If so, keeps them. */
static bool shrink_try(struct sim_options *options,
                       struct sim_result *result,
                       struct sim_options other,
                       bool is_simpler)
{
    struct sim_result tried;

    other.trace = NULL;
    other.coverage = NULL;
    sim_run_apart(&other, &tried);
    if (tried.invariant == NULL ||
        strcmp(tried.invariant, result->invariant) != 0 ||
        (!is_simpler && tried.steps >= result->steps)) {
        return false;
    }
    options->seed = other.seed;
    options->steps = other.steps;
    options->without = other.without;
    options->clients_max = other.clients_max;
    *result = tried;
    return true;
}

/** A shorter storm: a break during the storm occurs at the same step. */
static bool shrink_steps(struct sim_options *options, struct sim_result *result)
{
    bool found = false;
    struct sim_options other = *options;

    if (result->steps < options->steps) {
        options->steps = (unsigned)result->steps;
        found = true;
    }
    for (int part = 8; part > 1; part--) {
        other = *options;
        other.steps = options->steps / (unsigned)part;
        if (shrink_try(options, result, other, false)) {
            found = true;
            break;
        }
    }
    return found;
}

static bool shrink_faults(struct sim_options *options,
                          struct sim_result *result)
{
    bool found = false;

    for (int fault = 0; fault < SIM_FAULTS; fault++) {
        struct sim_options other = *options;

        other.without |= UINT64_C(1) << fault;
        if (other.without != options->without && result->faults[fault] > 0 &&
            shrink_try(options, result, other, true)) {
            found = true;
        }
    }
    return found;
}

static bool shrink_clients(struct sim_options *options,
                           struct sim_result *result)
{
    for (unsigned clients = 1; clients < 6; clients++) {
        struct sim_options other = *options;

        other.clients_max = clients;
        if (options->clients_max != 0 && clients >= options->clients_max) {
            return false;
        }
        if (shrink_try(options, result, other, true)) {
            return true;
        }
    }
    return false;
}

/** With the few remaining faults, seeds nearby may fail sooner. */
#define SHRINK_SEEDS 300

static bool shrink_seed(struct sim_options *options, struct sim_result *result)
{
    uint64_t first = options->seed;
    bool found = false;

    for (uint64_t i = 1; i <= SHRINK_SEEDS; i++) {
        struct sim_options other = *options;

        other.seed = first + i;
        found = shrink_try(options, result, other, false) || found;
    }
    return found;
}

bool sim_shrink(struct sim_options *options,
                struct sim_result *result,
                FILE *log)
{
    char line[600];
    bool found = false;
    bool again = true;

    for (int round = 0; again && round < 6; round++) {
        again = shrink_steps(options, result);
        again = shrink_faults(options, result) || again;
        again = shrink_clients(options, result) || again;
        again = (round < 2 && shrink_seed(options, result)) || again;
        found = found || again;
        if (again && log != NULL) {
            sim_replay_line(options, line, sizeof(line));
            (void)fprintf(log, "shorter, %llu steps: %s\n",
                          (unsigned long long)result->steps, line);
            (void)fflush(log);
        }
    }
    return found;
}
