#ifndef LOCKBENCH_H
#define LOCKBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <leaselock/leaselock.h>

/** Upper bounds of the options, so that a slip of the finger stays harmless. */
#define BENCH_WORKERS_MAX 1024
#define BENCH_SECONDS_MAX 3600
#define BENCH_HOLD_MAX_US 10000000

/** What the command line says; a scenario takes what concerns it. */
struct bench_options {
    const char *endpoints;
    const char *name; /* of the lock, or what the locks' names begin with */
    int clients;      /* 0: the scenario's default */
    int workers;
    int seconds;
    int hold_us;
};

/** Durations in nanoseconds. Starts as zeros. */
struct bench_samples {
    int64_t *items;
    size_t n;
    size_t capacity;
};

/** A scenario's outcome. */
struct bench_result {
    json_t *fields;               /* an object, in the order of printing */
    struct bench_samples samples; /* sorted or not */
};

/** A scenario returns 0, or 1 after it has said on stderr what went wrong. */
typedef int bench_scenario_fn(const struct bench_options *options,
                              struct bench_result *ret_result);

bench_scenario_fn bench_handoff;
bench_scenario_fn bench_uncontended;

/** samples.c */
bool bench_samples_add(struct bench_samples *samples, int64_t item_ns);
bool bench_samples_append(struct bench_samples *samples,
                          const struct bench_samples *more);
void bench_samples_sort(struct bench_samples *samples);
/** The value below which that part of the sorted samples lies; 0 of none. */
int64_t bench_samples_quantile(const struct bench_samples *samples,
                               double part);
void bench_samples_free(struct bench_samples *samples);

/** Clients, and sessions that are spread over them in turn. */
struct bench_sessions {
    leaselock_client **clients;
    int clients_n;
    leaselock_session **sessions;
    int sessions_n;
};

/** sessions.c; a failure is said on stderr. */
int bench_sessions_open(const char *endpoints,
                        int clients_n,
                        int sessions_n,
                        struct bench_sessions *ret_sessions);
void bench_sessions_close(struct bench_sessions *sessions);

/** One thread of several that run the same function. */
struct bench_worker {
    int index;
    leaselock_session *session;
    void *shared; /* the scenario's */
};

/** Returns 0, or 1 after it has said on stderr what went wrong. */
typedef int bench_worker_fn(const struct bench_worker *worker);

/** Runs a function in a thread for each session and waits for all of them.
 *  @return 0 when each of them returned 0, else 1 */
int bench_in_parallel(const struct bench_sessions *sessions,
                      bench_worker_fn *run,
                      void *shared);

/** clock.c: CLOCK_MONOTONIC, which never steps. */
int64_t bench_now_ns(void);
void bench_sleep_us(int length_us);

/** Says on stderr what failed and why. Always 1. */
int bench_fail(const char *what, const struct leaselock_error *error);

#endif
