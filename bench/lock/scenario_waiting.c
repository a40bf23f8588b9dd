/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long do clients wait? Acquires of one lock that come at random, or clients
 * that each ask again a while after their release, at times that are drawn
 * before. Each client has a connection, a session and a thread. What is
 * measured is each wait, from the call of acquire to its return, and in the same
 * run what an acquire of a free lock and a hand-over take. */
#include "lockbench.h"
#include "waiting.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

/** A lost grant ends the run instead of hanging it. */
#define WAIT_MAX_MS 60000
/** Of acquires that come at random: more than wait at a time. */
#define OPEN_CLIENTS 32
#define HOLD_DEFAULT_US 5000
#define LOAD_DEFAULT 60
/** The lengths of the runs that show what a lock costs. */
#define PROBE_S 0.5
#define TRIAL_S 2.0
/** A client's sleep ends so late, at most, by the kernel's choice. */
#define SLACK_NS 1000
#define NS_PER_S 1e9

/** One acquire: its call, its grant, and the call of its release. */
struct turn {
    int64_t called_ns;
    int64_t granted_ns;
    int64_t released_ns;
    int64_t late_ns; /* by how much the sleep of the hold was too long */
};

struct run {
    const struct bench_options *options;
    const struct bench_sessions *sessions;
    const struct waiting_setting *setting;
    const struct waiting_draw *draw;
    int64_t start_ns;
    pthread_mutex_t mutex; /* guards what follows */
    size_t next;           /* open: the next acquire */
    struct turn *turns;
    size_t turns_n;
    size_t turns_max;
    int64_t away_ns; /* closed: between a release and an acquire */
    size_t away_n;
};

/** What a run showed. */
struct figures {
    struct waiting_costs costs;
    double hold_s;
    double think_s;
    double utilisation;
    struct bench_samples handovers;
    struct bench_samples late;
};

static void sleep_until(int64_t at_ns)
{
    struct timespec at = {at_ns / 1000000000, at_ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) ==
           EINTR) {
    }
}

static int64_t ns_of(double time_s)
{
    return (int64_t)(time_s * NS_PER_S);
}

static bool add_turn(struct run *run, const struct turn *turn)
{
    bool added = true;

    (void)pthread_mutex_lock(&run->mutex);
    if (run->turns_n == run->turns_max) {
        size_t more = run->turns_max > 0 ? 2 * run->turns_max : 4096;
        struct turn *turns = reallocarray(run->turns, more, sizeof(*turns));

        added = turns != NULL;
        run->turns = added ? turns : run->turns;
        run->turns_max = added ? more : run->turns_max;
    }
    if (added) {
        run->turns[run->turns_n++] = *turn;
    }
    (void)pthread_mutex_unlock(&run->mutex);
    return added;
}

/** Takes the lock, holds it and releases it. @return 0, or 1 after a message */
static int take(struct run *run, int index, int64_t due_ns, double hold_s)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    struct turn turn;

    if (bench_now_ns() < due_ns) {
        sleep_until(due_ns);
        turn.called_ns = bench_now_ns();
    } else {
        turn.called_ns = due_ns; /* no client was free to call it then */
    }
    if (leaselock_acquire(run->sessions->sessions[index], run->options->name,
                          NULL, WAIT_MAX_MS, &ticket, &error) != 0) {
        return bench_fail("acquire", &error);
    }
    turn.granted_ns = bench_now_ns();
    sleep_until(turn.granted_ns + ns_of(hold_s));
    turn.released_ns = bench_now_ns();
    turn.late_ns = turn.released_ns - turn.granted_ns - ns_of(hold_s);
    if (leaselock_release(ticket, &error) != 0) {
        return bench_fail("release", &error);
    }
    return add_turn(run, &turn) ? 0 : bench_no_memory();
}

/** Serves the acquires that are due, one after another. */
static int serve_open(int index, void *arg)
{
    struct run *run = arg;

    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
    for (;;) {
        size_t next;

        (void)pthread_mutex_lock(&run->mutex);
        next = run->next++;
        (void)pthread_mutex_unlock(&run->mutex);
        if (next >= run->draw->n ||
            run->draw->times_s[next] >= run->setting->length_s) {
            return 0;
        }
        if (take(run, index, run->start_ns + ns_of(run->draw->times_s[next]),
                 run->draw->holds_s[next]) != 0) {
            return 1;
        }
    }
}

static int live_closed(int index, void *arg)
{
    struct run *run = arg;
    size_t n = run->draw->n;
    const double *times_s = run->draw->times_s + (size_t)index * n;
    const double *holds_s = run->draw->holds_s + (size_t)index * n;
    int64_t end_ns = run->start_ns + ns_of(run->setting->length_s);
    int64_t from_ns = run->start_ns;
    int64_t away_ns = 0;
    size_t done = 0;

    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
    for (;; done++) {
        int64_t due_ns = from_ns + ns_of(times_s[done % n]);

        if (due_ns >= end_ns) {
            break;
        }
        if (take(run, index, due_ns, holds_s[done % n]) != 0) {
            return 1;
        }
        away_ns += due_ns - from_ns;
        from_ns = bench_now_ns();
    }
    (void)pthread_mutex_lock(&run->mutex);
    run->away_ns += away_ns;
    run->away_n += done;
    (void)pthread_mutex_unlock(&run->mutex);
    return 0;
}

