/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_PEM_H
#define LL_RPC_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <openssl/x509.h>

#include "leaselock/status.h"

/** Files with certificates and keys, and the detection of their changes. */

/** Largest file that is read; the system's own bundle has 230 KB. */
#define LL_PEM_SIZE_MAX (4 * 1024 * 1024)

/** How many bytes of a file's name a message shows. */
#define LL_PEM_NAME_SHOWN 160

/** Distinguishes the contents of a file without reading it. */
struct ll_pem_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

/** The current stamp of a file; all zero if stat fails. */
struct ll_pem_stamp ll_pem_stamp(const char *path);

bool ll_pem_stamp_equal(const struct ll_pem_stamp *a,
                        const struct ll_pem_stamp *b);

/**
 * Reads a whole regular file.
 *
 * @param ret_text  terminated by its only NUL; freed with ll_pem_free
 * @param reterr    names the file and the error; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT or _NOMEM
 */
int ll_pem_read(const char *path,
                char **ret_text,
                struct ll_pem_stamp *ret_stamp,
                struct leaselock_error *reterr);

/** Wipes and frees; NULL does nothing. */
void ll_pem_free(char *text);

/**
 * Parses the certificates of authorities, at least one.
 *
 * @param path       for the message only
 * @param ret_roots  the caller frees it
 * @return 0, LEASELOCK_E_ARGUMENT or _NOMEM
 */
int ll_pem_parse_roots(const char *text,
                       const char *path,
                       X509_STORE **ret_roots,
                       struct leaselock_error *reterr);

/**
 * Whether a certificate (followed by its chain) and a key can be used for TLS:
 * both are readable, match, and are strong enough.
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
