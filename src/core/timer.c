/* SPDX-License-Identifier: Apache-2.0 */
#include "core/timer.h"

#include <assert.h>

#include "base/alloc.h"

bool ll_timers_reserve(struct ll_timers *timers)
{
    if (timers->reserved + 1 >= timers->capacity) {
        size_t capacity = timers->capacity > 0 ? 2 * timers->capacity : 16;
        struct ll_timer **heap =
            ll_realloc(timers->heap, capacity * sizeof(*heap));

        if (heap == NULL) {
            return false;
        }
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timers->reserved++;
    return true;
}

void ll_timers_unreserve(struct ll_timers *timers)
{
    assert(timers->reserved > timers->size);
    timers->reserved--;
}

void ll_timers_free(struct ll_timers *timers)
{
    ll_free(timers->heap);
    *timers = (struct ll_timers){0};
}

static void put(struct ll_timers *timers, size_t place, struct ll_timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct ll_timers *timers, struct ll_timer *timer)
{
    size_t place = timer->place;

    while (place > 1 &&
           timers->heap[place / 2]->deadline_ns > timer->deadline_ns) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct ll_timers *timers, struct ll_timer *timer)
{
    size_t place = timer->place;

    for (;;) {
        size_t child = 2 * place;

        if (child + 1 <= timers->size && timers->heap[child + 1]->deadline_ns <
                                             timers->heap[child]->deadline_ns) {
            child++;
        }
        if (child > timers->size ||
            timers->heap[child]->deadline_ns >= timer->deadline_ns) {
            break;
        }
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

static void take_out(struct ll_timers *timers, struct ll_timer *timer)
{
    struct ll_timer *last = timers->heap[timers->size];

    timers->size--;
    if (last != timer) {
        put(timers, timer->place, last);
        sift_up(timers, last);
        sift_down(timers, last);
    }
    timer->place = 0;
}

void ll_timer_set(struct ll_timers *timers,
                  struct ll_timer *timer,
                  int64_t deadline_ns)
{
    if (timer->place != 0 && timer->deadline_ns == deadline_ns) {
        return;
    }
    if (deadline_ns == LL_NEVER) {
        if (timer->place != 0) {
            take_out(timers, timer);
        }
        return;
    }
    timer->deadline_ns = deadline_ns;
    if (timer->place == 0) {
        assert(timers->size < timers->reserved);
        timers->size++;
        put(timers, timers->size, timer);
    }
    sift_up(timers, timer);
    sift_down(timers, timer);
}

struct ll_timer *ll_timers_first(const struct ll_timers *timers)
{
    return timers->size > 0 ? timers->heap[1] : NULL;
}
