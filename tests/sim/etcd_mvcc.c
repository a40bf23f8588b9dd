/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_mvcc.h"

#include <stdlib.h>
#include <string.h>

void sim_store_init(struct sim_store *store)
{
    *store = (struct sim_store){.revision = 1};
}

static void key_free(struct sim_key *key)
{
    size_t i;

    for (i = 0; i < key->versions_n; i++) {
        free(key->versions[i]);
    }
    free(key->versions);
    free(key);
}

void sim_store_free(struct sim_store *store)
{
    size_t i;

    for (i = 0; i < store->keys_n; i++) {
        key_free(store->keys[i]);
    }
    free(store->keys);
    free(store->changes);
    *store = (struct sim_store){0};
}

size_t sim_store_lower(const struct sim_store *store, struct ll_bytes key)
{
    size_t low = 0;
    size_t high = store->keys_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sim_bytes_compare(store->keys[middle]->name, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t sim_store_change_lower(const struct sim_store *store, int64_t revision)
{
    size_t low = 0;
    size_t high = store->changes_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (store->changes[middle]->revision < revision) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct sim_version *sim_key_at(const struct sim_key *key,
                                     int64_t revision)
{
    size_t i = key->versions_n;

    /* Most reads are of the newest revision, or of one just before it. */
    while (i > 0 && key->versions[i - 1]->revision > revision) {
        i--;
    }
    if (i == 0 || key->versions[i - 1]->create_revision == 0) {
        return NULL;
    }
    return key->versions[i - 1];
}

const struct sim_version *sim_store_find(const struct sim_store *store,
                                         struct ll_bytes key,
                                         int64_t revision)
{
    size_t at = sim_store_lower(store, key);

    if (at == store->keys_n ||
        sim_bytes_compare(store->keys[at]->name, key) != 0) {
        return NULL;
    }
    return sim_key_at(store->keys[at], revision);
}

int64_t sim_store_open_revision(const struct sim_store *store)
{
    return store->revision + (store->open_n > 0 ? 1 : 0);
}

static struct sim_key *key_add(struct sim_store *store, struct ll_bytes name)
{
    size_t at = sim_store_lower(store, name);
    struct sim_key *key = NULL;
    char *copy = NULL;

    if (at < store->keys_n &&
        sim_bytes_compare(store->keys[at]->name, name) == 0) {
        return store->keys[at];
    }
    key = sim_alloc(1, sizeof(*key) + name.size);
    copy = (char *)(key + 1);
    memcpy(copy, name.data, name.size);
    key->name = (struct ll_bytes){copy, name.size};
    SIM_RESERVE(store->keys, store->keys_n, store->keys_capacity);
    memmove(&store->keys[at + 1], &store->keys[at],
            (store->keys_n - at) * sizeof(store->keys[0]));
    store->keys[at] = key;
    store->keys_n++;
    return key;
}

/** Adds a version to its key and to the open write. */
static struct sim_version *
version_add(struct sim_store *store, struct sim_key *key, struct ll_bytes value)
{
    struct sim_version *version = sim_alloc(1, sizeof(*version) + value.size);

    version->key = key;
    version->revision = store->revision + 1;
    version->value_size = value.size;
    if (value.size > 0) {
        memcpy(version->value, value.data, value.size);
    }
    SIM_RESERVE(key->versions, key->versions_n, key->versions_capacity);
    key->versions[key->versions_n++] = version;
    SIM_RESERVE(store->changes, store->changes_n, store->changes_capacity);
    store->changes[store->changes_n++] = version;
    store->open_n++;
    return version;
}

static void attach(struct sim_store *store, int64_t lease, int change)
{
    if (lease != 0 && store->on_attach != NULL) {
        store->on_attach(store->attach_arg, lease, change);
    }
}

void sim_store_put(struct sim_store *store, const struct ll_put *put)
{
    struct sim_key *key = key_add(store, put->key);
    const struct sim_version *old = sim_key_at(key, INT64_MAX);
    bool keep = put->keep && old != NULL;
    bool keep_lease = (put->keep || put->keep_lease) && old != NULL;
    struct ll_bytes kept = {old != NULL ? old->value : "",
                            old != NULL ? old->value_size : 0};
    struct sim_version *now = version_add(store, key, keep ? kept : put->value);

    now->create_revision = old != NULL ? old->create_revision : now->revision;
    now->version = old != NULL ? old->version + 1 : 1;
    now->lease = keep_lease ? old->lease : put->lease;
    if (old != NULL) {
        attach(store, old->lease, -1);
    }
    attach(store, now->lease, 1);
}

int64_t sim_store_delete(struct sim_store *store,
                         struct ll_bytes key,
                         struct ll_bytes end)
{
    size_t at = sim_store_lower(store, key);
    int64_t deleted = 0;

    for (; at < store->keys_n && sim_range_has(key, end, store->keys[at]->name);
         at++) {
        const struct sim_version *old = sim_key_at(store->keys[at], INT64_MAX);

        if (old != NULL) {
            (void)version_add(store, store->keys[at], (struct ll_bytes){0});
            attach(store, old->lease, -1);
            deleted++;
        }
    }
    return deleted;
}

bool sim_store_end(struct sim_store *store)
{
    if (store->open_n == 0) {
        return false;
    }
    store->open_n = 0;
    store->revision++;
    return true;
}

/** Frees the versions of a key that a compaction to a revision makes
 * unreachable. Those at that revision stay: a watch may start there. */
static void key_trim(struct sim_key *key, int64_t revision)
{
    size_t gone = 0;
    size_t i;

    while (gone < key->versions_n && key->versions[gone]->revision < revision &&
           (key->versions[gone]->create_revision == 0 ||
            (gone + 1 < key->versions_n &&
             key->versions[gone + 1]->revision <= revision))) {
        gone++;
    }
    for (i = 0; i < gone; i++) {
        free(key->versions[i]);
    }
    key->versions_n -= gone;
    memmove(key->versions, key->versions + gone,
            key->versions_n * sizeof(key->versions[0]));
}

void sim_store_trim(struct sim_store *store, int64_t revision)
{
    size_t first = sim_store_change_lower(store, revision);
    size_t kept = 0;
    size_t i;

    if (revision <= store->trimmed) {
        return;
    }
    store->trimmed = revision;
    store->changes_n -= first;
    memmove(store->changes, store->changes + first,
            store->changes_n * sizeof(store->changes[0]));
    for (i = 0; i < store->keys_n; i++) {
        key_trim(store->keys[i], revision);
        if (store->keys[i]->versions_n > 0) {
            store->keys[kept++] = store->keys[i];
        } else {
            key_free(store->keys[i]);
        }
    }
    store->keys_n = kept;
}

void sim_store_back(struct sim_store *store, int64_t revision)
{
    size_t kept = 0;
    size_t i;

    store->changes_n = sim_store_change_lower(store, revision + 1);
    for (i = 0; i < store->keys_n; i++) {
        struct sim_key *key = store->keys[i];

        while (key->versions_n > 0 &&
               key->versions[key->versions_n - 1]->revision > revision) {
            free(key->versions[--key->versions_n]);
        }
        if (key->versions_n > 0) {
            store->keys[kept++] = key;
        } else {
            key_free(key);
        }
    }
    store->keys_n = kept;
    store->revision = revision;
}

void sim_version_kv(const struct sim_version *version, struct ll_kv *ret_kv)
{
    *ret_kv = (struct ll_kv){
        .key = version->key->name,
        .value = {version->value, version->value_size},
        .create_revision = version->create_revision,
        .mod_revision = version->revision,
        .version = version->version,
        .lease = version->lease,
    };
}

void sim_version_prev(const struct sim_version *version,
                      struct ll_watch_event *event)
{
    const struct sim_version *before =
        sim_key_at(version->key, version->revision - 1);

    if (before != NULL && before->create_revision != 0) {
        event->has_prev = true;
        event->prev_created = before->create_revision;
        event->prev_value =
            (struct ll_bytes){before->value, before->value_size};
    }
}

void sim_version_event(const struct sim_version *version,
                       struct ll_watch_event *ret_event)
{
    *ret_event = (struct ll_watch_event){0};
    ret_event->deleted = version->create_revision == 0;
    sim_version_kv(version, &ret_event->kv);
}
