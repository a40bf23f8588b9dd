/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_SYNC_H
#define LL_CLIENT_SYNC_H

#include "client/client.h"

/**
 * Updates the endpoints from the cluster's own list of members.
 *
 * The list is requested at once and then every sync_interval_ms. An address in
 * it, unless it is a learner's, is used once it has answered with the id of
 * this cluster or without an id, or if the user has named it, too. Addresses
 * that are not in the list are dropped, but only once an address in the list
 * has answered. So a list of addresses that cannot be reached from here (of a
 * network behind a gateway, or made up by `etcd grpc-proxy`) does no harm. If
 * no endpoint sends the list any more, the user's own endpoints are used again.
 */
/** Initializes a client's sync, before other threads use the client. */
void ll_sync_init(struct ll_client *client);

/** When ll_sync_on_time is to be called; INT64_MAX: never. */
int64_t ll_sync_deadline_ns(const struct ll_client *client);

/** Requests the list when it is due; with the mutex held. */
void ll_sync_on_time(struct ll_client *client, int64_t now_ns);

#endif
