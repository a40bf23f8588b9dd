/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deadlock_graph.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/key.h"

/** The most operations by which the waits of a key are read. */
#define KEY_OPS_MAX 3

static void keys_drop(struct ll_deadlock_graph *graph)
{
    for (size_t i = 0; i < graph->keys_n; i++) {
        ll_free(graph->keys[i].text);
    }
    ll_free(graph->keys);
    graph->keys = NULL;
    graph->keys_n = 0;
}

bool ll_deadlock_graph_open(struct ll_deadlock_graph *graph, int64_t since)
{
    assert(graph->steps == NULL && graph->keys == NULL);
    graph->step = 0;
    graph->from_own = false;
    graph->since = since;
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

static bool
is_reached(const struct ll_deadlock_graph *graph, size_t root, int64_t lease)
{
    for (size_t i = 0; i < graph->steps_n; i++) {
        if (graph->steps[i].lease == lease && graph->steps[i].root == root) {
            return true;
        }
    }
    return false;
}

bool ll_deadlock_graph_step(struct ll_deadlock_graph *graph,
                            size_t root,
                            size_t from,
                            struct ll_deadlock_waiter waits,
                            const struct ll_kv *ahead,
                            int64_t lease)
{
    struct ll_deadlock_step *step = &graph->steps[graph->steps_n];

    *step = (struct ll_deadlock_step){.root = root,
                                      .from = from,
                                      .lease = lease,
                                      .waits_changed = waits.changed,
                                      .ahead_created = ahead->create_revision};
    step->text = ll_alloc(ahead->key.size + waits.key.size + 1);
    if (step->text == NULL) {
        return false;
    }
    memcpy(step->text, ahead->key.data, ahead->key.size);
    step->ahead = (struct ll_bytes){step->text, ahead->key.size};
    if (waits.key.size > 0) {
        memcpy(step->text + ahead->key.size, waits.key.data, waits.key.size);
        step->waits =
            (struct ll_bytes){step->text + ahead->key.size, waits.key.size};
    }
    graph->steps_n++;
    return true;
}

bool ll_deadlock_graph_reach(struct ll_deadlock_graph *graph,
                             size_t root,
                             size_t from,
                             struct ll_deadlock_waiter waits,
                             const struct ll_kv *ahead)
{
    return ahead->lease == 0 || graph->steps_n == LL_DEADLOCK_LEASES_MAX ||
           is_reached(graph, root, ahead->lease) ||
           ll_deadlock_graph_step(graph, root, from, waits, ahead,
                                  ahead->lease);
}

/** Where a lease's key is, whose prefix is that of its queue; of size 0 if the
 *  key does not have that form. */
static struct ll_key_place place_of(struct ll_bytes key, int64_t lease)
{
    struct ll_key_place place = {.prefix = {key.data, 0}};

    if (key.size <= LL_KEY_MAX) {
        (void)ll_key_parse(key, lease, &place);
    }
    return place;
}

/** Adds a copy of a key, with room for the bounds of its ranges; false: out of
 *  memory. */
static bool key_add(struct ll_deadlock_graph *graph,
                    struct ll_bytes key,
                    const struct ll_key_place *place)
{
    size_t queue = place->prefix.size;
    char *copy = ll_alloc_zero(1, key.size + 3 * queue + 4);
    struct ll_deadlock_key *added = &graph->keys[graph->keys_n];
    char *bounds;

    assert(graph->keys != NULL);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, key.data, key.size);
    bounds = copy + key.size;
    *added = (struct ll_deadlock_key){.text = copy,
                                      .key = {copy, key.size},
                                      .prefix = {copy, queue},
                                      .is_exclusive = place->mode.kind ==
                                                      LL_MODE_EXCLUSIVE};
    added->end = ll_prefix_end(added->prefix, bounds);
    added->modes = ll_prefix_modes(added->prefix, bounds + queue);
    added->past_modes =
        ll_prefix_past_modes(added->prefix, bounds + 2 * queue + 2);
    graph->keys_n++;
    return true;
}

bool ll_deadlock_graph_begin(struct ll_deadlock_graph *graph,
                             size_t root,
                             const struct ll_kv *ahead)
{
    return ll_deadlock_graph_reach(
        graph, root, 0, (struct ll_deadlock_waiter){{NULL, 0}, 0}, ahead);
}

