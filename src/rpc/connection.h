/* SPDX-License-Identifier: Apache-2.0 */
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
 * connections of their own; streams that are open stay where they are. A
 * release is given up after two such times, so the first has to do.
 *
 * A server that was only slow, or had no leader, looks the same. A probe finds
 * out: once etcd answers a call on the new connection, a Status goes over the
 * one that carries all the endpoint's long streams, or as many as when the call
 * was late. The states are kept in ll_lanes:
 *
 *     state    what happens                                       next
 *     shared   a call is late beside long streams                 apart
 *     apart    a call is answered, none probes                    probing
 *     apart,   the endpoint's last long stream ends               shared
 *      probing
 *     probing  the probe is answered                              shared
 *     probing  the probe is late, and other calls were answered   few
 *     probing  anything else                                      apart
 *     few      for good: four connections at the most
 *
 * What becomes shared keeps one channel. The others are closed as soon as no
 * call or stream goes over them.
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

/** Notes how a call on a channel ended. */
void ll_connection_note(struct ll_transport *transport,
                        uint32_t endpoint,
                        struct ll_channel *channel,
                        grpc_status_code status);

/** Notes how a probe of a channel ended.
 *
 *  @param answered  the lanes' when the probe was sent */
void ll_connection_probed(struct ll_transport *transport,
                          uint32_t endpoint,
                          const struct ll_channel *channel,
                          grpc_status_code status,
                          unsigned answered);

/** Notes that a long stream to an endpoint has ended. */
void ll_connection_left(struct ll_transport *transport, uint32_t endpoint);

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
