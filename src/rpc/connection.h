#ifndef LL_RPC_CONNECTION_H
#define LL_RPC_CONNECTION_H

#include "rpc/message.h"
#include "rpc/transport_private.h"

/**
 * Which channel an endpoint has now, and what to say of a failure on it.
 *
 * Calls and streams share one connection as a rule. A server may allow few
 * streams on it (etcd's --max-concurrent-streams), of which each call is one;
 * gRPC then keeps a call back without a word until a long stream has ended,
 * which is never. So when a call is not answered in time on a connection that
 * stands and carries long streams, the endpoint's calls and streams get
 * connections of their own from then on; streams that are open stay where they
 * are. Where the server was only slow that costs a connection. A release is
 * given up after two such times, so the first has to do.
 */

/**
 * The channel for a new call or stream. One that is not connected gives way to
 * a new one once the TLS files have changed; a connection that stands goes on
 * whatever they are now.
 *
 * @return with a reference for the caller; NULL for want of memory
 */
struct ll_channel *ll_connection_get(struct ll_transport *transport,
                                     uint32_t endpoint,
                                     enum ll_lane lane);

enum ll_lane ll_lane_of_stream(enum ll_stream_kind which);

/** Notes how a call on a channel ended: in time, or by its deadline. */
void ll_connection_note(struct ll_transport *transport,
                        uint32_t endpoint,
                        struct ll_channel *channel,
                        bool in_time);

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
