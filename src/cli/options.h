/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_OPTIONS_H
#define LL_CLI_OPTIONS_H

#include "leaselock/leaselock.h"

/** Which commands take an option, or-ed in the table of options. */
enum ll_option_group {
    LL_OPTION_ANY = 1,
    LL_OPTION_LOCK = 2,
    LL_OPTION_QUEUE = 4,
    LL_OPTION_BREAK = 8,
    LL_OPTION_ELECT = 16,
    LL_OPTION_OBSERVE = 32
};

/** What the environment and the command line ask for. Strings are borrowed
 *  from them. */
struct ll_options {
    /** Of the command line; NULL when it names none. */
    const char *endpoints;
    /** What the command line says of the connection. */
    struct leaselock_client_options connection;
    int json;
    /** 0, 1 or 2: how many times --verbose was given. */
    int verbose;
    /** Longest wait for an answer of etcd. */
    int timeout_ms;
    int help;
    int version;

    /** Longest wait for the lock: 0 tries once, LEASELOCK_FOREVER waits. */
    int wait_ms;
    /** Not 0: takes it again after a loss. */
    int again;
    /** Not 0: a place in the queue that is lost, because etcd was silent, is
     *  the end. */
    int no_requeue;
    int ttl_s;
    /** The exit code when the lock was not acquired in time. */
    int conflict_exit;
    /** NULL when there is none. */
    const char *label;
    /** From SIGTERM to SIGKILL when the lock is lost; -1 when not given. */
    int grace_ms;

    /** More names for the same ticket. */
    const char *also[LEASELOCK_NAMES_MAX - 1];
    int also_n;

    /** Not 0: no question is asked. */
    int yes;
    /** Not 0: breaks a key without a lease, too. */
    int force;

    /** Most entries to show; 0 shows all. */
    int limit;
};

/** Sets the defaults. */
void ll_options_init(struct ll_options *options);

/**
 * Reads the environment's variables of the options in @groups.
 *
 * @return 0, or LL_EXIT_USAGE after a message
 */
int ll_options_read_environment(struct ll_options *options, unsigned groups);

/**
 * Reads the options in @groups from the command line.
 *
 * @param argv         argv[0] is skipped; operands may be moved to its end
 * @param in_order     not 0: stops at the first operand
 * @param ret_operand  the index of the first operand
 * @return 0, or LL_EXIT_USAGE after a message
 */
int ll_options_read_arguments(struct ll_options *options,
                              unsigned groups,
                              const char *command,
                              int argc,
                              char **argv,
                              int in_order,
                              int *ret_operand);

/** Prints a line or two an option of @groups, on the standard output. */
void ll_options_print_help(unsigned groups);

/** Hides the passwords of the command line from other users of the machine,
 *  who can list it. To be called once everything is read. */
void ll_options_hide(struct ll_options *options);

#endif
