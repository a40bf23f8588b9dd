/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_SRV_H
#define LL_CONFIG_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of the longest name of a host in the DNS, its NUL included. */
#define LL_SRV_TARGET_SIZE 256

/** Limit of the endpoints that are made of records: the number that a transport
 *  accepts (api/open.c compares the two). */
#define LL_SRV_ENDPOINTS_MAX 64

/** An SRV record (RFC 2782). */
struct ll_srv {
    char target[LL_SRV_TARGET_SIZE]; /* without a trailing dot */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
};

/** Whether a target is a host's name; "." (not offered) is none. */
bool ll_srv_is_host(const struct ll_srv *record);

/** Whether a target is the domain or is below it. */
bool ll_srv_is_below(const struct ll_srv *record, const char *domain);

/**
 * Sorts records into the order of use: the lowest priority first, and records
 * of equal priority at random, by their weights.
 *
 * @param seed  not 0
 */
void ll_srv_sort(struct ll_srv *records, size_t n, uint64_t seed);

/**
 * Makes a list of endpoints from the first LL_SRV_ENDPOINTS_MAX records.
 *
 * @param scheme  "https://" or "http://"
 * @return the list, to be freed with ll_free; NULL: no memory
 */
char *
ll_srv_endpoints(const struct ll_srv *records, size_t n, const char *scheme);

#endif
