/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_FOLLOWED_H
#define SIM_FOLLOWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror.h"

struct sim_world;

/**
 * What followers follow: the keys of each lock, and all keys, at each revision
 * that etcd has committed.
 */

/** The content of a range from a revision on. */
struct sim_content {
    int64_t revision;
    uint64_t sum;
    size_t n;
};

/** A range that is followed: the keys of a lock, or all keys. */
struct sim_followed {
    struct sim_mirror mirror; /* the newest content */
    struct sim_content *history;
    size_t history_n;
    size_t capacity;
    bool is_touched; /* by the current revision */
};

void sim_followed_start(struct sim_world *world);
void sim_followed_free(struct sim_world *world);
/** The bounds of a range, each in SIM_KEY_SIZE bytes. */
void sim_followed_bounds(const struct sim_world *world,
                         unsigned range,
                         char *ret_from,
                         char *ret_end,
                         struct ll_bytes *ret_from_bytes,
                         struct ll_bytes *ret_end_bytes);

bool sim_followed_has(const struct sim_world *world,
                      unsigned range,
                      struct ll_bytes key);
/** A revision was committed. */
void sim_followed_note(struct sim_world *world, int64_t revision);
/** The store was restored: its history begins again with what it has now. */
void sim_followed_restored(struct sim_world *world);
/** The content of a range at a revision, or NULL if it is not known. */
const struct sim_content *sim_followed_content(const struct sim_world *world,
                                               unsigned range,
                                               int64_t revision);

#endif
