/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimate_model.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GRANTS_MIN (1 << 19)
#define GRANTS_MAX (1 << 21)
#define GRANTS_PER_CLIENT 32
#define BATCHES 16
#define SEED UINT64_C(0x1ea5e10c)
#define WAITING_FIRST 1024

const double ll_estimate_parts[LL_ESTIMATE_PERCENTILES] = {0.5, 0.9, 0.99};

struct simulation {
    const struct ll_estimate_input *input;
    uint64_t seed;
    double now_s;
    /** Closed: how many clients are away, and the mean of their times. */
    int away;
    double away_s;
    /** When each server in use is free again: a heap, the first one on top. */
    double *free_s;
    int serving;
    /** A ring of the arrivals of those that wait. */
    double *arrived_s;
    size_t ring_n;
    size_t first;
    size_t waiting;
};

/** SplitMix64 (Steele, Lea and Flood 2014), as a number in (0, 1). */
static double draw(struct simulation *simulation)
{
    uint64_t x = simulation->seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return ((double)(x >> 11) + 0.5) * 0x1p-53;
}

static double draw_exponential(struct simulation *simulation)
{
    return -log(draw(simulation));
}

static double draw_normal(struct simulation *simulation)
{
    double radius = sqrt(2 * draw_exponential(simulation));

    return radius * cos(2 * M_PI * draw(simulation));
}

/** A gamma variate of the scale 1: Marsaglia and Tsang (ACM TOMS 26, 2000). */
static double draw_gamma(struct simulation *simulation, double shape)
{
    double boost =
        shape < 1 ? pow(draw(simulation), 1 / shape) : 1; /* section 6 */
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    double c = 1 / sqrt(9 * d);

    for (;;) { /* accepts at least 95 % */
        double x = draw_normal(simulation);
        double v = pow(1 + c * x, 3);

        if (v > 0 &&
            log(draw(simulation)) < x * x / 2 + d - d * v + d * log(v)) {
            return boost * d * v;
        }
    }
}

static double draw_service_s(struct simulation *simulation)
{
    const struct ll_estimate_input *input = simulation->input;
    double squared = input->hold_cv * input->hold_cv;
    double hold_s = input->hold_s;

    if (input->hold_cv == 1) {
        hold_s *= draw_exponential(simulation);
    } else if (squared > 0) {
        hold_s *= squared * draw_gamma(simulation, 1 / squared);
    }
    return hold_s + input->handover_s;
}

/** Begins a service. */
static void serve(struct simulation *simulation)
{
    double *heap = simulation->free_s;
    double free_s = simulation->now_s + draw_service_s(simulation);
    int at = simulation->serving++;

    while (at > 0 && heap[(at - 1) / 2] > free_s) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = free_s;
}

/** Removes the service that ends first. */
static void end_service(struct simulation *simulation)
{
    double *heap = simulation->free_s;
    int n = --simulation->serving;
    double last = heap[n];
    int at = 0;

    for (;;) {
        int child = 2 * at + 1;

        if (child + 1 < n && heap[child + 1] < heap[child]) {
            child++;
        }
        if (child >= n || heap[child] >= last) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
}

static int enqueue(struct simulation *simulation, double arrived_s)
{
    size_t n = simulation->ring_n;

    if (simulation->waiting == n) {
        size_t more = n > 0 ? 2 * n : WAITING_FIRST;
        double *ring = calloc(more, sizeof(*ring));

        if (ring == NULL) {
            return -1;
        }
        for (size_t i = 0; i < n; i++) {
            ring[i] = simulation->arrived_s[(simulation->first + i) % n];
        }
        free(simulation->arrived_s);
        simulation->arrived_s = ring;
        simulation->ring_n = more;
        simulation->first = 0;
    }
    simulation->arrived_s[(simulation->first + simulation->waiting) %
                          simulation->ring_n] = arrived_s;
    simulation->waiting++;
    return 0;
}

/** When the next client arrives: exponential times forget how long they have
 *  lasted, so it may be drawn anew at each event. */
static double next_arrival_s(struct simulation *simulation)
{
    const struct ll_estimate_input *input = simulation->input;

    if (input->kind == LL_ESTIMATE_OPEN) {
        return simulation->now_s +
               draw_exponential(simulation) / input->rate_per_s;
    }
    if (simulation->away == 0) {
        return INFINITY;
    }
    return simulation->now_s +
           draw_exponential(simulation) * simulation->away_s / simulation->away;
}

/** Goes on to the next grant. Returns -1 without memory. */
static int next_grant(struct simulation *simulation, double *ret_wait_s)
{
    for (;;) {
        double arrival_s = next_arrival_s(simulation);
        double end_s =
            simulation->serving > 0 ? simulation->free_s[0] : INFINITY;

        if (arrival_s < end_s) {
            simulation->now_s = arrival_s;
            simulation->away--;
            if (simulation->serving < simulation->input->permits) {
                serve(simulation);
                *ret_wait_s = 0;
                return 0;
            }
            if (enqueue(simulation, arrival_s) != 0) {
                return -1;
            }
            continue;
        }
        simulation->now_s = end_s;
        end_service(simulation);
        if (simulation->away_s > 0) {
            simulation->away++;
        } else if (enqueue(simulation, end_s) != 0) {
            return -1;
        }
        if (simulation->waiting > 0) {
            *ret_wait_s = end_s - simulation->arrived_s[simulation->first];
            simulation->first = (simulation->first + 1) % simulation->ring_n;
            simulation->waiting--;
            serve(simulation);
            return 0;
        }
    }
}

/** Begins with as many clients in the queue as there are on average. */
static int begin(struct simulation *simulation)
{
    const struct ll_estimate_input *input = simulation->input;
    double service_s = ll_estimate_service_s(input);
    double rate;
    int inside;

    simulation->seed = SEED;
    simulation->free_s =
        calloc((size_t)input->permits, sizeof(*simulation->free_s));
    if (simulation->free_s == NULL) {
        return -1;
    }
    if (input->kind == LL_ESTIMATE_OPEN) {
        simulation->away_s = 1; /* not used; more than 0 */
        return 0;
    }
    simulation->away_s = ll_estimate_away_s(input);
    rate = input->permits == 1
               ? ll_estimate_closed_utilisation(input) / service_s
               : fmin(input->clients / (simulation->away_s + service_s),
                      input->permits / service_s);
    inside = (int)fmax(input->clients - rate * simulation->away_s, 0);
    if (simulation->away_s <= 0) {
        inside = input->clients;
    }
    simulation->away = input->clients - inside;
    for (int i = inside; i > 0; i--) {
        if (simulation->serving < input->permits) {
            serve(simulation);
        } else if (enqueue(simulation, -i / rate) != 0) {
            return -1;
        }
    }
    return 0;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/** The mean and the percentiles of sorted waits. */
static void measure(const double *waits_s, size_t n, double *ret_figures)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += waits_s[i];
    }
    ret_figures[0] = sum / (double)n;
    for (size_t k = 0; k < LL_ESTIMATE_PERCENTILES; k++) {
        ret_figures[1 + k] =
            waits_s[(size_t)(ll_estimate_parts[k] * (double)n)];
    }
}

