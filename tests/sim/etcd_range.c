/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_mvcc.h"

#include <stdlib.h>

#include <grpc/status.h>

const struct sim_error sim_error_compacted = {
    GRPC_STATUS_OUT_OF_RANGE,
    "etcdserver: mvcc: required revision has been compacted"};
const struct sim_error sim_error_future = {
    GRPC_STATUS_OUT_OF_RANGE,
    "etcdserver: mvcc: required revision is a future revision"};
const struct sim_error sim_error_empty_key = {
    GRPC_STATUS_INVALID_ARGUMENT, "etcdserver: key is not provided"};

/** The keys of a range before they are sorted and limited. */
struct found {
    const struct sim_version **versions;
    size_t n;
    size_t capacity;
    int64_t count;
};

/** Go's sort is not stable; here equal elements keep the keys' order. */
static int compare_oldest(const void *a, const void *b)
{
    const struct sim_version *left = *(const struct sim_version *const *)a;
    const struct sim_version *right = *(const struct sim_version *const *)b;

    if (left->create_revision != right->create_revision) {
        return left->create_revision < right->create_revision ? -1 : 1;
    }
    return sim_bytes_compare(left->key->name, right->key->name);
}

static int compare_newest(const void *a, const void *b)
{
    const struct sim_version *left = *(const struct sim_version *const *)a;
    const struct sim_version *right = *(const struct sim_version *const *)b;

    if (left->create_revision != right->create_revision) {
        return left->create_revision > right->create_revision ? -1 : 1;
    }
    return sim_bytes_compare(left->key->name, right->key->name);
}

/** Collects the keys of a range; the count includes the keys that the filter
 * leaves out. */
static void find(const struct sim_view *view,
                 const struct ll_range *range,
                 int64_t revision,
                 struct found *found)
{
    const struct sim_store *store = view->store;
    size_t at = sim_store_lower(store, range->key);

    for (; at < store->keys_n &&
           sim_range_has(range->key, range->end, store->keys[at]->name);
         at++) {
        const struct sim_version *version =
            sim_key_at(store->keys[at], revision);

        if (version == NULL) {
            continue;
        }
        found->count++;
        if (range->count_only ||
            (range->max_create_revision != 0 &&
             version->create_revision > range->max_create_revision)) {
            continue;
        }
        SIM_RESERVE(found->versions, found->n, found->capacity);
        found->versions[found->n++] = version;
    }
    switch (range->sort) {
    case LL_SORT_NONE:
        break;
    case LL_SORT_OLDEST_FIRST:
        if (found->n > 1) {
            qsort(found->versions, found->n, sizeof(found->versions[0]),
                  compare_oldest);
        }
        break;
    case LL_SORT_NEWEST_FIRST:
        if (found->n > 1) {
            qsort(found->versions, found->n, sizeof(found->versions[0]),
                  compare_newest);
        }
        break;
    }
}

const struct sim_error *sim_range(const struct sim_view *view,
                                  const struct ll_range *range,
                                  struct sim_arena *arena,
                                  struct ll_range_answer *ret_answer)
{
    int64_t revision = range->revision;
    struct found found = {0};
    struct ll_kv *kvs = NULL;
    size_t n = 0;
    size_t i;

    if (revision > view->revision) {
        return &sim_error_future;
    }
    if (revision <= 0) {
        revision = view->revision;
    }
    if (revision < view->compacted) {
        return &sim_error_compacted;
    }
    find(view, range, revision, &found);
    n = found.n;
    if (range->limit > 0 && n > (uint64_t)range->limit) {
        n = (size_t)range->limit;
    }
    kvs = sim_arena_alloc(arena, n, sizeof(*kvs));
    for (i = 0; i < n; i++) {
        sim_version_kv(found.versions[i], &kvs[i]);
        kvs[i].key = sim_copy_bytes(arena, kvs[i].key);
        kvs[i].value = range->keys_only ? (struct ll_bytes){"", 0}
                                        : sim_copy_bytes(arena, kvs[i].value);
    }
    *ret_answer = (struct ll_range_answer){
        .kvs = kvs,
        .kvs_n = n,
        .more = n < found.n,
        .count = found.count,
    };
    free(found.versions);
    return NULL;
}
