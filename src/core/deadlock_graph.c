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
        step->waits_changed = key->changed;
    }
    graph->steps_n++;
    return true;
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
    *added = (struct ll_deadlock_key){
        .text = copy,
        .key = {copy, key.size},
        .prefix = {copy, queue},
        .is_exclusive = place->mode.kind == LL_MODE_EXCLUSIVE,
        .is_by_mode = place->mode.kind != LL_MODE_EXCLUSIVE};
    added->end = ll_prefix_end(added->prefix, bounds);
    added->modes = ll_prefix_modes(added->prefix, bounds + queue);
    added->past_modes =
        ll_prefix_past_modes(added->prefix, bounds + 2 * queue + 2);
    graph->keys_n++;
    return true;
}

bool ll_deadlock_graph_begin(struct ll_deadlock_graph *graph,
                             size_t root,
                             const struct ll_kv *own,
                             const struct ll_kv *ahead)
{
    struct ll_key_place place = place_of(own->key, own->lease);

    if (place.mode.kind != LL_MODE_EXCLUSIVE ||
        ll_key_mode(ahead->key).kind == LL_MODE_EXCLUSIVE ||
        ahead->lease == own->lease) {
        return step_add(graph, root, 0, NULL, ahead);
    }
    if (graph->keys == NULL) {
        graph->keys = ll_alloc_zero(LL_DEADLOCK_OWN_MAX, sizeof(*graph->keys));
    }
    if (graph->keys == NULL || graph->keys_n == LL_DEADLOCK_OWN_MAX ||
        !key_add(graph, own->key, &place)) {
        return false;
    }
    graph->keys[graph->keys_n - 1].created = own->create_revision;
    graph->keys[graph->keys_n - 1].root = root;
    graph->keys[graph->keys_n - 1].is_by_mode = true;
    graph->by_mode = true;
    graph->from_own = true;
    graph->key_end = 0;
    return true;
}

bool ll_deadlock_graph_next(struct ll_deadlock_graph *graph)
{
    keys_drop(graph);
    graph->from_own = false;
    return graph->step < graph->steps_n;
}

