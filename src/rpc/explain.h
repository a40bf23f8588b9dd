/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_EXPLAIN_H
#define LL_RPC_EXPLAIN_H

#include <stdbool.h>

#include "rpc/message.h"

/** What is known of a connection beside gRPC's own text. */
struct ll_explain {
    bool tls;
    /** The TLS handshake was good, and the other side ended it then. */
    bool verified;
    /** The file of the client's certificate, or NULL when it shows none. */
    const char *cert;
    /** "expired on …", or "". */
    const char *cert_trouble;
    /** Why TLS files that changed are not in use, or "". */
    const char *files_trouble;
    /** The client has a user. */
    bool user;
    int ping_timeout_ms;
};

/**
 * Makes a sentence that says what to do of what gRPC or etcd says of a
 * failure; what is not known stays as it is.
 *
 * @param text  changed in place
 */
void ll_explain(const struct ll_explain *about, char text[LL_STATUS_TEXT_SIZE]);

/** Whether a text, explained or not, is an answer of etcd's: then etcd was
 *  reached. */
bool ll_explain_is_answer(const char *text);

#endif
