/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CONFIG_SRV_H
#define LL_CONFIG_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest name of a host in the DNS, and its NUL. */
#define LL_SRV_TARGET_SIZE 256

/** Most endpoints of a list that is made of records: as many as a transport
 *  takes (api/open.c compares the two). */
#define LL_SRV_ENDPOINTS_MAX 64

/** An SRV record (RFC 2782). */
struct ll_srv {
    char target[LL_SRV_TARGET_SIZE]; /* without a dot at its end */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
};

/** Whether a target is a host's name; "." (not offered) is none. */
bool ll_srv_is_host(const struct ll_srv *record);

/** Whether a target is the domain or lies below it. */
bool ll_srv_is_below(const struct ll_srv *record, const char *domain);

/**
 * Puts records into the order in which they are to be tried: the lowest
 * priority first, and among equals at random, by their weights.
 *
 * @param seed  not 0
 */
void ll_srv_sort(struct ll_srv *records, size_t n, uint64_t seed);

/**
 * Makes a list of endpoints of the first records, LL_SRV_ENDPOINTS_MAX at most.
 *
 * @param scheme  "https://" or "http://"
 * @return the list, to be freed with ll_free; NULL: no memory
 */
char *
ll_srv_endpoints(const struct ll_srv *records, size_t n, const char *scheme);

#endif
