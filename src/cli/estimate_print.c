/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimate_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/grid.h"
#include "cli/report.h"
#include "cli/text.h"

#define TIME_SIZE LL_TEXT_AGE_SIZE
#define ASSUMPTIONS_MAX 12
/** From here on, a time is printed as an age. */
#define AGE_S 600

/** A number with three digits. */
static int digits_of(double number)
{
    return number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
}

/** Formats a time as "12.3 ms" or so. */
static const char *time_text(double time_s, char ret_text[TIME_SIZE])
{
    static const struct {
        const char *name;
        double length_s;
    } units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
    size_t i = 0;
    double number;

    if (time_s == 0 || time_s >= AGE_S) {
        if (time_s < (double)INT64_MAX / 2) {
            ll_text_age((int64_t)time_s, ret_text);
        } else {
            (void)snprintf(ret_text, TIME_SIZE, "%.3g s", time_s);
        }
        return ret_text;
    }
    while (i < 2 && time_s / units[i].length_s >= 999.5) {
        i++;
    }
    number = time_s / units[i].length_s;
    (void)snprintf(ret_text, TIME_SIZE, "%.*f %s", digits_of(number), number,
                   units[i].name);
    return ret_text;
}

/** A time, and the error of a simulation. */
static void
add_time(struct ll_grid *grid, const char *what, double time_s, double error_s)
{
    char time[TIME_SIZE];
    char error[TIME_SIZE];

    ll_grid_addf(grid, "%s", what);
    if (error_s > 0) {
        ll_grid_addf(grid, "%s +- %s", time_text(time_s, time),
                     time_text(error_s, error));
    } else {
        ll_grid_addf(grid, "%s", time_text(time_s, time));
    }
}

static const char *hold_assumption(const struct ll_estimate_input *input)
{
    return input->hold_cv == 0   ? "every hold takes the same time"
           : input->hold_cv == 1 ? "holds vary as exponential times do"
                                 : "holds have a gamma distribution";
}

/** Lists what the estimate assumes. Returns the number of sentences. */
static size_t assumptions_of(const struct ll_estimate_input *input,
                             const struct ll_estimate *estimate,
                             const char **ret_texts)
{
    size_t n = 0;

    ret_texts[n++] =
        input->kind == LL_ESTIMATE_OPEN
            ? "acquires come at random (Poisson), however many wait"
            : "a client asks again after an exponential time, and waits for "
              "one grant at a time";
    ret_texts[n++] = "clients are served in the order of arrival, and none "
                     "gives up";
    ret_texts[n++] = hold_assumption(input);
    ret_texts[n++] = "a lock is busy for the hold and the hand-over, which is "
                     "constant; the wait has the time of an acquire in it";
    if (input->permits > 1) {
        ret_texts[n++] = "a permit costs what a lock costs; readers and "
                         "writers beside them are not in the model";
    } else {
        ret_texts[n++] = "shared holders are not in the model";
    }
    if (!estimate->is_stable) {
        return n;
    }
    if (input->kind == LL_ESTIMATE_CLOSED || input->permits > 1) {
        ret_texts[n++] = "percentiles are a simulation's, with one standard "
                         "error behind +-";
    }
    if (estimate->textbook_time >= 0) {
        ret_texts[n++] = "textbook: (1/N)(1 - e^(-N T)) for the next grant "
                         "alone, without a queue; here a client is served "
                         "after those that came before it, N - 1 at most";
    }
    ret_texts[n++] = "a client that dies has renewed its lease up to TTL/3 "
                     "ago, at random; etcd notices up to 0.5 s late; there is "
                     "no guardian and no lock-delay";
    return n;
}

static void add_model(struct ll_grid *grid,
                      const struct ll_estimate_input *input)
{
    char time[TIME_SIZE];

    ll_grid_addf(grid, "model");
    if (input->kind == LL_ESTIMATE_OPEN) {
        ll_grid_addf(grid, "open: %.4g acquires a second", input->rate_per_s);
    } else {
        ll_grid_addf(grid,
                     "closed: clients: %d, each asks again %s after its "
                     "release",
                     input->clients, time_text(input->think_s, time));
    }
    if (input->permits > 1) {
        ll_grid_addf(grid, "permits");
        ll_grid_addf(grid, "%d", input->permits);
    }
}