bool ll_deadlock_graph_own(struct ll_deadlock_graph *graph,
                           size_t root,
                           const struct ll_kv *own)
{
    struct ll_key_place place = place_of(own->key, own->lease);

    if (graph->keys == NULL) {
        graph->keys = ll_alloc_zero(LL_DEADLOCK_OWN_MAX, sizeof(*graph->keys));
        graph->from_own = true;
        graph->key_end = 0;
    }
    if (graph->keys == NULL || graph->keys_n == LL_DEADLOCK_OWN_MAX ||
        !key_add(graph, own->key, &place)) {
        return false;
    }
    graph->keys[graph->keys_n - 1].created = own->create_revision;
    graph->keys[graph->keys_n - 1].root = root;
    return true;
}

bool ll_deadlock_graph_next(struct ll_deadlock_graph *graph)
{
    keys_drop(graph);
    graph->from_own = false;
    while (graph->step < graph->steps_n &&
           graph->steps[graph->step].lease == 0) {
        graph->step++;
    }
    return graph->step < graph->steps_n;
}

bool ll_deadlock_graph_take(struct ll_deadlock_graph *graph,
                            const struct ll_answer *answer)
{
    int64_t lease = graph->steps[graph->step].lease;
    size_t n = 0;

    graph->listed = answer->revision;
    graph->key_end = 0;
    for (size_t i = 0; i < answer->lease.keys_n; i++) {
        n += place_of(answer->lease.keys[i], lease).prefix.size > 0 ? 1 : 0;
    }
    if (n == 0 || n > LL_DEADLOCK_KEYS_MAX) {
        return true;
    }
    graph->keys = ll_alloc_zero(n, sizeof(*graph->keys));
    if (graph->keys == NULL) {
        return false;
    }
    for (size_t i = 0; i < answer->lease.keys_n; i++) {
        struct ll_key_place place = place_of(answer->lease.keys[i], lease);

        if (place.prefix.size > 0 &&
            !key_add(graph, answer->lease.keys[i], &place)) {
            return false;
        }
    }
    return true;
}

static struct ll_op read_key(const struct ll_deadlock_key *key)
{
    return (struct ll_op){.kind = LL_OP_RANGE,
                          .range = {.key = key->key, .keys_only = true}};
}

/** The newest of the keys of a range that are before a key. */
static struct ll_op newest_before(const struct ll_deadlock_key *key,
                                  struct ll_bytes from,
                                  struct ll_bytes end)
{
    return (struct ll_op){.kind = LL_OP_RANGE,
                          .range = {.key = from,
                                    .end = end,
                                    .sort = LL_SORT_NEWEST_FIRST,
                                    .limit = 1,
                                    .max_create_revision = key->created - 1,
                                    .keys_only = true}};
}

static void read_newest(const struct ll_deadlock_key *key,
                        struct ll_op *ret_ops)
{
    ret_ops[0] = newest_before(key, key->prefix,
                               key->is_exclusive ? key->end : key->modes);
    if (!key->is_exclusive) {
        ret_ops[1] = newest_before(key, key->past_modes, key->end);
    }
}

/** The oldest keys of the queue: those that hold the lock are among them. */
static struct ll_op read_oldest(const struct ll_deadlock_key *key)
{
    struct ll_op op = newest_before(key, key->prefix, key->end);

    op.range.sort = LL_SORT_OLDEST_FIRST;
    op.range.limit = LL_DEADLOCK_OLDEST_MAX;
    return op;
}

size_t ll_deadlock_graph_read(struct ll_deadlock_graph *graph,
                              bool ahead,
                              struct ll_op *ret_ops)
{
    size_t keys_n = 0;
    size_t n = 0;

    for (graph->key = graph->key_end;
         graph->key_end < graph->keys_n &&
         n + keys_n + KEY_OPS_MAX <= LL_DEADLOCK_READS_MAX;
         graph->key_end++) {
        const struct ll_deadlock_key *key = &graph->keys[graph->key_end];

        if (!ahead) {
            ret_ops[n++] = read_key(key);
        } else if (key->created != 0) {
            read_newest(key, &ret_ops[n]);
            n += ll_deadlock_newest_n(key);
            keys_n++;
        }
    }
    for (size_t i = graph->key; ahead && i < graph->key_end; i++) {
        if (graph->keys[i].created != 0) {
            ret_ops[n++] = read_oldest(&graph->keys[i]);
        }
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

/** A key may wait if it exists on its lease, has not been put to lately, and is
 *  the first of its lease in the queue. */
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
            graph->keys[i].changed = range->kvs[0].mod_revision;
            graph->keys[i].is_out = range->kvs[0].version != 1 &&
                                    range->kvs[0].mod_revision > graph->since;
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
                                       step->waits_changed);
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
