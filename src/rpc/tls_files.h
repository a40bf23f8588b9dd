/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TLS_FILES_H
#define LL_RPC_TLS_FILES_H

#include <stdint.h>

#include "rpc/creds.h"
#include "rpc/pem.h"

/**
 * The files with the authorities that a client trusts, and with its own
 * certificate and key. They are read again when they change.
 *
 * The contents are replaced only when all new files are valid: if a file is
 * half-written, or a key does not match its certificate yet, the old contents
 * stay in use, and the files are checked again.
 */

/** The least interval between two checks of the files. */
#define LL_TLS_LOOK_NS INT64_C(1000000000)

/** The contents of the files at one time. */
struct ll_tls_material {
    X509_STORE *roots;
    char *roots_pem; /* NULL: the system's */
    char *cert_pem;  /* NULL: none */
    char *key_pem;
    X509 *cert;
    struct ll_pem_stamp stamps[3];
};

struct ll_tls_files {
    const char *cacert; /* NULL: the system's */
    const char *cert;   /* NULL: none */
    const char *key;
    struct ll_tls_material material;
    unsigned generation; /* increases whenever new files are in use */
    int64_t looked_ns;
    struct leaselock_error trouble; /* why changed files are not in use */
};

/**
 * Reads the files for the first time.
 *
 * @param config  its strings must stay valid as long as the files
 * @param reterr  names the file and the error; may be NULL
 * @return 0, LEASELOCK_E_ARGUMENT, _NOMEM, _SYSTEM (no system store)
 */
int ll_tls_files_read(struct ll_tls_files *files,
                      const struct ll_tls_config *config,
                      struct leaselock_error *reterr);

/** Frees the contents; keys are wiped. */
void ll_tls_files_free(struct ll_tls_files *files);

/** Checks the files, unless they were checked a moment ago, and reads those
 *  that have changed. */
void ll_tls_files_refresh(struct ll_tls_files *files, int64_t now_ns);

#endif
