/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the wait for a lock, against closed forms, published values and
 * a simulation that shares no code with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

/* The tool is a program: its source files are compiled into the test. */
#include "cli/estimate_model.h"

static void
assert_near(double value, double wanted, double relative, const char *what)
{
    double off = wanted != 0 ? fabs(value / wanted - 1) : fabs(value);

    if (!(off <= relative)) {
        fail_msg("%s is %.9g, not %.9g: off by %.3g", what, value, wanted, off);
    }
}

/** A lock that costs nothing and is held for 1 s. */
static struct ll_estimate_input
make_open(double rate_per_s, double hold_cv, double handover_s)
{
    return (struct ll_estimate_input){
        .kind = LL_ESTIMATE_OPEN,
        .rate_per_s = rate_per_s,
        .hold_s = 1,
        .hold_cv = hold_cv,
        .handover_s = handover_s,
        .permits = 1,
        .ttl_s = 10,
        .within_s = LL_ESTIMATE_UNSET,
    };
}

static struct ll_estimate_input
make_closed(int clients, double think_s, double hold_cv, double handover_s)
{
    struct ll_estimate_input input = make_open(0, hold_cv, handover_s);

    input.kind = LL_ESTIMATE_CLOSED;
    input.clients = clients;
    input.think_s = think_s;
    input.acquire_s = handover_s;
    return input;
}

static struct ll_estimate estimate_of(const struct ll_estimate_input *input)
{
    struct ll_estimate estimate;

    assert_int_equal(ll_estimate(input, &estimate), 0);
    return estimate;
}

/** Goal: M/M/1 is exact. Method: P(W > t) = r e^(-(1 - r) t) at utilisations up
 *  to almost 1. */
static void test_open_exponential(void **state)
{
    static const double loads[] = {0.05, 0.3,   0.6,     0.8,
                                   0.95, 0.999, 0.99999, 1 - 1e-8};

    (void)state;
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        double r = loads[i];
        struct ll_estimate_input input = make_open(r, 1, 0);
        struct ll_estimate estimate;

        input.within_s = 3;
        estimate = estimate_of(&input);
        assert_true(estimate.is_stable);
        assert_near(estimate.utilisation, r, 1e-12, "utilisation");
        assert_near(estimate.wait_mean_s, r / (1 - r), 1e-6, "mean");
        assert_near(estimate.waiters, r * r / (1 - r), 1e-6, "waiters");
        assert_true(fabs(estimate.within - (1 - r * exp(-(1 - r) * 3))) < 1e-7);
        for (size_t k = 0; k < LL_ESTIMATE_PERCENTILES; k++) {
            double wanted =
                fmax(log(r / (1 - ll_estimate_parts[k])) / (1 - r), 0);

            assert_near(estimate.wait_s[k], wanted, 1e-4, "percentile");
        }
    }
}

/** P(W <= t) of M/D/1: Erlang's sum, by Crommelin 1932; exact as long as its
 *  terms of alternating sign are small enough. */
static double erlang_d(double r, double t)
{
    long double sum = 0;

    for (int j = 0; j <= (int)t; j++) {
        long double x = r * (t - j);

        sum += (j % 2 == 0 ? 1 : -1) *
               expl(x + j * logl(fmaxl(x, 1e-300L)) - lgammal(j + 1.0L));
    }
    return (double)((1 - r) * sum);
}

/** Goal: M/D/1, whose distribution has kinks, is exact. Method: Erlang's sum at
 *  many times, and the percentiles put into it. */
static void test_open_constant(void **state)
{
    static const double loads[] = {0.1, 0.3, 0.5, 0.7, 0.9};

    (void)state;
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        struct ll_estimate_input input = make_open(loads[i], 0, 0);
        struct ll_estimate estimate = estimate_of(&input);

        assert_near(estimate.wait_mean_s, loads[i] / 2 / (1 - loads[i]), 1e-12,
                    "mean");
        for (double t = 0.05; t < 15; t += 0.1) {
            assert_true(fabs(1 - ll_estimate_open_tail(&input, t) -
                             erlang_d(loads[i], t)) < 2e-4);
        }
        for (size_t k = 0; k < LL_ESTIMATE_PERCENTILES; k++) {
            if (estimate.wait_s[k] > 0 && estimate.wait_s[k] < 15) {
                assert_near(erlang_d(loads[i], estimate.wait_s[k]),
                            ll_estimate_parts[k], 1e-3, "percentile");
            }
        }
    }
}

