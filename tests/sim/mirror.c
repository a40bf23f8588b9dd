/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror.h"

#include <stdlib.h>
#include <string.h>

#include "etcd_memory.h"

static uint64_t hash_bytes(uint64_t hash, struct ll_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(1099511628211);
    }
    return (hash ^ bytes.size) * UINT64_C(1099511628211);
}

static uint64_t hash_kv(const struct ll_kv *kv)
{
    uint64_t hash = hash_bytes(UINT64_C(14695981039346656037), kv->key);

    hash = hash_bytes(hash, kv->value);
    hash = hash * 31 + (uint64_t)kv->create_revision;
    hash = hash * 31 + (uint64_t)kv->mod_revision;
    hash = hash * 31 + (uint64_t)kv->version;
    hash = hash * 31 + (uint64_t)kv->lease;
    return sim_random(&hash); /* sums of similar ones differ */
}

/** The index of the first key that is not less than this one. */
static size_t lower(const struct sim_mirror *mirror, struct ll_bytes key)
{
    size_t low = 0;
    size_t high = mirror->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sim_bytes_compare(mirror->entries[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct ll_bytes copy(struct ll_bytes bytes)
{
    char *data = sim_alloc(1, bytes.size + 1);

    memcpy(data, bytes.data, bytes.size);
    return (struct ll_bytes){data, bytes.size};
}

void sim_mirror_put(struct sim_mirror *mirror, const struct ll_kv *kv)
{
    size_t at = lower(mirror, kv->key);
    uint64_t hash = hash_kv(kv);

    if (at == mirror->n ||
        sim_bytes_compare(mirror->entries[at].key, kv->key) != 0) {
        SIM_RESERVE(mirror->entries, mirror->n, mirror->capacity);
        memmove(&mirror->entries[at + 1], &mirror->entries[at],
                (mirror->n - at) * sizeof(*mirror->entries));
        mirror->entries[at] =
            (struct sim_mirror_entry){.key = copy(kv->key), .hash = 0};
        mirror->n++;
    }
    mirror->sum += hash - mirror->entries[at].hash;
    mirror->entries[at].hash = hash;
}

void sim_mirror_delete(struct sim_mirror *mirror, struct ll_bytes key)
{
    size_t at = lower(mirror, key);

    if (at == mirror->n ||
        sim_bytes_compare(mirror->entries[at].key, key) != 0) {
        return;
    }
    mirror->sum -= mirror->entries[at].hash;
    free((void *)(uintptr_t)mirror->entries[at].key.data);
    mirror->n--;
    memmove(&mirror->entries[at], &mirror->entries[at + 1],
            (mirror->n - at) * sizeof(*mirror->entries));
}

void sim_mirror_clear(struct sim_mirror *mirror)
{
    for (size_t i = 0; i < mirror->n; i++) {
        free((void *)(uintptr_t)mirror->entries[i].key.data);
    }
    mirror->n = 0;
    mirror->sum = 0;
}

void sim_mirror_free(struct sim_mirror *mirror)
{
    sim_mirror_clear(mirror);
    free(mirror->entries);
    *mirror = (struct sim_mirror){.n = 0};
}

void sim_mirror_apply(struct sim_mirror *mirror,
                      const struct ll_watch_event *event)
{
    if (event->deleted) {
        sim_mirror_delete(mirror, event->kv.key);
    } else {
        sim_mirror_put(mirror, &event->kv);
    }
}
