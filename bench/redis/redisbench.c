/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A common lock in Redis: SET NX PX with a value of the holder's own, a script
 * that deletes the key only while it has that value, and retries after a pause
 * with jitter. It has no queue, no fencing token, and a single server without
 * persistence. */
#include "bench.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 192
#define VALUE_SIZE 48
#define CONNECT_S 10
/** A lock that cannot be acquired for this long ends the run. */
#define WAIT_MAX_NS (INT64_C(60) * 1000000000)

/* One round trip, and another holder's lock is not released. */
static const char release_script[] =
    "if redis.call('get', KEYS[1]) == ARGV[1] then "
    "return redis.call('del', KEYS[1]) else return 0 end";

/* The commands that this process has sent: Redis also counts a script's inner
 * commands, which are not requests. */
static atomic_llong sent;

struct worker {
    redisContext *connection;
    unsigned int seed;
    char key[KEY_SIZE];
    char value[VALUE_SIZE];
};

struct shared {
    const struct bench_options *options;
    struct worker *workers;
    struct bench_turns *turns;
    struct bench_samples *samples;
    int64_t end_ns;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "redisbench: %s: %s\n", what, why);
    return 1;
}

static redisContext *connect_to(const char *endpoint)
{
    const struct timeval timeout = {.tv_sec = CONNECT_S};
    redisContext *connection;
    char host[256];
    char *colon;

    (void)snprintf(host, sizeof(host), "%s", endpoint);
    colon = strrchr(host, ':');
    if (colon == NULL) {
        (void)fail(endpoint, "not host:port");
        return NULL;
    }
    *colon = '\0';
    connection = redisConnectWithTimeout(host, atoi(colon + 1), timeout);
    if (connection == NULL) {
        (void)bench_no_memory();
    } else if (connection->err != 0) {
        (void)fail(endpoint, connection->errstr);
        redisFree(connection);
        connection = NULL;
    }
    return connection;
}

/** @return 1 if it was set, 0 if another holds it, -1 after an error */
static int try_lock(struct worker *worker, int ttl_s)
{
    redisReply *reply = redisCommand(worker->connection, "SET %s %s NX PX %d",
                                     worker->key, worker->value, ttl_s * 1000);
    int got = -1;

    (void)atomic_fetch_add(&sent, 1);
    if (reply == NULL) {
        (void)fail("SET", worker->connection->errstr);
    } else if (reply->type == REDIS_REPLY_STATUS) {
        got = 1;
    } else if (reply->type == REDIS_REPLY_NIL) {
        got = 0;
    } else {
        (void)fail("SET", reply->str != NULL ? reply->str : "an odd answer");
    }
    freeReplyObject(reply);
    return got;
}

/* The pause is between half and one and a half of the configured one. */
static int lock(struct worker *worker, const struct bench_options *options)
{
    int64_t end_ns = bench_now_ns() + WAIT_MAX_NS;
    int got;

    while ((got = try_lock(worker, options->ttl_s)) == 0) {
        int pause_us = options->retry_ms * 1000;

        if (bench_now_ns() >= end_ns) {
            return fail(worker->key, "not to be had");
        }
        bench_sleep_us(pause_us / 2 + (int)((double)rand_r(&worker->seed) /
                                            RAND_MAX * pause_us));
    }
    return got == 1 ? 0 : 1;
}

static int unlock(struct worker *worker)
{
    redisReply *reply =
        redisCommand(worker->connection, "EVAL %s 1 %s %s", release_script,
                     worker->key, worker->value);
    int status = 0;

    (void)atomic_fetch_add(&sent, 1);
    if (reply == NULL) {
        status = fail("EVAL", worker->connection->errstr);
    } else if (reply->type != REDIS_REPLY_INTEGER || reply->integer != 1) {
        status = fail("EVAL", reply->str != NULL ? reply->str
                                                 : "the lock was not ours");
    }
    freeReplyObject(reply);
    return status;
}

/** @param one_key  all workers use one lock; else each has one of its own */
static struct worker *
open_workers(const struct bench_options *options, int n, bool one_key)
{
    struct worker *workers = calloc((size_t)n, sizeof(*workers));

    if (workers == NULL) {
        (void)bench_no_memory();
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        struct worker *worker = &workers[i];

        worker->seed = (unsigned int)i + 1;
        worker->connection = connect_to(options->endpoints);
        if (worker->connection == NULL) {
            for (int opened = 0; opened < i; opened++) {
                redisFree(workers[opened].connection);
            }
            free(workers);
            return NULL;
        }
        (void)snprintf(worker->key, sizeof(worker->key),
                       one_key ? "%.150s" : "%.150s-%d", options->name, i);
        (void)snprintf(worker->value, sizeof(worker->value), "%d-%llx", i,
                       (unsigned long long)bench_now_ns());
    }
    return workers;
}

static void close_workers(struct worker *workers, int n)
{
    for (int i = 0; i < n; i++) {
        redisFree(workers[i].connection);
    }
    free(workers);
}

