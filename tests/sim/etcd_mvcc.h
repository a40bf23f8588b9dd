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

/** A key that has been, with what is kept of its history, oldest first. */
struct sim_key {
    struct ll_bytes name; /* its own */
    struct sim_version **versions;
    size_t versions_n;
    size_t versions_capacity;
};

/**
 * All that was ever committed: etcd's multi-version store. Members read it at
 * the revision that each has applied.
 */
struct sim_store {
    struct sim_key **keys; /* in their order */
    size_t keys_n;
    size_t keys_capacity;
    struct sim_version **changes; /* in the order of revisions */
    size_t changes_n;
    size_t changes_capacity;
    /** The newest committed; etcd's empty store is at 1. */
    int64_t revision;
    /** Up to here superseded versions are gone from memory. */
    int64_t trimmed;
    /** Changes of the open write, which make up revision + 1. */
    size_t open_n;
    /** Told of each key that a lease gets or loses; see etcd_lease.c. */
    void (*on_attach)(void *arg, int64_t lease, int change);
    void *attach_arg;
};

/** Where a read stands. */
struct sim_view {
    const struct sim_store *store;
    int64_t revision;
    int64_t compacted;
};

/** Why etcd turns a request down; one of the constants below. */
struct sim_error {
    int grpc_status;
    const char *text;
};

extern const struct sim_error sim_error_compacted;
extern const struct sim_error sim_error_future;
extern const struct sim_error sim_error_empty_key;

void sim_store_init(struct sim_store *store);
void sim_store_free(struct sim_store *store);

/** Writes gather until the end, which makes a revision of them if there is
 *  any; all of them carry that one. */
void sim_store_put(struct sim_store *store, const struct ll_put *put);
int64_t sim_store_delete(struct sim_store *store,
                         struct ll_bytes key,
                         struct ll_bytes end);
/** Whether a revision came of the writes. */
bool sim_store_end(struct sim_store *store);
/** The revision that a read inside the open write stands at. */
int64_t sim_store_open_revision(const struct sim_store *store);

/** Frees what nobody who has compacted to this revision can ask for. */
void sim_store_trim(struct sim_store *store, int64_t revision);

/** Takes back what was written after a revision, which is not trimmed. */
void sim_store_back(struct sim_store *store, int64_t revision);

/** The key as it was at a revision; NULL: it was not there. */
const struct sim_version *sim_store_find(const struct sim_store *store,
                                         struct ll_bytes key,
                                         int64_t revision);
/** Index of the first key that is not before this one. */
size_t sim_store_lower(const struct sim_store *store, struct ll_bytes key);
/** A key's newest version up to a revision, if that is no deletion. */
const struct sim_version *sim_key_at(const struct sim_key *key,
                                     int64_t revision);
/** Index of the first change of a revision or a later one. */
size_t sim_store_change_lower(const struct sim_store *store, int64_t revision);

/** Fills a kv that points into the store. */
void sim_version_kv(const struct sim_version *version, struct ll_kv *ret_kv);
/** Fills a watch event; of a deletion etcd tells the key and the revision. */
void sim_version_event(const struct sim_version *version,
                       struct ll_watch_event *ret_event);

/** Answers a range at a view; what the answer points at is the arena's.
 *  @return NULL, or why not */
const struct sim_error *sim_range(const struct sim_view *view,
                                  const struct ll_range *range,
                                  struct sim_arena *arena,
                                  struct ll_range_answer *ret_answer);

#endif
