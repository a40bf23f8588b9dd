/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_QUEUE_H
#define LEASELOCK_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/client.h"
#include "leaselock/ticket.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One key in a lock's queue. Strings belong to the queue. */
struct leaselock_queue_entry {
    /** The key in etcd. */
    const char *key;
    /** Its value in etcd, value_size bytes and a NUL. */
    const char *value;
    size_t value_size;
    /** Its create revision: queue order and fencing token. */
    int64_t token;
    /** The lease that it lives on; 0 if it has none and never expires. */
    int64_t lease;
    /** Seconds that the lease has left; -1 if not requested or unknown. */
    int64_t ttl_s;
    /** The waiter's description, which this library writes into the value, and
     *  for a candidate into the key (long texts cut); else "", 0 and 0. A key
     *  whose name others use again (LEASELOCK_KEY_NAMES_HOST) shows no pid and
     *  no time of a candidate. */
    const char *host;
    const char *program;
    const char *label;
    int64_t pid;
    /** When the request was made, in Unix seconds of the waiter's clock. */
    int64_t since_unix_s;
    /** Not 0: belongs to a lock nested below this one (its suffix contains a
     *  '/'), and blocks this one as long as it exists. */
    int nested;
    /** Not 0: not a key of this library, but of another client (Go's,
     *  etcdctl's, npm's etcd3), or one that was put by hand. The oldest key
     *  holds the lock, whichever client made it. A key whose `lease` is 0 is no
     *  ticket: it blocks the queue until it is deleted. */
    int foreign;
    /** An enum leaselock_mode, which the key names; LEASELOCK_EXCLUSIVE for
     *  other clients' keys. */
    int mode;
    /** Of LEASELOCK_PERMIT: how many permits the lock has; else 0. */
    int permits;
    /** Not 0: it holds the lock, as the keys ahead of it show. The oldest
     *  ticket holds it, and beside a shared one or a permit others may. So does
     *  by this rule one that waits for the end of a lock-delay. */
    int holds;
    /** Not 0: a candidate of an election; its value is what it proclaims. */
    int candidate;
    /** The lock-delay that the ticket's key names, in milliseconds; 0: none.
     *  See leaselock_acquire_options. */
    int lock_delay_ms;
    /** The latest request to let go (leaselock_yield) that its value has, or
     *  NULL. */
    const struct leaselock_yield_request *asked;
    /** Not 0: its session may keep the key for so many milliseconds after a
     *  release (`keep_ms` of an acquire), as its value says. Then it may be
     *  kept at this moment, with no holder: nobody else can tell. */
    int keep_ms;
};

/** A lock's queue at one revision, the oldest key first. */
struct leaselock_queue_info {
    int64_t revision;
    /** How many keys the queue has; more than entries_n if `limit` cut it. */
    int64_t total;
    size_t entries_n;
    const struct leaselock_queue_entry *entries;
};

/** Options of leaselock_queue; 0 stands for the default of each. */
struct leaselock_queue_options {
    /** sizeof(struct leaselock_queue_options), set by the _INIT macro. */
    size_t struct_size;
    /** Longest wait; default 5000. */
    int timeout_ms;
    /** Most entries to fetch; default all. */
    int limit;
    /** Not 0: reads the remaining time of each lease, one request for each. */
    int with_ttl;
};

#define LEASELOCK_QUEUE_OPTIONS_INIT                                           \
    {                                                                          \
        sizeof(struct leaselock_queue_options), 0, 0, 0                        \
    }

/**
 * Reads the queue of a lock: the holders and the waiters, in order.
 *
 * @param client     borrowed
 * @param name       as for leaselock_acquire
 * @param options    NULL for the defaults
 * @param ret_queue  the queue; the caller frees it with leaselock_queue_free
 * @param reterr     filled on failure; may be NULL
 * @return 0, LEASELOCK_E_NAME, _UNAVAILABLE, _REFUSED, _SERVER, _ARGUMENT,
 *         _HANDLE, _FORKED, _CLOSED, _DEADLOCK, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_queue(leaselock_client *client,
                    const char *name,
                    const struct leaselock_queue_options *options,
                    struct leaselock_queue_info **ret_queue,
                    struct leaselock_error *reterr);

/**
 * As leaselock_queue, without waiting.
 *
 * @param ret_queue  set before done is called with status 0; must stay valid
 *                   until done has been called
 * @return 0 when done will be called, else as leaselock_queue
 * @thread any
 * @since 0.1
 */
int leaselock_queue_async(leaselock_client *client,
                          const char *name,
                          const struct leaselock_queue_options *options,
                          struct leaselock_queue_info **ret_queue,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr);

/**
 * Frees a queue with its entries and their strings; NULL does nothing.
 *
 * @thread any
 * @since 0.1
 */
void leaselock_queue_free(struct leaselock_queue_info *queue);

/** How long a lease lives, in whole seconds as etcd counts them. */
struct leaselock_lease_info {
    /** What is left until it expires; -1: there is no such lease. */
    int64_t ttl_s;
    /** What was granted, and what each renewal restores; 0: no such lease. */
    int64_t granted_s;
};

/**
 * Reads how long a lease still lives: that of a ticket, as leaselock_queue or a
 * view of locks shows it. Needs no permission.
 *
 * @param client      borrowed
 * @param lease       its id, not 0
 * @param timeout_ms  longest wait; 0: 5000
 * @param ret_info    set on success
 * @param reterr      filled on failure; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _UNAVAILABLE, _REFUSED, _SERVER, _HANDLE,
 *         _FORKED, _CLOSED, _DEADLOCK, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_lease(leaselock_client *client,
                    int64_t lease,
                    int timeout_ms,
                    struct leaselock_lease_info *ret_info,
                    struct leaselock_error *reterr);

/**
 * As leaselock_lease, without waiting.
 *
 * @param ret_info  set before done is called with status 0; must stay valid
 *                  until done has been called
 * @return 0 when done will be called, else as leaselock_lease
 * @thread any
 * @since 0.1
 */
int leaselock_lease_async(leaselock_client *client,
                          int64_t lease,
                          int timeout_ms,
                          struct leaselock_lease_info *ret_info,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