/* A simulation of its own: a generator of the C library, each client by itself,
 * the recursion of grants as it stands in estimate_model.h. */

#define CLIENTS_MAX 64
#define GRANTS 500000

static double draw_own(unsigned short *seed)
{
    return -log(1 - erand48(seed));
}

/** A hold of the mean 1: constant, or the mean of `phases` exponential times,
 *  which has the cv 1/sqrt(phases). */
static double draw_hold(unsigned short *seed, int phases)
{
    double sum = 0;

    for (int i = 0; i < phases; i++) {
        sum += draw_own(seed);
    }
    return phases > 0 ? sum / phases : 1;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/** Simulates; sorts the waits and returns them. */
static double *simulate_own(const struct ll_estimate_input *input, int phases)
{
    unsigned short seed[3] = {1, 2, 3};
    double *waits = calloc(GRANTS, sizeof(*waits));
    double next[CLIENTS_MAX] = {0};
    int clients = input->kind == LL_ESTIMATE_OPEN ? 1 : input->clients;
    double free_at = 0;

    assert_non_null(waits);
    for (int i = 0; i < clients; i++) {
        next[i] = draw_own(seed) * input->think_s;
    }
    for (int n = -GRANTS / 20; n < GRANTS; n++) {
        int who = 0;
        double called;
        double granted;
        double hold = draw_hold(seed, phases);

        for (int i = 1; i < clients; i++) {
            who = next[i] < next[who] ? i : who;
        }
        called = next[who];
        granted = fmax(called + input->acquire_s, free_at);
        free_at = granted + hold + input->handover_s;
        next[who] = input->kind == LL_ESTIMATE_OPEN
                        ? called + draw_own(seed) / input->rate_per_s
                        : granted + hold + input->acquire_s +
                              draw_own(seed) * input->think_s;
        if (n >= 0) {
            waits[n] = granted - called;
        }
    }
    qsort(waits, GRANTS, sizeof(*waits), compare_doubles);
    return waits;
}

static void check_own(const struct ll_estimate_input *input,
                      int phases,
                      double mean_off,
                      double percentile_off)
{
    struct ll_estimate estimate = estimate_of(input);
    double *waits = simulate_own(input, phases);
    double sum = 0;

    for (int i = 0; i < GRANTS; i++) {
        sum += waits[i];
    }
    assert_near(estimate.wait_mean_s, sum / GRANTS, mean_off, "mean");
    for (size_t k = 0; k < LL_ESTIMATE_PERCENTILES; k++) {
        double wanted = waits[(size_t)(ll_estimate_parts[k] * GRANTS)];

        if (fabs(estimate.wait_s[k] - wanted) > 0.05) {
            assert_near(estimate.wait_s[k], wanted, percentile_off,
                        "percentile");
        }
    }
    free(waits);
}

/** Goal: an open lock with a hand-over, an acquire and holds of any spread.
 *  Method: the own simulation. */
static void test_open_simulated(void **state)
{
    static const int phases[] = {0, 1, 4};

    (void)state;
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        for (double load = 0.3; load < 0.85; load += 0.25) {
            struct ll_estimate_input input = make_open(
                load / 1.2, phases[i] > 0 ? 1 / sqrt(phases[i]) : 0, 0.2);

            input.acquire_s = 0.1;
            check_own(&input, phases[i], 0.04, 0.05);
        }
    }
}

/** Goal: closed clients with all of that. Method: the own simulation, in which
 *  the exponential time is the think time alone. */
