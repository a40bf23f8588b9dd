/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_ENDPOINTS_H
#define LL_RPC_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "leaselock/status.h"
#include "rpc/transport.h"

/** The default port: etcd's own. */
#define LL_ENDPOINT_PORT_DEFAULT "2379"

/** Bytes of a target, its NUL included: the scheme, the port, and at most "%5B"
 *  for each byte of the endpoint. */
#define LL_TARGET_SIZE (3 * LL_ENDPOINT_SIZE_MAX + 16)

struct ll_endpoint {
    /** As the user wrote it, without surrounding spaces. */
    char text[LL_ENDPOINT_SIZE_MAX + 1];
    /** In gRPC's form: "dns:///host:port" or "unix:path". */
    char target[LL_TARGET_SIZE];
    /** The name that a certificate must be for; "" for a socket in the file
     *  system without TLS. */
    char host[LL_ENDPOINT_SIZE_MAX + 1];
    /** TLS, or plain text. */
    bool tls;
};

struct ll_endpoints {
    struct ll_endpoint *list;
    uint32_t n;
};

/**
 * Parses a list of endpoints, which are separated by commas.
 *
 * @param tls            whether endpoints without a scheme have TLS
 * @param ret_endpoints  freed with ll_endpoints_free
 * @param reterr         names the endpoint that is not valid, and the expected
 *                       form; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _LIMIT (too many or too long), _NOMEM
 */
int ll_endpoints_parse(const char *text,
                       bool tls,
                       struct ll_endpoints *ret_endpoints,
                       struct leaselock_error *reterr);

/** Allocates LL_ENDPOINTS_MAX, so that adding one does not move the others.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_endpoints_reserve(struct ll_endpoints *endpoints);

/** Whether an endpoint is the local machine, such as "localhost". */
bool ll_endpoint_is_local(const struct ll_endpoint *endpoint);

void ll_endpoints_free(struct ll_endpoints *endpoints);

#endif
