/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_CALL_H
#define LL_RPC_CALL_H

#include "rpc/transport_private.h"

/** Unary calls. */

/** Sends the request of an LL_EFFECT_CALL; returns as ll_transport_run. */
int ll_call_start(struct ll_transport *transport,
                  const struct ll_effect *effect);

/**
 * Requests an endpoint's status on this channel, to test whether the server
 * accepts the call; ll_connection_probed handles the result.
 *
 * @param answered  passed on to ll_connection_probed
 * @return whether it was sent; false: out of memory
 */
bool ll_call_probe(struct ll_transport *transport,
                   uint32_t endpoint,
                   struct ll_channel *channel,
                   unsigned answered);

/** Reports the answer of the call that the tag belongs to, and frees it. */
void ll_call_complete(struct ll_transport *transport,
                      struct ll_tag *tag,
                      ll_transport_event_fn *on_event,
                      void *arg);

/** Cancels the calls that have been sent; ll_auth_stop ends those that wait for
 *  a token. */
void ll_calls_cancel(struct ll_transport *transport);

#endif
