/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_REPORT_H
#define LL_CLI_REPORT_H

#include <jansson.h>

#include "leaselock/leaselock.h"

struct ll_options;

/** Writes a line "leaselock: ..." to standard error, with control characters
 *  escaped. */
void ll_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * The same, with a hint at the relevant help.
 *
 * @param command  its help; NULL for the tool's own
 * @return LL_EXIT_USAGE
 */
int ll_say_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Checks that the operands are the name of one lock or election.
 *
 * @param what  "lock" or "election"
 * @return 0, or LL_EXIT_USAGE after a message
 */
int ll_check_one_name(const char *command,
                      const char *what,
                      int argc,
                      char **argv);

/** Records a client's endpoints, for messages on unreachable ones. */
void ll_report_client(leaselock_client *client);

/**
 * Reports a failure of the library, with the endpoint and advice.
 *
 * @param what   the attempted action, as in "cannot <what>"
 * @param error  the library's error
 * @return the exit code for it
 */
int ll_say_failure(const char *what, const struct leaselock_error *error);

/** The exit code for a status of the library. */
int ll_exit_of_status(int status);

/** Writes the library's log to standard error. */
void ll_say_log(enum leaselock_log_level level, const char *message, void *arg);

/** The level of the log that --verbose sets. */
enum leaselock_log_level ll_log_level(const struct ll_options *options);

/**
 * Arbitrary bytes as a JSON string; escaped if they are not UTF-8.
 *
 * @return a new reference; NULL: no memory
 */
json_t *ll_json_text(const char *bytes, size_t n);

/** A lease's id as etcdctl prints it. */
json_t *ll_json_lease(int64_t lease);

/**
 * Prints an object and a newline on standard output.
 *
 * @param object  stolen; NULL if there was no memory to build it
 * @return 0, or LL_EXIT_SYSTEM after a message
 */
int ll_print_json(json_t *object);

/**
 * Flushes standard output.
 *
 * @return 0, or LL_EXIT_OUTPUT after a message if some output could not be
 *         written
 */
int ll_print_flush(void);

#endif
