/* SPDX-License-Identifier: Apache-2.0 */
/** leaselock top, its two ways to show the locks. */
#ifndef LL_CLI_TOP_H
#define LL_CLI_TOP_H

#include "cli/options.h"
#include "cli/top_model.h"

/** Shows them on the whole screen, until the user ends it.
 *  @return the exit code */
int ll_top_follow(const struct ll_options *options,
                  const char *prefix,
                  enum ll_top_sort sort);

/** Prints them once, as a table or as JSON.
 *  @return the exit code */
int ll_top_once(const struct ll_options *options,
                const char *prefix,
                enum ll_top_sort sort);

#endif
