/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_SYNC_H
#define LL_CLIENT_SYNC_H

#include "client/client.h"

/**
 * Keeps the endpoints up with the cluster's own list of members.
 *
 * The list is asked for at once and then every sync_interval_ms. An address that
 * it names, of a member that is no learner, is used once it has answered there,
 * with the id of this cluster or with none, or where the user has named it too.
 * What the list does not name is left, but only once an address that it names
 * has answered. So a list of addresses that cannot be reached from here (of a
 * network behind a gateway, or those that `etcd grpc-proxy` makes up) does no
 * harm. When nobody gives the list any more, the user's own endpoints are used
 * again.
 */

/** Prepares a client's, which is not shared yet. */
void ll_sync_init(struct ll_client *client);

/** When ll_sync_on_time is to be called; INT64_MAX: never. */
int64_t ll_sync_deadline_ns(const struct ll_client *client);

/** Asks for the list if it is time to; with the mutex held. */
void ll_sync_on_time(struct ll_client *client, int64_t now_ns);

#endif
