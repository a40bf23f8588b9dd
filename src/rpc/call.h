/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_CALL_H
#define LL_RPC_CALL_H

#include "rpc/transport_private.h"

/** Unary calls. */

/** Sends the request of an LL_EFFECT_CALL; returns as ll_transport_run. */
int ll_call_start(struct ll_transport *transport,
                  const struct ll_effect *effect);

/**
 * Asks for an endpoint's status on this very channel, to see whether etcd lets
 * the call through; ll_connection_probed takes what comes of it.
 *
 * @param answered  handed to ll_connection_probed
 * @return whether it was sent; false for want of memory
 */
bool ll_call_probe(struct ll_transport *transport,
                   uint32_t endpoint,
                   struct ll_channel *channel,
                   unsigned answered);

/** Hands out the answer of the call that the tag stands for, and frees it. */
void ll_call_complete(struct ll_transport *transport,
                      struct ll_tag *tag,
                      ll_transport_event_fn *on_event,
                      void *arg);

/** Cancels the calls that have been sent; those that wait for a token are
 *  ll_auth_stop's. */
void ll_calls_cancel(struct ll_transport *transport);

#endif
