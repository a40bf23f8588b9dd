/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What an operator's program needs beside leaselock/leaselock.h: the tickets of
 * a queue, the locks of the store, asking a holder to let go, taking a lock
 * from its holder, deadlocks, and the status of etcd's members.
 */
#ifndef LEASELOCK_ADMIN_H
#define LEASELOCK_ADMIN_H

#include "leaselock/deadlock.h"    /* IWYU pragma: export */
#include "leaselock/locks.h"       /* IWYU pragma: export */
#include "leaselock/locks_watch.h" /* IWYU pragma: export */
#include "leaselock/ping.h"        /* IWYU pragma: export */
#include "leaselock/queue.h"       /* IWYU pragma: export */
#include "leaselock/yield.h"       /* IWYU pragma: export */

#endif
