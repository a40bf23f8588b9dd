/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_WATCHLOG_H
#define SIM_ETCD_WATCHLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

/**
 * The messages of watches, as a text for each, since etcd's order between
 * watches is arbitrary. Start with all zero. */
struct sim_watchlog {
    struct sim_watchlog_entry *entries;
    size_t n;
    size_t capacity;
    /** The number recorded. */
    uint64_t messages;
};

void sim_watchlog_note(struct sim_watchlog *log, const struct ll_event *event);

/** Finds a watch of which two logs differ.
 *  @return its text in each, "" for none; false: they are the same */
bool sim_watchlog_differ(const struct sim_watchlog *a,
                         const struct sim_watchlog *b,
                         const char **ret_a,
                         const char **ret_b);

void sim_watchlog_clear(struct sim_watchlog *log);
void sim_watchlog_free(struct sim_watchlog *log);

#endif
