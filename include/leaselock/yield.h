/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_YIELD_H
#define LEASELOCK_YIELD_H

#include <stddef.h>

#include "leaselock/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest reason of a request, in bytes. */
#define LEASELOCK_REASON_MAX 256
/** Most places of a queue that are read, and so the most that are asked. */
#define LEASELOCK_YIELD_PLACES_MAX 1000

/** Options of leaselock_yield; 0 or NULL stands for the default of each. */
struct leaselock_yield_options {
    /** sizeof(struct leaselock_yield_options), set by the _INIT macro. */
    size_t struct_size;
    /** Longest wait; default 5000. */
    int timeout_ms;
    /** Why the lock is wanted, for the holder: at most LEASELOCK_REASON_MAX
     *  bytes of UTF-8 without control characters; copied. Default "". */
    const char *reason;
};

#define LEASELOCK_YIELD_OPTIONS_INIT                                           \
    {                                                                          \
        sizeof(struct leaselock_yield_options), 0, NULL                        \
    }

/**
 * Asks those who hold a lock to let go of it. Nothing is forced: the holder's
 * `on_yield` is called (see leaselock_acquire_options), and a holder without
 * one, such as a client in another language, does not notice. Takes no place in
 * the queue: acquire the lock as well to be the next.
 *
 * A request is a put to the holder's key, which keeps its create revision and
 * its lease, and needs the permission to read and write below the lock's name.
 * It stands in the value of the key, where leaselock_queue finds it (`asked`);
 * a later request takes its place. A candidate's value, which is what it
 * proclaims, and those of other clients stay as they are: their holder gets no
 * reason, and an observer of the election reports the same leader once more.
 *
 * @param client       borrowed
 * @param name         as for leaselock_acquire
 * @param options      NULL for the defaults
 * @param ret_asked_n  how many holders were asked; 0 when nobody holds the lock.
 *                     A first key that is no ticket is not asked. If the answer
 *                     to a request without a reason was lost, it counts when
 *                     the key was put to once since
 * @param reterr       filled on failure; may be NULL
 * @return 0; LEASELOCK_E_COMPARE when a holder's key was changed by others at
 *         each attempt, as that of one that writes all the time may be;
 *         _UNAVAILABLE (some may have been asked), _NAME, _REFUSED, _SERVER,
 *         _ARGUMENT, _HANDLE, _FORKED, _CLOSED, _DEADLOCK, _SYSTEM, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_yield(leaselock_client *client,
                    const char *name,
                    const struct leaselock_yield_options *options,
                    int *ret_asked_n,
                    struct leaselock_error *reterr);

/**
 * As leaselock_yield, without waiting.
 *
 * @param ret_asked_n  set before done is called with status 0; must stay valid
 *                     until done has been called
 * @return 0 when done will be called, else as leaselock_yield
 * @thread any
 * @since 0.1
 */
int leaselock_yield_async(leaselock_client *client,
                          const char *name,
                          const struct leaselock_yield_options *options,
                          int *ret_asked_n,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
