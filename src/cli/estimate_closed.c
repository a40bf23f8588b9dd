/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimate_model.h"

#include <math.h>

/** From here on e^x - 1 is e^x but for the last bits. */
#define LARGE 30.0

double ll_estimate_away_s(const struct ll_estimate_input *input)
{
    return fmax(input->think_s + 2 * input->acquire_s - input->handover_s, 0);
}

/** log(e^x - 1), x > 0. */
static double log_expm1(double x)
{
    return x < LARGE ? log(expm1(x)) : x + log1p(-exp(-x));
}

/** -log S(s), of hold and hand-over. */
static double minus_log_service(const struct ll_estimate_input *input, double s)
{
    double squared = input->hold_cv * input->hold_cv;
    double hold = squared > 0 ? log1p(s * input->hold_s * squared) / squared
                              : s * input->hold_s;

    return s * input->handover_s + hold;
}

static double log_add(double a, double b)
{
    return fmax(a, b) + log1p(exp(-fabs(a - b)));
}

double ll_estimate_closed_utilisation(const struct ll_estimate_input *input)
{
    double away_s = ll_estimate_away_s(input);
    double service_s = ll_estimate_service_s(input);
    int n = input->clients;
    double log_term = 0;
    double log_services = 0;

    if (service_s <= 0 || away_s <= 0) {
        return service_s > 0;
    }
    for (int i = 1; i < n; i++) {
        log_term += log((double)(n - i) / i) +
                    log_expm1(minus_log_service(input, i / away_s));
        log_services = log_add(log_services, log_term);
    }
    /* busy / (busy + idle) */
    return 1 / (1 + exp(log(away_s / n / service_s) - log_services));
}
