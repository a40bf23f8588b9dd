/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_EXPLAIN_H
#define LL_RPC_EXPLAIN_H

#include <stdbool.h>

#include "rpc/message.h"

/** Facts about a connection that gRPC's text does not contain. */
struct ll_explain {
    bool tls;
    /** The TLS handshake succeeded, and the peer ended it afterwards. */
    bool verified;
    /** The file of the client's certificate, or NULL without one. */
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
 * Turns gRPC's or etcd's text of a failure into a sentence with advice; an
 * unknown text stays as it is.
 *
 * @param text  changed in place
 */
void ll_explain(const struct ll_explain *about, char text[LL_STATUS_TEXT_SIZE]);

/** Whether a text, explained or not, is an answer of etcd, which proves that
 *  etcd was reached. */
bool ll_explain_is_answer(const char *text);

#endif
