/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_WAIT_H
#define TEST_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#define TEST_NS_PER_MS INT64_C(1000000)

/** Whether the condition that a test waits for holds. */
typedef bool test_predicate_fn(void *arg);

/** CLOCK_MONOTONIC in nanoseconds: for bounds and for measuring. */
int64_t test_now_ns(void);

/**
 * The time left until a deadline, for poll(2).
 *
 * @param deadline_ns  in test_now_ns's time
 * @return milliseconds, rounded up, 0 once it has passed
 */
int test_left_ms(int64_t deadline_ns);

/** The moment timeout_ms from now, in test_now_ns's time. */
int64_t test_deadline_ns(int timeout_ms);

/** Sleeps for a step of a wait: 2 ms. Only for loops that have a deadline. */
void test_pause_step(void);

/**
 * Waits for a condition: checks at once and then every 2 ms; less often if the
 * predicate takes long, and once more after the deadline.
 *
 * @return whether it became true within timeout_ms */
bool test_until(int timeout_ms, test_predicate_fn *predicate, void *arg);

#endif
