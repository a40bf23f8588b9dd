#ifndef FAULTBENCH_H
#define FAULTBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/cluster.h"

/** The leases' time to live, leaselock's default; a ticket is certain to be
 *  held for FAULT_CERTAIN_MS after a renewal (leaselock_ticket_remaining_ms).
 */
#define FAULT_TTL_S 10
#define FAULT_CERTAIN_MS 9000

/** faults.c: what is done to a cluster. */
struct fault {
    /** For --only. */
    const char *name;
    /** For the table: what happens, and to which member the clients talk. */
    const char *what;
    const char *clients;
    /** Which member it happens to, and which one the clients are on. */
    bool to_leader;
    bool clients_elsewhere;
    /** Each may be NULL and returns 0 or -1. prepare comes before anything is
     *  measured; begin is short and starts what is measured; then follows it
     *  and may last; end puts all right again, unmeasured. */
    int (*prepare)(struct test_cluster *cluster, size_t member);
    int (*begin)(struct test_cluster *cluster, size_t member);
    int (*then)(struct test_cluster *cluster, size_t member);
    int (*end)(struct test_cluster *cluster, size_t member);
};

extern const struct fault faults[];
extern const size_t faults_n;

#define FAULT_NEVER_MS INT64_MAX

/** What users see of a fault, in milliseconds. */
struct fault_figures {
    /** The least that a lock which is held was certain to stay held. */
    int64_t holder_left_ms;
    /** A waiter, from the release of its predecessor to its own lock. */
    int64_t waiter_ms; /* FAULT_NEVER_MS when it was lost */
    /** Two clients that hand a lock back and forth: the longest pause. */
    int64_t handoff_ms;
    /** The longest time that the listing of a queue took. */
    int64_t listing_ms;
    /** Sessions that were told to be suspect, and tickets that were lost. */
    int suspected;
    int lost;
};

/** measure.c: meets a healthy cluster with a fault and measures.
 *
 *  @param seed  of the pause before the fault, which falls anywhere between
 *               two renewals
 *  @return 0, or -1 with a sentence on stderr */
int fault_measure(struct test_cluster *cluster,
                  const struct fault *fault,
                  unsigned seed,
                  struct fault_figures *ret_figures);

#endif
