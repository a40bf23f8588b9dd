/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_STREAM_H
#define LL_RPC_STREAM_H

#include "rpc/transport_private.h"

/** The streams for watches and keep-alives. */

/** Most messages that wait to be sent on a stream. With a stream on which etcd
 *  lets so many pile up something is wrong: it is ended. */
#define LL_STREAM_OUTGOING_MAX (1024 * 1024)

/** Opens the stream of an LL_EFFECT_STREAM_OPEN; one of its kind that is still
 *  open is closed. Returns as ll_transport_run. */
int ll_rpc_stream_open(struct ll_transport *transport,
                       const struct ll_effect *effect);

/** Cancels the open stream of a kind, if any; nothing but its end is reported
 *  of it from now on. */
void ll_rpc_stream_close(struct ll_transport *transport,
                         enum ll_stream_kind which);

/** Puts the scratch buffer's message behind those that wait on the open stream
 *  of a kind. A status other than 0 stands for a message that could not be
 *  encoded: it ends the stream. Without an open stream nothing happens. */
void ll_rpc_stream_send(struct ll_transport *transport,
                        enum ll_stream_kind which,
                        int status);

/** The same for a message that asks for a watch. */
void ll_rpc_stream_create_watch(struct ll_transport *transport, int status);

/** Takes in what a tag of a stream stands for. */
void ll_rpc_stream_complete(struct ll_transport *transport,
                            struct ll_tag *tag,
                            bool ok,
                            ll_transport_event_fn *on_event,
                            void *arg);

void ll_rpc_streams_cancel(struct ll_transport *transport);

#endif
