/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock estimate
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/estimate_measure.h"
#include "cli/estimate_model.h"
#include "cli/estimate_print.h"
#include "cli/report.h"

#define HANDOVER_DEFAULT_S 1e-3

/** Which of the two models is asked for, and all it needs. */
static int read_clients(const struct ll_estimate_options *given,
                        struct ll_estimate_input *input)
{
    if ((given->rate_per_s < 0) == (given->think_s < 0)) {
        return ll_say_usage("estimate",
                            "give either --rate, or --think and --clients");
    }
    if (given->think_s >= 0 && given->clients < 0) {
        return ll_say_usage("estimate", "--think needs --clients");
    }
    if (given->clients == 0 || given->clients > LL_ESTIMATE_CLIENTS_MAX) {
        return ll_say_usage("estimate",
                            "--clients is %d, which is not from 1 to %d",
                            given->clients, LL_ESTIMATE_CLIENTS_MAX);
    }
    input->kind = given->think_s >= 0 ? LL_ESTIMATE_CLOSED : LL_ESTIMATE_OPEN;
    input->clients = given->clients > 0 ? given->clients : 0;
    input->rate_per_s = given->rate_per_s;
    input->think_s = given->think_s;
    return 0;
}

static int read_hold(const struct ll_estimate_options *given,
                     struct ll_estimate_input *input)
{
    if (given->hold_s < 0) {
        return ll_say_usage("estimate", "--hold is missing");
    }
    if (given->hold_cv >= 0 && given->hold_sd_s >= 0) {
        return ll_say_usage("estimate", "--hold-cv and --hold-sd say the same");
    }
    input->hold_s = given->hold_s;
    input->hold_cv = given->hold_cv >= 0 ? given->hold_cv : 1;
    if (given->hold_sd_s >= 0) {
        if (given->hold_s == 0 && given->hold_sd_s > 0) {
            return ll_say_usage("estimate", "a --hold of 0 has no --hold-sd");
        }
        input->hold_cv =
            given->hold_s > 0 ? given->hold_sd_s / given->hold_s : 0;
    }
    if (input->hold_cv > LL_ESTIMATE_CV_MAX) {
        return ll_say_usage("estimate",
                            "the spread of the hold is %.3g times its mean, "
                            "which is more than %d",
                            input->hold_cv, LL_ESTIMATE_CV_MAX);
    }
    return 0;
}

static int read_input(const struct ll_options *options,
                      struct ll_estimate_input *input,
                      struct ll_estimate_costs *costs)
{
    const struct ll_estimate_options *given = &options->estimate;
    int code = read_clients(given, input);

    code = code != 0 ? code : read_hold(given, input);
    if (code == 0 && given->measure) {
        code = ll_estimate_measure(options, costs);
    }
    if (code != 0) {
        return code;
    }
    input->handover_s = given->handover_s >= 0 ? given->handover_s
                        : costs->rounds > 0    ? costs->handover_s
                                               : HANDOVER_DEFAULT_S;
    input->acquire_s = given->acquire_s >= 0 ? given->acquire_s
                       : costs->rounds > 0   ? costs->acquire_s
                                             : input->handover_s;
    input->permits = options->permits > 0 ? options->permits : 1;
    input->ttl_s = options->ttl_s;
    input->crashes_per_day =
        given->crashes_per_day > 0 ? given->crashes_per_day : 0;
    input->within_s =
        given->within_s >= 0 ? given->within_s : LL_ESTIMATE_UNSET;
    if (ll_estimate_service_s(input) <= 0) {
        return ll_say_usage("estimate", "neither --hold nor --handover takes "
                                        "any time: nobody waits");
    }
    return 0;
}

int ll_cli_estimate(const struct ll_options *options, int argc, char **argv)
{
    struct ll_estimate_costs costs = {0, 0, 0};
    struct ll_estimate_input input;
    struct ll_estimate estimate;
    int code;

    if (argc > 0) {
        return ll_say_usage("estimate", "unexpected argument \"%s\"", argv[0]);
    }
    code = read_input(options, &input, &costs);
    if (code != 0) {
        return code;
    }
    if (ll_estimate(&input, &estimate) != 0) {
        ll_say("out of memory");
        return LL_EXIT_SYSTEM;
    }
    code = options->json ? ll_estimate_print_json(&input, &costs, &estimate)
                         : ll_estimate_print(&input, &costs, &estimate);
    code = code != 0 ? code : ll_print_flush();
    return code == 0 && !estimate.is_stable ? LL_EXIT_FOUND : code;
}