static void add_costs(struct ll_grid *grid,
                      const struct ll_estimate_input *input,
                      const struct ll_estimate_costs *costs)
{
    char handover[TIME_SIZE];
    char acquire[TIME_SIZE];
    char hold[TIME_SIZE];

    ll_grid_addf(grid, "hold");
    ll_grid_addf(grid, "%s on average, standard deviation %.3g times that",
                 time_text(input->hold_s, hold), input->hold_cv);
    ll_grid_addf(grid, "hand-over");
    ll_grid_addf(grid, "%s; acquire of a free lock: %s%s",
                 time_text(input->handover_s, handover),
                 time_text(input->acquire_s, acquire),
                 costs->rounds > 0 ? " (measured)" : "");
}

static void add_waits(struct ll_grid *grid, const struct ll_estimate *estimate)
{
    add_time(grid, "mean wait", estimate->wait_mean_s, estimate->mean_error_s);
    for (size_t i = 0; i < LL_ESTIMATE_PERCENTILES; i++) {
        char what[16];

        (void)snprintf(what, sizeof(what), "p%.0f", 100 * ll_estimate_parts[i]);
        add_time(grid, what, estimate->wait_s[i], estimate->wait_error_s[i]);
    }
}

/** A probability: near 1 its distance from 1 matters. */
static void probability_text(double probability, char ret_text[TIME_SIZE])
{
    if (probability >= 0.9995 && probability < 1) {
        (void)snprintf(ret_text, TIME_SIZE, "1 - %.2g", 1 - probability);
    } else {
        (void)snprintf(ret_text, TIME_SIZE, "%.3g", probability);
    }
}

static void add_within(struct ll_grid *grid, const struct ll_estimate *estimate)
{
    char time[TIME_SIZE];
    char probability[TIME_SIZE];

    probability_text(estimate->within, probability);
    ll_grid_addf(grid, "within");
    ll_grid_addf(grid, "%s with the probability %s",
                 time_text(estimate->within_s, time), probability);
    if (estimate->textbook_time >= 0) {
        ll_grid_addf(grid, "textbook");
        ll_grid_addf(grid, "%.3g for that time: T = %.3g grants of a client",
                     estimate->textbook, estimate->textbook_time);
    }
}

static void add_crashes(struct ll_grid *grid,
                        const struct ll_estimate_input *input,
                        const struct ll_estimate *estimate)
{
    char least[TIME_SIZE];
    char mean[TIME_SIZE];
    char most[TIME_SIZE];

    ll_grid_addf(grid, "a crash");
    ll_grid_addf(grid, "of a holder blocks %s for %s to %s, %s on average",
                 input->permits > 1 ? "a permit" : "the lock",
                 time_text(estimate->outage_least_s, least),
                 time_text(estimate->outage_most_s, most),
                 time_text(estimate->outage_mean_s, mean));
    if (estimate->drain_s > 0) {
        ll_grid_add(grid, "", 0);
        ll_grid_addf(grid, "and the queue behind it is gone after %s more",
                     time_text(estimate->drain_s, mean));
    }
    ll_grid_addf(grid, "outage");
    ll_grid_addf(grid, "%s a day, with %.3g crashes a day of each client",
                 time_text(estimate->outage_s_per_day, mean),
                 input->crashes_per_day);
}

int ll_estimate_print(const struct ll_estimate_input *input,
                      const struct ll_estimate_costs *costs,
                      const struct ll_estimate *estimate)
{
    struct ll_grid grid = LL_GRID_INIT(2);
    const char *texts[ASSUMPTIONS_MAX];
    size_t n = assumptions_of(input, estimate, texts);
    int code;

    add_model(&grid, input);
    add_costs(&grid, input, costs);
    ll_grid_addf(&grid, "utilisation");
    ll_grid_addf(&grid, "%.1f %%", 100 * estimate->utilisation);
    if (estimate->is_stable) {
        ll_grid_addf(&grid, "grants");
        ll_grid_addf(&grid, "%.4g a second", estimate->grants_per_s);
        add_waits(&grid, estimate);
        ll_grid_addf(&grid, "waiting");
        ll_grid_addf(&grid, "%.3g on average, and %.3g hold it",
                     estimate->waiters, estimate->holders);
        add_within(&grid, estimate);
        add_crashes(&grid, input, estimate);
    } else {
        ll_grid_addf(&grid, "unstable");
        ll_grid_addf(&grid, "the queue grows without end: more is asked for "
                            "than there is time");
    }
    code = ll_grid_print(&grid);
    ll_grid_free(&grid);
    if (code == 0) {
        puts("assumed:");
        for (size_t i = 0; i < n; i++) {
            printf("  - %s\n", texts[i]);
        }
    }
    return code;
}

