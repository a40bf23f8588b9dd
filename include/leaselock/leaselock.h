/* SPDX-License-Identifier: Apache-2.0 */
/**
 * leaselock: ordered fair locks and leader election on etcd.
 *
 * Start here. A client is a connection to an etcd cluster, a session is a
 * lease that the client keeps alive, a ticket is a place in a lock's queue:
 *
 *     leaselock_client_open  ->  leaselock_session_open  ->  leaselock_acquire
 *                                                            leaselock_release
 *
 * An election, a multi-lock (names.h) and a fenced write build on a ticket.
 * Three more headers are included on request: leaselock/admin.h (queues, locks,
 * deadlocks, ping), leaselock/config.h (a client's settings by name) and
 * leaselock/stats.h (a client's counters and latencies).
 *
 * Every function is thread-safe. Every status is 0 or a negative
 * LEASELOCK_E_ code. The library never prints.
 */
#ifndef LEASELOCK_H
#define LEASELOCK_H

#include "leaselock/client.h"   /* IWYU pragma: export */
#include "leaselock/election.h" /* IWYU pragma: export */
#include "leaselock/fenced.h"   /* IWYU pragma: export */
#include "leaselock/get.h"      /* IWYU pragma: export */
#include "leaselock/names.h"    /* IWYU pragma: export */
#include "leaselock/session.h"  /* IWYU pragma: export */
#include "leaselock/status.h"   /* IWYU pragma: export */
#include "leaselock/ticket.h"   /* IWYU pragma: export */
#include "leaselock/version.h"  /* IWYU pragma: export */

#endif
