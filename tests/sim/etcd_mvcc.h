/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_MVCC_H
#define SIM_ETCD_MVCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "sim/etcd_memory.h"

/** One change of one key. */
struct sim_version {
    struct sim_key *key;
    int64_t revision;
    int64_t create_revision; /* 0: the key was deleted */
    int64_t version;
    int64_t lease;
    size_t value_size;
    char value[];
};

/** A key that has existed, with the kept part of its history, oldest first. */
struct sim_key {
    struct ll_bytes name; /* its own */
    struct sim_version **versions;
    size_t versions_n;
    size_t versions_capacity;
};

/**
 * All committed revisions: etcd's multi-version store. Each member reads it at
 * the revision that it has applied. */
struct sim_store {
    struct sim_key **keys; /* in their order */
    size_t keys_n;
    size_t keys_capacity;
    struct sim_version **changes; /* in the order of revisions */
    size_t changes_n;
    size_t changes_capacity;
    /** The newest committed revision; etcd's empty store is at 1. */
    int64_t revision;
    /** Superseded versions up to this revision have been freed. */
    int64_t trimmed;
    /** Changes of the open write, which will be revision + 1. */
    size_t open_n;
    /** Called for each key that is attached to or detached from a lease; see
     * etcd_lease.c. */
    void (*on_attach)(void *arg, int64_t lease, int change);
    void *attach_arg;
};

/** The revisions that a read uses. */
struct sim_view {
    const struct sim_store *store;
    int64_t revision;
    int64_t compacted;
};

/** Why etcd refuses a request; one of the constants below. */
struct sim_error {
    int grpc_status;
    const char *text;
};

extern const struct sim_error sim_error_compacted;
extern const struct sim_error sim_error_future;
extern const struct sim_error sim_error_empty_key;

void sim_store_init(struct sim_store *store);
void sim_store_free(struct sim_store *store);

/** Writes are collected until the end, which commits them as one revision if
 * there are any. */
void sim_store_put(struct sim_store *store, const struct ll_put *put);
int64_t sim_store_delete(struct sim_store *store,
                         struct ll_bytes key,
                         struct ll_bytes end);
/** Whether the writes made a revision. */
bool sim_store_end(struct sim_store *store);
/** The revision that a read inside the open write sees. */
int64_t sim_store_open_revision(const struct sim_store *store);

/** Frees versions that cannot be read after a compaction to this revision. */
void sim_store_trim(struct sim_store *store, int64_t revision);

/** Undoes the writes after a revision that has not been trimmed. */
void sim_store_back(struct sim_store *store, int64_t revision);

/** The key at a revision; NULL: it did not exist. */
const struct sim_version *sim_store_find(const struct sim_store *store,
                                         struct ll_bytes key,
                                         int64_t revision);
/** The index of the first key that is not less than this one. */
size_t sim_store_lower(const struct sim_store *store, struct ll_bytes key);
/** A key's newest version up to a revision, unless that is a deletion. */
const struct sim_version *sim_key_at(const struct sim_key *key,
                                     int64_t revision);
/** The index of the first change of this or a later revision. */
size_t sim_store_change_lower(const struct sim_store *store, int64_t revision);

/** Fills a kv that points into the store. */
void sim_version_kv(const struct sim_version *version, struct ll_kv *ret_kv);
/** Adds the value that the key had before, if it existed. */
void sim_version_prev(const struct sim_version *version,
                      struct ll_watch_event *event);
/** Fills a watch event; a deletion's has only the key and the revision. */
void sim_version_event(const struct sim_version *version,
                       struct ll_watch_event *ret_event);

/** Answers a range at a view; the answer points into the arena.
 *  @return NULL, or the error */
const struct sim_error *sim_range(const struct sim_view *view,
                                  const struct ll_range *range,
                                  struct sim_arena *arena,
                                  struct ll_range_answer *ret_answer);

#endif
