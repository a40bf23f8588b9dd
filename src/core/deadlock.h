/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_DEADLOCK_H
#define LL_CORE_DEADLOCK_H

#include "core/deadlock_graph.h"
#include "core/object.h"

struct ll_ticket;

/**
 * Detects whether a ticket's wait is part of a deadlock, a cycle in the
 * wait-for graph: another session waits for a key of its session, a third one
 * for a key of that session, and so on up to the session that this ticket waits
 * for. Such a wait would last until a lease expires. Only tickets that request
 * the detection are checked.
 *
 * The graph is read lease by lease, the nearest first (see deadlock_graph.h),
 * from the lease of the ticket ahead on:
 *
 *     state  | event                          | next   | does
 *     REST   | its time, the ticket waits     | KEYS   | lists the keys of the
 *            |                                |        | lease ahead
 *     REST   | its time, the ticket does not  | REST   |
 *            | wait                           |        |
 *     KEYS   | the list of a lease's keys     | MADE   | reads these keys
 *     MADE   | the keys' create and mod       | AHEAD  | reads what each of
 *            | revisions                      |        | them waits for
 *     MADE,  | there are more keys than one   | same   | reads the next ones
 *     AHEAD  | Txn takes                      |        |
 *     AHEAD  | one of those before is of its  | MARK   | the Txn below
 *            | own lease                      |        |
 *     AHEAD  | they are of other leases, or   | KEYS   | lists the keys of the
 *            | there are none                 |        | next lease
 *     KEYS,  | no lease is left to read       | AHEAD  | once: reads what its
 *     AHEAD  |                                |        | own keys wait for
 *     AHEAD  | that was read, or there are too| REST   |
 *            | many leases                    |        |
 *     MARK   | all keys are as they were read | GONE   | the ticket fails with
 *            |                                |        | DEADLOCK
 *     MARK   | something has changed, even    | REST   |
 *            | after a lost answer            |        |
 *     any    | no answer                      | same   | resends the request
 *     any    | refused, error, out of memory  | REST   |
 *     any    | the ticket's wait is over      | GONE   |
 *
 * Keys that were read at different revisions may never have existed at the same
 * time, and other members of the deadlock may have detected it too. One Txn
 * settles both:
 *
 *     if   each waiting key of the deadlock has the mod_revision that was read,
 *          each key waited for, and each own key, has its create_revision
 *     then put(own key) for each, which leaves it as it is but for its version
 *
 * etcd applies such Txns one after the other, so exactly one ticket of a
 * deadlock is marked: for its other tickets, which have read its key before,
 * the first condition fails. A waiting key that is read after it was marked is
 * about to leave, and the detection does not follow it. But a raised version
 * may also be another client's put, which changes nothing about the wait. The
 * two differ in time:
 *
 *     version | mod_revision                        | the waiting key
 *     1       | any                                 | is followed
 *     above 1 | not above `since`, which is a       | is followed: a marked one
 *             | revision that was read before the   | would have left by now
 *             | present detection's pause           |
 *     above 1 | above it, or there was no pause yet | is not; the next
 *             |                                     | detection follows it
 *
 * The mark is not a deletion, so the watch of the ticket's own key and the
 * answer cannot contradict each other; the marked ticket leaves its queues like
 * any other that fails.
 *
 * The Txn is resent after a lost answer: its own put does not change what it
 * compares. If it then fails, the ticket's key does not show whether an earlier
 * attempt was applied, as others may have put to it, and it does not matter:
 * what was compared has changed, so that deadlock has ended or its keys must be
 * read again. The ticket waits on.
 *
 * A cycle that returns to the very key by which it left the ticket is not a
 * deadlock of its own: whatever waits for that key also waits for those ahead
 * of it, and continues to do so without the ticket.
 *
 * If a session has two keys in one queue, the later one does not count as a
 * wait (see deadlock_graph.h). The ticket's own session is an exception, as it
 * has declared that its tickets are acquired one after the other.
 *
 * A deadlock begins when the last of its waits begins. So one detection, a
 * while after that, finds it; further ones are for deadlocks whose last wait
 * did not request a detection.
 *
 * Only keys PREFIX/LEASE, PREFIX/LEASE.NUMBER and PREFIX/~.MODE.LEASE.NUMBER
 * are followed: those of Go's clients and of this library.
 */

/** How long a ticket has waited before the first detection; the pause before
 *  the next one doubles, up to that of the slow re-check. */
#define LL_DEADLOCK_FIRST_NS INT64_C(1000000000)
/** The most operations and conditions of a request. */
#define LL_DEADLOCK_OPS_MAX 128

enum ll_deadlock_state {
    LL_DEADLOCK_REST,
    LL_DEADLOCK_KEYS,
    LL_DEADLOCK_MADE,
    LL_DEADLOCK_AHEAD,
    LL_DEADLOCK_MARK,
    LL_DEADLOCK_GONE,
};

struct ll_deadlock;

/** The ticket whose wait is checked. */
struct ll_deadlock_owner {
    /** Points to the detection as long as that exists. */
    struct ll_deadlock **slot;
    struct ll_ticket *ticket;
    /** Of a multi-lock instead: its members, NULL if one is gone. */
    struct ll_ticket *const *members;
    size_t members_n;
    /** The ticket is marked; the deadlock begins with the wait of a member. */
    void (*found)(struct ll_core *core, struct ll_ticket *member);
};

struct ll_deadlock {
    struct ll_object object;
    struct ll_deadlock_owner owner;
    enum ll_deadlock_state state;
    int64_t rest_ns;  /* REST: until then */
    int64_t pause_ns; /* the last rest's length */
    int64_t newest;   /* the newest revision of an answer */
    int64_t since;    /* REST: that one, when it began */
    struct ll_deadlock_graph graph;
    bool own_read; /* what its own keys wait for */
    /** Parts of the newest request. */
    struct ll_op *ops;
    struct ll_compare *compares;
    struct ll_txn txn;
};

extern const struct ll_object_ops ll_deadlock_ops;

static inline struct ll_deadlock *ll_deadlock_of(struct ll_object *object)
{
    return LL_CONTAINER(object, struct ll_deadlock, object);
}

/** Begins to check a waiting ticket.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_deadlock_begin(struct ll_core *core,
                      uint64_t id,
                      const struct ll_deadlock_owner *owner);
/** The wait is over; NULL does nothing. */
void ll_deadlock_end(struct ll_core *core, struct ll_deadlock *deadlock);

#endif
