/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_OPTIONS_H
#define LL_CLI_OPTIONS_H

#include <stddef.h>

#include "leaselock/leaselock.h"

#include "cli/option_value.h"

/** Groups of commands that accept an option, or-ed in the table of options. */
enum ll_option_group {
    LL_OPTION_ANY = 1,
    LL_OPTION_LOCK = 2,
    LL_OPTION_QUEUE = 4,
    LL_OPTION_BREAK = 8,
    LL_OPTION_ELECT = 16,
    LL_OPTION_OBSERVE = 32,
    LL_OPTION_YIELD = 64,
    LL_OPTION_WATCH = 128,
    LL_OPTION_TOP = 256,
    LL_OPTION_ESTIMATE = 512,
    LL_OPTION_EXPORTER = 1024
};

/** What `estimate` is told of a lock; -1: not given. */
struct ll_estimate_options {
    int clients;
    double rate_per_s;
    double think_s;
    double hold_s;
    double hold_cv;
    double hold_sd_s;
    double handover_s;
    double acquire_s;
    double crashes_per_day;
    double within_s;
    /** Not 0: measures the hand-over and the acquire. */
    int measure;
};

#define LL_ESTIMATE_NOTHING                                                    \
    ((struct ll_estimate_options){-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0})

/** The options from the environment and the command line. Strings are borrowed
 *  from them. */
struct ll_options {
    /** From the command line; NULL if it has none. */
    const char *endpoints;
    /** The connection's settings from the command line. */
    struct leaselock_client_options connection;
    int json;
    /** 0, 1 or 2: how many times --verbose was given. */
    int verbose;
    /** The timeout of a request to etcd. */
    int timeout_ms;
    int help;
    int version;

    /** Longest wait for the lock: 0 tries once, LEASELOCK_FOREVER waits. */
    int wait_ms;
    /** Not 0: queues again after a loss. */
    int again;
    /** Not 0: the command ends if its place in the queue is lost because etcd
     *  was silent. */
    int no_requeue;
    int ttl_s;
    /** The exit code if the lock was not acquired in time. */
    int conflict_exit;
    /** NULL if there is none. */
    const char *label;
    /** From SIGTERM to SIGKILL when the lock is lost; -1: not set. */
    int grace_ms;

    /** Not 0: the locks are shared with others that ask for the same. */
    int shared;
    /** How many permits the lock has, one of which is taken; 0: none. */
    int permits;

    /** The lock-delays; 0: none. */
    int lock_delay_ms;
    int foreign_delay_ms;

    /** The signal for CMD when the lock is asked for; 0: none. */
    int on_yield;

    /** Further names of the same ticket. */
    const char *also[LEASELOCK_NAMES_MAX - 1];
    int also_n;

    /** Why the lock is asked for; NULL if no reason is given. */
    const char *reason;

    /** Not 0: does not prompt. */
    int yes;
    /** Not 0: breaks a key without a lease, too. */
    int force;

    /** Limit of the entries to show; 0 shows all. */
    int limit;

    /** Not 0: follows changes. */
    int watch;
    /** The time between two reads of what is followed. */
    int interval_ms;

    /** Not 0: prints a table and ends. */
    int once;
    /** The order of the locks; NULL: the default. */
    const char *sort;
    /** What the locks to show contain; NULL: all are shown. */
    const char *filter;
    struct ll_estimate_options estimate;
    /** Of the exporter: its HOST:PORT, what the names of its locks begin with
     *  (NULL: anything), and the most locks with series (0: no limit). */
    const char *listen;
    const char *prefix;
    int series_max;
};

/** Sets the defaults. */
void ll_options_init(struct ll_options *options);

/**
 * Reads the variables of the options in @groups from the environment.
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

/** What an option is, without what it sets. */
struct ll_option_about {
    enum ll_option_kind kind;
    unsigned groups;
    char letter;
    const char *name;
    /** What it takes, for a help text: "TIME"; NULL: a switch. */
    const char *argument;
    const char *help;
};

/**
 * The options, one after the other, without those for the connection
 * (leaselock_setting_at).
 *
 * @return 0, or -1 when there are no more
 */
int ll_option_at(size_t index, struct ll_option_about *ret_about);

/** Prints one or two lines for each option of @groups on standard output. */
void ll_options_print_help(unsigned groups);

/** Overwrites the passwords on the command line, which other users of the
 *  machine can list. To be called once everything is read. */
void ll_options_hide(struct ll_options *options);

#endif
