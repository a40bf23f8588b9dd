/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_DEADLOCK_H
#define LEASELOCK_DEADLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/locks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One session of a deadlock. What it points at belongs to the report. */
struct leaselock_deadlock_member {
    /** The session's lease. */
    int64_t lease;
    /** The place at which it waits, behind a place of the next session. */
    const char *waits_name;
    const struct leaselock_queue_entry *waits;
    /** The place for which the previous session waits. */
    const char *holds_name;
    const struct leaselock_queue_entry *holds;
};

/** A cycle of sessions: each waits for the next, and the last for the first. */
struct leaselock_deadlock {
    size_t members_n;
    const struct leaselock_deadlock_member *members;
};

/** The deadlocks at one revision. */
struct leaselock_deadlocks_info {
    int64_t revision;
    size_t deadlocks_n;
    const struct leaselock_deadlock *deadlocks;
};

/**
 * Finds deadlocks: sessions that have taken locks one after another, and that
 * wait for each other's locks in a cycle. A reported deadlock is minimal: it
 * contains no shorter one, and sessions that only wait for its members are
 * left out. After one is broken up there may be another, so call again.
 *
 * etcd shows sessions, not threads: if threads of one session take locks
 * independently of each other, a reported deadlock may not be one. A session
 * that waits for itself is never reported.
 *
 * @param client         borrowed
 * @param prefix         what the names of the locks begin with; NULL or ""
 *                       takes all. Other locks are not read
 * @param options        NULL for the defaults
 * @param ret_deadlocks  the report, which may have no deadlock; the caller
 *                       frees it with leaselock_deadlocks_free
 * @param reterr         filled on failure; may be NULL
 * @return as leaselock_locks
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_deadlocks(leaselock_client *client,
                        const char *prefix,
                        const struct leaselock_locks_options *options,
                        struct leaselock_deadlocks_info **ret_deadlocks,
                        struct leaselock_error *reterr);

/**
 * As leaselock_deadlocks, without waiting.
 *
 * @param ret_deadlocks  set before done is called with status 0; must stay
 *                       valid until done has been called
 * @return 0 when done will be called, else as leaselock_deadlocks
 * @thread any
 * @since 0.1
 */
int leaselock_deadlocks_async(leaselock_client *client,
                              const char *prefix,
                              const struct leaselock_locks_options *options,
                              struct leaselock_deadlocks_info **ret_deadlocks,
                              leaselock_done_fn *done,
                              void *arg,
                              struct leaselock_error *reterr);

/**
 * Frees a report with all that it points at; NULL does nothing.
 *
 * @thread any
 * @since 0.1
 */
void leaselock_deadlocks_free(struct leaselock_deadlocks_info *deadlocks);

#ifdef __cplusplus
}
#endif

#endif
