/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_CONFLICT_H
#define LL_CLI_CONFLICT_H

#include "cli/hold.h"

/**
 * Reports that a lock was not acquired in time, and its holder: on standard
 * error, and with --json as an object on standard output.
 *
 * The holder is requested from etcd now, within a second.
 *
 * @return the exit code: 1, or that of --conflict-exit-code
 */
int ll_conflict_say(struct ll_hold *hold);

#endif
