/* SPDX-License-Identifier: Apache-2.0 */
/* Back-off: bounds, growth, and determinism by seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/backoff.h"

#define DRAWS 1000

/** Goal: the pause after the nth failure lies between half of 25 ms * 2^(n-1)
 *  and that, and never above a second. Method: many draws for each n. */
static void test_bounds(void **state)
{
    struct ll_random random = {7};

    (void)state;
    for (unsigned failures = 1; failures < 40; failures++) {
        int64_t most_ns = LL_BACKOFF_MAX_NS;

        if (failures < 7) {
            most_ns = LL_BACKOFF_FIRST_NS << (failures - 1);
        }
        if (most_ns > LL_BACKOFF_MAX_NS) {
            most_ns = LL_BACKOFF_MAX_NS;
        }
        for (int i = 0; i < DRAWS; i++) {
            int64_t pause_ns = ll_backoff_ns(&random, failures);

            assert_true(pause_ns >= most_ns / 2);
            assert_true(pause_ns < most_ns);
        }
    }
}

/** Goal: any number of failures is accepted, and zero is treated as one.
 *  Method: the ends of the type. */
static void test_extremes(void **state)
{
    struct ll_random random = {0};

    (void)state;
    assert_in_range(ll_backoff_ns(&random, UINT32_MAX), LL_BACKOFF_MAX_NS / 2,
                    LL_BACKOFF_MAX_NS);
    assert_in_range(ll_backoff_ns(&random, 0), LL_BACKOFF_FIRST_NS / 2,
                    LL_BACKOFF_FIRST_NS);
}

/** Goal: a seed determines the sequence, and seeds differ. Method: compare
 * draws of three sources. */
static void test_seed(void **state)
{
    struct ll_random first = {42};
    struct ll_random same = {42};
    struct ll_random other = {43};
    unsigned equal = 0;

    (void)state;
    for (unsigned i = 1; i < DRAWS; i++) {
        int64_t pause_ns = ll_backoff_ns(&first, i % 8);

        assert_int_equal(pause_ns, ll_backoff_ns(&same, i % 8));
        equal += pause_ns == ll_backoff_ns(&other, i % 8) ? 1 : 0;
    }
    assert_true(equal < DRAWS / 100);
}

/** Goal: the generator is SplitMix64. Method: its first values from seed 0,
 *  which its authors' program gives. */
static void test_known_values(void **state)
{
    struct ll_random random = {0};

    (void)state;
    assert_true(ll_random_next(&random) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(ll_random_next(&random) == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(ll_random_next(&random) == UINT64_C(0x06c45d188009454f));
}

/** Goal: a number below a span is uniformly distributed, and 0 without a span.
 *  Method: count draws of ten values; spans of 1, 0 and less. */
static void test_below(void **state)
{
    struct ll_random random = {1};
    unsigned counts[10] = {0};

    (void)state;
    for (int i = 0; i < 100 * DRAWS; i++) {
        int64_t value = ll_random_below(&random, 10);

        assert_in_range(value, 0, 9);
        counts[value]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(counts[i], 9 * DRAWS, 11 * DRAWS);
    }
    assert_int_equal(ll_random_below(&random, 1), 0);
    assert_int_equal(ll_random_below(&random, 0), 0);
    assert_int_equal(ll_random_below(&random, INT64_MIN), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_seed),   cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
