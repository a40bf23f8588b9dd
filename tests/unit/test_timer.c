/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "core/backoff.h"
#include "core/timer.h"

#define TIMERS 200
#define STEPS 50000

/** Goal: the earliest timer is always the one that a linear search finds, and
 * the heap's indices are right. Method: random sets, moves and removals,
 * compared with an array of deadlines. */
static void test_random(void **state)
{
    static struct ll_timer timers[TIMERS];
    int64_t deadlines[TIMERS];
    struct ll_timers heap = {0};
    struct ll_random random = {11};

    (void)state;
    for (size_t i = 0; i < TIMERS; i++) {
        assert_true(ll_timers_reserve(&heap));
        deadlines[i] = LL_NEVER;
    }
    for (int step = 0; step < STEPS; step++) {
        size_t at = (size_t)ll_random_below(&random, TIMERS);
        bool out = ll_random_below(&random, 4) == 0;
        int64_t earliest_ns = LL_NEVER;
        size_t set = 0;

        /* Few values, so that many deadlines are equal. */
        deadlines[at] = out ? LL_NEVER : ll_random_below(&random, 300);
        ll_timer_set(&heap, &timers[at], deadlines[at]);
        for (size_t i = 0; i < TIMERS; i++) {
            assert_true((timers[i].place == 0) == (deadlines[i] == LL_NEVER));
            if (timers[i].place != 0) {
                set++;
                assert_ptr_equal(heap.heap[timers[i].place], &timers[i]);
            }
            if (deadlines[i] < earliest_ns) {
                earliest_ns = deadlines[i];
            }
        }
        assert_int_equal(heap.size, set);
        if (set == 0) {
            assert_null(ll_timers_first(&heap));
        } else {
            assert_int_equal(ll_timers_first(&heap)->deadline_ns, earliest_ns);
        }
    }
    ll_timers_free(&heap);
}

/** Goal: timers are removed in the order of their deadlines. Method: remove the
 * first until none is left. */
static void test_order(void **state)
{
    static struct ll_timer timers[TIMERS];
    struct ll_timers heap = {0};
    struct ll_random random = {12};
    int64_t last_ns = INT64_MIN;
    unsigned n = 0;

    (void)state;
    for (size_t i = 0; i < TIMERS; i++) {
        assert_true(ll_timers_reserve(&heap));
        ll_timer_set(&heap, &timers[i], ll_random_below(&random, 1000));
    }
    for (struct ll_timer *first; (first = ll_timers_first(&heap)) != NULL;
         n++) {
        assert_true(first->deadline_ns >= last_ns);
        last_ns = first->deadline_ns;
        ll_timer_set(&heap, first, LL_NEVER);
        assert_int_equal(first->place, 0);
    }
    assert_int_equal(n, TIMERS);
    ll_timers_free(&heap);
}

/** Goal: a timer that is not set can be removed, and setting one to its present
 * deadline changes nothing. Method: both, twice. */
static void test_idle(void **state)
{
    struct ll_timers heap = {0};
    struct ll_timer timer = {0};

    (void)state;
    assert_null(ll_timers_first(&heap));
    assert_true(ll_timers_reserve(&heap));
    ll_timer_set(&heap, &timer, LL_NEVER);
    assert_null(ll_timers_first(&heap));
    ll_timer_set(&heap, &timer, 5);
    ll_timer_set(&heap, &timer, 5);
    assert_int_equal(heap.size, 1);
    ll_timer_set(&heap, &timer, LL_NEVER);
    ll_timer_set(&heap, &timer, LL_NEVER);
    assert_int_equal(heap.size, 0);
    ll_timers_unreserve(&heap);
    assert_int_equal(heap.reserved, 0);
    ll_timers_free(&heap);
}

/** Goal: reserved timers can be set without memory, and a failed reservation
 * changes nothing. Method: reserve, let every allocation fail, set all. */
static void test_reserve(void **state)
{
    static struct ll_timer timers[TIMERS];
    struct ll_timers heap = {0};
    size_t reserved = 0;

    (void)state;
    ll_alloc_fail_at(1);
    assert_false(ll_timers_reserve(&heap));
    assert_int_equal(heap.reserved, 0);
    ll_alloc_fail_at(0);
    for (; reserved < TIMERS / 2; reserved++) {
        assert_true(ll_timers_reserve(&heap));
    }
    ll_alloc_fail_at(1);
    while (ll_timers_reserve(&heap)) {
        reserved++;
        assert_true(reserved < TIMERS);
    }
    assert_int_equal(heap.reserved, reserved);
    for (size_t i = 0; i < reserved; i++) {
        ll_timer_set(&heap, &timers[i], (int64_t)(TIMERS - i));
    }
    ll_alloc_fail_at(0);
    assert_ptr_equal(ll_timers_first(&heap), &timers[reserved - 1]);
    /* A released reservation can be made again without memory. */
    ll_timer_set(&heap, &timers[0], LL_NEVER);
    ll_timers_unreserve(&heap);
    ll_alloc_fail_at(1);
    assert_true(ll_timers_reserve(&heap));
    assert_false(ll_timers_reserve(&heap));
    ll_alloc_fail_at(0);
    ll_timers_free(&heap);
    assert_null(heap.heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_reserve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
