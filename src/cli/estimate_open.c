/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimate_model.h"

#include <complex.h>
#include <math.h>

/** The damping of EULER: the error of the discretisation is e^-DAMPING. */
#define DAMPING 18.4
/** How many terms are added, and the weights of how many more partial sums.
 *  The authors take 11 to 38 terms; a constant hold has kinks, which need
 *  more. */
#define TERMS 300
#define EULER_SUMS 12
/** Steps of a bisection: more than a double can tell apart. */
#define BISECTIONS 64
#define DOUBLINGS 200
/** Nearer to 1 the transform is the difference of equal numbers; the wait is
 *  exponential then (Kingman's heavy traffic). */
#define HEAVY_TRAFFIC 1e-6

/** log(1 + z) where z may be small. */
static double complex log_1p(double complex z)
{
    double x = creal(z);
    double y = cimag(z);

    return 0.5 * log1p(2 * x + x * x + y * y) + atan2(y, 1 + x) * I;
}

/** 1 - e^-z where z may be small. */
static double complex one_less_exp(double complex z)
{
    double x = -creal(z);
    double y = -cimag(z);
    double half = sin(y / 2);

    return 2 * half * half - expm1(x) * cos(y) - exp(x) * sin(y) * I;
}

/** 1 - S(s), with the transform of hold and hand-over. */
static double complex one_less_service(const struct ll_estimate_input *input,
                                       double complex s)
{
    double squared = input->hold_cv * input->hold_cv;
    double complex log_of = s * input->handover_s;

    if (squared > 0) {
        log_of += log_1p(s * (input->hold_s * squared)) / squared;
    } else {
        log_of += s * input->hold_s;
    }
    return one_less_exp(log_of);
}

static double utilisation(const struct ll_estimate_input *input)
{
    return input->rate_per_s * ll_estimate_service_s(input);
}

/** The real part of (1 - W(s)) / s. */
static double tail_transform(const struct ll_estimate_input *input,
                             double complex s)
{
    double complex busy =
        input->rate_per_s * one_less_service(input, s) / s; /* r at s = 0 */

    return creal((utilisation(input) - busy) / (s * (1 - busy)));
}

double ll_estimate_open_mean_s(const struct ll_estimate_input *input)
{
    double service_s = ll_estimate_service_s(input);
    double spread_s = input->hold_s * input->hold_cv;

    return input->rate_per_s * (service_s * service_s + spread_s * spread_s) /
           (2 * (1 - utilisation(input)));
}

double ll_estimate_open_tail(const struct ll_estimate_input *input, double t_s)
{
    double busy = utilisation(input);
    double real;
    double sum;
    double weight = 1; /* a binomial coefficient by 2^EULER_SUMS */
    double tail = 0;

    if (t_s <= 0) {
        return t_s < 0 ? 1 : busy;
    }
    if (1 - busy < HEAVY_TRAFFIC) {
        return busy * exp(-t_s * busy / ll_estimate_open_mean_s(input));
    }
    real = DAMPING / (2 * t_s);
    sum = tail_transform(input, real) / 2;
    for (int k = 1; k <= TERMS + EULER_SUMS; k++) {
        double term = tail_transform(input, real + k * M_PI / t_s * I);

        sum += k % 2 == 0 ? term : -term;
        if (k >= TERMS) {
            int i = k - TERMS;

            tail += weight * sum;
            weight = weight * (EULER_SUMS - i) / (i + 1);
        }
    }
    tail *= exp(DAMPING / 2) / t_s / exp2(EULER_SUMS);
    return fmin(fmax(tail, 0), busy);
}

double ll_estimate_open_quantile_s(const struct ll_estimate_input *input,
                                   double part)
{
    double least_s = 0;
    double most_s = ll_estimate_service_s(input);

    if (utilisation(input) <= 1 - part) {
        return 0;
    }
    for (int i = 0; i < DOUBLINGS; i++) {
        if (ll_estimate_open_tail(input, most_s) <= 1 - part) {
            break;
        }
        least_s = most_s;
        most_s *= 2;
    }
    for (int i = 0; i < BISECTIONS; i++) {
        double middle_s = (least_s + most_s) / 2;

        if (ll_estimate_open_tail(input, middle_s) > 1 - part) {
            least_s = middle_s;
        } else {
            most_s = middle_s;
        }
    }
    return most_s;
}
