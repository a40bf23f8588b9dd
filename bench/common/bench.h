/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the benchmark programs: a command line, samples, and a result with
 * the same fields for every measurement. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/** Upper bounds of the options, so that a typing error is harmless. */
#define BENCH_WORKERS_MAX 1024
#define BENCH_TICKETS_MAX 200000
#define BENCH_SECONDS_MAX 3600
#define BENCH_HOLD_MAX_US 10000000
#define BENCH_TTL_MAX_S 60
#define BENCH_PERMITS_MAX 64
/** How long the locks and the queue of growth may take. */
#define BENCH_GROWTH_PREPARE_S 180

/** The server's counters, as far as they could be read. */
struct bench_server {
    double cpu_s;
    double requests;  /* answered one by one: reads, writes, transactions */
    double ranges;    /* of these, Range */
    double proposals; /* committed writes */
    double watch_messages;
    double watch_events; /* sent to watches */
    double watchers;     /* now */
};

/** Reads the counters of all endpoints, summed up. Returns false with the
 * reason on stderr. */
typedef bool bench_server_fn(const char *endpoints,
                             struct bench_server *ret_server);

/** The options of the command line; a scenario uses those that concern it. */
struct bench_options {
    const char *endpoints;
    const char *name;     /* of the lock, or the prefix of the locks' names */
    const char *guardian; /* its program; NULL: none */
    const char *user;     /* and, after a colon, the password; NULL: none */
    int clients;          /* 0: the scenario's default, also for the next
                           * three */
    int workers;
    int tickets;
    int seconds;
    int hold_us;
    int retry_ms;
    int watch_own_ms;
    int ttl_s;
    int permits; /* of the lock; 0: it has none */
    int names;   /* that tickets are spread over; 0: a name each */
    int held;    /* locks that are held meanwhile */
    int queue;   /* tickets that wait for the lock meanwhile */
    int load;    /* of the lock's time, so many percent are asked for */
    bool shared;
    bool rejoin;
    bool exponential;        /* holds vary */
    bench_server_fn *server; /* the program's */
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
    bool failed;                  /* a field could not be allocated */
    struct bench_samples samples; /* sorted or not */
};

/** A scenario returns 0, or 1 with the error on stderr. */
typedef int bench_scenario_fn(const struct bench_options *options,
                              struct bench_result *result);

struct bench_scenario {
    const char *name;
    bench_scenario_fn *run;
    const char *does; /* for the usage */
};

struct bench_program {
    const char *name;
    const char *peer; /* its name in the result */
    const char *endpoints;
    bench_server_fn *server;
    const struct bench_scenario *scenarios;
    size_t scenarios_n;
};

/** options.c: reads the command line, runs a scenario, prints its result.
 *  @return the program's exit status */
int bench_main(const struct bench_program *program, int argc, char **argv);

/** samples.c */
bool bench_samples_add(struct bench_samples *samples, int64_t item_ns);
bool bench_samples_append(struct bench_samples *samples,
                          const struct bench_samples *more);
void bench_samples_sort(struct bench_samples *samples);
/** The value below which that fraction of the sorted samples is; 0 without
 * samples. */
int64_t bench_samples_quantile(const struct bench_samples *samples,
                               double part);
void bench_samples_free(struct bench_samples *samples);

/** result.c: each adds a field. */
void bench_result_int(struct bench_result *result,
                      const char *field,
                      int64_t value);
void bench_result_real(struct bench_result *result,
                       const char *field,
                       double value);
void bench_result_text(struct bench_result *result,
                       const char *field,
                       const char *value);
/** p50, p90 and p99 of the samples, which it sorts, as "p50_ms" and so on.
 *  @param unit     "us", "ms" or "s"
 *  @param unit_ns  its length */
void bench_result_quantiles(struct bench_result *result,
                            const char *unit,
                            double unit_ns);

/** meter.c: the resources used between start and stop, here and by the
 * server. */
struct bench_meter {
    bench_server_fn *read;
    const char *endpoints;
    bool server_known;
    int64_t start_ns;
    int64_t length_ns;
    double cpu_us;
    struct bench_server server;
};

void bench_meter_start(struct bench_meter *meter,
                       const struct bench_options *options);
void bench_meter_stop(struct bench_meter *meter);
double bench_meter_seconds(const struct bench_meter *meter);
/** Adds ops, seconds, per_second, and the resources per operation. */
void bench_meter_report(const struct bench_meter *meter,
                        int64_t ops,
                        struct bench_result *result);
/** The last part only, for a measurement whose length has no meaning. */
void bench_meter_report_costs(const struct bench_meter *meter,
                              int64_t ops,
                              struct bench_result *result);
/** This process's resident memory, in KiB; 0 if it cannot be read. */
int64_t bench_resident_kb(void);

/** clock.c: CLOCK_MONOTONIC, which never steps. */
int64_t bench_now_ns(void);
void bench_sleep_us(int length_us);

/** turns.c: times shared by the holders of one lock, on one clock. */
struct bench_turns;
/** @return NULL with an error on stderr if there is no memory */
struct bench_turns *bench_turns_new(int64_t end_ns);
void bench_turns_free(struct bench_turns *turns);
/** Whether to acquire again. */
bool bench_turns_go_on(struct bench_turns *turns);
void bench_turns_granted(struct bench_turns *turns, int who, int64_t at_ns);
void bench_turns_releasing(struct bench_turns *turns, int who);
/** Ends the turns of all. Always 1. */
int bench_turns_fail(struct bench_turns *turns);
/** Adds the measurement to the result, once all turns have ended. */
void bench_turns_report(struct bench_turns *turns,
                        const struct bench_meter *meter,
                        int seconds,
                        struct bench_result *result);

/** threads.c */
typedef int bench_thread_fn(int index, void *arg);
/** Runs a function in n threads and waits for all of them.
 *  @return 0 if each of them returned 0, else 1 */
int bench_in_parallel(int n, bench_thread_fn *run, void *arg);

/** Prints on stderr that there is no memory. Always 1. */
int bench_no_memory(void);

#endif
