/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_CREDS_H
#define LL_RPC_CREDS_H

#include <stdbool.h>

/**
 * What a transport shows to servers, and which servers it trusts. All strings
 * are borrowed and live as long as the transport.
 */

/** In TLS; each text may be NULL or "": not set. */
struct ll_tls_config {
    bool wanted; /* where an endpoint has no scheme, and no file is set */
    const char *cacert;
    const char *cert;
    const char *key;
    const char *server_name;
};

/** As a user of etcd. */
struct ll_user_config {
    const char *name;          /* NULL or "": no user; may be "name:password" */
    const char *password;      /* NULL: not set */
    const char *password_file; /* NULL or "": not set */
};

#endif
