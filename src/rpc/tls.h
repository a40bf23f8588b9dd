/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TLS_H
#define LL_RPC_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include <grpc/grpc_security.h>

#include "leaselock/status.h"
#include "rpc/creds.h"
#include "rpc/tls_peer.h"

/**
 * The TLS credentials of a client's connections: its certificate and the
 * authorities that it trusts, from files (tls_files.h), and the check of each
 * server's certificate (tls_peer.h).
 */
struct ll_tls;

/** Whether an endpoint without a scheme is to have TLS. */
bool ll_tls_is_wanted(const struct ll_tls_config *config);

/**
 * Reads the files for the first time.
 *
 * @param config   its strings live as long as the ll_tls
 * @param ret_tls  freed with ll_tls_free
 * @param reterr   names the file and what is wrong; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM, _SYSTEM (no store of the system's)
 */
int ll_tls_new(const struct ll_tls_config *config,
               struct ll_tls **ret_tls,
               struct leaselock_error *reterr);

/** NULL does nothing. Keys are wiped. */
void ll_tls_free(struct ll_tls *tls);

/** Looks at the files, if the last look is a while ago, and reads those that
 *  changed. */
void ll_tls_refresh(struct ll_tls *tls, int64_t now_ns);

/** Goes up whenever new files are in use. */
unsigned ll_tls_generation(const struct ll_tls *tls);

/**
 * Credentials for the connections to one endpoint, of the present generation.
 *
 * @param host      what the certificate must be for, unless the configuration
 *                  names a server
 * @param ret_peer  the caller puts it back
 * @return the caller releases them; NULL for want of memory
 */
grpc_channel_credentials *ll_tls_credentials(struct ll_tls *tls,
                                             const char *host,
                                             struct ll_tls_peer **ret_peer);

/** The file of the client's certificate, or NULL when it shows none. */
const char *ll_tls_cert(const struct ll_tls *tls);

/** "expired on …" or "is not valid before …"; "" when the client's
 *  certificate is valid by this machine's clock. */
void ll_tls_cert_trouble(const struct ll_tls *tls, char text[64]);

/** Why files that changed are not in use; "" when all are. */
const char *ll_tls_trouble(const struct ll_tls *tls);

#endif
