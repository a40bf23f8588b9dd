/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_ESTIMATE_PRINT_H
#define LL_CLI_ESTIMATE_PRINT_H

#include "cli/estimate_measure.h"
#include "cli/estimate_model.h"

/**
 * Prints the estimate and what it assumes, as text or as a JSON object.
 *
 * @param costs  what was measured; no rounds: nothing
 * @return 0, or LL_EXIT_SYSTEM after a message
 */
int ll_estimate_print(const struct ll_estimate_input *input,
                      const struct ll_estimate_costs *costs,
                      const struct ll_estimate *estimate);
int ll_estimate_print_json(const struct ll_estimate_input *input,
                           const struct ll_estimate_costs *costs,
                           const struct ll_estimate *estimate);

#endif
