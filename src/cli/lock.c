/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock lock NAME [-- CMD ARG...]
 */
#include "cli/command.h"
#include "cli/report.h"
#include "cli/take.h"

int ll_cli_lock(const struct ll_options *options, int argc, char **argv)
{
    struct ll_take take = {
        .command = "lock", .name = argv[0], .cmd = argc > 1 ? argv + 1 : NULL};

    if (argc == 0) {
        return ll_say_usage("lock", "the NAME of the lock is missing");
    }
    if (options->shared && options->permits > 0) {
        return ll_say_usage("lock", "--shared and --permits exclude each "
                                    "other");
    }
    if (options->permits > 0 && options->also_n > 0) {
        return ll_say_usage("lock", "--permits takes one NAME: several locks "
                                    "at once are exclusive, or --shared");
    }
    if (options->lock_delay_ms > 0 &&
        (options->shared || options->permits > 0)) {
        return ll_say_usage("lock", "--lock-delay is for an exclusive lock");
    }
    if ((options->lock_delay_ms > 0 || options->foreign_delay_ms > 0) &&
        options->also_n > 0) {
        return ll_say_usage("lock", "--lock-delay and --foreign-delay take one "
                                    "NAME");
    }
    return ll_take_run(options, &take);
}
