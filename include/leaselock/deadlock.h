#ifndef LEASELOCK_DEADLOCK_H
#define LEASELOCK_DEADLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/locks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One session of a deadlock. What it points at belongs to the report. */
struct leaselock_deadlock_party {
    /** The session's lease. */
    int64_t lease;
    /** Its place that waits, behind one of the next party's. */
    const char *waits_name;
    const struct leaselock_queue_entry *waits;
    /** Its place that the party before waits for. */
    const char *holds_name;
    const struct leaselock_queue_entry *holds;
};

/** Sessions of which each waits for the next, and the last for the first. */
struct leaselock_deadlock {
    size_t parties_n;
    const struct leaselock_deadlock_party *parties;
};

/** What waits in a circle, as it stood at one revision. */
struct leaselock_deadlocks_info {
    int64_t revision;
    size_t deadlocks_n;
    const struct leaselock_deadlock *deadlocks;
};

/**
 * Finds sessions that wait for each other's locks in a circle: each has taken
 * locks one after another, and none can go on. A circle that is reported has no
 * shorter one in it: who is only caught between is left out. When one is broken
 * up there may be another, so ask again.
 *
 * Sessions are what is seen from etcd, not threads: where threads of one
 * session take locks independently of each other, a circle may be none. A
 * session that waits for itself is never reported.
 *
 * @param client         borrowed
 * @param prefix         what the names of the locks begin with; NULL or ""
 *                       takes all. Other locks are not looked at
 * @param options        NULL for the defaults
 * @param ret_deadlocks  the report, without a deadlock in most cases; the
 *                       caller frees it with leaselock_deadlocks_free
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
 * @param ret_deadlocks  set before done comes with status 0; must stay valid
 *                       until done has come
 * @return 0 when done will come, else as leaselock_deadlocks
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
