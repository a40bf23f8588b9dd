/* SPDX-License-Identifier: Apache-2.0 */
#include "api/deadlock_find.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "leaselock/status.h"

#define NONE SIZE_MAX

/** A lease and its places. */
struct node {
    int64_t lease;
    size_t first; /* of its places, in graph.by_lease */
    size_t n;
    size_t waits_n;   /* edges to nodes that are not cut */
    size_t waited_n;  /* edges from such nodes */
    bool is_cut;      /* it is in no deadlock */
    bool is_reported; /* it is in a deadlock that was found */
    /** In this round: the node that reached it, and through which places. */
    uint64_t seen;
    size_t from;
    size_t waits; /* the place of `from` that waits */
    size_t holds; /* its own place, ahead of that */
};

struct queue {
    size_t first; /* of its places, which are in a row */
    /** In this round: how many places, from the first on, were visited. */
    size_t looked_n;
    uint64_t seen;
    /** The goal's foremost place in this queue. */
    size_t goal;
};

struct graph {
    const struct ll_places *places;
    size_t nodes_n;
    struct node *nodes;
    size_t *by_lease; /* places, those of a node in a row */
    size_t *node_of;  /* by place */
    size_t *queue_of; /* by place */
    struct queue *queues;
    size_t *todo; /* nodes to visit */
    uint64_t round;
};

static void graph_free(struct graph *graph)
{
    ll_free(graph->nodes);
    ll_free(graph->by_lease);
    ll_free(graph->node_of);
    ll_free(graph->queue_of);
    ll_free(graph->queues);
    ll_free(graph->todo);
}

static const struct ll_place *place_at(const struct graph *graph, size_t at)
{
    return &graph->places->places[at];
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

static int make_nodes(struct graph *graph)
{
    size_t n = graph->places->n;
    struct leased *leased = ll_alloc_zero(n, sizeof(*leased));

    if (leased == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        leased[i] = (struct leased){place_at(graph, i)->entry.lease, i};
    }
    qsort(leased, n, sizeof(*leased), compare_leased);
    for (size_t i = 0; i < n; i++) {
        /* Each key without a lease is a node of its own. */
        if (i == 0 || leased[i].lease == 0 ||
            leased[i].lease != leased[i - 1].lease) {
            graph->nodes[graph->nodes_n++] =
                (struct node){.lease = leased[i].lease, .first = i};
        }
        graph->by_lease[i] = leased[i].at;
        graph->node_of[leased[i].at] = graph->nodes_n - 1;
        graph->nodes[graph->nodes_n - 1].n++;
    }
    ll_free(leased);
    return 0;
}

static int graph_init(struct graph *graph, const struct ll_places *places)
{
    size_t n = places->n;
    size_t queues_n = 0;

    *graph = (struct graph){.places = places};
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
        if (i == 0 || strcmp(place_at(graph, i)->name,
                             place_at(graph, i - 1)->name) != 0) {
            graph->queues[queues_n++].first = i;
        }
        graph->queue_of[i] = queues_n - 1;
    }
    return make_nodes(graph);
}

/** Whether there is a place ahead of this one in its queue. */
static bool has_ahead(const struct graph *graph, size_t at)
{
    return at > 0 && graph->queue_of[at] == graph->queue_of[at - 1];
}

static bool has_behind(const struct graph *graph, size_t at)
{
    return at + 1 < graph->places->n && has_ahead(graph, at + 1);
}

/** Cuts every node that waits for no node or that no node waits for, and
 *  repeats this until there is no such node. Each remaining node is in a
 *  deadlock or on a path between two. Edges between neighboring places
 *  suffice here. */
static void cut(struct graph *graph)
{
    size_t todo_n = 0;

    for (size_t at = 0; at < graph->places->n; at++) {
        if (has_ahead(graph, at)) {
            graph->nodes[graph->node_of[at]].waits_n++;
            graph->nodes[graph->node_of[at - 1]].waited_n++;
        }
    }
    for (size_t i = 0; i < graph->nodes_n; i++) {
        struct node *node = &graph->nodes[i];

        if (node->waits_n == 0 || node->waited_n == 0) {
            node->is_cut = true;
            graph->todo[todo_n++] = i;
        }
    }
    while (todo_n > 0) {
        const struct node *node = &graph->nodes[graph->todo[--todo_n]];

        for (size_t i = 0; i < node->n; i++) {
            size_t at = graph->by_lease[node->first + i];

            if (has_ahead(graph, at)) {
                size_t other = graph->node_of[at - 1];

                if (--graph->nodes[other].waited_n == 0 &&
                    !graph->nodes[other].is_cut) {
                    graph->nodes[other].is_cut = true;
                    graph->todo[todo_n++] = other;
                }
            }
            if (has_behind(graph, at)) {
                size_t other = graph->node_of[at + 1];

                if (--graph->nodes[other].waits_n == 0 &&
                    !graph->nodes[other].is_cut) {
                    graph->nodes[other].is_cut = true;
                    graph->todo[todo_n++] = other;
                }
            }
        }
    }
}

/** A queue's marks of the current round. */
static struct queue *queue_at(struct graph *graph, size_t place)
{
    struct queue *queue = &graph->queues[graph->queue_of[place]];

    if (queue->seen != graph->round) {
        queue->seen = graph->round;
        queue->looked_n = 0;
        queue->goal = NONE;
    }
    return queue;
}

/** A place of a reached node that waits for the goal, which closes the
 *  deadlock; NONE if there is no such place. */
static size_t closing_place(struct graph *graph, const struct node *node)
{
    for (size_t i = 0; i < node->n; i++) {
        size_t at = graph->by_lease[node->first + i];

        if (queue_at(graph, at)->goal < at) {
            return at;
        }
    }
    return NONE;
}

