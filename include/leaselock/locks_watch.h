/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_LOCKS_WATCH_H
#define LEASELOCK_LOCKS_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/client.h"
#include "leaselock/ticket.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A view of all locks below a prefix that a watch keeps up to date: what a
 * monitor or a display needs. It reads all keys once, and follows their changes
 * from then on; reading the view asks etcd nothing.
 */
typedef struct leaselock_locks_watch leaselock_locks_watch;

/** How a view relates to the store. */
enum leaselock_locks_watch_state {
    /** All keys are being read, for the first time or again. */
    LEASELOCK_LOCKS_WATCH_LOADING = 0,
    /** It follows the changes; etcd answers, and has a leader. */
    LEASELOCK_LOCKS_WATCH_CURRENT = 1,
    /** etcd does not answer: the view is what was known before. */
    LEASELOCK_LOCKS_WATCH_LOST = 2,
    /** etcd refuses to show the keys or answers with another error, there are
     *  too many keys, or another cluster answers; a new attempt follows about
     *  every 15 s. */
    LEASELOCK_LOCKS_WATCH_FAILED = 3
};

/** A lock of a view. */
struct leaselock_watched_lock {
    /** Its name, and a NUL; the text belongs to the info. Any bytes that a name
     *  may have: not only UTF-8. */
    const char *name;
    /** How many keys its queue has, the holders' among them; 0: it is free. */
    size_t places_n;
    /** How many tickets hold it. */
    size_t holders_n;
    /** Of the oldest key, or, of a free lock, of its last one: an enum
     *  leaselock_mode; of LEASELOCK_PERMIT the number of permits; and whether
     *  it is a candidate of an election. */
    int mode;
    int permits;
    int candidate;
    /** The oldest holder: its token and its lease; 0: there is none. */
    int64_t token;
    int64_t lease;
    /** For how long it has held the lock as far as the watch can tell: since it
     *  was seen to get it or, without `held_exactly`, since all keys were
     *  read, when it held the lock already. By this process' clock; -1: there
     *  is no holder. */
    int64_t held_ms;
    int held_exactly;
    /** When the oldest holder requested the lock, in Unix seconds of its own
     *  clock; 0: not known. */
    int64_t holder_since_unix_s;
    /** For how long the oldest ticket that does not hold has been in the queue,
     *  since the watch saw it; -1: none waits. */
    int64_t waiting_ms;
    /** When that was requested, as of the holder. */
    int64_t waiter_since_unix_s;
    /** How often another ticket has become the oldest holder, as far as the
     *  watch has seen it. It only grows; it starts anew with a lock that had
     *  been free for ten minutes. */
    uint64_t holder_changes;
};

/** A view at one moment. */
struct leaselock_locks_watch_info {
    /** An enum leaselock_locks_watch_state. */
    int state;
    /** Of FAILED: why, a LEASELOCK_E_ code and a sentence; else 0 and "". */
    int status;
    const char *reason;
    /** The newest revision that it is of. */
    int64_t revision;
    /** How long ago etcd answered or reported a change; -1: never yet. While
     *  CURRENT, a check is made about every ten seconds. */
    int64_t contact_ms;
    /** How often all keys were read, and how many changes were reported. */
    uint64_t loads;
    uint64_t changes;
    /** How many keys it has: those of queues, and others below the prefix. */
    size_t keys_n;
    /** How many locks it has, free ones among them. */
    size_t total;
    /** The locks, at most `limit`: those that are not free in the order in
     *  which they were first seen, then free ones. */
    size_t locks_n;
    const struct leaselock_watched_lock *locks;
};

/**
 * Begins to watch all locks below a prefix. What is a lock is said in
 * leaselock_locks; but one whose name has 32 '/' or more behind the prefix is not
 * shown, and its keys count in the lock above it. A lock that became free stays
 * in the view for ten minutes, of those at most 10000.
 *
 * After a broken connection the watch continues from the history that etcd
 * keeps. If that is compacted, if the store went back, or if a check finds that
 * changes are missing, it reads all keys again; then it does not know what began
 * and ended in between.
 *
 * @param client     borrowed; closing it closes the watch
 * @param prefix     what the names begin with; NULL or "" watches all
 * @param ret_watch  the caller closes it
 * @param reterr     filled on failure; may be NULL
 * @return 0, LEASELOCK_E_NAME (the prefix), _ARGUMENT, _LIMIT (more than 64
 *         watches), _HANDLE, _FORKED, _CLOSED, _SYSTEM, _NOMEM. It does not fail
 *         if etcd does not answer: the state shows that
 * @thread any; does not block
 * @since 0.1
 */
int leaselock_locks_watch_open(leaselock_client *client,
                               const char *prefix,
                               leaselock_locks_watch **ret_watch,
                               struct leaselock_error *reterr);

/**
 * Reads the view as it is; does not wait for etcd.
 *
 * @param limit     the most locks to return; 0: all
 * @param ret_info  the caller frees it with leaselock_locks_watch_free
 * @param reterr    filled on failure; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _HANDLE, _FORKED, _NOMEM
 * @thread any; takes the client's mutex for a copy
 * @since 0.1
 */
int leaselock_locks_watch_read(leaselock_locks_watch *watch,
                               size_t limit,
                               struct leaselock_locks_watch_info **ret_info,
                               struct leaselock_error *reterr);

/**
 * Frees what leaselock_locks_watch_read returned; NULL does nothing.
 *
 * @thread any
 * @since 0.1
 */
void leaselock_locks_watch_free(struct leaselock_locks_watch_info *info);

/**
 * Ends a watch.
 *
 * @param watch  NULL does nothing
 * @return 0, LEASELOCK_E_HANDLE or _FORKED
 * @thread any; does not wait for etcd
 * @since 0.1
 */
int leaselock_locks_watch_close(leaselock_locks_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
