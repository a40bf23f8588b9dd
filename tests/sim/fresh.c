/* SPDX-License-Identifier: Apache-2.0 */
#include "fresh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/** The limit of processes. */
#define JOBS_MAX 256
/** A worker's progress, in memory that outlives it. */
struct worker {
    struct sim_sum sum;
    uint64_t seed; /* the running one */
    uint64_t next; /* or the next to run */
    uint64_t stride;
    uint64_t left; /* seeds still to run, if limited */
    unsigned failures_max;
    time_t until; /* or 0 */
    bool is_done;
    pid_t process;
};

void sim_sum_add(struct sim_sum *sum, const struct sim_result *result)
{
    sum->seeds++;
    sum->failures += result->invariant != NULL ? 1 : 0;
    sum->steps += result->steps;
    sum->time_s += result->time_ns / INT64_C(1000000000);
    sum->sessions += result->sessions;
    sum->tickets += result->tickets;
    sum->grants += result->grants;
    sum->shared += result->shared;
    sum->permits += result->permits;
    sum->kept += result->kept;
    sum->passed += result->passed;
    sum->touched += result->touched;
    sum->losses += result->losses;
    sum->writes += result->writes;
    sum->renamed += result->renamed;
    sum->resumed += result->resumed;
    sum->several += result->several;
    sum->rejoined += result->rejoined;
    sum->asked += result->asked;
    sum->deadlocks += result->deadlocks;
    sum->observers += result->observers;
    sum->followers += result->followers;
    sum->pages += result->pages;
    sum->go_grants += result->go_grants;
    for (int i = 0; i < SIM_FAULTS; i++) {
        sum->faults[i] += result->faults[i];
    }
}

void sim_sum_print(const struct sim_sum *sum, FILE *file)
{
    (void)fprintf(
        file,
        "%llu seeds, %llu failures, %llu steps, %lld s of simulated "
        "time\n%llu sessions, %llu tickets, %llu grants (%llu shared, %llu "
        "permits, %llu with a kept key, %llu of them while others wait), "
        "%llu idle keys asked for by tries, %llu losses, "
        "%llu writes, %llu tickets resumed, %llu rejoined, %llu renamed, "
        "%llu multi-locks, %llu deadlocks, %llu requests to holders, "
        "%llu observers, %llu followers (%llu pages), "
        "%llu grants of Go's\n",
        (unsigned long long)sum->seeds, (unsigned long long)sum->failures,
        (unsigned long long)sum->steps, (long long)sum->time_s,
        (unsigned long long)sum->sessions, (unsigned long long)sum->tickets,
        (unsigned long long)sum->grants, (unsigned long long)sum->shared,
        (unsigned long long)sum->permits, (unsigned long long)sum->kept,
        (unsigned long long)sum->passed, (unsigned long long)sum->touched,
        (unsigned long long)sum->losses, (unsigned long long)sum->writes,
        (unsigned long long)sum->resumed, (unsigned long long)sum->rejoined,
        (unsigned long long)sum->renamed, (unsigned long long)sum->several,
        (unsigned long long)sum->deadlocks, (unsigned long long)sum->asked,
        (unsigned long long)sum->observers, (unsigned long long)sum->followers,
        (unsigned long long)sum->pages, (unsigned long long)sum->go_grants);
    for (int i = 0; i < SIM_FAULTS; i++) {
        (void)fprintf(file, "%12llu x %s\n", (unsigned long long)sum->faults[i],
                      sim_fault_sentence((enum sim_fault)i));
    }
}

void sim_failure_print(const struct sim_options *options,
                       const struct sim_result *result,
                       FILE *file)
{
    char line[600];

    sim_replay_line(options, line, sizeof(line));
    (void)fprintf(file, "FAILED: %s: %s\n  after %llu steps; replay: %s\n",
                  result->invariant, result->text,
                  (unsigned long long)result->steps, line);
    (void)fflush(file);
}

static bool worker_goes_on(const struct worker *worker)
{
    return worker->sum.failures < worker->failures_max &&
           (worker->until != 0 ? time(NULL) < worker->until : worker->left > 0);
}

