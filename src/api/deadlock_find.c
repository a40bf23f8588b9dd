/* SPDX-License-Identifier: Apache-2.0 */
#include "api/deadlock_find.h"

#include <stdint.h>

#include "api/deadlock_waits.h"
#include "base/alloc.h"
#include "leaselock/status.h"

#define NONE SIZE_MAX

/** A queue's marks of the current round. */
static struct ll_deadlock_queue *queue_at(struct ll_deadlock_places *graph,
                                          size_t place)
{
    struct ll_deadlock_queue *queue = &graph->queues[graph->queue_of[place]];

    if (queue->seen != graph->round) {
        queue->seen = graph->round;
        for (int i = 0; i < LL_WAITS_N; i++) {
            queue->looked_n[i] = 0;
            queue->goal[i] = NONE;
        }
    }
    return queue;
}

static enum ll_wait wait_at(const struct ll_deadlock_places *graph, size_t at)
{
    return ll_wait_of(ll_deadlock_place(graph, at));
}

/** A place of a reached node that waits for the goal, which closes the
 *  deadlock; NONE if there is no such place. */
static size_t closing_place(struct ll_deadlock_places *graph,
                            const struct ll_deadlock_node *node)
{
    for (size_t i = 0; i < node->n; i++) {
        size_t at = graph->by_lease[node->first + i];

        if (queue_at(graph, at)->goal[wait_at(graph, at)] < at) {
            return at;
        }
    }
    return NONE;
}

/** Visits every node that a node waits for; visits each place once a round for
 *  each kind of wait. */
static size_t expand(struct ll_deadlock_places *graph, size_t of, size_t todo_n)
{
    const struct ll_deadlock_node *node = &graph->nodes[of];

    for (size_t i = 0; i < node->n; i++) {
        size_t at = graph->by_lease[node->first + i];
        struct ll_deadlock_queue *queue = queue_at(graph, at);
        enum ll_wait wait = wait_at(graph, at);
        size_t *looked_n = &queue->looked_n[wait];

        for (; queue->first + *looked_n < at; (*looked_n)++) {
            size_t ahead = queue->first + *looked_n;
            struct ll_deadlock_node *other =
                &graph->nodes[graph->node_of[ahead]];

            if (!other->is_cut && other->seen != graph->round &&
                ll_wait_names(wait, ll_deadlock_place(graph, ahead))) {
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
static size_t find_shortest(struct ll_deadlock_places *graph,
                            size_t start,
                            size_t *ret_closing)
{
    struct ll_deadlock_node *goal = &graph->nodes[start];
    size_t todo_n = 1;

    graph->round++;
    goal->seen = graph->round;
    graph->todo[0] = start;
    for (size_t i = 0; i < goal->n; i++) {
        size_t at = graph->by_lease[goal->first + i];
        struct ll_deadlock_queue *queue = queue_at(graph, at);

        /* Places are in order: the first of its queue counts. */
        for (int j = 0; j < LL_WAITS_N; j++) {
            if (queue->goal[j] == NONE &&
                ll_wait_names((enum ll_wait)j, ll_deadlock_place(graph, at))) {
                queue->goal[j] = at;
            }
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
static int note(const struct ll_deadlock_places *graph,
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
        const struct ll_deadlock_node *node = &graph->nodes[at];

        deadlock->members[--n] =
            (struct ll_deadlock_member){waits, node->holds};
        waits = node->waits;
    }
    deadlock->members[0] = (struct ll_deadlock_member){
        waits,
        graph->queues[graph->queue_of[closing]].goal[wait_at(graph, closing)]};
    return 0;
}

/** Whether a member also waits for a member other than the next: then there is
 *  a shorter deadlock, and some members only wait for it. */
static bool has_chord(struct ll_deadlock_places *graph,
                      const struct ll_deadlock_entry *deadlock)
{
    graph->round++;
    for (size_t i = 0; i < deadlock->members_n; i++) {
        size_t of = graph->node_of[deadlock->members[i].waits];

        graph->nodes[of].seen = graph->round;
        graph->nodes[of].from = i;
    }
    for (size_t i = 0; i < deadlock->members_n; i++) {
        const struct ll_deadlock_node *node =
            &graph->nodes[graph->node_of[deadlock->members[i].waits]];

        for (size_t j = 0; j < node->n; j++) {
            size_t at = graph->by_lease[node->first + j];
            enum ll_wait wait = wait_at(graph, at);

            while (ll_deadlock_has_ahead(graph, at)) {
                const struct ll_deadlock_node *other =
                    &graph->nodes[graph->node_of[--at]];

                if (other->seen == graph->round && other != node &&
                    ll_wait_names(wait, ll_deadlock_place(graph, at)) &&
                    other->from != (i + 1) % deadlock->members_n) {
                    return true;
                }
            }
        }
    }
    return false;
}

/** Keeps a recorded deadlock, or drops it if it contains a shorter one. */
static void keep(struct ll_deadlock_places *graph,
                 struct ll_deadlock_list *list)
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
    struct ll_deadlock_places graph;
    int status;

    *ret_list = (struct ll_deadlock_list){0, NULL};
    if (places->n == 0) {
        return 0;
    }
    status = ll_deadlock_places_init(&graph, places);
    if (status == 0) {
        status = ll_deadlock_places_cut(&graph);
    }
    if (status == 0) {
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
    ll_deadlock_places_free(&graph);
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
