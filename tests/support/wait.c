/* SPDX-License-Identifier: Apache-2.0 */
#include "support/wait.h"

#include <limits.h>
#include <time.h>

#define STEP_NS (2 * TEST_NS_PER_MS)

int64_t test_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * TEST_NS_PER_MS + now.tv_nsec;
}

int64_t test_deadline_ns(int timeout_ms)
{
    return test_now_ns() + timeout_ms * TEST_NS_PER_MS;
}

int test_left_ms(int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - test_now_ns();
    int64_t left_ms;

    if (left_ns <= 0) {
        return 0;
    }
    /* Rounded up, so that a poll does not spin through the last one. */
    left_ms = (left_ns + TEST_NS_PER_MS - 1) / TEST_NS_PER_MS;
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

void test_pause_step(void)
{
    const struct timespec step = {.tv_nsec = STEP_NS};

    (void)nanosleep(&step, NULL);
}

bool test_until(int timeout_ms, test_predicate_fn *predicate, void *arg)
{
    int64_t deadline_ns = test_deadline_ns(timeout_ms);

    for (;;) {
        /* The clock is read first: if the machine stalls between the last check
         * and the deadline, there is one more check. */
        bool late = test_now_ns() >= deadline_ns;

        if (predicate(arg)) {
            return true;
        }
        if (late) {
            return false;
        }
        test_pause_step();
    }
}