static int cycle(int index, void *arg)
{
    const struct shared *shared = arg;
    struct worker *worker = &shared->workers[index];
    int64_t from_ns = bench_now_ns();

    while (from_ns < shared->end_ns) {
        int64_t now_ns;

        if (lock(worker, shared->options) != 0 || unlock(worker) != 0) {
            return 1;
        }
        now_ns = bench_now_ns();
        if (!bench_samples_add(&shared->samples[index], now_ns - from_ns)) {
            return bench_no_memory();
        }
        from_ns = now_ns;
    }
    return 0;
}

static int uncontended(const struct bench_options *options,
                       struct bench_result *result)
{
    int n = options->workers;
    struct shared shared = {.options = options};
    struct bench_meter meter;
    int status = 1;

    shared.samples = calloc((size_t)n, sizeof(*shared.samples));
    if (shared.samples == NULL) {
        return bench_no_memory();
    }
    shared.workers = open_workers(options, n, false);
    if (shared.workers != NULL) {
        bench_meter_start(&meter, options);
        shared.end_ns = meter.start_ns + options->seconds * INT64_C(1000000000);
        status = bench_in_parallel(n, cycle, &shared);
        bench_meter_stop(&meter);
        close_workers(shared.workers, n);
    }
    for (int i = 0; i < n; i++) {
        if (status == 0 &&
            !bench_samples_append(&result->samples, &shared.samples[i])) {
            status = bench_no_memory();
        }
        bench_samples_free(&shared.samples[i]);
    }
    free(shared.samples);
    if (status == 0) {
        bench_result_int(result, "workers", n);
        bench_result_quantiles(result, "us", 1e3);
        bench_meter_report(&meter, (int64_t)result->samples.n, result);
    }
    return status;
}

static int take_turns(int index, void *arg)
{
    const struct shared *shared = arg;
    struct worker *worker = &shared->workers[index];

    while (bench_turns_go_on(shared->turns)) {
        if (lock(worker, shared->options) != 0) {
            return bench_turns_fail(shared->turns);
        }
        bench_turns_granted(shared->turns, index, bench_now_ns());
        if (shared->options->hold_us > 0) {
            bench_sleep_us(shared->options->hold_us);
        }
        bench_turns_releasing(shared->turns, index);
        if (unlock(worker) != 0) {
            return bench_turns_fail(shared->turns);
        }
    }
    return 0;
}

static int handoff(const struct bench_options *options,
                   struct bench_result *result)
{
    int n = options->clients > 0 ? options->clients : 2;
    struct shared shared = {.options = options};
    struct bench_meter meter;
    int status = 1;

    shared.workers = open_workers(options, n, true);
    if (shared.workers == NULL) {
        return 1;
    }
    bench_meter_start(&meter, options);
    shared.turns = bench_turns_new(meter.start_ns +
                                   options->seconds * INT64_C(1000000000));
    if (shared.turns != NULL) {
        status = bench_in_parallel(n, take_turns, &shared);
    }
    bench_meter_stop(&meter);
    if (status == 0) {
        bench_result_int(result, "clients", n);
        bench_result_int(result, "hold_us", options->hold_us);
        bench_result_int(result, "retry_ms", options->retry_ms);
        bench_turns_report(shared.turns, &meter, options->seconds, result);
    }
    bench_turns_free(shared.turns);
    close_workers(shared.workers, n);
    return status;
}

static double info_number(const char *info, const char *field)
{
    const char *at = strstr(info, field);

    return at == NULL ? 0 : strtod(at + strlen(field), NULL);
}

static bool read_server(const char *endpoints, struct bench_server *ret_server)
{
    redisContext *connection = connect_to(endpoints);
    redisReply *reply;
    bool known;

    if (connection == NULL) {
        return false;
    }
    reply = redisCommand(connection, "INFO cpu");
    known = reply != NULL && reply->type == REDIS_REPLY_STRING;
    if (known) {
        *ret_server = (struct bench_server){
            .cpu_s = info_number(reply->str, "used_cpu_sys:") +
                     info_number(reply->str, "used_cpu_user:"),
            .requests = (double)atomic_load(&sent)};
    } else {
        (void)fail("INFO", "no answer");
    }
    freeReplyObject(reply);
    redisFree(connection);
    return known;
}

int main(int argc, char **argv)
{
    static const struct bench_scenario scenarios[] = {
        {"uncontended", uncontended,
         "workers lock and unlock a key each, on a connection each"},
        {"handoff", handoff,
         "clients (default 2) take turns on one key; --hold-us, --retry-ms"},
    };
    static const struct bench_program program = {
        .name = "redisbench",
        .peer = "redis",
        .endpoints = "127.0.0.1:6379",
        .server = read_server,
        .scenarios = scenarios,
        .scenarios_n = sizeof(scenarios) / sizeof(scenarios[0]),
    };

    return bench_main(&program, argc, argv);
}