static void test_closed_simulated(void **state)
{
    static const struct {
        int clients;
        double think_s;
        int phases;
    } cases[] = {{1, 3, 1}, {2, 2, 0},   {3, 1, 4},
                 {8, 6, 1}, {32, 32, 0}, {64, 90, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ll_estimate_input input = make_closed(
            cases[i].clients, cases[i].think_s,
            cases[i].phases > 0 ? 1 / sqrt(cases[i].phases) : 0, 0.1);

        check_own(&input, cases[i].phases, 0.03, 0.06);
    }
}

/** The probabilities of 0 to n clients at an exponential lock whose service is
 *  1: Erlang's, of a finite source. */
static void finite_source(int n, double think_s, double *ret_states)
{
    double sum = 1;

    ret_states[0] = 1;
    for (int i = 1; i <= n; i++) {
        ret_states[i] = ret_states[i - 1] * (n - i + 1) / think_s;
        sum += ret_states[i];
    }
    for (int i = 0; i <= n; i++) {
        ret_states[i] /= sum;
    }
}

/** P(the sum of n exponential times > t). */
static double erlang_tail(int n, double t)
{
    double term = exp(-t);
    double sum = 0;

    for (int i = 0; i < n; i++) {
        sum += term;
        term *= t / (i + 1);
    }
    return sum;
}

/** Goal: the closed model's utilisation and mean are exact, and its percentiles
 *  right. Method: M/M/1//N, where a client finds what N - 1 others leave
 *  (arrival theorem). */
static void test_closed_exponential(void **state)
{
    static const struct {
        int clients;
        double think_s;
    } cases[] = {{2, 1}, {5, 10}, {10, 8}, {30, 40}, {40, 30}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int n = cases[i].clients;
        double think_s = cases[i].think_s;
        struct ll_estimate_input input = make_closed(n, think_s, 1, 0);
        struct ll_estimate estimate = estimate_of(&input);
        double states[CLIENTS_MAX];

        finite_source(n, think_s, states);
        assert_near(estimate.utilisation, 1 - states[0], 1e-10, "utilisation");
        assert_near(estimate.wait_mean_s, n / (1 - states[0]) - think_s - 1,
                    1e-8, "mean");
        finite_source(n - 1, think_s, states);
        for (size_t k = 1; k < LL_ESTIMATE_PERCENTILES; k++) {
            double tail = 0;

            for (int j = 1; j < n; j++) {
                tail += states[j] * erlang_tail(j, estimate.wait_s[k]);
            }
            assert_near(tail, 1 - ll_estimate_parts[k], 0.1, "tail");
        }
    }
}

/** Goal: the closed model's utilisation agrees with the published one for
 *  constant service. Method: by hand for two clients, where a service is
 *  followed by another one with the probability 1 - e^(-service/think). */
static void test_closed_constant(void **state)
{
    (void)state;
    for (double think_s = 0.25; think_s < 20; think_s *= 2) {
        struct ll_estimate_input input = make_closed(2, think_s, 0, 0);
        double busy_s = exp(1 / think_s);

        assert_near(ll_estimate_closed_utilisation(&input),
                    busy_s / (busy_s + think_s / 2), 1e-12, "utilisation");
    }
}

/** Goal: a hundred thousand clients neither overflow nor lose the digits.
 *  Method: more than the lock can serve, where each waits for all others; and
 *  few enough for an open queue. */
static void test_closed_many(void **state)
{
    const int n = LL_ESTIMATE_CLIENTS_MAX;
    struct ll_estimate_input busy = make_closed(n, 1000, 1, 0.5);
    struct ll_estimate_input idle = make_closed(n, 2.0 * n, 0, 0);
    struct ll_estimate_input open = make_open(0.5, 0, 0);
    struct ll_estimate estimate = estimate_of(&busy);

    (void)state;
    assert_near(estimate.utilisation, 1, 1e-12, "utilisation");
    assert_near(estimate.wait_mean_s, n * 1.5 - 1000 - 1 - 0.5, 1e-9, "mean");
    assert_near(estimate.wait_s[2], estimate.wait_mean_s, 0.02, "p99");
    estimate = estimate_of(&idle);
    assert_near(estimate.wait_mean_s, estimate_of(&open).wait_mean_s, 0.01,
                "mean");
    assert_near(estimate.wait_s[2], estimate_of(&open).wait_s[2], 0.05, "p99");
}

/** Goal: clients that never think, or that are back before their hand-over has
 *  ended. Method: then each waits for all others, and less by what it is late. */
static void test_closed_without_thinking(void **state)
{
    struct ll_estimate_input input = make_closed(4, 0, 0, 0.5);
    struct ll_estimate estimate;

    (void)state;
    input.acquire_s = 0.25;
    estimate = estimate_of(&input);
    /* A cycle is four services; less the hold and the release. */
    assert_near(estimate.wait_mean_s, 4 * 1.5 - 1 - 0.25, 1e-12, "mean");
    input.acquire_s = 0.1;
    estimate = estimate_of(&input);
    assert_near(estimate.wait_mean_s, 4 * 1.5 - 1 - 0.1, 1e-12, "mean");
    assert_near(estimate.wait_s[2], estimate.wait_mean_s, 1e-9, "p99");
    input.clients = 1;
    estimate = estimate_of(&input);
    assert_near(estimate.wait_s[2], 0.1, 1e-9, "p99 of one client");
}

/** Goal: permits. Method: M/M/c: Erlang's C, with utilisations from 0.3 to
 *  0.8, within three times the error that is reported. */
static void test_permits(void **state)
{
    static const int permits[] = {2, 5, 20};

    (void)state;
    for (size_t i = 0; i < sizeof(permits) / sizeof(permits[0]); i++) {
        int c = permits[i];

        for (double r = 0.3; r < 0.85; r += 0.25) {
            struct ll_estimate_input input = make_open(r * c, 1, 0);
            struct ll_estimate estimate;
            double b = 1; /* Erlang's B, by its recursion */
            double wait;

            for (int k = 1; k <= c; k++) {
                b = r * c * b / (k + r * c * b);
            }
            wait = b / (1 - r * (1 - b)); /* Erlang's C */
            input.permits = c;
            estimate = estimate_of(&input);
            assert_near(estimate.utilisation, r, 1e-12, "utilisation");
            assert_true(fabs(estimate.wait_mean_s - wait / (c * (1 - r))) <=
                        3 * estimate.mean_error_s + 1e-4);
            for (size_t k = 0; k < LL_ESTIMATE_PERCENTILES; k++) {
                double wanted = fmax(
                    log(wait / (1 - ll_estimate_parts[k])) / (c * (1 - r)), 0);

                assert_true(fabs(estimate.wait_s[k] - wanted) <=
                            4 * estimate.wait_error_s[k] + 1e-2);
            }
        }
    }
}

/** Goal: an open queue that is asked for too much is unstable, with permits as
 *  well. Method: from a utilisation of 1 on. */
static void test_unstable(void **state)
{
    struct ll_estimate_input input = make_open(1, 1, 0);

    (void)state;
    assert_false(estimate_of(&input).is_stable);
    assert_near(estimate_of(&input).utilisation, 1, 1e-12, "utilisation");
    input.rate_per_s = 7;
    input.permits = 3;
    assert_false(estimate_of(&input).is_stable);
    assert_near(estimate_of(&input).utilisation, 7.0 / 3, 1e-12, "utilisation");
}

/** Goal: the textbook's formula, without overflow. Method: some values by hand,
 *  and the ends. */
static void test_textbook(void **state)
{
    (void)state;
    assert_near(ll_estimate_textbook(1, 1), 0.632120558828558, 1e-12, "N 1");
    assert_near(ll_estimate_textbook(4, 0.5), 0.216166179190847, 1e-12, "N 4");
    assert_near(ll_estimate_textbook(100000, 1e9), 1e-5, 1e-12, "the limit");
    assert_near(ll_estimate_textbook(100000, 1e-18), 1e-18, 1e-9, "the start");
    assert_near(ll_estimate_textbook(7, 0), 0, 0, "no time");
}

/** Goal: what crashes cost. Method: by hand, with a TTL of 12 s: 8 s to 12.5 s,
 *  and 10.25 s on average; utilisation 0.5, holders that die twice a day. */
static void test_outage(void **state)
{
    struct ll_estimate_input input = make_open(0.5, 1, 0);
    struct ll_estimate estimate;

    (void)state;
    input.ttl_s = 12;
    input.crashes_per_day = 4;
    estimate = estimate_of(&input);
    assert_near(estimate.outage_least_s, 8, 1e-12, "least");
    assert_near(estimate.outage_mean_s, 10.25, 1e-12, "mean");
    assert_near(estimate.outage_most_s, 12.5, 1e-12, "most");
    /* 0.5 hold, 0.5 wait, for 1 s on average. */
    assert_near(estimate.outage_s_per_day, 4 * (0.5 * 10.25 + 0.5 * 9.25), 1e-9,
                "a day");
    assert_near(estimate.drain_s, 10.25, 1e-9, "drain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_exponential),
        cmocka_unit_test(test_open_constant),
        cmocka_unit_test(test_open_simulated),
        cmocka_unit_test(test_closed_simulated),
        cmocka_unit_test(test_closed_exponential),
        cmocka_unit_test(test_closed_constant),
        cmocka_unit_test(test_closed_many),
        cmocka_unit_test(test_closed_without_thinking),
        cmocka_unit_test(test_permits),
        cmocka_unit_test(test_unstable),
        cmocka_unit_test(test_textbook),
        cmocka_unit_test(test_outage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
