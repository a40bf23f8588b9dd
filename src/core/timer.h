/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CORE_TIMER_H
#define LL_CORE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A time that never comes. */
#define LL_NEVER INT64_MAX

/** One wake-up of one object; part of the object. */
struct ll_timer {
    int64_t deadline_ns;
    size_t place; /* in the heap, from 1; 0: not there */
};

/**
 * Timers in a binary heap. Room for a timer is reserved when its object is
 * made, so that setting one later cannot fail.
 */
struct ll_timers {
    struct ll_timer **heap; /* heap[1] is the earliest */
    size_t size;
    size_t reserved;
    size_t capacity;
};

/** Makes room for one more timer; false: out of memory. */
bool ll_timers_reserve(struct ll_timers *timers);
/** Releases the room of one timer that is not set. */
void ll_timers_unreserve(struct ll_timers *timers);
void ll_timers_free(struct ll_timers *timers);

/** Sets, moves or, with LL_NEVER, removes a timer. */
void ll_timer_set(struct ll_timers *timers,
                  struct ll_timer *timer,
                  int64_t deadline_ns);

/** The earliest timer, or NULL. */
struct ll_timer *ll_timers_first(const struct ll_timers *timers);

#endif
