/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_LEADER_H
#define LL_CLI_LEADER_H

#include <jansson.h>

#include "leaselock/leaselock.h"

#include "cli/options.h"

/**
 * Reads the leader of an election.
 *
 * @param ret_leader  set to NULL if there is none; the caller frees it
 * @param ret_error   the reason why there is none
 * @return 0, or the exit code after a message
 */
int ll_leader_ask(const struct ll_options *options,
                  leaselock_client *client,
                  const char *name,
                  struct leaselock_leader_info **ret_leader,
                  struct leaselock_error *ret_error);

/** A leader as JSON; NULL: none, with null for the key, value and so on. */
json_t *ll_leader_to_json(const char *name,
                          const struct leaselock_leader_info *leader);

#endif