bool ll_deadlock_graph_take(struct ll_deadlock_graph *graph,
                            const struct ll_answer *answer)
{
    int64_t lease = graph->steps[graph->step].lease;
    size_t n = 0;

    graph->listed = answer->revision;
    graph->key_end = 0;
    graph->by_mode = false;
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

/** Whether what a key waits for is read now. */
static bool is_read(const struct ll_deadlock_graph *graph,
                    const struct ll_deadlock_key *key)
{
    return key->created != 0 && key->is_by_mode == graph->by_mode;
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

/** The most operations of one key. */
#define KEY_OPS_MAX 3

/** Builds the reads of what a key waits for; returns how many. */
static size_t read_ahead(const struct ll_deadlock_key *key,
                         struct ll_op ret_ops[KEY_OPS_MAX])
{
    if (!key->is_by_mode) {
        ret_ops[0] = newest_before(key, key->prefix, key->end);
        return 1;
    }
    ret_ops[0] = newest_before(key, key->prefix, key->modes);
    ret_ops[1] = newest_before(key, key->past_modes, key->end);
    if (!key->is_exclusive) {
        return 2;
    }
    ret_ops[2] = newest_before(key, key->prefix, key->end);
    ret_ops[2].range.sort = LL_SORT_OLDEST_FIRST;
    ret_ops[2].range.limit = LL_DEADLOCK_OLDEST_MAX;
    return 3;
}

static size_t
read_next(struct ll_deadlock_graph *graph, bool ahead, struct ll_op *ret_ops)
{
    size_t n = 0;

    for (graph->key = graph->key_end; graph->key_end < graph->keys_n &&
                                      n + KEY_OPS_MAX <= LL_DEADLOCK_READS_MAX;
         graph->key_end++) {
        const struct ll_deadlock_key *key = &graph->keys[graph->key_end];

        if (!ahead) {
            ret_ops[n++] =
                (struct ll_op){.kind = LL_OP_RANGE,
                               .range = {.key = key->key, .keys_only = true}};
        } else if (is_read(graph, key)) {
            n += read_ahead(key, &ret_ops[n]);
        }
    }
    return n;
}

size_t ll_deadlock_graph_read(struct ll_deadlock_graph *graph,
                              bool ahead,
                              struct ll_op *ret_ops)
{
    size_t n = read_next(graph, ahead, ret_ops);

    if (n == 0 && ahead && !graph->by_mode) {
        graph->by_mode = true;
        graph->key_end = 0;
        n = read_next(graph, ahead, ret_ops);
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

/** The ticket for whose session the graph is searched. */
struct origin {
    struct ll_bytes key;
    int64_t lease;
};

/** Adds a key's waits for the keys of an answer. */
static enum ll_deadlock_found follow(struct ll_deadlock_graph *graph,
                                     const struct origin *origin,
                                     const struct ll_deadlock_key *key,
                                     const struct ll_range_answer *range)
{
    struct ll_bytes left_by = graph->from_own ? key->key : origin->key;
    size_t root = graph->from_own ? key->root : graph->steps[graph->step].root;
    size_t from = graph->from_own ? 0 : graph->step + 1;

    for (size_t i = 0; range != NULL && i < range->kvs_n; i++) {
        const struct ll_kv *ahead = &range->kvs[i];

        /* What waits for the key that the steps began with also waits for
         * those ahead of it: the ticket is only one of the waiters between,
         * and the cycle would exist without it. */
        if (ll_bytes_equal(ahead->key, left_by)) {
            continue;
        }
        if (graph->steps_n == LL_DEADLOCK_LEASES_MAX ||
            !step_add(graph, root, from, graph->from_own ? NULL : key, ahead)) {
            return LL_DEADLOCK_FOUND_LIMIT;
        }
        if (ahead->lease == origin->lease) {
            return LL_DEADLOCK_FOUND_CYCLE;
        }
    }
    return LL_DEADLOCK_FOUND_NONE;
}

static bool has_any(const struct ll_range_answer *range)
{
    return range != NULL && range->kvs_n > 0;
}

/** Of the newest keys of the two ranges of exclusive keys the newer one. */
static const struct ll_range_answer *newer_of(const struct ll_range_answer *a,
                                              const struct ll_range_answer *b)
{
    if (!has_any(a) || !has_any(b)) {
        return has_any(a) ? a : b;
    }
    return a->kvs[0].create_revision > b->kvs[0].create_revision ? a : b;
}

/** Follows what a key waits for, from the ranges in an answer from *at on. */
static enum ll_deadlock_found on_ahead(struct ll_deadlock_graph *graph,
                                       const struct origin *origin,
                                       struct ll_deadlock_key *key,
                                       const struct ll_answer *answer,
                                       size_t *at)
{
    const struct ll_range_answer *range = ll_answer_range(answer, (*at)++);

    if (key->is_by_mode) {
        range = newer_of(range, ll_answer_range(answer, (*at)++));
        if (key->is_exclusive) {
            const struct ll_range_answer *oldest =
                ll_answer_range(answer, (*at)++);

            range = has_any(range) ? range : oldest;
        }
    } else if (has_any(range) &&
               ll_key_mode(range->kvs[0].key).kind != LL_MODE_EXCLUSIVE) {
        key->is_by_mode = true;
        return LL_DEADLOCK_FOUND_NONE;
    }
    return follow(graph, origin, key, range);
}

enum ll_deadlock_found
ll_deadlock_graph_on_ahead(struct ll_deadlock_graph *graph,
                           struct ll_bytes own_key,
                           int64_t own_lease,
                           const struct ll_answer *answer)
{
    struct origin origin = {own_key, own_lease};
    enum ll_deadlock_found found = LL_DEADLOCK_FOUND_NONE;
    size_t at = 0;

    for (size_t i = graph->key;
         i < graph->key_end && found == LL_DEADLOCK_FOUND_NONE; i++) {
        if (is_read(graph, &graph->keys[i])) {
            found = on_ahead(graph, &origin, &graph->keys[i], answer, &at);
        }
    }
    return found;
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
