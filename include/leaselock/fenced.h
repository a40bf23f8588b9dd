/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_FENCED_H
#define LEASELOCK_FENCED_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/get.h"
#include "leaselock/ticket.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Fenced writes: etcd applies them only while the ticket is held, whatever the
 * clocks show and however long the writes were in flight. Each is applied at
 * most once, and a ticket's writes are applied in the order of the calls.
 *
 * Keys are used unchanged: a client's namespace is a prefix of names, not of
 * these keys. Keys and values are copied. No key may be below the ticket's own
 * lock, NAME/ with the client's namespace in front of it: every key there is a
 * place in the queue, and a key that is not a ticket blocks the queue forever.
 * Such a write is refused with LEASELOCK_E_NESTED, a deletion too; keep data
 * under another prefix.
 *
 * The timeout of a write is 1 ms or more, or LEASELOCK_FOREVER: then the call
 * ends when etcd has answered or the session is over. When the timeout expires
 * the status is LEASELOCK_E_UNAVAILABLE if nothing was sent and nothing will
 * be, or LEASELOCK_E_OUTCOME_UNKNOWN: then the write may have been applied, it
 * continues in the background, and the ticket's later writes wait for it.
 * leaselock_fenced_outcome returns its result.
 *
 * A write whose answer was lost is sent again. If the ticket's key has changed
 * meanwhile, which others with permission may cause as well, the write reads
 * what it changes, at that revision: it counts as applied only if that was
 * changed together with the ticket's key, and it is sent again if not. If that
 * cannot be read (no permission to read the key, history compacted, ticket
 * released), the status is LEASELOCK_E_OUTCOME_UNKNOWN.
 */

/** Conditions, and reads and writes, of a leaselock_txn at most. */
#define LEASELOCK_TXN_PARTS_MAX 100

/** What a condition compares. */
enum leaselock_compare_target {
    /** How often the key was written since it was created; 0: there is no such
     *  key. */
    LEASELOCK_COMPARE_VERSION = 0,
    /** The revision at which it was created; 0: there is no such key. */
    LEASELOCK_COMPARE_CREATE_REVISION = 1,
    /** The revision at which it was last written; 0: there is no such key. */
    LEASELOCK_COMPARE_MOD_REVISION = 2,
    /** The id of its lease; 0: it has none. */
    LEASELOCK_COMPARE_LEASE = 3,
    /** Its value, byte by byte; no condition on it holds where there is no
     *  such key. */
    LEASELOCK_COMPARE_VALUE = 4
};

/** The relation to the number or value of the condition that has to hold. */
enum leaselock_compare_result {
    LEASELOCK_COMPARE_EQUAL = 0,
    LEASELOCK_COMPARE_GREATER = 1,
    LEASELOCK_COMPARE_LESS = 2,
    LEASELOCK_COMPARE_NOT_EQUAL = 3
};

/** A condition on a key. */
struct leaselock_compare {
    const void *key;
    size_t key_size;
    enum leaselock_compare_target target;
    enum leaselock_compare_result result;
    /** For every target but the value. */
    int64_t number;
    /** For LEASELOCK_COMPARE_VALUE. */
    const void *value;
    size_t value_size;
};

enum leaselock_op_kind { LEASELOCK_OP_PUT = 0, LEASELOCK_OP_DELETE = 1 };

/** A write to a key. */
struct leaselock_op {
    enum leaselock_op_kind kind;
    /** Not the ticket's own key, nor any below its lock. */
    const void *key;
    size_t key_size;
    /** Of a put; NULL with size 0 is an empty value. */
    const void *value;
    size_t value_size;
    /** Of a put: the lease that the key is attached to; 0: none. */
    int64_t lease;
};

/** A key, or a range of keys, that is read. */
struct leaselock_read {
    const void *key;
    size_t key_size;
    /** NULL, or where the range ends, as in leaselock_get_options. */
    const void *end;
    size_t end_size;
    /** Most keys; 0: all. */
    int limit;
    /** Not 0: leaves the values out. */
    int keys_only;
};

/** Writes that are applied all together or not at all. */
struct leaselock_txn {
    /** sizeof(struct leaselock_txn), set by the _INIT macro. */
    size_t struct_size;
    /** Each of them has to be met. */
    const struct leaselock_compare *compares;
    size_t compares_n;
    /** No key may be in two of them. */
    const struct leaselock_op *ops;
    size_t ops_n;
    /**
     * Not 0: releases the ticket in the same Txn, so that the next holder sees
     * these writes and no other write comes between. If the status is 0 the
     * ticket's handle is closed as by leaselock_release, and on_lost is not
     * running and is not called later; with every other status it stays open.
     * With LEASELOCK_E_OUTCOME_UNKNOWN it is closed when
     * leaselock_fenced_outcome returns 0, or by leaselock_release.
     */
    int release;
    /** Receives the revision at which it was applied (0: unknown, because the
     *  answer was lost); must stay valid until the status is reported. May be
     *  NULL. */
    int64_t *ret_revision;
    /** Read in the same Txn, as the store was just before the writes; ops
     *  and reads are LEASELOCK_TXN_PARTS_MAX together at most. Copied. */
    const struct leaselock_read *reads;
    size_t reads_n;
    /**
     * An array of reads_n results; not NULL if there are reads. If the status
     * is 0 each is set, and the caller frees it with leaselock_get_free; with
     * every other status it is unchanged. Must stay valid until the status is
     * reported. The revision in each is the one before the write's. After a
     * lost answer that revision is read again. If that is not possible, because
     * it has been compacted, may no longer be read or is too large for an
     * answer, or because the timeout has expired, the ticket has ended or
     * memory is short, all of them are NULL and the status is still 0, since
     * the writes were applied. With `release` such a write ends with
     * LEASELOCK_E_OUTCOME_UNKNOWN. What a write of unknown outcome has read is
     * not reported later.
     */
    struct leaselock_get_info **ret_reads;
};

