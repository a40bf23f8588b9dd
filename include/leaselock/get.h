/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_GET_H
#define LEASELOCK_GET_H

#include <stddef.h>
#include <stdint.h>

#include "leaselock/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Reading. A program with fenced writes often reads first what it is going to
 * change: the value, and its mod revision, which a condition of
 * leaselock_fenced_txn compares.
 */

/** A key at the revision of the result. Key and value end in a NUL that is not
 *  counted; they belong to the result. */
struct leaselock_kv {
    const char *key;
    size_t key_size;
    const char *value;
    size_t value_size;
    /** The revision at which it was created. */
    int64_t create_revision;
    /** The revision at which it was last written. */
    int64_t mod_revision;
    /** How often it was written since it was created. */
    int64_t version;
    /** The lease that it lives on; 0: none. */
    int64_t lease;
};

/** The result of a read, in one allocation. */
struct leaselock_get_info {
    /** The store's revision at which it was read. */
    int64_t revision;
    /** How many keys are in the range; more than kvs_n if `limit` cut it. */
    int64_t total;
    /** The keys, sorted; kvs_n is 0 if there is none. */
    size_t kvs_n;
    const struct leaselock_kv *kvs;
};

/** Options of leaselock_get; 0 stands for the default of each. */
struct leaselock_get_options {
    /** sizeof(struct leaselock_get_options), set by the _INIT macro. */
    size_t struct_size;
    /** Longest wait; default 5000. */
    int timeout_ms;
    /** Most keys to read; default all. */
    int limit;
    /** Not NULL: reads the range of keys from the given one up to, but without,
     *  this one: end_size bytes, copied. */
    const void *end;
    size_t end_size;
    /** Not 0: leaves the values out. */
    int keys_only;
};

#define LEASELOCK_GET_OPTIONS_INIT                                             \
    {                                                                          \
        sizeof(struct leaselock_get_options), 0, 0, NULL, 0, 0                 \
    }

/**
 * Reads a key, or a range of keys. The read is linearizable: it sees all that
 * was written before the call.
 *
 * The key is used unchanged, as in fenced writes: a client's namespace is a
 * prefix of names, not of this key. It is no error if there is no such key.
 *
 * @param client    borrowed
 * @param key       key_size bytes, at least 1; copied
 * @param options   NULL for the defaults
 * @param ret_info  what was read; the caller frees it with leaselock_get_free
 * @param reterr    filled on failure; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT (an empty key, a negative number, a
 *         struct_size that is invalid), _UNAVAILABLE (no answer in time, or one
 *         that is larger than the client accepts: set a limit),
 *         _REFUSED (the user may not read all of this), _SERVER, _HANDLE,
 *         _FORKED, _CLOSED, _DEADLOCK, _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_get(leaselock_client *client,
                  const void *key,
                  size_t key_size,
                  const struct leaselock_get_options *options,
                  struct leaselock_get_info **ret_info,
                  struct leaselock_error *reterr);

/**
 * As leaselock_get, without waiting.
 *
 * @param ret_info  set before done is called with status 0; must stay valid
 *                  until done has been called
 * @return 0 when done will be called, else as leaselock_get
 * @thread any
 * @since 0.1
 */
int leaselock_get_async(leaselock_client *client,
                        const void *key,
                        size_t key_size,
                        const struct leaselock_get_options *options,
                        struct leaselock_get_info **ret_info,
                        leaselock_done_fn *done,
                        void *arg,
                        struct leaselock_error *reterr);

/**
 * Frees what was read; NULL does nothing.
 *
 * @thread any
 * @since 0.1
 */
void leaselock_get_free(struct leaselock_get_info *info);

#ifdef __cplusplus
}
#endif

#endif
