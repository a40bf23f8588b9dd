/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_SCAN_H
#define LL_API_SCAN_H

#include "api/places.h"
#include "client/query.h"

/** Longest prefix of keys that a scan reads. */
#define LL_SCAN_PREFIX_MAX LL_PREFIX_MAX

/**
 * Reads every place below a prefix, page after page, all at the revision of
 * the first: so what is found stood in the store at one moment.
 */
struct ll_scan {
    struct ll_query_object query;
    const char *prefix; /* the caller's, until the query is prepared */
    size_t namespace_size;
    size_t names_size; /* of what names begin with, namespace included */
    struct ll_places places;
    int64_t revision;
    /** Everything is read and sorted: makes of it what was asked for. */
    int (*on_end)(struct ll_scan *scan);
    /** Frees what the kind of scan has besides, and itself. */
    void (*release)(struct ll_scan *scan);
    char from[LL_SCAN_PREFIX_MAX + 1];
    char end[LL_SCAN_PREFIX_MAX + 1];
    char *next; /* the key that the next page begins with */
};

/**
 * Runs a scan, which is all zero but for on_end and release. It is freed in
 * any case once it has ended.
 *
 * @param prefix      of the names of locks; "" or NULL: all of them
 * @param timeout_ms  0: the default
 */
int ll_scan_run(leaselock_client *user,
                struct ll_scan *scan,
                const char *prefix,
                int timeout_ms,
                leaselock_done_fn *done,
                void *arg,
                struct leaselock_error *reterr);

#endif
