/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock elect NAME VALUE [-- CMD ARG...]
 */
#include "cli/command.h"
#include "cli/report.h"
#include "cli/take.h"

int ll_cli_elect(const struct ll_options *options, int argc, char **argv)
{
    struct ll_take take = {.command = "elect",
                           .name = argv[0],
                           .value = argc > 1 ? argv[1] : NULL,
                           .cmd = argc > 2 ? argv + 2 : NULL};

    if (argc == 0) {
        return ll_say_usage("elect", "the NAME of the election is missing");
    }
    if (argc == 1) {
        return ll_say_usage("elect", "the VALUE to proclaim is missing");
    }
    return ll_take_run(options, &take);
}
