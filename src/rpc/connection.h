/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_CONNECTION_H
#define LL_RPC_CONNECTION_H

#include "rpc/message.h"
#include "rpc/transport_private.h"

/**
 * Chooses the channel of an endpoint, and explains failures on it.
 *
 * Calls and streams usually share one connection. A server may allow few
 * streams on it (etcd's --max-concurrent-streams), and each call is one of
 * these. gRPC then delays a call, without a report, until a long stream has
 * ended, which never happens. So when a call times out on a connection that
 * works and carries long streams, the endpoint's calls and streams get
 * connections of their own; open streams stay where they are. A release is
 * abandoned after two such timeouts, so this happens at the first.
 *
 * A server that was only slow, or had no leader, looks the same. A probe
 * distinguishes them: once etcd answers a call on the new connection, a Status
 * is sent over the one that carries all the endpoint's long streams, or as many
 * as when the call was late. The states are kept in ll_lanes:
 *
 *     state    event                                              next
 *     shared   a call is late beside long streams                 apart
 *     apart    a call is answered, no probe is in flight          probing
 *     apart,   the endpoint's last long stream ends               shared
 *      probing
 *     probing  the probe is answered                              shared
 *     probing  the probe is late, and other calls were answered   few
 *     probing  anything else                                      apart
 *     few      (final: at most four connections)
 *
 * A shared endpoint keeps one channel. The others are closed when no call or
 * stream uses them any more.
 */

/**
 * The channel for a new call or stream. If the TLS files have changed, a
 * channel that is not connected is replaced; a working connection is kept.
 *
 * @return with a reference for the caller; NULL: out of memory
 */
struct ll_channel *ll_connection_get(struct ll_transport *transport,
                                     uint32_t endpoint,
                                     enum ll_lane lane);

enum ll_lane ll_lane_of_stream(enum ll_stream_kind which);

/** Records how a call on a channel ended. */
void ll_connection_note(struct ll_transport *transport,
                        uint32_t endpoint,
                        struct ll_channel *channel,
                        grpc_status_code status);

/** Records how a probe of a channel ended.
 *
 *  @param answered  the lanes' `answered` when the probe was sent */
void ll_connection_probed(struct ll_transport *transport,
                          uint32_t endpoint,
                          const struct ll_channel *channel,
                          grpc_status_code status,
                          unsigned answered);

/** Records that a long stream to an endpoint has ended. */
void ll_connection_left(struct ll_transport *transport, uint32_t endpoint);

/** Reads a status' details, and turns them into a sentence for the user.
 *
 *  @param channel  NULL: none was used
 *  @param raw  the original text of gRPC or etcd, which determines the outcome;
 *              may be NULL
 *  @param text the sentence */
void ll_connection_text(const struct ll_transport *transport,
                        const struct ll_channel *channel,
                        grpc_slice details,
                        char raw[LL_STATUS_TEXT_SIZE],
                        char text[LL_STATUS_TEXT_SIZE]);

#endif
