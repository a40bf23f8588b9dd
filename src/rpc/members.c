/* SPDX-License-Identifier: Apache-2.0 */
/** Endpoints from the cluster's own list of members. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "rpc/transport_private.h"

/** Whether a host is "0.0.0.0" or "[::]", which is not a reachable address. */
static bool is_anywhere(const struct ll_endpoint *endpoint)
{
    static const unsigned char zeros[sizeof(struct in6_addr)] = {0};
    unsigned char address[sizeof(struct in6_addr)] = {0};
    const char *host = endpoint->host;

    return (inet_pton(AF_INET, host, address) == 1 ||
            inet_pton(AF_INET6, host, address) == 1) &&
           memcmp(address, zeros, sizeof(zeros)) == 0;
}

/** Whether an endpoint may be added, judged by those that the user named. */
static bool is_welcome(const struct ll_transport *transport,
                       const struct ll_endpoint *endpoint)
{
    bool local = false;
    bool plain = false;
    bool tls = false;

    for (uint32_t i = 0; i < transport->endpoints_first_n; i++) {
        const struct ll_endpoint *own = &transport->endpoints.list[i];

        local = local || ll_endpoint_is_local(own);
        plain = plain || !own->tls;
        tls = tls || own->tls;
    }
    return (endpoint->tls ? tls : plain) && !is_anywhere(endpoint) &&
           (local || !ll_endpoint_is_local(endpoint));
}

/** The index of an endpoint; n: it is new. */
static uint32_t find(const struct ll_transport *transport,
                     const struct ll_endpoint *endpoint)
{
    uint32_t i = 0;

    for (; i < transport->endpoints.n; i++) {
        const struct ll_endpoint *known = &transport->endpoints.list[i];

        if (known->tls == endpoint->tls &&
            strcasecmp(known->target, endpoint->target) == 0) {
            break;
        }
    }
    return i;
}

void ll_transport_list(struct ll_transport *transport,
                       const char *const *urls,
                       size_t urls_n,
                       uint64_t *ret_listed)
{
    struct ll_endpoints *all = &transport->endpoints;
    uint64_t listed = 0;

    for (size_t i = 0; i < urls_n; i++) {
        struct ll_endpoints one = {NULL, 0};
        uint32_t at;

        if (ll_endpoints_parse(urls[i], false, &one, NULL) != 0) {
            continue;
        }
        at = find(transport, &one.list[0]);
        if (one.n == 1 && at == all->n && transport->grows &&
            at < LL_ENDPOINTS_MAX && is_welcome(transport, &one.list[0])) {
            all->list[all->n++] = one.list[0];
        }
        if (one.n == 1 && at < all->n) {
            listed |= UINT64_C(1) << at;
        }
        ll_endpoints_free(&one);
    }
    *ret_listed = listed;
}
