/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deadlock_graph.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/key.h"

static void keys_drop(struct ll_deadlock_graph *graph)
{
    for (size_t i = 0; i < graph->keys_n; i++) {
        ll_free(graph->keys[i].text);
    }
    ll_free(graph->keys);
    graph->keys = NULL;
    graph->keys_n = 0;
}

bool ll_deadlock_graph_open(struct ll_deadlock_graph *graph)
{
    assert(graph->steps == NULL);
    graph->step = 0;
    graph->steps = ll_alloc_zero(LL_DEADLOCK_LEASES_MAX, sizeof(*graph->steps));
    return graph->steps != NULL;
}

void ll_deadlock_graph_close(struct ll_deadlock_graph *graph)
{
    keys_drop(graph);
    for (size_t i = 0; i < graph->steps_n; i++) {
        ll_free(graph->steps[i].text);
    }
    graph->steps_n = 0;
    ll_free(graph->steps);
    graph->steps = NULL;
}

/** Adds a wait for a lease; false: out of memory. A graph that is full does not
 *  grow. */
static bool step_add(struct ll_deadlock_graph *graph,
                     size_t root,
                     size_t from,
                     const struct ll_deadlock_key *key,
                     const struct ll_kv *ahead)
{
    struct ll_deadlock_step *step = &graph->steps[graph->steps_n];
    struct ll_bytes waits = key != NULL ? key->key : (struct ll_bytes){NULL, 0};

    for (size_t i = 0; i < graph->steps_n; i++) {
        if (graph->steps[i].lease == ahead->lease &&
            graph->steps[i].root == root) {
            return true;
        }
    }
    if (graph->steps_n == LL_DEADLOCK_LEASES_MAX || ahead->lease == 0) {
        return true;
    }
    *step = (struct ll_deadlock_step){.root = root,
                                      .from = from,
                                      .lease = ahead->lease,
                                      .ahead_created = ahead->create_revision};
    step->text = ll_alloc(ahead->key.size + waits.size + 1);
    if (step->text == NULL) {
        return false;
    }
    memcpy(step->text, ahead->key.data, ahead->key.size);
    step->ahead = (struct ll_bytes){step->text, ahead->key.size};
    if (key != NULL) {
        memcpy(step->text + ahead->key.size, waits.data, waits.size);
        step->waits =
            (struct ll_bytes){step->text + ahead->key.size, waits.size};
        step->waits_created = key->created;
    }
    graph->steps_n++;
    return true;
}

bool ll_deadlock_graph_begin(struct ll_deadlock_graph *graph,
                             size_t root,
                             const struct ll_kv *ahead)
{
    return step_add(graph, root, 0, NULL, ahead);
}

bool ll_deadlock_graph_next(struct ll_deadlock_graph *graph)
{
    keys_drop(graph);
    return graph->step < graph->steps_n;
}

/** The prefix of the queue that a lease's key is in; of size 0 if the key does
 *  not have that form, or is not exclusive: it does not wait for its
 *  predecessor. */
static struct ll_bytes queue_of(struct ll_bytes key, int64_t lease)
{
    struct ll_key_place place;

    if (key.size > LL_KEY_MAX || !ll_key_parse(key, lease, &place) ||
        place.mode.kind != LL_MODE_EXCLUSIVE) {
        return (struct ll_bytes){key.data, 0};
    }
    return place.prefix;
}

/** Adds a copy of a key, with room for the end of its range; false: out of
 *  memory. */
static bool
key_add(struct ll_deadlock_graph *graph, struct ll_bytes key, size_t queue)
{
    char *copy = ll_alloc_zero(1, key.size + queue);
    struct ll_deadlock_key *added = &graph->keys[graph->keys_n];

    assert(graph->keys != NULL);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, key.data, key.size);
    *added = (struct ll_deadlock_key){
        .text = copy, .key = {copy, key.size}, .prefix = {copy, queue}};
    added->end = ll_prefix_end(added->prefix, copy + key.size);
    graph->keys_n++;
    return true;
}

bool ll_deadlock_graph_take(struct ll_deadlock_graph *graph,
                            const struct ll_answer *answer)
{
    int64_t lease = graph->steps[graph->step].lease;
    size_t n = 0;

    graph->listed = answer->revision;
    graph->key_end = 0;
    for (size_t i = 0; i < answer->lease.keys_n; i++) {
        n += queue_of(answer->lease.keys[i], lease).size > 0 ? 1 : 0;
    }
    if (n == 0 || n > LL_DEADLOCK_KEYS_MAX) {
        return true;
    }
    graph->keys = ll_alloc_zero(n, sizeof(*graph->keys));
    if (graph->keys == NULL) {
        return false;
    }
    for (size_t i = 0; i < answer->lease.keys_n; i++) {
        struct ll_bytes queue = queue_of(answer->lease.keys[i], lease);

        if (queue.size > 0 &&
            !key_add(graph, answer->lease.keys[i], queue.size)) {
            return false;
        }
    }
    return true;
}

