/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_REVOKE_H
#define LL_CLIENT_REVOKE_H

#include <stdint.h>

#include "leaselock/client.h"

/**
 * Requests that only the guardian sends: it has leases, but no sessions. Both
 * are retried on every endpoint until they are answered or time out; done is
 * as for any asynchronous call.
 */

/**
 * Revokes a lease; etcd then deletes its keys.
 *
 * @param done  status 0, or LEASELOCK_E_SERVER if etcd has no such lease,
 *              UNAVAILABLE when there was no answer in time, REFUSED, CLOSED
 * @return 0 when done will be called, else LEASELOCK_E_NOMEM, _HANDLE and so on
 */
int ll_revoke_async(leaselock_client *client,
                    int64_t lease,
                    int timeout_ms,
                    leaselock_done_fn *done,
                    void *arg);

/** Requests the remaining time of a lease, to keep the connection open; only
 *  done's status shows the result. */
int ll_touch_async(leaselock_client *client,
                   int64_t lease,
                   int timeout_ms,
                   leaselock_done_fn *done,
                   void *arg);

#endif