/** A number, or null for one that there is not. */
static json_t *number_to_json(int is_known, double number)
{
    return is_known && isfinite(number) ? json_real(number) : json_null();
}

static json_t *input_to_json(const struct ll_estimate_input *input,
                             const struct ll_estimate_costs *costs)
{
    int is_open = input->kind == LL_ESTIMATE_OPEN;

    return json_pack(
        "{s:o, s:o, s:o, s:i, s:f, s:f, s:f, s:f, s:b, s:f, s:f}", "clients",
        input->clients > 0 ? json_integer(input->clients) : json_null(),
        "rate_per_s", number_to_json(is_open, input->rate_per_s), "think_s",
        number_to_json(!is_open, input->think_s), "permits", input->permits,
        "hold_s", input->hold_s, "hold_cv", input->hold_cv, "handover_s",
        input->handover_s, "acquire_s", input->acquire_s, "measured",
        costs->rounds > 0, "ttl_s", input->ttl_s, "crashes_per_day",
        input->crashes_per_day);
}

static json_t *wait_to_json(int is_known, double wait_s, double error_s)
{
    return is_known ? json_pack("{s:f, s:f}", "s", wait_s, "error_s", error_s)
                    : json_null();
}

static json_t *waits_to_json(const struct ll_estimate *estimate)
{
    int is_known = estimate->is_stable;
    json_t *waits = json_object();

    if (json_object_set_new(waits, "mean",
                            wait_to_json(is_known, estimate->wait_mean_s,
                                         estimate->mean_error_s)) != 0) {
        json_decref(waits);
        return NULL;
    }
    for (size_t i = 0; i < LL_ESTIMATE_PERCENTILES; i++) {
        char what[16];

        (void)snprintf(what, sizeof(what), "p%.0f", 100 * ll_estimate_parts[i]);
        if (json_object_set_new(waits, what,
                                wait_to_json(is_known, estimate->wait_s[i],
                                             estimate->wait_error_s[i])) != 0) {
            json_decref(waits);
            return NULL;
        }
    }
    return waits;
}

static json_t *crashes_to_json(const struct ll_estimate *estimate)
{
    return estimate->is_stable
               ? json_pack("{s:f, s:f, s:f, s:f, s:f}", "least_s",
                           estimate->outage_least_s, "mean_s",
                           estimate->outage_mean_s, "most_s",
                           estimate->outage_most_s, "drain_s",
                           estimate->drain_s, "s_per_day",
                           estimate->outage_s_per_day)
               : json_null();
}

static json_t *assumptions_to_json(const struct ll_estimate_input *input,
                                   const struct ll_estimate *estimate)
{
    const char *texts[ASSUMPTIONS_MAX];
    size_t n = assumptions_of(input, estimate, texts);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(list, json_string(texts[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int ll_estimate_print_json(const struct ll_estimate_input *input,
                           const struct ll_estimate_costs *costs,
                           const struct ll_estimate *estimate)
{
    int is_known = estimate->is_stable;
    int has_textbook = is_known && estimate->textbook_time >= 0;

    return ll_print_json(json_pack(
        "{s:s, s:o, s:b, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "model", input->kind == LL_ESTIMATE_OPEN ? "open" : "closed", "input",
        input_to_json(input, costs), "stable", estimate->is_stable,
        "utilisation", estimate->utilisation, "grants_per_s",
        number_to_json(is_known, estimate->grants_per_s), "wait",
        waits_to_json(estimate), "waiters",
        number_to_json(is_known, estimate->waiters), "holders",
        number_to_json(is_known, estimate->holders), "within_s",
        number_to_json(is_known, estimate->within_s), "within",
        number_to_json(is_known, estimate->within), "textbook_time",
        number_to_json(has_textbook, estimate->textbook_time), "textbook",
        number_to_json(has_textbook, estimate->textbook), "outage",
        crashes_to_json(estimate), "assumptions",
        assumptions_to_json(input, estimate)));
}
