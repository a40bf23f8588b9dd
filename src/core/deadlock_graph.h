/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_DEADLOCK_GRAPH_H
#define LL_CORE_DEADLOCK_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/request.h"

/**
 * The part of the wait-for graph that one deadlock detection has read.
 *
 * Its nodes are leases. A lease waits for another one if, in some queue, a key
 * of the first waits for a key of the second:
 *
 *     a key      waits for
 *     exclusive  the key right before it, and those that hold the lock
 *     other      the newest exclusive key before it, and through it those that
 *                hold the lock
 *
 * A lock is held by the oldest key or, if that is not exclusive, by the oldest
 * ones. A permit also waits for one of several permits, no matter which: that
 * is not followed. A wait through another key is two steps, of which the first
 * leads to no lease that is to be read.
 *
 * A step is such a wait, together with the lease that it led to. The steps are
 * read in their order, so the nearest leases come first:
 *
 *     steps       waits       ahead       of the lease that waits
 *     0           the ticket  J/b.1       the ticket's own
 *     1           K/b.2       K/c.1       of step 0, b
 *     2           L/c.2       L/a.1       of step 1, c: closes the cycle of a
 *
 * If a session has two keys in one queue, the later one does not count as a
 * wait: they may belong to threads that compete like separate clients.
 */

/** The most leases that one detection reads. */
#define LL_DEADLOCK_LEASES_MAX 128
/** The most keys of a lease; a lease with more is not followed. */
#define LL_DEADLOCK_KEYS_MAX 1024
/** The most of these read at a time: one operation of a Txn each. */
#define LL_DEADLOCK_READS_MAX 100
/** The most of the oldest keys of a queue that are followed. */
#define LL_DEADLOCK_OLDEST_MAX 16
/** The most own keys: as many as a multi-lock has. */
#define LL_DEADLOCK_OWN_MAX 60
/** The most leases of a deadlock: two conditions of a Txn each, of which etcd
 *  accepts 128, besides those for the own keys. */
#define LL_DEADLOCK_LENGTH_MAX 32

/** A lease that was reached, and the wait that led to it. */
struct ll_deadlock_step {
    size_t root;   /* the member of the ticket that the detection began with */
    size_t from;   /* 1 + the step of the lease that waits; 0: the ticket's */
    int64_t lease; /* 0: none that is to be read */
    char *text;    /* the bytes of its keys */
    struct ll_bytes waits; /* the key that waits; size 0: the ticket's */
    int64_t waits_changed; /* its mod_revision */
    struct ll_bytes ahead; /* the key that it waits for */
    int64_t ahead_created; /* its create_revision */
};

/** A key of the lease that is being read. */
struct ll_deadlock_key {
    char *text;
    struct ll_bytes key;
    struct ll_bytes prefix; /* its queue's, and further bounds of its ranges */
    struct ll_bytes end;
    struct ll_bytes modes;
    struct ll_bytes past_modes;
    int64_t created; /* 0: it does not wait, or not any more */
    bool is_exclusive;
    int64_t changed; /* its mod_revision */
    bool is_out;     /* its wait is not followed */
    size_t root;     /* of the ticket's own key: its member */
};

struct ll_deadlock_graph {
    struct ll_deadlock_step *steps;
    size_t steps_n;
    size_t step; /* whose lease is being read */
    struct ll_deadlock_key *keys;
    size_t keys_n;
    int64_t listed; /* the revision of the answer with their list */
    int64_t since;  /* a key that was put to after it is not followed */
    size_t key;     /* the first that is being read, up to key_end */
    size_t key_end;
    bool from_own; /* these are the ticket's own keys */
};

/** What the keys ahead have shown. */
enum ll_deadlock_found {
    LL_DEADLOCK_FOUND_NONE,
    LL_DEADLOCK_FOUND_CYCLE, /* the newest step leads back to the ticket */
    LL_DEADLOCK_FOUND_LIMIT, /* too many leases, or out of memory */
};

/**
 * Begins a detection.
 *
 * @param since  a revision of at least a while ago; 0: none is known
 * @return false: out of memory
 */
bool ll_deadlock_graph_open(struct ll_deadlock_graph *graph, int64_t since);
/** Frees all that was read. */
void ll_deadlock_graph_close(struct ll_deadlock_graph *graph);

/** Adds the wait of a member of the ticket for a key; false: out of memory. */
bool ll_deadlock_graph_begin(struct ll_deadlock_graph *graph,
                             size_t root,
                             const struct ll_kv *ahead);
/** Adds the key of a member, with its create revision, to those whose waits are
 *  to be read, as if the ticket's lease were read; false: out of memory. */
bool ll_deadlock_graph_own(struct ll_deadlock_graph *graph,
                           size_t root,
                           const struct ll_kv *own);
/** Begins with the lease of the present step; false: there is none. */
bool ll_deadlock_graph_next(struct ll_deadlock_graph *graph);

/** Takes the keys of the lease that are in queues; false: out of memory. If the
 *  lease has too many, none is taken. */
bool ll_deadlock_graph_take(struct ll_deadlock_graph *graph,
                            const struct ll_answer *answer);
/**
 * Builds the reads of the next keys, as many as one Txn takes: of the keys
 * themselves, or of the keys that they wait for.
 *
 * @param ret_ops  room for LL_DEADLOCK_READS_MAX
 * @return how many; 0: none is left
 */
size_t ll_deadlock_graph_read(struct ll_deadlock_graph *graph,
                              bool ahead,
                              struct ll_op *ret_ops);
/** The answer with the keys themselves; false: some are still to be read. */
bool ll_deadlock_graph_on_made(struct ll_deadlock_graph *graph,
                               const struct ll_answer *answer);
/**
 * The answer with the keys that they wait for.
 *
 * @param own_key    of the ticket's member that the step began with
 * @param own_lease  of the ticket
 */
enum ll_deadlock_found
ll_deadlock_graph_on_ahead(struct ll_deadlock_graph *graph,
                           struct ll_bytes own_key,
                           int64_t own_lease,
                           const struct ll_answer *answer);

/**
 * The conditions under which the cycle that the newest step closes exists.
 *
 * @param ret_compares  room for 2 * LL_DEADLOCK_LENGTH_MAX
 * @return how many; 0: the cycle has more than LL_DEADLOCK_LENGTH_MAX leases
 */
size_t ll_deadlock_graph_compare(const struct ll_deadlock_graph *graph,
                                 struct ll_compare *ret_compares);
/** The member that the cycle's first wait belongs to. */
size_t ll_deadlock_graph_root(const struct ll_deadlock_graph *graph);

/** For deadlock_follow.c: a key that waits; of size 0: the ticket's. */
struct ll_deadlock_waiter {
    struct ll_bytes key;
    int64_t changed; /* its mod_revision */
};

/** Adds a wait, whose lease is 0 if it leads to none that is to be read; false:
 *  out of memory. */
bool ll_deadlock_graph_step(struct ll_deadlock_graph *graph,
                            size_t root,
                            size_t from,
                            struct ll_deadlock_waiter waits,
                            const struct ll_kv *ahead,
                            int64_t lease);
/** Adds a wait for a lease, unless it is known; false: out of memory. A graph
 *  that is full does not grow. */
bool ll_deadlock_graph_reach(struct ll_deadlock_graph *graph,
                             size_t root,
                             size_t from,
                             struct ll_deadlock_waiter waits,
                             const struct ll_kv *ahead);

/** How many ranges show the newest key that a key waits for. */
static inline size_t ll_deadlock_newest_n(const struct ll_deadlock_key *key)
{
    return key->is_exclusive ? 1 : 2;
}

#endif