/** Sorts the waits, stretch by stretch and then all. */
static void evaluate(struct ll_estimate_simulated *ret)
{
    double *waits_s = ret->sorted_s;
    size_t n = ret->sorted_n;
    double all[1 + LL_ESTIMATE_PERCENTILES];
    double batch[1 + LL_ESTIMATE_PERCENTILES];
    double squares[1 + LL_ESTIMATE_PERCENTILES] = {0};
    double sums[1 + LL_ESTIMATE_PERCENTILES] = {0};
    double errors[1 + LL_ESTIMATE_PERCENTILES];
    size_t length = n / BATCHES;

    for (size_t i = 0; i < BATCHES; i++) {
        qsort(waits_s + i * length, length, sizeof(*waits_s), compare);
        measure(waits_s + i * length, length, batch);
        for (size_t k = 0; k <= LL_ESTIMATE_PERCENTILES; k++) {
            sums[k] += batch[k];
            squares[k] += batch[k] * batch[k];
        }
    }
    qsort(waits_s, n, sizeof(*waits_s), compare);
    measure(waits_s, n, all);
    for (size_t k = 0; k <= LL_ESTIMATE_PERCENTILES; k++) {
        double mean = sums[k] / BATCHES;
        double variance = fmax(squares[k] / BATCHES - mean * mean, 0);

        errors[k] = sqrt(variance / (BATCHES - 1));
    }
    ret->mean_s = all[0];
    ret->mean_error_s = errors[0];
    memcpy(ret->wait_s, all + 1, sizeof(ret->wait_s));
    memcpy(ret->wait_error_s, errors + 1, sizeof(ret->wait_error_s));
}

static size_t grants_of(const struct ll_estimate_input *input)
{
    size_t n = GRANTS_MIN;

    while (input->kind == LL_ESTIMATE_CLOSED && n < GRANTS_MAX &&
           n < (size_t)input->clients * GRANTS_PER_CLIENT) {
        n *= 2;
    }
    return n;
}

int ll_estimate_simulate(const struct ll_estimate_input *input,
                         struct ll_estimate_simulated *ret_simulated)
{
    struct simulation simulation = {.input = input};
    size_t n = grants_of(input);
    size_t warm_up = n / BATCHES;
    double *waits_s = calloc(n, sizeof(*waits_s));
    double begin_s = 0;
    int status = waits_s != NULL ? begin(&simulation) : -1;

    for (size_t i = 0; status == 0 && i < warm_up + n; i++) {
        if (i == warm_up) {
            begin_s = simulation.now_s;
        }
        status =
            next_grant(&simulation, &waits_s[i < warm_up ? i : i - warm_up]);
    }
    free(simulation.free_s);
    free(simulation.arrived_s);
    if (status != 0) {
        free(waits_s);
        return status;
    }
    *ret_simulated = (struct ll_estimate_simulated){
        .grants_per_s = (double)n / (simulation.now_s - begin_s),
        .sorted_s = waits_s,
        .sorted_n = n};
    evaluate(ret_simulated);
    return 0;
}

double
ll_estimate_simulated_within(const struct ll_estimate_simulated *simulated,
                             double t_s)
{
    size_t least = 0;
    size_t most = simulated->sorted_n;

    while (least < most) {
        size_t middle = least + (most - least) / 2;

        if (simulated->sorted_s[middle] <= t_s) {
            least = middle + 1;
        } else {
            most = middle;
        }
    }
    return (double)least / (double)simulated->sorted_n;
}

void ll_estimate_simulated_free(struct ll_estimate_simulated *simulated)
{
    free(simulated->sorted_s);
    simulated->sorted_s = NULL;
}
