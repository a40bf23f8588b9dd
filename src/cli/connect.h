/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_CONNECT_H
#define LL_CLI_CONNECT_H

#include "cli/options.h"

/**
 * Prompts for the password on the terminal if a user is set without one, as
 * etcdctl does, and keeps it in the options. If standard input is no terminal,
 * ll_connect reports the missing password.
 *
 * @return 0, or the exit code after a message
 */
int ll_connect_ask(struct ll_options *options);

/**
 * Opens a client with the options, the environment and the config file.
 *
 * @param log      receives the log, at the level that --verbose sets
 * @param dispatch callbacks wait for leaselock_client_dispatch
 * @return 0, or the exit code after a message
 */
int ll_connect(const struct ll_options *options,
               int dispatch,
               leaselock_log_fn *log,
               void *log_arg,
               leaselock_client **ret_client);

#endif
