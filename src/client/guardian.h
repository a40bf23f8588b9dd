/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_GUARDIAN_H
#define LL_CLIENT_GUARDIAN_H

#include <stdbool.h>
#include <stdint.h>

#include "leaselock/status.h"

struct ll_client;

/**
 * The guardian: a process that revokes a client's leases when the program ends
 * without a goodbye, so that the next waiter need not wait until the lease
 * expires. It is started only on request, by an option.
 *
 *     program: libleaselock  --exec-->  leaselock-guardian  --Revoke-->  etcd
 *         |                              |  |
 *         +--- leases, in shared memory -+  |
 *         +--- goodbye, on a socket --------+
 *     kernel: the program's pidfd ----------+
 *
 *     state    | event                     | next     | action
 *     WATCHING | goodbye                   | ended    |
 *     WATCHING | the socket is closed      | LEFT     |
 *     WATCHING,| the process has ended     | REVOKING | revokes the leases in
 *     LEFT     |                           |          | the table
 *     WATCHING | 15 s have passed          | WATCHING | requests a lease's TTL
 *              |                           |          | to stay connected
 *     LEFT     | the longest TTL is over   | ended    |
 *     REVOKING | etcd has answered to each | ended    |
 *     REVOKING | a lease's TTL is over     | REVOKING | abandons that lease
 *
 * It cannot revoke a running process' lease. Only the pidfd determines that the
 * process has ended: the process opens it itself, so it cannot refer to a
 * reused process id, and the kernel makes it readable when the last thread has
 * ended. A process that is stopped, hangs or is traced has not ended. A closed
 * socket does not prove the end, since exec() closes it, too: the leases are
 * then no longer renewed and expire, unless the new program resumes one. An
 * open socket does not prove the contrary, since a child that was forked
 * without exec() also has it. Without pidfds, the guardian uses the process'
 * folder in /proc, which the process opened itself; it cannot be waited for and
 * is polled.
 *
 * The guardian has its own session, so neither ^C nor a kill of the process
 * group reaches it; it blocks every signal that can be blocked, its working
 * directory is "/", and it has none of the program's descriptors. It is no
 * child of the program: an intermediate process spawns it, which itself is
 * spawned without an exit signal and has ended before the start returns. So a
 * program's wait() does not find the guardian, no SIGCHLD is sent, and the
 * kernel reparents the guardian to init.
 *
 * The settings for its connection are sent over the socket only: its arguments
 * and its environment contain none of them. If the guardian is killed or
 * stopped, leases expire after their TTL as usual; the next session starts
 * another guardian.
 */

struct ll_guardian;

/**
 * Puts a lease under the guardian's watch, before it is requested from etcd,
 * and starts the guardian if none is running. With the client's mutex held.
 *
 * @param ret_place  identifies the lease for the functions below; above 0
 * @return 0, LEASELOCK_E_SYSTEM (it cannot be started: reterr has the reason),
 *         _ARGUMENT (no such process as guarded_pid), _NOMEM, _LIMIT
 */
int ll_guardian_guard(struct ll_client *client,
                      int64_t lease,
                      int64_t ttl_s,
                      uint32_t *ret_place,
                      struct leaselock_error *reterr);

/** Sets the lease's time to live when etcd has granted another one. */
void ll_guardian_set_ttl(struct ll_client *client,
                         uint32_t place,
                         int64_t ttl_s);

/** A session has ended: the guardian no longer watches its lease. */
void ll_guardian_release(struct ll_client *client, uint32_t place);

/** The guardian's process id, or 0 while there is none. */
int ll_guardian_pid(const struct ll_client *client);

/** Sends the goodbye, and frees the guardian's state. */
void ll_guardian_close(struct ll_client *client);

#endif
