/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a long wait shows: on a terminal one line that updates, else, when the
 * user wants to know, a line now and then.
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
    /** 0 when nothing is to be shown. */
    int is_on;
    int is_terminal;
    /** The line stands on the terminal. */
    int is_shown;
    /** A question after the queue is under way. */
    int is_asking;
    int64_t next_ns;
    int64_t interval_ns;
    struct leaselock_queue_info *queue;
};

/**
 * Begins to count the wait; nothing is shown for its first second.
 *
 * @param line  all zero at first; must stay where it is until the client is
 *              closed
 */
void ll_waitline_start(struct ll_waitline *line,
                       leaselock_client *client,
                       leaselock_ticket *ticket,
                       const char *name,
                       int verbose);

/** Milliseconds until ll_waitline_update has to be called; -1 for never. */
int ll_waitline_due_ms(const struct ll_waitline *line);

/** Asks etcd who holds the lock, when it is time to. */
void ll_waitline_update(struct ll_waitline *line);

/** Takes the line off the terminal; it comes back with the next update. */
void ll_waitline_clear(struct ll_waitline *line);

/** Clears the line for good. */
void ll_waitline_stop(struct ll_waitline *line);

/** Frees what a late answer left; to be called with the client closed. */
void ll_waitline_free(struct ll_waitline *line);

/**
 * Words the line: "waiting for jobs: 2 ahead, held by ...".
 *
 * @param ahead   tickets ahead, negative when not known
 * @param holder  NULL when not known
 */
void ll_waitline_word(const char *name,
                      int64_t ahead,
                      const struct leaselock_queue_entry *holder,
                      char *ret_text,
                      unsigned size);

#endif
