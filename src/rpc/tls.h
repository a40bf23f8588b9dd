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

/** Whether endpoints without a scheme use TLS. */
bool ll_tls_is_wanted(const struct ll_tls_config *config);

/**
 * Reads the files for the first time.
 *
 * @param config   its strings must stay valid as long as the ll_tls
 * @param ret_tls  freed with ll_tls_free
 * @param reterr   names the file and the error; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM, _SYSTEM (no system store)
 */
int ll_tls_new(const struct ll_tls_config *config,
               struct ll_tls **ret_tls,
               struct leaselock_error *reterr);

/** NULL does nothing. Keys are wiped. */
void ll_tls_free(struct ll_tls *tls);

/** Checks the files, unless they were checked a moment ago, and reads those
 *  that have changed. */
void ll_tls_refresh(struct ll_tls *tls, int64_t now_ns);

/** Increases whenever new files are in use. */
unsigned ll_tls_generation(const struct ll_tls *tls);

/**
 * Credentials for the connections to one endpoint, of the current generation.
 *
 * @param host      the name that the certificate must be for, unless the
 *                  configuration names a server
 * @param ret_peer  to be dropped by the caller
 * @return to be released by the caller; NULL: out of memory
 */
grpc_channel_credentials *ll_tls_credentials(struct ll_tls *tls,
                                             const char *host,
                                             struct ll_tls_peer **ret_peer);

/** The file of the client's certificate, or NULL without one. */
const char *ll_tls_cert(const struct ll_tls *tls);

/** "expired on …" or "is not valid before …"; "" when the client's
 *  certificate is valid by this machine's clock. */
void ll_tls_cert_trouble(const struct ll_tls *tls, char text[64]);

/** Why changed files are not in use; "" when all are. */
const char *ll_tls_trouble(const struct ll_tls *tls);

#endif
