/* SPDX-License-Identifier: Apache-2.0 */
#include "api/deadlock_waits.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "leaselock/status.h"
#include "leaselock/ticket.h"

enum ll_wait ll_wait_of(const struct ll_place *place)
{
    switch ((enum leaselock_mode)place->entry.mode) {
    case LEASELOCK_EXCLUSIVE:
        return LL_WAIT_ALL;
    case LEASELOCK_SHARED:
        return LL_WAIT_EXCLUSIVE;
    case LEASELOCK_PERMIT:
        break;
    }
    return place->entry.permits == 1 ? LL_WAIT_PERMIT : LL_WAIT_EXCLUSIVE;
}

bool ll_wait_names(enum ll_wait wait, const struct ll_place *ahead)
{
    switch (wait) {
    case LL_WAIT_ALL:
        return true;
    case LL_WAIT_EXCLUSIVE:
        return ahead->entry.mode == LEASELOCK_EXCLUSIVE;
    case LL_WAIT_PERMIT:
        return ahead->entry.mode != LEASELOCK_SHARED;
    }
    return true;
}

void ll_deadlock_places_free(struct ll_deadlock_places *graph)
{
    ll_free(graph->nodes);
    ll_free(graph->by_lease);
    ll_free(graph->node_of);
    ll_free(graph->queue_of);
    ll_free(graph->queues);
    ll_free(graph->todo);
}

/** A place, to be sorted by its lease. */
struct leased {
    int64_t lease;
    size_t at;
};

static int compare_leased(const void *a, const void *b)
{
    const struct leased *one = a;
    const struct leased *other = b;

    if (one->lease != other->lease) {
        return one->lease < other->lease ? -1 : 1;
    }
    return one->at < other->at ? -1 : one->at > other->at;
}

static int make_nodes(struct ll_deadlock_places *graph)
{
    size_t n = graph->places->n;
    struct leased *leased = ll_alloc_zero(n, sizeof(*leased));

    if (leased == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        leased[i] =
            (struct leased){ll_deadlock_place(graph, i)->entry.lease, i};
    }
    qsort(leased, n, sizeof(*leased), compare_leased);
    for (size_t i = 0; i < n; i++) {
        /* Each key without a lease is a node of its own. */
        if (i == 0 || leased[i].lease == 0 ||
            leased[i].lease != leased[i - 1].lease) {
            graph->nodes[graph->nodes_n++] =
                (struct ll_deadlock_node){.lease = leased[i].lease, .first = i};
        }
        graph->by_lease[i] = leased[i].at;
        graph->node_of[leased[i].at] = graph->nodes_n - 1;
        graph->nodes[graph->nodes_n - 1].n++;
    }
    ll_free(leased);
    return 0;
}

int ll_deadlock_places_init(struct ll_deadlock_places *graph,
                            const struct ll_places *places)
{
    size_t n = places->n;
    size_t queues_n = 0;

    *graph = (struct ll_deadlock_places){.places = places};
    graph->nodes = ll_alloc_zero(n, sizeof(*graph->nodes));
    graph->by_lease = ll_alloc_zero(n, sizeof(*graph->by_lease));
    graph->node_of = ll_alloc_zero(n, sizeof(*graph->node_of));
    graph->queue_of = ll_alloc_zero(n, sizeof(*graph->queue_of));
    graph->queues = ll_alloc_zero(n, sizeof(*graph->queues));
    graph->todo = ll_alloc_zero(n, sizeof(*graph->todo));
    if (graph->nodes == NULL || graph->by_lease == NULL ||
        graph->node_of == NULL || graph->queue_of == NULL ||
        graph->queues == NULL || graph->todo == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(ll_deadlock_place(graph, i)->name,
                             ll_deadlock_place(graph, i - 1)->name) != 0) {
            graph->queues[queues_n++].first = i;
        }
        graph->queue_of[i] = queues_n - 1;
    }
    return make_nodes(graph);
}
