/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_LEADER_H
#define LL_CLI_LEADER_H

#include <jansson.h>

#include "leaselock/leaselock.h"

#include "cli/options.h"

/**
 * Asks who leads.
 *
 * @param ret_leader  set to NULL when nobody does; the caller frees it
 * @param ret_error   says why nobody does
 * @return 0, or the exit code after a message
 */
int ll_leader_ask(const struct ll_options *options,
                  leaselock_client *client,
                  const char *name,
                  struct leaselock_leader_info **ret_leader,
                  struct leaselock_error *ret_error);

/** A leader as JSON; NULL for nobody, whose key, value and so on are null. */
json_t *ll_leader_to_json(const char *name,
                          const struct leaselock_leader_info *leader);

#endif
