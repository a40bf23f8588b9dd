/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_CREDS_H
#define LL_RPC_CREDS_H

#include <stdbool.h>

/**
 * A transport's credentials for servers, and the servers that it trusts. All
 * strings are borrowed and must stay valid as long as the transport.
 */

/** Settings for TLS; each text may be NULL or "": not set. */
struct ll_tls_config {
    bool wanted; /* TLS for endpoints without a scheme, if no file is set */
    const char *cacert;
    const char *cert;
    const char *key;
    const char *server_name;
};

/** The user of etcd. */
struct ll_user_config {
    const char *name;          /* NULL or "": no user; may be "name:password" */
    const char *password;      /* NULL: not set */
    const char *password_file; /* NULL or "": not set */
};

#endif
