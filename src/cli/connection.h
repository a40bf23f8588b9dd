/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_CONNECTION_H
#define LL_CLI_CONNECTION_H

#include <getopt.h>
#include <stddef.h>

#include "leaselock/config.h"
#include "leaselock/leaselock.h"

/**
 * The options for the connection: the library's settings, each with a long name
 * only.
 */

/** Limit of their number. */
#define LL_CONNECTION_OPTIONS_MAX 40

/** Adds getopt_long's entries, whose return values start at @base.
 *  @return their number */
size_t ll_connection_add_options(struct option *options, int base);

/**
 * Sets the option that was added as number @index.
 *
 * @param text  its value, NULL for a switch; borrowed
 * @return 0, or LL_EXIT_USAGE after a message
 */
int ll_connection_set(struct leaselock_client_options *options,
                      unsigned index,
                      const char *text,
                      const char *command);

/** Prints one line for each option on standard output. */
void ll_connection_print_help(void);

#endif
