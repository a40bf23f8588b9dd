/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_CONFLICT_H
#define LL_CLI_CONFLICT_H

#include "cli/hold.h"

/**
 * Says that a lock was not acquired in time, and who holds it: on the standard
 * error, and with --json as an object on the standard output.
 *
 * Who holds it is asked for now, in at most a second.
 *
 * @return the exit code: 1, or that of --conflict-exit-code
 */
int ll_conflict_say(struct ll_hold *hold);

#endif
