/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_REVOKE_H
#define LL_CLIENT_REVOKE_H

#include <stdint.h>

#include "leaselock/client.h"

/**
 * What the guardian asks etcd, and nobody else: it has leases, and no sessions
 * of them. Both are tried again on every endpoint until they are answered or
 * their time is over; done is as for any asynchronous call.
 */

/**
 * Revokes a lease, with which etcd deletes its keys.
 *
 * @param done  status 0, or LEASELOCK_E_SERVER when etcd knows of no such
 *              lease, UNAVAILABLE when there was no answer in time, REFUSED,
 *              CLOSED
 * @return 0 when done will come, else LEASELOCK_E_NOMEM, _HANDLE and so on
 */
int ll_revoke_async(leaselock_client *client,
                    int64_t lease,
                    int timeout_ms,
                    leaselock_done_fn *done,
                    void *arg);

/** Asks for the time that a lease has left, for the sake of the connection:
 *  what comes of it shows in done's status alone. */
int ll_touch_async(leaselock_client *client,
                   int64_t lease,
                   int timeout_ms,
                   leaselock_done_fn *done,
                   void *arg);

#endif
