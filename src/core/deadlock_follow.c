/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deadlock_graph.h"
#include "core/key.h"

/**
 * Which waits the keys ahead of a key add to the graph.
 */

/** What is being followed: the waits of a key, for the ticket's session. */
struct following {
    struct ll_bytes left_by; /* the key by which the steps left the ticket */
    int64_t own_lease;
    size_t root;
    size_t from;
    struct ll_deadlock_waiter waits;
};

/** Adds a wait for a key. */
static enum ll_deadlock_found follow(struct ll_deadlock_graph *graph,
                                     const struct following *following,
                                     const struct ll_kv *ahead)
{
    /* What waits for the key that the steps began with also waits for those
     * ahead of it: the ticket is only one of the waiters between, and the cycle
     * would exist without it. */
    if (ll_bytes_equal(ahead->key, following->left_by)) {
        return LL_DEADLOCK_FOUND_NONE;
    }
    if (graph->steps_n == LL_DEADLOCK_LEASES_MAX ||
        !ll_deadlock_graph_reach(graph, following->root, following->from,
                                 following->waits, ahead)) {
        return LL_DEADLOCK_FOUND_LIMIT;
    }
    return ahead->lease == following->own_lease ? LL_DEADLOCK_FOUND_CYCLE
                                                : LL_DEADLOCK_FOUND_NONE;
}

/** Adds waits for those of the oldest keys that hold the lock, as far as they
 *  are older than a key. */
static enum ll_deadlock_found
follow_holders(struct ll_deadlock_graph *graph,
               const struct following *following,
               const struct ll_range_answer *oldest,
               int64_t before)
{
    enum ll_deadlock_found found = LL_DEADLOCK_FOUND_NONE;

    for (size_t i = 0;
         oldest != NULL && i < oldest->kvs_n && found == LL_DEADLOCK_FOUND_NONE;
         i++) {
        const struct ll_kv *kv = &oldest->kvs[i];
        bool is_exclusive = ll_key_mode(kv->key).kind == LL_MODE_EXCLUSIVE;

        if (kv->create_revision >= before || (is_exclusive && i > 0)) {
            break;
        }
        found = follow(graph, following, kv);
        if (is_exclusive) {
            break;
        }
    }
    return found;
}

static bool has_older(const struct ll_range_answer *oldest, int64_t before)
{
    const struct ll_kv *first =
        oldest != NULL && oldest->kvs_n > 0 ? oldest->kvs : NULL;

    return first != NULL && first->create_revision < before;
}

/** Follows the newest exclusive key that a key waits for, and through it the
 *  holders: it waits for them whether or not it is the first of its lease. */
static enum ll_deadlock_found
follow_through(struct ll_deadlock_graph *graph,
               struct following *following,
               const struct ll_kv *newest,
               const struct ll_range_answer *oldest)
{
    size_t steps_n = graph->steps_n;
    enum ll_deadlock_found found = follow(graph, following, newest);

    if (found != LL_DEADLOCK_FOUND_NONE ||
        ll_bytes_equal(newest->key, following->left_by) ||
        !has_older(oldest, newest->create_revision) ||
        (newest->version != 1 && newest->mod_revision > graph->since)) {
        return found;
    }
    if (graph->steps_n == steps_n &&
        (graph->steps_n == LL_DEADLOCK_LEASES_MAX ||
         !ll_deadlock_graph_step(graph, following->root, following->from,
                                 following->waits, newest, 0))) {
        return LL_DEADLOCK_FOUND_LIMIT;
    }
    following->from = graph->steps_n;
    following->waits =
        (struct ll_deadlock_waiter){newest->key, newest->mod_revision};
    return follow_holders(graph, following, oldest, newest->create_revision);
}

static const struct ll_kv *first_of(const struct ll_answer *answer, size_t at)
{
    const struct ll_range_answer *range = ll_answer_range(answer, at);

    return range != NULL && range->kvs_n > 0 ? &range->kvs[0] : NULL;
}

/** Follows what a key waits for, from the ranges in an answer. */
static enum ll_deadlock_found on_ahead(struct ll_deadlock_graph *graph,
                                       struct following *following,
                                       const struct ll_deadlock_key *key,
                                       const struct ll_answer *answer,
                                       size_t at,
                                       const struct ll_range_answer *oldest)
{
    const struct ll_kv *newest = first_of(answer, at);
    enum ll_deadlock_found found = LL_DEADLOCK_FOUND_NONE;

    if (!key->is_exclusive) {
        const struct ll_kv *other = first_of(answer, at + 1);

        if (newest == NULL || (other != NULL && other->create_revision >
                                                    newest->create_revision)) {
            newest = other;
        }
        return newest != NULL ? follow_through(graph, following, newest, oldest)
                              : found;
    }
    if (newest != NULL) {
        found = follow(graph, following, newest);
    }
    return found == LL_DEADLOCK_FOUND_NONE
               ? follow_holders(graph, following, oldest, key->created)
               : found;
}

enum ll_deadlock_found
ll_deadlock_graph_on_ahead(struct ll_deadlock_graph *graph,
                           struct ll_bytes own_key,
                           int64_t own_lease,
                           const struct ll_answer *answer)
{
    enum ll_deadlock_found found = LL_DEADLOCK_FOUND_NONE;
    size_t at = 0;
    size_t oldest = 0;

    for (size_t i = graph->key; i < graph->key_end; i++) {
        oldest += graph->keys[i].created != 0
                      ? ll_deadlock_newest_n(&graph->keys[i])
                      : 0;
    }
    for (size_t i = graph->key;
         i < graph->key_end && found == LL_DEADLOCK_FOUND_NONE; i++) {
        const struct ll_deadlock_key *key = &graph->keys[i];
        struct following following = {.left_by =
                                          graph->from_own ? key->key : own_key,
                                      .own_lease = own_lease};

        if (key->created == 0) {
            continue;
        }
        if (graph->from_own) {
            following.root = key->root;
        } else {
            following.root = graph->steps[graph->step].root;
            following.from = graph->step + 1;
            following.waits =
                (struct ll_deadlock_waiter){key->key, key->changed};
        }
        found = on_ahead(graph, &following, key, answer, at,
                         ll_answer_range(answer, oldest++));
        at += ll_deadlock_newest_n(key);
    }
    return found;
}
