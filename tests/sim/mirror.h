/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_MIRROR_H
#define SIM_MIRROR_H

#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

struct sim_mirror_entry {
    struct ll_bytes key; /* its own */
    uint64_t hash;       /* of the key, its value and its numbers */
};

/** A copy of the keys of a range, as changes and pages add up. Two of the same
 *  content have the same sum. Start with all zero. */
struct sim_mirror {
    struct sim_mirror_entry *entries; /* in the keys' order */
    size_t n;
    size_t capacity;
    uint64_t sum;
};

void sim_mirror_put(struct sim_mirror *mirror, const struct ll_kv *kv);
/** Does nothing if the key is not there. */
void sim_mirror_delete(struct sim_mirror *mirror, struct ll_bytes key);
/** A put or a deletion that a watch reports. */
void sim_mirror_apply(struct sim_mirror *mirror,
                      const struct ll_watch_event *event);
void sim_mirror_clear(struct sim_mirror *mirror);
void sim_mirror_free(struct sim_mirror *mirror);

#endif
