/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTBENCH_H
#define FAULTBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/cluster.h"

/** The leases' TTL, leaselock's default; a ticket is certain to be held for
 * FAULT_CERTAIN_MS after a renewal (leaselock_ticket_remaining_ms). */
#define FAULT_TTL_S 10
#define FAULT_CERTAIN_MS 9000

/** faults.c: the faults of a cluster. */
struct fault {
    /** For --only. */
    const char *name;
    /** For the table: the fault, and the member that the clients use. */
    const char *what;
    const char *clients;
    /** The member with the fault, and the one that the clients use. */
    bool to_leader;
    bool clients_elsewhere;
    /** Each may be NULL and returns 0 or -1. prepare is called before the
     * measurement; begin is short and starts it; then follows and may take
     * long; end repairs the cluster, unmeasured. */
    int (*prepare)(struct test_cluster *cluster, size_t member);
    int (*begin)(struct test_cluster *cluster, size_t member);
    int (*then)(struct test_cluster *cluster, size_t member);
    int (*end)(struct test_cluster *cluster, size_t member);
};

extern const struct fault faults[];
extern const size_t faults_n;

#define FAULT_NEVER_MS INT64_MAX

/** A fault's effects on users, in milliseconds. */
struct fault_figures {
    /** The minimum time for which a held lock was certain to stay held. */
    int64_t holder_left_ms;
    /** A waiter, from the release of its predecessor to its own grant. */
    int64_t waiter_ms; /* FAULT_NEVER_MS if it was lost */
    /** Two clients that hand a lock over to each other: the longest pause. */
    int64_t handoff_ms;
    /** The longest time of a listing of a queue. */
    int64_t listing_ms;
    /** Sessions that were reported as suspect, and tickets that were lost. */
    int suspected;
    int lost;
};

/** measure.c: applies a fault to a healthy cluster and measures.
 *
 *  @param seed  of the pause before the fault, at any time between two renewals
 *  @return 0, or -1 with a sentence on stderr */
int fault_measure(struct test_cluster *cluster,
                  const struct fault *fault,
                  unsigned seed,
                  struct fault_figures *ret_figures);

#endif
