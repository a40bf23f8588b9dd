/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_ESTIMATE_MEASURE_H
#define LL_CLI_ESTIMATE_MEASURE_H

#include "cli/options.h"

/** What a lock costs in etcd, on average. */
struct ll_estimate_costs {
    /** Of a free lock, from the call to its return. */
    double acquire_s;
    /** From a release's call to the grant of a client that waited. */
    double handover_s;
    int rounds;
};

/**
 * Measures them with two clients that take turns on a lock of its own, for
 * about two seconds.
 *
 * @return 0, or the exit code after a message
 */
int ll_estimate_measure(const struct ll_options *options,
                        struct ll_estimate_costs *ret_costs);

#endif