/** Prints the failures of one process together. */
static void worker_print(const struct sim_options *options,
                         const struct sim_result *result)
{
    char text[1200];
    FILE *file = fmemopen(text, sizeof(text), "w");

    if (file != NULL) {
        sim_failure_print(options, result, file);
        (void)fclose(file);
        (void)!write(STDOUT_FILENO, text, strnlen(text, sizeof(text)));
    }
}

static void worker_run(struct worker *worker, struct sim_options options)
{
    struct sim_result result;

    options.coverage = &worker->sum.coverage;
    while (worker_goes_on(worker)) {
        options.seed = worker->seed = worker->next;
        worker->next += worker->stride;
        worker->left -= worker->left > 0 ? 1 : 0;
        (void)alarm(SIM_RUN_SECONDS);
        sim_run(&options, &result);
        sim_sum_add(&worker->sum, &result);
        if (result.invariant != NULL) {
            worker_print(&options, &result);
        }
    }
    worker->is_done = true;
    _exit(0);
}

static void worker_start(struct worker *worker,
                         const struct sim_options *options)
{
    pid_t process = fork();

    if (process == 0) {
        worker_run(worker, *options);
    }
    worker->process = process; /* shared memory: freed by the parent only */
}

/** Waits for a worker and replaces one that died. */
static void worker_wait(struct worker *worker, struct sim_options options)
{
    struct sim_result result = {.invariant = "assertions", .text = ""};
    int status;

    for (;;) {
        status = sim_await(worker->process);
        if (worker->is_done) {
            return;
        }
        (void)snprintf(result.text, sizeof(result.text),
                       "the process ended with status %d", status);
        options.seed = worker->seed;
        sim_sum_add(&worker->sum, &result);
        worker_print(&options, &result);
        worker_start(worker, &options);
    }
}

void sim_fresh(const struct sim_options *options,
               unsigned seconds,
               uint64_t seeds,
               unsigned jobs,
               unsigned failures_max,
               struct sim_sum *ret_sum)
{
    struct worker *workers;

    jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
    workers = mmap(NULL, jobs * sizeof(*workers), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED) {
        abort();
    }
    for (unsigned i = 0; i < jobs; i++) {
        workers[i].next = options->seed + i;
        workers[i].stride = jobs;
        workers[i].left = (seeds + jobs - 1 - i) / jobs;
        workers[i].failures_max = failures_max;
        workers[i].until = seconds > 0 ? time(NULL) + (time_t)seconds : 0;
        worker_start(&workers[i], options);
    }
    memset(ret_sum, 0, sizeof(*ret_sum));
    for (unsigned i = 0; i < jobs; i++) {
        struct sim_sum *sum = &workers[i].sum;

        worker_wait(&workers[i], *options);
        ret_sum->seeds += sum->seeds;
        ret_sum->failures += sum->failures;
        ret_sum->steps += sum->steps;
        ret_sum->time_s += sum->time_s;
        ret_sum->sessions += sum->sessions;
        ret_sum->tickets += sum->tickets;
        ret_sum->grants += sum->grants;
        ret_sum->shared += sum->shared;
        ret_sum->permits += sum->permits;
        ret_sum->kept += sum->kept;
        ret_sum->passed += sum->passed;
        ret_sum->touched += sum->touched;
        ret_sum->losses += sum->losses;
        ret_sum->writes += sum->writes;
        ret_sum->renamed += sum->renamed;
        ret_sum->resumed += sum->resumed;
        ret_sum->several += sum->several;
        ret_sum->rejoined += sum->rejoined;
        ret_sum->asked += sum->asked;
        ret_sum->deadlocks += sum->deadlocks;
        ret_sum->observers += sum->observers;
        ret_sum->followers += sum->followers;
        ret_sum->pages += sum->pages;
        ret_sum->go_grants += sum->go_grants;
        for (int fault = 0; fault < SIM_FAULTS; fault++) {
            ret_sum->faults[fault] += sum->faults[fault];
        }
        sim_coverage_add(&ret_sum->coverage, &sum->coverage);
    }
    (void)munmap(workers, jobs * sizeof(*workers));
}
