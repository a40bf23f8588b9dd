/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_CONNECT_H
#define LL_CLI_CONNECT_H

#include "cli/options.h"

/**
 * Asks for the password on the terminal when there is a user without one, as
 * etcdctl does, and keeps it in the options. Without a terminal on the standard
 * input it is left to ll_connect to say that it is missing.
 *
 * @return 0, or the exit code after a message
 */
int ll_connect_ask(struct ll_options *options);

/**
 * Opens a client as the options, the environment and the config file say.
 *
 * @param log      takes the log, as --verbose asks for it
 * @param dispatch callbacks wait for leaselock_client_dispatch
 * @return 0, or the exit code after a message
 */
int ll_connect(const struct ll_options *options,
               int dispatch,
               leaselock_log_fn *log,
               void *log_arg,
               leaselock_client **ret_client);

#endif
