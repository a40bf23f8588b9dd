/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_VERIFY_H
#define LL_RPC_VERIFY_H

#include <stdbool.h>

#include <openssl/x509.h>

/**
 * Verifies the certificate that a server presented in the TLS handshake, and
 * explains a refusal in a sentence. gRPC's own check is turned off, because it
 * reports every error as "certificate verify failed" (docs/decisions.md, 24).
 * So this check is the only one: any failure in it, lack of memory included, is
 * a refusal.
 */

/** Bytes of the sentence, its NUL included. */
#define LL_VERIFY_TEXT_SIZE 300

/** Limit of a server's chain of certificates; real chains have 2 to 4. */
#define LL_VERIFY_CHAIN_MAX 16

struct ll_verify {
    /** The trusted authorities. */
    X509_STORE *roots;
    /** The file that contains them, or NULL for the system's. */
    const char *roots_file;
    /** A host's name or an IP address, which the certificate must be for. */
    const char *name;
};

/**
 * Checks the chain up to a trusted authority, that each certificate in it is
 * currently valid and strong enough, and that the first one is for servers and
 * for this name. Only names in subjectAltName count, as in etcd's own client;
 * revocation is not checked.
 *
 * @param leaf   PEM; the certificate whose key the server has proved to have
 * @param chain  PEM; the server's further certificates; may be NULL
 * @param text   the reason of a refusal; "" if the server is trusted
 * @return whether the server is trusted
 * @thread any; roots may be shared
 */
bool ll_verify_server(const struct ll_verify *with,
                      const char *leaf,
                      const char *chain,
                      char text[LL_VERIFY_TEXT_SIZE]);

/** A time as "2026-01-31 23:59:59 UTC", or "?". */
void ll_verify_print_time(const ASN1_TIME *time, char text[32]);

#endif