/** Visits every node that a node waits for; visits each place once a round. */
static size_t expand(struct graph *graph, size_t of, size_t todo_n)
{
    const struct node *node = &graph->nodes[of];

    for (size_t i = 0; i < node->n; i++) {
        size_t at = graph->by_lease[node->first + i];
        struct queue *queue = queue_at(graph, at);

        for (; queue->first + queue->looked_n < at; queue->looked_n++) {
            size_t ahead = queue->first + queue->looked_n;
            struct node *other = &graph->nodes[graph->node_of[ahead]];

            if (!other->is_cut && other->seen != graph->round) {
                other->seen = graph->round;
                other->from = of;
                other->waits = at;
                other->holds = ahead;
                graph->todo[todo_n++] = graph->node_of[ahead];
            }
        }
    }
    return todo_n;
}

/** Finds the shortest deadlock through a node, breadth first. */
static size_t
find_shortest(struct graph *graph, size_t start, size_t *ret_closing)
{
    struct node *goal = &graph->nodes[start];
    size_t todo_n = 1;

    graph->round++;
    goal->seen = graph->round;
    graph->todo[0] = start;
    for (size_t i = 0; i < goal->n; i++) {
        size_t at = graph->by_lease[goal->first + i];
        struct queue *queue = queue_at(graph, at);

        if (queue->goal == NONE) {
            queue->goal = at; /* places are in order: the first of its queue */
        }
    }
    for (size_t done = 0; done < todo_n; done++) {
        size_t of = graph->todo[done];

        if (of != start) {
            *ret_closing = closing_place(graph, &graph->nodes[of]);
            if (*ret_closing != NONE) {
                return of;
            }
        }
        todo_n = expand(graph, of, todo_n);
    }
    return NONE;
}

/** Records the deadlock, from the node that closes it back to its start. */
static int note(const struct graph *graph,
                size_t start,
                size_t last,
                size_t closing,
                struct ll_deadlock_entry *deadlock)
{
    size_t n = 1;
    size_t waits = closing;

    for (size_t at = last; at != start; at = graph->nodes[at].from) {
        n++;
    }
    deadlock->members = ll_alloc_zero(n, sizeof(*deadlock->members));
    if (deadlock->members == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    deadlock->members_n = n;
    for (size_t at = last; at != start; at = graph->nodes[at].from) {
        const struct node *node = &graph->nodes[at];

        deadlock->members[--n] =
            (struct ll_deadlock_member){waits, node->holds};
        waits = node->waits;
    }
    deadlock->members[0] = (struct ll_deadlock_member){
        waits, graph->queues[graph->queue_of[closing]].goal};
    return 0;
}

/** Whether a member also waits for a member other than the next: then there is
 *  a shorter deadlock, and some members only wait for it. */
static bool has_chord(struct graph *graph,
                      const struct ll_deadlock_entry *deadlock)
{
    graph->round++;
    for (size_t i = 0; i < deadlock->members_n; i++) {
        size_t of = graph->node_of[deadlock->members[i].waits];

        graph->nodes[of].seen = graph->round;
        graph->nodes[of].from = i;
    }
    for (size_t i = 0; i < deadlock->members_n; i++) {
        const struct node *node =
            &graph->nodes[graph->node_of[deadlock->members[i].waits]];

        for (size_t j = 0; j < node->n; j++) {
            size_t at = graph->by_lease[node->first + j];

            while (has_ahead(graph, at)) {
                const struct node *other = &graph->nodes[graph->node_of[--at]];

                if (other->seen == graph->round && other != node &&
                    other->from != (i + 1) % deadlock->members_n) {
                    return true;
                }
            }
        }
    }
    return false;
}

/** Keeps a recorded deadlock, or drops it if it contains a shorter one. */
static void keep(struct graph *graph, struct ll_deadlock_list *list)
{
    struct ll_deadlock_entry *deadlock = &list->entries[list->n];

    if (has_chord(graph, deadlock)) {
        ll_free(deadlock->members);
        deadlock->members = NULL;
        return;
    }
    for (size_t i = 0; i < deadlock->members_n; i++) {
        graph->nodes[graph->node_of[deadlock->members[i].waits]].is_reported =
            true;
    }
    list->n++;
}

int ll_deadlocks_find(const struct ll_places *places,
                      struct ll_deadlock_list *ret_list)
{
    struct graph graph;
    int status;

    *ret_list = (struct ll_deadlock_list){0, NULL};
    if (places->n == 0) {
        return 0;
    }
    status = graph_init(&graph, places);
    if (status == 0) {
        cut(&graph);
        ret_list->entries =
            ll_alloc_zero(graph.nodes_n, sizeof(*ret_list->entries));
        status = ret_list->entries == NULL ? LEASELOCK_E_NOMEM : 0;
    }
    for (size_t i = 0; status == 0 && i < graph.nodes_n; i++) {
        size_t closing = NONE;
        size_t last;

        if (graph.nodes[i].is_cut || graph.nodes[i].is_reported) {
            continue;
        }
        last = find_shortest(&graph, i, &closing);
        if (last != NONE) {
            status =
                note(&graph, i, last, closing, &ret_list->entries[ret_list->n]);
        }
        if (last != NONE && status == 0) {
            keep(&graph, ret_list);
        }
    }
    graph_free(&graph);
    return status;
}

void ll_deadlocks_free(struct ll_deadlock_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        ll_free(list->entries[i].members);
    }
    ll_free(list->entries);
    *list = (struct ll_deadlock_list){0, NULL};
}
