/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_LOCKS_H
#define LEASELOCK_LOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A lock that is held. What it points at belongs to the list. */
struct leaselock_lock_info {
    const char *name;
    /** How many keys its queue has, the holders' among them. */
    size_t places_n;
    /** The first of the queue: its oldest key, whichever client made it (see
     *  `foreign`, and `lease` for one that is no ticket); ttl_s is -1. Of
     *  several holders it is the one that asked first. */
    const struct leaselock_queue_entry *holder;
    /** How many tickets hold the lock: 1 for an exclusive holder, more for
     *  shared ones and permits, 0 if the first key is no ticket. */
    size_t holders_n;
};

/** The locks at one revision, sorted by name. */
struct leaselock_locks_info {
    int64_t revision;
    size_t locks_n;
    const struct leaselock_lock_info *locks;
};

/** Options of leaselock_locks and leaselock_deadlocks; 0 stands for the
 *  default of each. */
struct leaselock_locks_options {
    /** sizeof(struct leaselock_locks_options), set by the _INIT macro. */
    size_t struct_size;
    /** Longest wait; default 5000. */
    int timeout_ms;
};

#define LEASELOCK_LOCKS_OPTIONS_INIT                                           \
    {                                                                          \
        sizeof(struct leaselock_locks_options), 0                              \
    }

/**
 * Lists the locks that are held.
 *
 * There is a lock NAME if there is a key NAME/LEASE whose last part is the
 * lease that the key lives on, as leaselock, Go's clients and npm's etcd3 write
 * it. Every other key below NAME/ then counts in its queue, as it does for the
 * waiters: the oldest key holds the lock, whichever client made it. If there is
 * no such key, the keys below NAME/ are data, and no lock.
 *
 * @param client     borrowed
 * @param prefix     what the names begin with; NULL or "" lists all
 * @param options    NULL for the defaults
 * @param ret_locks  the list; the caller frees it with leaselock_locks_free
 * @param reterr     filled on failure; may be NULL
 * @return 0, LEASELOCK_E_NAME (the prefix), _LIMIT (more than 200000 places),
 *         _UNAVAILABLE, _REFUSED, _SERVER, _ARGUMENT, _HANDLE, _FORKED,
 *         _CLOSED, _DEADLOCK, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_locks(leaselock_client *client,
                    const char *prefix,
                    const struct leaselock_locks_options *options,
                    struct leaselock_locks_info **ret_locks,
                    struct leaselock_error *reterr);

/**
 * As leaselock_locks, without waiting.
 *
 * @param ret_locks  set before done is called with status 0; must stay valid
 *                   until done has been called
 * @return 0 when done will be called, else as leaselock_locks
 * @thread any
 * @since 0.1
 */
int leaselock_locks_async(leaselock_client *client,
                          const char *prefix,
                          const struct leaselock_locks_options *options,
                          struct leaselock_locks_info **ret_locks,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr);

/**
 * Frees a list with all that it points at; NULL does nothing.
 *
 * @thread any
 * @since 0.1
 */
void leaselock_locks_free(struct leaselock_locks_info *locks);

/** Options of leaselock_break; 0 stands for the default of each. */
struct leaselock_break_options {
    /** sizeof(struct leaselock_break_options), set by the _INIT macro. */
    size_t struct_size;
    /** Longest wait; default 5000. */
    int timeout_ms;
    /** Not 0: also deletes a key that has no lease. */
    int force;
};

#define LEASELOCK_BREAK_OPTIONS_INIT                                           \
    {                                                                          \
        sizeof(struct leaselock_break_options), 0, 0                           \
    }

/**
 * Removes a ticket from a queue: deletes its key, if the key still has this
 * token. A key without a lease is not a ticket but data below a lock's name,
 * and is not deleted unless `force` is set. The holder detects its loss when
 * the event from etcd reaches it; by then the next waiter may already hold the
 * lock, and only the fencing token distinguishes the two. Use it for a holder
 * that hangs, not to interrupt one that works.
 *
 * @param client   borrowed
 * @param key      the key, as leaselock_queue shows it; copied
 * @param token    its token, from there as well
 * @param options  NULL for the defaults
 * @param reterr   filled on failure; may be NULL
 * @return 0 when the key is deleted; LEASELOCK_E_COMPARE when it does not exist
 *         (any more), or has another token; _NESTED when it has no lease and
 *         was not deleted; _ARGUMENT, _UNAVAILABLE (it may still be deleted),
 *         _REFUSED, _SERVER, _HANDLE, _FORKED, _CLOSED, _DEADLOCK, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_break(leaselock_client *client,
                    const char *key,
                    int64_t token,
                    const struct leaselock_break_options *options,
                    struct leaselock_error *reterr);

/**
 * As leaselock_break, without waiting.
 *
 * @return 0 when done will be called, else as leaselock_break
 * @thread any
 * @since 0.1
 */
int leaselock_break_async(leaselock_client *client,
                          const char *key,
                          int64_t token,
                          const struct leaselock_break_options *options,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
