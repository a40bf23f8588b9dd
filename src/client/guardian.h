/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLIENT_GUARDIAN_H
#define LL_CLIENT_GUARDIAN_H

#include <stdbool.h>
#include <stdint.h>

#include "leaselock/status.h"

struct ll_client;

/**
 * The guardian: a process that revokes a client's leases when the program is
 * gone without a goodbye, so that the next in a queue need not wait for the
 * end of the lease. Nobody has one who has not asked for it.
 *
 *     program: libleaselock  --exec-->  leaselock-guardian  --Revoke-->  etcd
 *         |                              |  |
 *         +--- leases, in shared memory -+  |
 *         +--- goodbye, on a socket --------+
 *     kernel: the program's pidfd ----------+
 *
 *     state    | event                     | next     | does
 *     WATCHING | goodbye                   | gone     |
 *     WATCHING | the socket has ended      | LEFT     |
 *     WATCHING,| the process is gone       | REVOKING | revokes what stands in
 *     LEFT     |                           |          | the table
 *     WATCHING | 15 s are over             | WATCHING | asks etcd for a lease,
 *              |                           |          | to stay connected
 *     LEFT     | the longest TTL is over   | gone     |
 *     REVOKING | etcd has answered to each | gone     |
 *     REVOKING | a lease's TTL is over     | REVOKING | gives that one up
 *
 * It can not take a living process' lease. That the process is gone is what
 * its pidfd says, and nothing else: it is opened by the process itself, so no
 * reused number can be meant, and the kernel makes it readable when the last
 * thread has ended. A process that is stopped, hangs or is traced has not. The
 * end of the socket is not a death, since exec() closes it as well: nobody
 * renews the leases then and they run out, unless the new program takes one
 * over; and its staying open is not life, since a child that was forked without
 * exec() has it too. Where there are no pidfds, the process' folder in /proc,
 * opened once by itself, serves; it cannot be waited for and is looked at.
 *
 * It has its own session, so neither ^C nor a kill of the process group
 * reaches it, blocks every signal that can be blocked, stands in "/" and has
 * none of the program's descriptors. It is no child of the program: it is
 * spawned by a process that is spawned for it and has ended before this
 * returns, which tells nobody of its end. So a program's wait() finds nothing
 * and no SIGCHLD comes; the kernel gives the guardian to init.
 *
 * What it is told to connect with comes over the socket alone: there is nothing
 * of it in its arguments or its environment. When it is killed or stopped,
 * leases end by their TTL as ever; the next session starts another.
 */

struct ll_guardian;

/**
 * Puts a lease under supervisor, before etcd is asked for it, and starts the
 * guardian where none is there. With the client's mutex held.
 *
 * @param ret_place  names the lease for the functions below, above 0
 * @return 0, LEASELOCK_E_SYSTEM (it cannot be started: reterr says why),
 *         _ARGUMENT (no such process as guarded_pid), _NOMEM, _LIMIT
 */
int ll_guardian_guard(struct ll_client *client,
                      int64_t lease,
                      int64_t ttl_s,
                      uint32_t *ret_place,
                      struct leaselock_error *reterr);

/** The lease's time to live has turned out to be another. */
void ll_guardian_set_ttl(struct ll_client *client,
                         uint32_t place,
                         int64_t ttl_s);

/** A session has ended: its lease is not the guardian's business any more. */
void ll_guardian_release(struct ll_client *client, uint32_t place);

/** The guardian's process id, or 0 while there is none. */
int ll_guardian_pid(const struct ll_client *client);

/** Says goodbye. */
void ll_guardian_close(struct ll_client *client);

#endif
