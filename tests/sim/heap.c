/* SPDX-License-Identifier: Apache-2.0 */
#include "heap.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void sim_heap_push(struct sim_heap *heap, struct sim_event event)
{
    size_t at = heap->size;

    if (heap->size == heap->capacity) {
        heap->capacity = heap->capacity != 0 ? 2 * heap->capacity : 256;
        heap->events =
            realloc(heap->events, heap->capacity * sizeof(*heap->events));
        if (heap->events == NULL) {
            abort();
        }
    }
    event.order = heap->pushed++;
    heap->size++;
    while (at > 0 && is_before(&event, &heap->events[(at - 1) / 2])) {
        heap->events[at] = heap->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->events[at] = event;
}

const struct sim_event *sim_heap_first(const struct sim_heap *heap)
{
    return heap->size > 0 ? &heap->events[0] : NULL;
}

struct sim_event sim_heap_pop(struct sim_heap *heap)
{
    struct sim_event first = heap->events[0];
    struct sim_event last = heap->events[--heap->size];
    size_t at = 0;

    for (size_t child = 1; child < heap->size; child = 2 * at + 1) {
        if (child + 1 < heap->size &&
            is_before(&heap->events[child + 1], &heap->events[child])) {
            child++;
        }
        if (!is_before(&heap->events[child], &last)) {
            break;
        }
        heap->events[at] = heap->events[child];
        at = child;
    }
    heap->events[at] = last;
    return first;
}

void sim_heap_free(struct sim_heap *heap)
{
    free(heap->events);
}
