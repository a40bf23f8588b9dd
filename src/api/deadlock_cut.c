/* SPDX-License-Identifier: Apache-2.0 */
#include "api/deadlock_waits.h"
#include "base/alloc.h"
#include "leaselock/status.h"

/**
 * What is in no deadlock is cut from the graph.
 *
 * A place waits for each of many places ahead. So that the number of edges
 * stays small, each kind of wait has a chain along each queue: a link for every
 * place, which stands for that place and all ahead of it, as far as the wait
 * names them.
 *
 *     a lease     -> for each of its places: the link of the place before it
 *     a link      -> the lease of its place, if the wait names the place
 *                 -> the link before it in the queue
 *
 * Leases and links are the vertices, the leases first.
 */
struct trim {
    struct ll_deadlock_places *graph;
    size_t vertices_n;
    size_t *waits_n;  /* edges to vertices that are not cut */
    size_t *waited_n; /* edges from such vertices */
    bool *is_cut;
    size_t *todo; /* vertices whose edges are to be removed */
    size_t todo_n;
};

typedef void edge_fn(struct trim *trim, size_t from, size_t to);

static size_t link_at(const struct trim *trim, enum ll_wait wait, size_t place)
{
    return trim->graph->nodes_n + (size_t)wait * trim->graph->places->n + place;
}

/** The edge of the lease of a place that waits. */
static void place_edge(struct trim *trim, size_t at, edge_fn *edge)
{
    if (ll_deadlock_has_ahead(trim->graph, at)) {
        edge(trim, trim->graph->node_of[at],
             link_at(trim, ll_wait_of(ll_deadlock_place(trim->graph, at)),
                     at - 1));
    }
}

/** The edges of a link to the lease of its place, and to the link before. */
static void
named_edge(struct trim *trim, enum ll_wait wait, size_t at, edge_fn *edge)
{
    if (ll_wait_names(wait, ll_deadlock_place(trim->graph, at))) {
        edge(trim, link_at(trim, wait, at), trim->graph->node_of[at]);
    }
}

static void
chain_edge(struct trim *trim, enum ll_wait wait, size_t at, edge_fn *edge)
{
    if (ll_deadlock_has_ahead(trim->graph, at)) {
        edge(trim, link_at(trim, wait, at), link_at(trim, wait, at - 1));
    }
}

/** All edges from and to a vertex. */
static void vertex_edges(struct trim *trim, size_t vertex, edge_fn *edge)
{
    const struct ll_deadlock_places *graph = trim->graph;
    size_t at;
    enum ll_wait wait;

    if (vertex < graph->nodes_n) {
        const struct ll_deadlock_node *node = &graph->nodes[vertex];

        for (size_t i = 0; i < node->n; i++) {
            at = graph->by_lease[node->first + i];
            place_edge(trim, at, edge);
            for (int j = 0; j < LL_WAITS_N; j++) {
                named_edge(trim, (enum ll_wait)j, at, edge);
            }
        }
        return;
    }
    at = (vertex - graph->nodes_n) % graph->places->n;
    wait = (enum ll_wait)((vertex - graph->nodes_n) / graph->places->n);
    named_edge(trim, wait, at, edge);
    chain_edge(trim, wait, at, edge);
    if (ll_deadlock_has_behind(graph, at)) {
        chain_edge(trim, wait, at + 1, edge);
        if (ll_wait_of(ll_deadlock_place(graph, at + 1)) == wait) {
            place_edge(trim, at + 1, edge);
        }
    }
}

static void edge_count(struct trim *trim, size_t from, size_t to)
{
    trim->waits_n[from]++;
    trim->waited_n[to]++;
}

static void vertex_cut(struct trim *trim, size_t vertex)
{
    if (!trim->is_cut[vertex]) {
        trim->is_cut[vertex] = true;
        trim->todo[trim->todo_n++] = vertex;
    }
}

/** Removes an edge, one of whose ends is cut. */
static void edge_remove(struct trim *trim, size_t from, size_t to)
{
    if (--trim->waits_n[from] == 0) {
        vertex_cut(trim, from);
    }
    if (--trim->waited_n[to] == 0) {
        vertex_cut(trim, to);
    }
}

static void trim_run(struct trim *trim)
{
    const struct ll_deadlock_places *graph = trim->graph;

    for (size_t at = 0; at < graph->places->n; at++) {
        place_edge(trim, at, edge_count);
        for (int j = 0; j < LL_WAITS_N; j++) {
            named_edge(trim, (enum ll_wait)j, at, edge_count);
            chain_edge(trim, (enum ll_wait)j, at, edge_count);
        }
    }
    for (size_t i = 0; i < trim->vertices_n; i++) {
        if (trim->waits_n[i] == 0 || trim->waited_n[i] == 0) {
            vertex_cut(trim, i);
        }
    }
    /* An edge between two vertices that are cut may be removed twice, which
     * changes nothing: their counts are not needed any more. */
    while (trim->todo_n > 0) {
        vertex_edges(trim, trim->todo[--trim->todo_n], edge_remove);
    }
    for (size_t i = 0; i < graph->nodes_n; i++) {
        graph->nodes[i].is_cut = trim->is_cut[i];
    }
}

int ll_deadlock_places_cut(struct ll_deadlock_places *graph)
{
    size_t n = graph->nodes_n + LL_WAITS_N * graph->places->n;
    struct trim trim = {.graph = graph, .vertices_n = n};
    int status = LEASELOCK_E_NOMEM;

    trim.waits_n = ll_alloc_zero(n, sizeof(*trim.waits_n));
    trim.waited_n = ll_alloc_zero(n, sizeof(*trim.waited_n));
    trim.is_cut = ll_alloc_zero(n, sizeof(*trim.is_cut));
    trim.todo = ll_alloc_zero(n, sizeof(*trim.todo));
    if (trim.waits_n != NULL && trim.waited_n != NULL && trim.is_cut != NULL &&
        trim.todo != NULL) {
        trim_run(&trim);
        status = 0;
    }
    ll_free(trim.waits_n);
    ll_free(trim.waited_n);
    ll_free(trim.is_cut);
    ll_free(trim.todo);
    return status;
}
