/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_NAMES_H
#define LEASELOCK_NAMES_H

#include <stddef.h>

#include "leaselock/ticket.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most names of one ticket. */
#define LEASELOCK_NAMES_MAX 60

/**
 * Takes a place in the queue of each of several locks at once, and waits until
 * it holds every one of them.
 *
 * etcd creates all its places in one Txn, so two tickets have the same order in
 * every queue that they share: tickets that are taken like this cannot
 * deadlock, in whatever order their names are given. The ticket has one token
 * for all its locks, and is released as a whole. While it waits, it keeps its
 * places, also at the head of a queue. If one of its locks is lost, the ticket
 * is lost; it keeps its other locks until it is released.
 *
 * Each lock is exclusive or shared, see `mode` and `modes` of the options. All
 * places are made in one request, whose size limits their number: an exclusive
 * name takes two of its operations, a shared one three, of at most 120.
 *
 * A try (timeout 0) succeeds only if no lock has a place that blocks its own.
 *
 * With one name it does the same as leaselock_acquire.
 *
 * @param session     borrowed; must stay open until the ticket is released
 * @param names       names_n names, copied, each as for leaselock_acquire; no
 *                    name twice, and none above another's path ("a" and "a/b")
 * @param names_n     1 to LEASELOCK_NAMES_MAX
 * @param options     NULL for the defaults
 * @param timeout_ms  as of leaselock_acquire
 * @param ret_ticket  the held ticket; the caller releases it
 * @param reterr      filled on failure; names the invalid name by its number
 *                    from 1; may be NULL
 * @return as leaselock_acquire. _ARGUMENT also when a name comes twice or
 *         there are none or too many of them, or for several permits; _LIMIT
 *         also when they do not fit into one request; _NESTED also for a name
 *         above another
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_acquire_all(leaselock_session *session,
                          const char *const *names,
                          size_t names_n,
                          const struct leaselock_acquire_options *options,
                          int timeout_ms,
                          leaselock_ticket **ret_ticket,
                          struct leaselock_error *reterr);

/**
 * As leaselock_acquire_all, without waiting.
 *
 * @param done        as of leaselock_acquire_async
 * @param ret_ticket  the waiting ticket; set before done is called
 * @return 0 when done will be called, else as leaselock_acquire_all
 * @thread any
 * @since 0.1
 */
int leaselock_acquire_all_async(leaselock_session *session,
                                const char *const *names,
                                size_t names_n,
                                const struct leaselock_acquire_options *options,
                                int timeout_ms,
                                leaselock_done_fn *done,
                                void *arg,
                                leaselock_ticket **ret_ticket,
                                struct leaselock_error *reterr);

/**
 * How many locks a ticket is for.
 *
 * @return the number, LEASELOCK_E_HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_names_n(leaselock_ticket *ticket);

/**
 * The name of one of a ticket's locks.
 *
 * @param at        0 for the first, in the order of the acquire
 * @param ret_name  takes the name and a NUL; LEASELOCK_NAME_MAX + 1 suffices
 * @param size      bytes in ret_name
 * @return the name's length, LEASELOCK_E_ARGUMENT (size too small, or no such
 *         name), _HANDLE or _FORKED
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_name_at(leaselock_ticket *ticket,
                             size_t at,
                             char *ret_name,
                             size_t size);

/**
 * The key in etcd of one of a ticket's locks.
 *
 * @param at       as of leaselock_ticket_name_at
 * @param ret_key  takes the key and a NUL; LEASELOCK_KEY_MAX + 1 suffices
 * @param size     bytes in ret_key
 * @return the key's length, else as leaselock_ticket_name_at
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_key_at(leaselock_ticket *ticket,
                            size_t at,
                            char *ret_key,
                            size_t size);

/**
 * The mode of one of a ticket's locks.
 *
 * @param at  as of leaselock_ticket_name_at
 * @return an enum leaselock_mode, else as leaselock_ticket_name_at
 * @thread any
 * @since 0.1
 */
int leaselock_ticket_mode_at(leaselock_ticket *ticket, size_t at);

#ifdef __cplusplus
}
#endif

#endif