static int compare_turns(const void *left, const void *right)
{
    const struct turn *a = left;
    const struct turn *b = right;

    return (a->granted_ns > b->granted_ns) - (a->granted_ns < b->granted_ns);
}

static void free_figures(struct figures *figures)
{
    bench_samples_free(&figures->handovers);
    bench_samples_free(&figures->late);
}

/**
 * A hand-over is a grant to a client that had been in the queue before the
 * release; an acquire of a free lock is called well after it. What lies between
 * is neither.
 *
 * @return 0, or 1 after a message; free the figures in both cases
 */
static int evaluate(struct run *run,
                    const struct waiting_costs *about,
                    struct figures *ret)
{
    const struct turn *turns = run->turns;
    double acquires_ns = 0;
    double holds_ns = 0;
    size_t acquires = 0;

    *ret = (struct figures){.costs = *about};
    qsort(run->turns, run->turns_n, sizeof(*turns), compare_turns);
    for (size_t i = 0; i < run->turns_n; i++) {
        int64_t released_ns = i > 0 ? turns[i - 1].released_ns : 0;

        holds_ns += (double)(turns[i].released_ns - turns[i].granted_ns);
        if (!bench_samples_add(&ret->late, turns[i].late_ns)) {
            return bench_no_memory();
        }
        if (turns[i].called_ns + ns_of(2 * about->acquire_s) < released_ns) {
            if (!bench_samples_add(&ret->handovers,
                                   turns[i].granted_ns - released_ns)) {
                return bench_no_memory();
            }
        } else if (turns[i].called_ns >
                   released_ns + ns_of(2 * about->handover_s)) {
            acquires_ns += (double)(turns[i].granted_ns - turns[i].called_ns);
            acquires++;
        }
    }
    if (run->turns_n == 0) {
        return 0;
    }
    if (acquires > 0) {
        ret->costs.acquire_s = acquires_ns / (double)acquires / NS_PER_S;
    }
    if (ret->handovers.n > 0) {
        ret->costs.handover_s = waiting_mean_ns(&ret->handovers) / NS_PER_S;
    }
    bench_samples_sort(&ret->handovers);
    bench_samples_sort(&ret->late);
    ret->hold_s = holds_ns / (double)run->turns_n / NS_PER_S;
    ret->think_s = run->away_n > 0
                       ? (double)run->away_ns / (double)run->away_n / NS_PER_S
                       : 0;
    ret->utilisation =
        (holds_ns / NS_PER_S + (double)run->turns_n * ret->costs.handover_s) /
        ((double)(turns[run->turns_n - 1].released_ns - run->start_ns) /
         NS_PER_S);
    return 0;
}

/** Runs a setting. @return 0, or 1 after a message; free the turns */
static int run_setting(struct run *run)
{
    const struct waiting_setting *setting = run->setting;

    run->start_ns = bench_now_ns() + 10000000; /* all threads are there */
    return bench_in_parallel(setting->clients,
                             setting->closed ? live_closed : serve_open, run);
}

/** Runs a setting to see its costs. @return 0, or 1 after a message */
static int probe(const struct run *like,
                 struct waiting_setting setting,
                 double length_s,
                 struct waiting_costs *costs)
{
    struct waiting_draw draw;
    struct run run = *like;
    struct figures figures = {0};
    int status;

    setting.length_s = length_s;
    run.setting = &setting;
    run.draw = &draw;
    (void)pthread_mutex_init(&run.mutex, NULL);
    status = waiting_draw(&setting, UINT64_MAX, &draw);
    status = status == 0 ? run_setting(&run) : status;
    if (status == 0) {
        status = evaluate(&run, costs, &figures);
        *costs = figures.costs;
    }
    free_figures(&figures);
    waiting_draw_free(&draw);
    free(run.turns);
    (void)pthread_mutex_destroy(&run.mutex);
    return status;
}

/** Sets the rate, or the think time, that asks for so much of the lock's
 *  time. */
static void set_load(const struct bench_options *options,
                     const struct waiting_costs *costs,
                     struct waiting_setting *setting)
{
    double service_s = setting->hold_s + costs->handover_s;
    double load = options->load / 100.0;

    setting->rate_per_s = load / service_s;
    setting->think_s =
        setting->closed ? setting->clients * service_s / load : 0;
}

