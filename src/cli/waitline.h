/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The report of a long wait: on a terminal, one line that is updated; else,
 * with --verbose, a line at intervals.
 */
#ifndef LL_CLI_WAITLINE_H
#define LL_CLI_WAITLINE_H

#include <stdint.h>

#include "leaselock/admin.h"
#include "leaselock/leaselock.h"

struct ll_waitline {
    leaselock_client *client;
    leaselock_ticket *ticket;
    const char *name;
    /** 0: nothing is shown. */
    int is_on;
    int is_terminal;
    /** The line is on the terminal. */
    int is_shown;
    /** A request for the queue is pending. */
    int is_asking;
    int64_t next_ns;
    int64_t interval_ns;
    struct leaselock_queue_info *queue;
};

/**
 * Begins a wait; nothing is shown for the first second.
 *
 * @param line  all zero at first; must not move until the client is closed
 */
void ll_waitline_start(struct ll_waitline *line,
                       leaselock_client *client,
                       leaselock_ticket *ticket,
                       const char *name,
                       int verbose);

/** Milliseconds until ll_waitline_update has to be called; -1: never. */
int ll_waitline_due_ms(const struct ll_waitline *line);

/** Requests the lock's holder from etcd, when it is due. */
void ll_waitline_update(struct ll_waitline *line);

/** Removes the line from the terminal; the next update shows it again. */
void ll_waitline_clear(struct ll_waitline *line);

/** Removes the line permanently. */
void ll_waitline_stop(struct ll_waitline *line);

/** Frees the result of a late answer; to be called after the client is closed.
 */
void ll_waitline_free(struct ll_waitline *line);

/**
 * Formats the line: "waiting for jobs: 2 ahead, held by ...".
 *
 * @param ahead   tickets ahead; negative: not known
 * @param holder  NULL: not known
 */
void ll_waitline_word(const char *name,
                      int64_t ahead,
                      const struct leaselock_queue_entry *holder,
                      char *ret_text,
                      unsigned size);

#endif
