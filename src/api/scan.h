/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_SCAN_H
#define LL_API_SCAN_H

#include "api/places.h"
#include "client/query.h"

/** Longest prefix of keys that a scan reads. */
#define LL_SCAN_PREFIX_MAX LL_PREFIX_MAX

/** The bytes of a range of keys. */
struct ll_scan_bounds {
    char from[LL_SCAN_PREFIX_MAX + 1];
    char end[LL_SCAN_PREFIX_MAX + 1];
};

/** A sentence on what is wrong with a prefix of names, or NULL. */
const char *ll_scan_prefix_fault(const char *prefix);

/** The range of all keys that begin with a namespace and a prefix, which has no
 *  fault. @return the size of both */
size_t ll_scan_range(struct ll_bytes namespace,
                     const char *prefix,
                     struct ll_scan_bounds *bounds,
                     struct ll_bytes *ret_from,
                     struct ll_bytes *ret_end);

/**
 * Reads every place below a prefix, page after page, all at the revision of
 * the first page: the result is a consistent snapshot.
 */
struct ll_scan {
    struct ll_query_object query;
    const char *prefix; /* the caller's, until the query is prepared */
    size_t namespace_size;
    size_t names_size; /* of the prefix of all names, namespace included */
    struct ll_places places;
    int64_t revision;
    /** Called when all pages are read and sorted; makes the caller's result. */
    int (*on_end)(struct ll_scan *scan);
    /** Frees the members of the specific kind of scan, and the scan itself. */
    void (*release)(struct ll_scan *scan);
    struct ll_scan_bounds bounds;
    char *next; /* the key that the next page begins with */
};

/**
 * Runs a scan, which is all zero except on_end and release. In any case the
 * scan is freed when it has ended.
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
