/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TLS_PEER_H
#define LL_RPC_TLS_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <grpc/grpc_security.h>
#include <openssl/x509.h>

/** A handshake is taken for the one that a failure followed for so long. */
#define LL_TLS_RECENT_NS INT64_C(5000000000)

/** The far end of one endpoint's connections: what its certificate is checked
 *  against, and how that ended. Shared with gRPC's threads. */
struct ll_tls_peer;

/**
 * @param roots       the authorities that are trusted
 * @param roots_file  the file that they are from; NULL: the system's
 * @param name        what the certificate must be for, copied
 * @return with two references, the caller's and its verifier's; NULL for want
 *         of memory
 */
struct ll_tls_peer *
ll_tls_peer_new(X509_STORE *roots, const char *roots_file, const char *name);

/** gRPC's verifier that checks this peer; to be made once, and released by the
 *  caller. It puts its reference of the peer when gRPC frees it. */
grpc_tls_certificate_verifier *ll_tls_peer_verifier(struct ll_tls_peer *peer);

/** NULL does nothing. */
void ll_tls_peer_put(struct ll_tls_peer *peer);

/** Whether a handshake with that end has been good a moment ago: what fails
 *  then was decided by the other side. */
bool ll_tls_peer_verified(const struct ll_tls_peer *peer, int64_t now_ns);

/** The name that certificates must be for. */
const char *ll_tls_peer_name(const struct ll_tls_peer *peer);

#endif
