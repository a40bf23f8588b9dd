/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_API_DEADLOCK_WAITS_H
#define LL_API_DEADLOCK_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/places.h"

/**
 * The wait-for graph of the places of many queues. Its nodes are leases.
 *
 * A place waits for every place ahead of it that its kind of wait names, and so
 * for their leases:
 *
 *     mode of the place         | waits for the places ahead that are
 *     EXCLUSIVE                 | of any mode: LL_WAIT_ALL
 *     SHARED                    | exclusive: LL_WAIT_EXCLUSIVE
 *     PERMIT, the only one      | exclusive or permits: LL_WAIT_PERMIT
 *     PERMIT, one of several    | exclusive: LL_WAIT_EXCLUSIVE
 *
 * One of several permits also waits until any few of the permits ahead are
 * gone, which is a wait for none of them in particular: it is not followed.
 */
enum ll_wait {
    LL_WAIT_ALL,
    LL_WAIT_EXCLUSIVE,
    LL_WAIT_PERMIT,
};
#define LL_WAITS_N 3

enum ll_wait ll_wait_of(const struct ll_place *place);
/** Whether a place ahead is one of those that a wait of this kind names. */
bool ll_wait_names(enum ll_wait wait, const struct ll_place *ahead);

/** A lease and its places. */
struct ll_deadlock_node {
    int64_t lease;
    size_t first; /* of its places, in graph.by_lease */
    size_t n;
    bool is_cut;      /* it is in no deadlock */
    bool is_reported; /* it is in a deadlock that was found */
    /** In this round: the node that reached it, and through which places. */
    uint64_t seen;
    size_t from;
    size_t waits; /* the place of `from` that waits */
    size_t holds; /* its own place, ahead of that */
};

struct ll_deadlock_queue {
    size_t first; /* of its places, which are in a row */
    uint64_t seen;
    /** In this round, for each kind of wait: how many places, from the first
     *  on, were visited, and the goal's foremost place that it names. */
    size_t looked_n[LL_WAITS_N];
    size_t goal[LL_WAITS_N];
};

struct ll_deadlock_places {
    const struct ll_places *places;
    size_t nodes_n;
    struct ll_deadlock_node *nodes;
    size_t *by_lease; /* places, those of a node in a row */
    size_t *node_of;  /* by place */
    size_t *queue_of; /* by place */
    struct ll_deadlock_queue *queues;
    size_t *todo; /* nodes to visit */
    uint64_t round;
};

/** Builds the graph. ll_deadlock_places_free is valid after a failure, too.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_deadlock_places_init(struct ll_deadlock_places *graph,
                            const struct ll_places *places);
void ll_deadlock_places_free(struct ll_deadlock_places *graph);

/** Cuts every node that waits for no node or that no node waits for, and
 *  repeats this until there is no such node. Each remaining node is in a
 *  deadlock or on a path between two.
 *  @return 0 or LEASELOCK_E_NOMEM */
int ll_deadlock_places_cut(struct ll_deadlock_places *graph);

static inline const struct ll_place *
ll_deadlock_place(const struct ll_deadlock_places *graph, size_t at)
{
    return &graph->places->places[at];
}

/** Whether there is a place ahead of this one in its queue. */
static inline bool ll_deadlock_has_ahead(const struct ll_deadlock_places *graph,
                                         size_t at)
{
    return at > 0 && graph->queue_of[at] == graph->queue_of[at - 1];
}

static inline bool
ll_deadlock_has_behind(const struct ll_deadlock_places *graph, size_t at)
{
    return at + 1 < graph->places->n && ll_deadlock_has_ahead(graph, at + 1);
}

#endif
