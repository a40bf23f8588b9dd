/* SPDX-License-Identifier: Apache-2.0 */
/**
 * `queue --watch` and `ls --watch`.
 *
 *   standard output   a snapshot                      etcd does not answer
 *   a terminal        the table, over the last one    the same table, as old
 *   all else          a line for each change          a message, once; later one
 *   (TERM=dumb, too)  (watch_diff.h)                  that it answers again
 *
 * If the first read fails, the command ends with that failure.
 */
#ifndef LL_CLI_WATCH_H
#define LL_CLI_WATCH_H

#include "cli/options.h"

/** Follows a queue until the process is ended. @return the exit code */
int ll_watch_queue(const struct ll_options *options, const char *name);

/** Follows the locks below a prefix (NULL: all). @return the exit code */
int ll_watch_locks(const struct ll_options *options, const char *prefix);

#endif
