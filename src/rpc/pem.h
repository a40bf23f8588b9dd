/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_PEM_H
#define LL_RPC_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <openssl/x509.h>

#include "leaselock/status.h"

/** Files with certificates and keys, and the look at whether they changed. */

/** Largest file that is read; the system's own bundle has 230 KB. */
#define LL_PEM_SIZE_MAX (4 * 1024 * 1024)

/** How much of a file's name goes into a message. */
#define LL_PEM_NAME_SHOWN 160

/** What tells one content of a file from the next without reading it. */
struct ll_pem_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

/** The stamp of a file now; all zero when it cannot be looked at. */
struct ll_pem_stamp ll_pem_stamp(const char *path);

bool ll_pem_stamp_equal(const struct ll_pem_stamp *a,
                        const struct ll_pem_stamp *b);

/**
 * Reads a regular file whole.
 *
 * @param ret_text  with a NUL behind it and none in it; freed with ll_pem_free
 * @param reterr    names the file and what is wrong; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT or _NOMEM
 */
int ll_pem_read(const char *path,
                char **ret_text,
                struct ll_pem_stamp *ret_stamp,
                struct leaselock_error *reterr);

/** Wipes and frees; NULL does nothing. */
void ll_pem_free(char *text);

/**
 * Parses authorities' certificates, one at least.
 *
 * @param path       for the message alone
 * @param ret_roots  the caller frees it
 * @return 0, LEASELOCK_E_ARGUMENT or _NOMEM
 */
int ll_pem_parse_roots(const char *text,
                       const char *path,
                       X509_STORE **ret_roots,
                       struct leaselock_error *reterr);

/**
 * Whether a certificate (with those above it behind) and a key are fit to be
 * shown in TLS: both readable, of each other, and strong enough.
 *
 * @param ret_leaf  the certificate itself; the caller frees it
 * @return 0, LEASELOCK_E_ARGUMENT or _NOMEM
 */
int ll_pem_check_pair(const char *cert_text,
                      const char *cert_path,
                      const char *key_text,
                      const char *key_path,
                      X509 **ret_leaf,
                      struct leaselock_error *reterr);

#endif
