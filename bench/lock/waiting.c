/* SPDX-License-Identifier: Apache-2.0 */
#include "waiting.h"

#include <math.h>
#include <stdlib.h>

/** Draws of which one is chosen, and how much longer the long run is. */
#define CANDIDATES 100
#define LONG_RUN_GRANTS 400000
/** A difference of p99 counts less than one of the mean: it is less certain. */
#define P99_WEIGHT 0.5

/** SplitMix64, as a number in (0, 1). */
static double draw_number(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return ((double)(x >> 11) + 0.5) * 0x1p-53;
}

static double draw_exponential(uint64_t *seed)
{
    return -log(draw_number(seed));
}

int waiting_draw(const struct waiting_setting *setting,
                 uint64_t seed,
                 struct waiting_draw *draw)
{
    /* Of a client, if closed ones never waited. */
    double expected =
        setting->length_s * (setting->closed
                                 ? 1 / (setting->think_s + setting->hold_s)
                                 : setting->rate_per_s);
    double at_s = 0;

    *draw = (struct waiting_draw){.clients =
                                      setting->closed ? setting->clients : 1};
    /* With ten standard deviations more. */
    draw->n = (size_t)(expected + 10 * sqrt(expected)) + 10;
    draw->times_s = calloc(draw->n * (size_t)draw->clients, sizeof(double));
    draw->holds_s = calloc(draw->n * (size_t)draw->clients, sizeof(double));
    if (draw->times_s == NULL || draw->holds_s == NULL) {
        return bench_no_memory();
    }
    for (size_t i = 0; i < draw->n * (size_t)draw->clients; i++) {
        double time_s = draw_exponential(&seed);

        at_s += setting->closed ? 0 : time_s / setting->rate_per_s;
        draw->times_s[i] = setting->closed ? time_s * setting->think_s : at_s;
        draw->holds_s[i] = setting->hold_s *
                           (setting->exponential ? draw_exponential(&seed) : 1);
    }
    return 0;
}

void waiting_draw_free(struct waiting_draw *draw)
{
    free(draw->times_s);
    free(draw->holds_s);
    *draw = (struct waiting_draw){0};
}

/** The wait of an acquire at @from_s, and when the lock is free after it. */
static double
wait_of(const struct waiting_costs *costs, double from_s, double *free_s)
{
    double granted_s = fmax(from_s + costs->acquire_s, *free_s);

    *free_s = granted_s + costs->handover_s;
    return granted_s - from_s;
}

static bool compute_open(const struct waiting_setting *setting,
                         const struct waiting_draw *draw,
                         const struct waiting_costs *costs,
                         struct bench_samples *waits)
{
    double free_s = 0;

    for (size_t i = 0; i < draw->n; i++) {
        double from_s = draw->times_s[i];

        if (from_s >= setting->length_s) {
            break;
        }
        if (!bench_samples_add(
                waits, (int64_t)(1e9 * wait_of(costs, from_s, &free_s)))) {
            return false;
        }
        free_s += draw->holds_s[i];
    }
    return true;
}

/** The client that asks next. */
static int next_of(const double *next_s, int n)
{
    int next = 0;

    for (int i = 1; i < n; i++) {
        if (next_s[i] < next_s[next]) {
            next = i;
        }
    }
    return next;
}

static bool compute_closed(const struct waiting_setting *setting,
                           const struct waiting_draw *draw,
                           const struct waiting_costs *costs,
                           struct bench_samples *waits)
{
    double *next_s = calloc((size_t)draw->clients, sizeof(*next_s));
    size_t *used = calloc((size_t)draw->clients, sizeof(*used));
    double free_s = 0;
    bool added = next_s != NULL && used != NULL;

    for (int i = 0; added && i < draw->clients; i++) {
        next_s[i] = draw->times_s[(size_t)i * draw->n];
    }
    while (added) {
        int who = next_of(next_s, draw->clients);
        const double *times_s = draw->times_s + (size_t)who * draw->n;
        double hold_s = draw->holds_s[(size_t)who * draw->n + used[who]];
        double from_s = next_s[who];
        double wait_s;

        if (from_s >= setting->length_s) {
            break;
        }
        wait_s = wait_of(costs, from_s, &free_s);
        free_s += hold_s;
        added = bench_samples_add(waits, (int64_t)(1e9 * wait_s));
        used[who] = (used[who] + 1) % draw->n;
        /* A release takes as long as an acquire. */
        next_s[who] =
            from_s + wait_s + hold_s + costs->acquire_s + times_s[used[who]];
    }
    free(next_s);
    free(used);
    return added;
}

bool waiting_compute(const struct waiting_setting *setting,
                     const struct waiting_draw *draw,
                     const struct waiting_costs *costs,
                     struct bench_samples *waits)
{
    return setting->closed ? compute_closed(setting, draw, costs, waits)
                           : compute_open(setting, draw, costs, waits);
}

double waiting_mean_ns(const struct bench_samples *samples)
{
    double sum = 0;

    for (size_t i = 0; i < samples->n; i++) {
        sum += (double)samples->items[i];
    }
    return samples->n > 0 ? sum / (double)samples->n : 0;
}

/** The mean and p99 of a draw. */
struct waits {
    double mean_ns;
    double p99_ns;
};

static int waits_of(const struct waiting_setting *setting,
                    uint64_t seed,
                    const struct waiting_costs *costs,
                    struct waits *ret_waits)
{
    struct bench_samples samples = {0};
    struct waiting_draw draw;
    int status = waiting_draw(setting, seed, &draw);

    if (status == 0 && !waiting_compute(setting, &draw, costs, &samples)) {
        status = bench_no_memory();
    }
    bench_samples_sort(&samples);
    ret_waits->mean_ns = waiting_mean_ns(&samples);
    ret_waits->p99_ns = (double)bench_samples_quantile(&samples, 0.99);
    bench_samples_free(&samples);
    waiting_draw_free(&draw);
    return status;
}

int waiting_choose(const struct waiting_setting *setting,
                   const struct waiting_costs *costs,
                   struct waiting_draw *draw,
                   double *ret_chance)
{
    struct waiting_setting long_run = *setting;
    struct waits all;
    uint64_t best_seed = 1;
    double best = INFINITY;
    double squares = 0;

    long_run.length_s =
        LONG_RUN_GRANTS *
        (setting->closed
             ? (setting->think_s + setting->hold_s) / setting->clients +
                   setting->hold_s
             : 1 / setting->rate_per_s);
    if (waits_of(&long_run, 0, costs, &all) != 0) {
        *draw = (struct waiting_draw){0};
        return 1;
    }
    for (uint64_t seed = 1; seed <= CANDIDATES; seed++) {
        struct waits waits;
        double mean_off;
        double off;

        if (waits_of(setting, seed << 32, costs, &waits) != 0) {
            *draw = (struct waiting_draw){0};
            return 1;
        }
        mean_off = waits.mean_ns / all.mean_ns - 1;
        off = fabs(mean_off) + P99_WEIGHT * fabs(waits.p99_ns / all.p99_ns - 1);
        squares += mean_off * mean_off;
        if (off < best) {
            best = off;
            best_seed = seed;
        }
    }
    *ret_chance = sqrt(squares / CANDIDATES);
    return waiting_draw(setting, best_seed << 32, draw);
}
