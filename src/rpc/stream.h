/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_STREAM_H
#define LL_RPC_STREAM_H

#include "rpc/transport_private.h"

/** The streams for watches and keep-alives. */

/** Limit of the messages that wait to be sent on a stream. If etcd lets so many
 *  accumulate, the stream is broken: it is ended. */
#define LL_STREAM_OUTGOING_MAX (1024 * 1024)

/** Opens the stream of an LL_EFFECT_STREAM_OPEN, and closes an open one of its
 *  kind. Returns as ll_transport_run. */
int ll_rpc_stream_open(struct ll_transport *transport,
                       const struct ll_effect *effect);

/** Cancels the open stream of a kind, if any; from now on only its end is
 *  reported. */
void ll_rpc_stream_close(struct ll_transport *transport,
                         enum ll_stream_kind which);

/** Appends the scratch buffer's message to those that wait on the open stream
 *  of a kind. A status other than 0 means that a message could not be encoded:
 *  it ends the stream. Without an open stream this does nothing. */
void ll_rpc_stream_send(struct ll_transport *transport,
                        enum ll_stream_kind which,
                        int status);

/** As ll_rpc_stream_send, for a message that requests a watch. */
void ll_rpc_stream_create_watch(struct ll_transport *transport, int status);

/** Processes a completed tag of a stream. */
void ll_rpc_stream_complete(struct ll_transport *transport,
                            struct ll_tag *tag,
                            bool ok,
                            ll_transport_event_fn *on_event,
                            void *arg);

void ll_rpc_streams_cancel(struct ll_transport *transport);

#endif
