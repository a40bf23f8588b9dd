/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct sim_message;

/** A scheduled event; the kind gives the two numbers their meaning. */
struct sim_event {
    int64_t at_ns;
    uint64_t order; /* set by the heap: orders equal times */
    int kind;
    uint32_t number;
    uint64_t id;
    struct sim_message *message; /* owned, or NULL */
};

/** Events ordered by time, then by insertion. */
struct sim_heap {
    struct sim_event *events;
    size_t size;
    size_t capacity;
    uint64_t pushed;
};

void sim_heap_push(struct sim_heap *heap, struct sim_event event);
/** The earliest, or NULL; valid until the next push or pop. */
const struct sim_event *sim_heap_first(const struct sim_heap *heap);
/** Removes the earliest event of a heap that is not empty. */
struct sim_event sim_heap_pop(struct sim_heap *heap);
/** Frees the heap's memory, not the messages. */
void sim_heap_free(struct sim_heap *heap);

#endif