size_t ll_deadlock_graph_read(struct ll_deadlock_graph *graph,
                              bool ahead,
                              struct ll_op *ret_ops)
{
    size_t n = 0;

    for (graph->key = graph->key_end;
         graph->key_end < graph->keys_n && n < LL_DEADLOCK_READS_MAX;
         graph->key_end++) {
        const struct ll_deadlock_key *key = &graph->keys[graph->key_end];
        struct ll_range range = {.key = key->key, .keys_only = true};

        if (ahead && key->created == 0) {
            continue;
        }
        if (ahead) {
            range.key = key->prefix;
            range.end = key->end;
            range.sort = LL_SORT_NEWEST_FIRST;
            range.limit = 1;
            range.max_create_revision = key->created - 1;
        }
        ret_ops[n++] = (struct ll_op){.kind = LL_OP_RANGE, .range = range};
    }
    return n;
}

/** Whether the lease has an earlier key in the same queue. */
static bool is_later(const struct ll_deadlock_graph *graph,
                     const struct ll_deadlock_key *key)
{
    for (size_t i = 0; i < graph->keys_n; i++) {
        const struct ll_deadlock_key *other = &graph->keys[i];

        if (other->created != 0 && other->created < key->created &&
            ll_bytes_equal(other->prefix, key->prefix)) {
            return true;
        }
    }
    return false;
}

/** A key may wait if it exists on its lease, is unchanged since it was created,
 *  and is the first of its lease in the queue. */
bool ll_deadlock_graph_on_made(struct ll_deadlock_graph *graph,
                               const struct ll_answer *answer)
{
    int64_t lease = graph->steps[graph->step].lease;

    for (size_t i = graph->key; i < graph->key_end; i++) {
        const struct ll_range_answer *range =
            ll_answer_range(answer, i - graph->key);

        /* A key that was created after the list, under the name of an earlier
         * one, may have others of its lease ahead that the list lacks. */
        if (range != NULL && range->kvs_n > 0 && range->kvs[0].lease == lease &&
            range->kvs[0].create_revision <= graph->listed) {
            graph->keys[i].created = range->kvs[0].create_revision;
            graph->keys[i].is_out = range->kvs[0].version != 1;
        }
    }
    if (graph->key_end < graph->keys_n) {
        return false;
    }
    for (size_t i = 0; i < graph->keys_n; i++) {
        graph->keys[i].is_out |= is_later(graph, &graph->keys[i]);
    }
    for (size_t i = 0; i < graph->keys_n; i++) {
        graph->keys[i].created *= graph->keys[i].is_out ? 0 : 1;
    }
    graph->key_end = 0;
    return true;
}

enum ll_deadlock_found
ll_deadlock_graph_on_ahead(struct ll_deadlock_graph *graph,
                           struct ll_bytes own_key,
                           int64_t own_lease,
                           const struct ll_answer *answer)
{
    size_t at = 0;

    for (size_t i = graph->key; i < graph->key_end; i++) {
        const struct ll_deadlock_key *key = &graph->keys[i];
        const struct ll_range_answer *range;

        if (key->created == 0) {
            continue;
        }
        range = ll_answer_range(answer, at++);
        if (range == NULL || range->kvs_n == 0) {
            continue;
        }
        /* What waits for the key that the steps began with also waits for
         * those ahead of it: the ticket is only one of the waiters between,
         * and the cycle would exist without it. */
        if (ll_bytes_equal(range->kvs[0].key, own_key)) {
            continue;
        }
        if (graph->steps_n == LL_DEADLOCK_LEASES_MAX ||
            !step_add(graph, graph->steps[graph->step].root, graph->step + 1,
                      key, &range->kvs[0])) {
            return LL_DEADLOCK_FOUND_LIMIT;
        }
        if (range->kvs[0].lease == own_lease) {
            return LL_DEADLOCK_FOUND_CYCLE;
        }
    }
    return LL_DEADLOCK_FOUND_NONE;
}

static struct ll_compare
equals(struct ll_bytes key, enum ll_compare_target target, int64_t number)
{
    return (struct ll_compare){.key = key,
                               .target = target,
                               .result = LL_COMPARE_EQUAL,
                               .number = number};
}

size_t ll_deadlock_graph_compare(const struct ll_deadlock_graph *graph,
                                 struct ll_compare *ret_compares)
{
    size_t n = 0;
    size_t length = 0;

    for (size_t at = graph->steps_n; at != 0; at = graph->steps[at - 1].from) {
        const struct ll_deadlock_step *step = &graph->steps[at - 1];

        if (++length > LL_DEADLOCK_LENGTH_MAX) {
            return 0;
        }
        if (step->waits.size > 0) {
            ret_compares[n++] = equals(step->waits, LL_COMPARE_MOD_REVISION,
                                       step->waits_created);
        }
        ret_compares[n++] = equals(step->ahead, LL_COMPARE_CREATE_REVISION,
                                   step->ahead_created);
    }
    return n;
}

size_t ll_deadlock_graph_root(const struct ll_deadlock_graph *graph)
{
    return graph->steps[graph->steps_n - 1].root;
}
