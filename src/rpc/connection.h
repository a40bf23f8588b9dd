#ifndef LL_RPC_CONNECTION_H
#define LL_RPC_CONNECTION_H

#include "rpc/message.h"
#include "rpc/transport_private.h"

/** Which channel an endpoint has now, and what to say of a failure on it. */

/**
 * The channel for a new call or stream. One that is not connected gives way to
 * a new one once the TLS files have changed; a connection that stands goes on
 * whatever they are now.
 *
 * @return with a reference for the caller; NULL for want of memory
 */
struct ll_channel *ll_connection_get(struct ll_transport *transport,
                                     uint32_t endpoint);

/** Reads a status' details, and makes a sentence of them for the user.
 *
 *  @param channel  NULL: none was used
 *  @param raw  what gRPC or etcd said itself, which tells the outcome; may be
 *              NULL
 *  @param text the sentence */
void ll_connection_text(const struct ll_transport *transport,
                        const struct ll_channel *channel,
                        grpc_slice details,
                        char raw[LL_STATUS_TEXT_SIZE],
                        char text[LL_STATUS_TEXT_SIZE]);

#endif
