/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimate_model.h"

#include <math.h>

#define SECONDS_PER_DAY 86400.0
/** The library renews a lease every third of its time to live. */
#define RENEWALS_PER_TTL 3
/** etcd looks for expired leases so often. */
#define EXPIRY_CHECK_S 0.5

double ll_estimate_service_s(const struct ll_estimate_input *input)
{
    return input->hold_s + input->handover_s;
}

double ll_estimate_textbook(int clients, double time)
{
    return -expm1(-clients * time) / clients;
}

/** Open, one server. */
static void compute(const struct ll_estimate_input *input,
                    struct ll_estimate *ret)
{
    ret->wait_mean_s = ll_estimate_open_mean_s(input);
    for (size_t i = 0; i < LL_ESTIMATE_PERCENTILES; i++) {
        ret->wait_s[i] =
            ll_estimate_open_quantile_s(input, ll_estimate_parts[i]);
    }
    ret->within_s = input->within_s >= 0 ? input->within_s
                                         : ret->wait_mean_s + input->acquire_s;
    ret->within =
        1 - ll_estimate_open_tail(input, ret->within_s - input->acquire_s);
}

/** Closed, one server: the rate of grants, and the mean wait from the cycle of
 *  a client. */
static void compute_closed_mean(const struct ll_estimate_input *input,
                                struct ll_estimate *ret)
{
    double service_s = ll_estimate_service_s(input);
    double others_s = input->think_s + input->hold_s + 2 * input->acquire_s;

    ret->mean_error_s = 0;
    if (input->clients == 1) {
        ret->grants_per_s = 1 / fmax(others_s, service_s);
        ret->wait_mean_s = 0;
        return;
    }
    ret->grants_per_s = ll_estimate_closed_utilisation(input) / service_s;
    ret->wait_mean_s = fmax(input->clients / ret->grants_per_s - others_s, 0);
}

/** Closed, or with permits. Returns -1 without memory. */
static int simulate(const struct ll_estimate_input *input,
                    struct ll_estimate *ret)
{
    struct ll_estimate_simulated simulated;
    double shift_s = 0;

    if (ll_estimate_simulate(input, &simulated) != 0) {
        return -1;
    }
    ret->wait_mean_s = simulated.mean_s;
    ret->mean_error_s = simulated.mean_error_s;
    if (input->kind == LL_ESTIMATE_CLOSED) {
        ret->grants_per_s = simulated.grants_per_s;
        if (input->permits == 1) {
            compute_closed_mean(input, ret);
        }
        if (input->permits == 1 && ll_estimate_away_s(input) <= 0) {
            /* A client is back before the hand-over behind it has ended. */
            shift_s = ret->wait_mean_s - simulated.mean_s;
        }
    }
    for (size_t i = 0; i < LL_ESTIMATE_PERCENTILES; i++) {
        ret->wait_s[i] = simulated.wait_s[i] + shift_s;
        ret->wait_error_s[i] = simulated.wait_error_s[i];
    }
    ret->within_s = input->within_s >= 0 ? input->within_s
                                         : ret->wait_mean_s + input->acquire_s;
    ret->within = ll_estimate_simulated_within(
        &simulated, ret->within_s - input->acquire_s - shift_s);
    ll_estimate_simulated_free(&simulated);
    return 0;
}

/**
 * A client that dies has renewed its lease up to a third of the time to live
 * ago, at a random time in between; then etcd has to look. One that dies as a
 * waiter blocks the lock from its turn on, for what its lease has left then.
 */
static void compute_outage(const struct ll_estimate_input *input,
                           struct ll_estimate *ret)
{
    double oldest_s = input->ttl_s / RENEWALS_PER_TTL;
    double behind_s;

    ret->outage_least_s = input->ttl_s - oldest_s;
    ret->outage_mean_s = input->ttl_s - oldest_s / 2 + EXPIRY_CHECK_S / 2;
    ret->outage_most_s = input->ttl_s + EXPIRY_CHECK_S;
    behind_s = fmax(ret->outage_mean_s - ret->wait_mean_s, 0);
    ret->outage_s_per_day =
        fmin(input->crashes_per_day *
                 (ret->holders * ret->outage_mean_s + ret->waiters * behind_s),
             SECONDS_PER_DAY);
    if (input->kind == LL_ESTIMATE_OPEN && input->permits == 1) {
        ret->drain_s =
            ret->outage_mean_s * ret->utilisation / (1 - ret->utilisation);
    }
}

int ll_estimate(const struct ll_estimate_input *input,
                struct ll_estimate *ret_estimate)
{
    struct ll_estimate estimate = {.is_stable = 1, .textbook_time = -1};
    double service_s = ll_estimate_service_s(input);

    if (input->kind == LL_ESTIMATE_OPEN) {
        estimate.grants_per_s = input->rate_per_s;
        estimate.utilisation = input->rate_per_s * service_s / input->permits;
        if (estimate.utilisation >= 1) {
            estimate.is_stable = 0;
            *ret_estimate = estimate;
            return 0;
        }
    }
    if (input->kind == LL_ESTIMATE_OPEN && input->permits == 1) {
        compute(input, &estimate);
    } else if (simulate(input, &estimate) != 0) {
        return -1;
    }
    estimate.utilisation =
        fmin(estimate.grants_per_s * service_s / input->permits, 1);
    /* Little: how many are there is the rate times how long they stay. */
    estimate.holders = estimate.grants_per_s * input->hold_s;
    estimate.waiters = estimate.grants_per_s * estimate.wait_mean_s;
    /* Up to here, waits are those in the queue. */
    estimate.wait_mean_s += input->acquire_s;
    for (size_t i = 0; i < LL_ESTIMATE_PERCENTILES; i++) {
        estimate.wait_s[i] += input->acquire_s;
    }
    if (input->clients > 0) {
        estimate.textbook_time =
            estimate.within_s * estimate.grants_per_s / input->clients;
        estimate.textbook =
            ll_estimate_textbook(input->clients, estimate.textbook_time);
    }
    compute_outage(input, &estimate);
    *ret_estimate = estimate;
    return 0;
}
