/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_VERIFY_H
#define LL_RPC_VERIFY_H

#include <stdbool.h>

#include <openssl/x509.h>

/**
 * Whether the certificate that a server showed in the TLS handshake can be
 * trusted, and if not, why in a sentence. gRPC's own check is turned off,
 * because it reports every fault as "certificate verify failed"
 * (docs/decisions.md, 24). So this check is the only one: whatever fails in it,
 * for want of memory too, is a refusal.
 */

/** Bytes of the sentence, its NUL included. */
#define LL_VERIFY_TEXT_SIZE 300

/** Most certificates that a server may show; real chains have 2 to 4. */
#define LL_VERIFY_CHAIN_MAX 16

struct ll_verify {
    /** The authorities that are trusted. */
    X509_STORE *roots;
    /** The file that they are from, or NULL for the system's. */
    const char *roots_file;
    /** A host's name or an IP address, which the certificate must be for. */
    const char *name;
};

/**
 * Checks the chain up to a trusted authority, that each certificate in it is
 * valid now and strong enough, that the first one is for servers and for this
 * name. Names stand in subjectAltName alone, as with etcd's own client;
 * revocation is not looked for.
 *
 * @param leaf   PEM; the certificate whose key the server has proved to have
 * @param chain  PEM; what else the server sent; may be NULL
 * @param text   why not; "" when it is to be trusted
 * @return whether it is
 * @thread any; roots may be shared
 */
bool ll_verify_server(const struct ll_verify *with,
                      const char *leaf,
                      const char *chain,
                      char text[LL_VERIFY_TEXT_SIZE]);

/** A time as "2026-01-31 23:59:59 UTC", or "?". */
void ll_verify_print_time(const ASN1_TIME *time, char text[32]);

#endif