#define LEASELOCK_TXN_INIT                                                     \
    {                                                                          \
        sizeof(struct leaselock_txn), NULL, 0, NULL, 0, 0, NULL, NULL, 0, NULL \
    }

/**
 * Applies writes, all or none of them, if the ticket is held and the caller's
 * conditions are met.
 *
 * @param ticket      a held ticket
 * @param txn         borrowed until the call returns, with all that it points
 *                    at but ret_revision and ret_reads
 * @param timeout_ms  1 or more, or LEASELOCK_FOREVER
 * @param reterr      filled on failure; may be NULL
 * @return 0 when it was applied. Nothing was written with LEASELOCK_E_NOT_HELD:
 *         the ticket is not held, or no longer is; _COMPARE: a condition was
 *         not met, which the error's message names with what was found;
 *         _UNAVAILABLE: it could not be sent in time; _REFUSED: etcd denies the
 *         permission; _SERVER: etcd answers with an error, such as for a key in
 *         two of the writes; _LIMIT: more than LEASELOCK_TXN_PARTS_MAX
 *         conditions, or reads and writes, or more than 1024 writes of the
 *         ticket that wait; _NESTED: a key is below the ticket's own lock;
 *         _ARGUMENT (an empty key, a negative limit, reads without ret_reads, a
 *         write to the ticket's own key, an invalid struct_size, a ticket of
 *         several names); _HANDLE; _FORKED; _DEADLOCK; _CLOSED; _NOMEM. It may
 *         have been written with LEASELOCK_E_OUTCOME_UNKNOWN
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_fenced_txn(leaselock_ticket *ticket,
                         const struct leaselock_txn *txn,
                         int timeout_ms,
                         struct leaselock_error *reterr);

/**
 * As leaselock_fenced_txn, without waiting.
 *
 * @param done  called with its result
 * @return 0 when done will be called, else as leaselock_fenced_txn
 * @thread any
 * @since 0.1
 */
int leaselock_fenced_txn_async(leaselock_ticket *ticket,
                               const struct leaselock_txn *txn,
                               int timeout_ms,
                               leaselock_done_fn *done,
                               void *arg,
                               struct leaselock_error *reterr);

/**
 * Writes a key if the ticket is held: a leaselock_fenced_txn of one put
 * without a condition.
 *
 * @param key    key_size bytes, at least 1; copied
 * @param value  value_size bytes; copied; NULL with size 0 is empty
 * @return as leaselock_fenced_txn
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_fenced_put(leaselock_ticket *ticket,
                         const void *key,
                         size_t key_size,
                         const void *value,
                         size_t value_size,
                         int timeout_ms,
                         struct leaselock_error *reterr);

/**
 * As leaselock_fenced_put, without waiting.
 *
 * @param done  called with its result
 * @return 0 when done will be called, else as leaselock_fenced_txn
 * @thread any
 * @since 0.1
 */
int leaselock_fenced_put_async(leaselock_ticket *ticket,
                               const void *key,
                               size_t key_size,
                               const void *value,
                               size_t value_size,
                               int timeout_ms,
                               leaselock_done_fn *done,
                               void *arg,
                               struct leaselock_error *reterr);

/**
 * Deletes a key if the ticket is held. It is no error when there is no such
 * key.
 *
 * @param key  key_size bytes, at least 1; copied
 * @return as leaselock_fenced_txn
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_fenced_delete(leaselock_ticket *ticket,
                            const void *key,
                            size_t key_size,
                            int timeout_ms,
                            struct leaselock_error *reterr);

/**
 * As leaselock_fenced_delete, without waiting.
 *
 * @param done  called with its result
 * @return 0 when done will be called, else as leaselock_fenced_txn
 * @thread any
 * @since 0.1
 */
int leaselock_fenced_delete_async(leaselock_ticket *ticket,
                                  const void *key,
                                  size_t key_size,
                                  int timeout_ms,
                                  leaselock_done_fn *done,
                                  void *arg,
                                  struct leaselock_error *reterr);

/**
 * Returns the outcome of the latest write of the ticket whose status was
 * LEASELOCK_E_OUTCOME_UNKNOWN (also of a leaselock_proclaim). Waits until it is
 * certain, which is when the session is over at the latest. May be called
 * again.
 *
 * @param ticket      may be lost by now, but not released
 * @param timeout_ms  0 or more, or LEASELOCK_FOREVER
 * @param reterr      filled on failure; may be NULL
 * @return 0 when it was applied (with a txn's `release` the ticket's handle
 *         is closed then); LEASELOCK_E_NOT_HELD, _COMPARE, _REFUSED or
 *         _SERVER when it was not; _OUTCOME_UNKNOWN when it can no longer be
 *         determined (see above); _TIMEOUT when it is not certain yet;
 *         _STATE when no write of the ticket ended so; _ARGUMENT, _HANDLE,
 *         _FORKED, _DEADLOCK, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_fenced_outcome(leaselock_ticket *ticket,
                             int timeout_ms,
                             struct leaselock_error *reterr);

/**
 * As leaselock_fenced_outcome with LEASELOCK_FOREVER, without waiting.
 *
 * @param done  called with the outcome of the write
 * @return 0 when done will be called, else as leaselock_fenced_outcome
 * @thread any
 * @since 0.1
 */
int leaselock_fenced_outcome_async(leaselock_ticket *ticket,
                                   leaselock_done_fn *done,
                                   void *arg,
                                   struct leaselock_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
