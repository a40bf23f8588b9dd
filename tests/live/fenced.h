/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_LIVE_FENCED_H
#define TEST_LIVE_FENCED_H

#include <string.h>

#include "support/test_live.h"

/** Shared by the tests of fenced writes. */

/** A key's value as etcdctl prints it, in a buffer that the next call reuses;
 * "" if there is no such key. */
static inline const char *test_value(struct test_etcd *etcd, const char *key)
{
    static char value[4096];

    value[0] = '\0';
    if (test_etcdctl(etcd, value, sizeof(value), "get", "--print-value-only",
                     key, NULL) != 0) {
        return "etcdctl failed";
    }
    value[strcspn(value, "\n")] = '\0';
    return value;
}

static inline int
put(leaselock_ticket *ticket, const char *key, const char *value)
{
    return leaselock_fenced_put(ticket, key, strlen(key), value, strlen(value),
                                TEST_WAIT_MS, NULL);
}

/** Returns 0 if a key's version is this one, by a Txn without operations. */
static inline int
version_is(leaselock_ticket *ticket, const char *key, int64_t version)
{
    struct leaselock_compare compare = {.key = key,
                                        .key_size = strlen(key),
                                        .target = LEASELOCK_COMPARE_VERSION,
                                        .number = version};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;

    txn.compares = &compare;
    txn.compares_n = 1;
    return leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL);
}

#endif