/** Finds out what the lock costs: alone, between two, and as it will be. */
static int find_costs(const struct run *like,
                      struct waiting_setting *setting,
                      struct waiting_costs *costs)
{
    struct waiting_setting alone = {
        .closed = true, .clients = 1, .think_s = 0.002, .hold_s = 0.001};
    struct waiting_setting two = {
        .closed = true, .clients = 2, .think_s = 0, .hold_s = setting->hold_s};

    if (probe(like, alone, PROBE_S, costs) != 0 ||
        probe(like, two, PROBE_S, costs) != 0) {
        return 1;
    }
    set_load(like->options, costs, setting);
    if (probe(like, *setting, fmin(TRIAL_S, setting->length_s), costs) != 0) {
        return 1;
    }
    set_load(like->options, costs, setting);
    return 0;
}

static int report(struct run *run,
                  const struct figures *figures,
                  double chance,
                  struct bench_result *result)
{
    const struct waiting_setting *setting = run->setting;
    struct bench_samples drawn = {0};

    for (size_t i = 0; i < run->turns_n; i++) {
        if (!bench_samples_add(&result->samples, run->turns[i].granted_ns -
                                                     run->turns[i].called_ns)) {
            return bench_no_memory();
        }
    }
    if (!waiting_compute(setting, run->draw, &figures->costs, &drawn)) {
        return bench_no_memory();
    }
    bench_samples_sort(&drawn);
    bench_result_text(result, "model", setting->closed ? "closed" : "open");
    bench_result_int(result, "clients", setting->clients);
    bench_result_int(result, "load", run->options->load);
    bench_result_int(result, "hold_cv", setting->exponential ? 1 : 0);
    bench_result_real(result, "rate_per_s",
                      setting->closed ? 0 : setting->rate_per_s);
    bench_result_real(result, "think_ms", 1e3 * figures->think_s);
    bench_result_real(result, "hold_ms", 1e3 * figures->hold_s);
    bench_result_real(result, "handover_ms", 1e3 * figures->costs.handover_s);
    bench_result_real(result, "acquire_ms", 1e3 * figures->costs.acquire_s);
    bench_result_int(result, "handovers", (int64_t)figures->handovers.n);
    bench_result_real(
        result, "handover_p99_ms",
        (double)bench_samples_quantile(&figures->handovers, 0.99) / 1e6);
    bench_result_real(result, "late_p99_ms",
                      (double)bench_samples_quantile(&figures->late, 0.99) /
                          1e6);
    bench_result_real(result, "utilisation", figures->utilisation);
    bench_result_real(result, "drawn_mean_ms", waiting_mean_ns(&drawn) / 1e6);
    bench_result_real(result, "drawn_p99_ms",
                      (double)bench_samples_quantile(&drawn, 0.99) / 1e6);
    bench_result_real(result, "chance", chance);
    bench_result_real(result, "mean_ms",
                      waiting_mean_ns(&result->samples) / 1e6);
    bench_result_quantiles(result, "ms", 1e6);
    bench_samples_free(&drawn);
    return 0;
}

static int measure(struct run *run,
                   struct waiting_setting *setting,
                   struct bench_result *result)
{
    struct waiting_costs costs = {0.0005, 0.001}; /* corrected by probes */
    struct waiting_draw draw = {0};
    struct bench_meter meter;
    struct figures figures = {0};
    double chance = 0;
    int status = find_costs(run, setting, &costs);

    if (status == 0) {
        status = waiting_choose(setting, &costs, &draw, &chance);
    }
    run->setting = setting;
    run->draw = &draw;
    if (status == 0) {
        bench_meter_start(&meter, run->options);
        status = run_setting(run);
        bench_meter_stop(&meter);
    }
    if (status == 0) {
        status = evaluate(run, &costs, &figures);
    }
    if (status == 0) {
        status = report(run, &figures, chance, result);
        bench_meter_report(&meter, (int64_t)run->turns_n, result);
    }
    free_figures(&figures);
    waiting_draw_free(&draw);
    free(run->turns);
    return status;
}

int bench_waiting(const struct bench_options *options,
                  struct bench_result *result)
{
    struct bench_options with = *options;
    struct bench_sessions sessions = {0};
    struct run run = {.options = &with,
                      .sessions = &sessions,
                      .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct waiting_setting setting = {
        .closed = options->clients > 0,
        .clients = options->clients > 0 ? options->clients : OPEN_CLIENTS,
        .exponential = options->exponential,
        .length_s = options->seconds};
    int status;

    with.load = options->load > 0 ? options->load : LOAD_DEFAULT;
    setting.hold_s =
        (options->hold_us > 0 ? options->hold_us : HOLD_DEFAULT_US) / 1e6;
    status = bench_sessions_open(
        &with, setting.clients > 2 ? setting.clients : 2,
        setting.clients > 2 ? setting.clients : 2, &sessions);
    if (status == 0) {
        status = measure(&run, &setting, result);
        bench_sessions_close(&sessions);
    }
    return status;
}
