/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The lines of `ls --watch` and `queue --watch`: one for each change
 * (watch_diff.h), as JSON or as fields that tabs separate:
 *
 *   ls     CHANGE NAME PLACES HOLDERS MODE TOKEN WHO
 *   queue  CHANGE POSITION MODE TOKEN WHO [NOTE]
 */
#ifndef LL_CLI_WATCH_PRINT_H
#define LL_CLI_WATCH_PRINT_H

#include "cli/options.h"
#include "leaselock/admin.h"

/**
 * Prints the changes between two lists, and flushes them.
 *
 * @param before  NULL: there is none
 * @return 0, or the exit code after a message
 */
int ll_watch_print_locks(const struct ll_options *options,
                         const struct leaselock_locks_info *before,
                         const struct leaselock_locks_info *after);

/** The same of a queue. */
int ll_watch_print_queue(const struct ll_options *options,
                         const char *name,
                         const struct leaselock_queue_info *before,
                         const struct leaselock_queue_info *after);

#endif
