#ifndef LL_RPC_TLS_H
#define LL_RPC_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include <grpc/grpc_security.h>

#include "leaselock/client.h"
#include "rpc/verify.h"

/**
 * How a client proves itself in TLS and whom it trusts: certificates and keys
 * from files, read again when these change.
 *
 * What was read is kept until all of what came after it is good: a file that
 * is half-written, or a key that does not belong to its certificate yet,
 * leaves the old ones in use and is looked at again.
 */
struct ll_tls;

/** The files are looked at no more often. */
#define LL_TLS_LOOK_NS INT64_C(1000000000)

/** A handshake is taken for the one that a failure followed for so long. */
#define LL_TLS_RECENT_NS INT64_C(5000000000)

/** The far end of one endpoint's connections, as the check of its certificate
 *  knows it. Shared with gRPC's threads. */
struct ll_tls_peer;

/** Whether the options ask for TLS where an endpoint has no scheme. */
bool ll_tls_is_wanted(const struct leaselock_client_options *options);

/**
 * Reads the files for the first time.
 *
 * @param options  its strings live as long as the ll_tls
 * @param ret_tls  freed with ll_tls_free
 * @param reterr   names the file and what is wrong; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM, _SYSTEM (no store of the system's)
 */
int ll_tls_new(const struct leaselock_client_options *options,
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
 * @param host      what the certificate must be for, unless options name a
 *                  server
 * @param ret_peer  the caller puts it back
 * @return the caller releases them; NULL for want of memory
 */
grpc_channel_credentials *ll_tls_credentials(struct ll_tls *tls,
                                             const char *host,
                                             struct ll_tls_peer **ret_peer);

void ll_tls_peer_put(struct ll_tls_peer *peer);

/** Whether a handshake with that end has been good a moment ago: what fails
 *  then was decided by the other side. */
bool ll_tls_peer_verified(const struct ll_tls_peer *peer, int64_t now_ns);

/** The name that certificates must be for. */
const char *ll_tls_peer_name(const struct ll_tls_peer *peer);

/** The file of the client's certificate, or NULL when it shows none. */
const char *ll_tls_cert(const struct ll_tls *tls);

/** "expired on …" or "is not valid before …"; "" when the client's
 *  certificate is valid by this machine's clock. */
void ll_tls_cert_trouble(const struct ll_tls *tls, char text[64]);

/** Why files that changed are not in use; "" when all are. */
const char *ll_tls_trouble(const struct ll_tls *tls);

#endif
