/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TLS_PEER_H
#define LL_RPC_TLS_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <grpc/grpc_security.h>
#include <openssl/x509.h>

/** A failure within this time after a handshake is attributed to that one. */
#define LL_TLS_RECENT_NS INT64_C(5000000000)

/** The peer of one endpoint's connections: what its certificate is checked
 *  against, and the result. Shared with gRPC's threads. */
struct ll_tls_peer;

/**
 * @param roots       the trusted authorities
 * @param roots_file  the file that contains them; NULL: the system's
 * @param name        the name that the certificate must be for; copied
 * @return with two references, the caller's and its verifier's; NULL: out of
 *         memory
 */
struct ll_tls_peer *
ll_tls_peer_new(X509_STORE *roots, const char *roots_file, const char *name);

/** gRPC's verifier that checks this peer; to be made once, and released by the
 *  caller. It drops its reference to the peer when gRPC frees it. */
grpc_tls_certificate_verifier *ll_tls_peer_verifier(struct ll_tls_peer *peer);

/** NULL does nothing. */
void ll_tls_peer_put(struct ll_tls_peer *peer);

/** Whether a handshake with this peer has just succeeded: then the other side
 *  caused the failure that followed. */
bool ll_tls_peer_verified(const struct ll_tls_peer *peer, int64_t now_ns);

/** The name that certificates must be for. */
const char *ll_tls_peer_name(const struct ll_tls_peer *peer);

#endif
