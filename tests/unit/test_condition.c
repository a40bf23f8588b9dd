/* SPDX-License-Identifier: Apache-2.0 */
/* The failed condition of a Txn, and the sentence about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/condition.h"

#define BYTES(text)                                                            \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }

static const struct ll_kv found = {.key = BYTES("k"),
                                   .value = BYTES("m"),
                                   .create_revision = 3,
                                   .mod_revision = 9,
                                   .version = 4,
                                   .lease = 0x1f};

/** Goal: a condition is evaluated as in etcd. Method: each target below, at and
 * above the actual value, and without a key. */
static void test_judge(void **state)
{
    static const int64_t numbers[] = {4, 3, 9, 0x1f};

    (void)state;
    for (int target = 0; target < 4; target++) {
        for (int delta = -1; delta <= 1; delta++) {
            struct ll_compare compare = {.key = BYTES("k"),
                                         .target =
                                             (enum ll_compare_target)target,
                                         .number = numbers[target] + delta};
            const bool met[] = {delta == 0, delta<0, delta> 0, delta != 0};

            for (int result = 0; result < 4; result++) {
                compare.result = (enum ll_compare_result)result;
                assert_int_equal(ll_condition_judge(&compare, &found, false),
                                 met[result] ? LL_CONDITION_MET
                                             : LL_CONDITION_FAILED);
            }
        }
    }
}

static void test_judge_nothing_and_values(void **state)
{
    struct ll_compare none = {.target = LL_COMPARE_CREATE_REVISION};
    struct ll_compare value = {.target = LL_COMPARE_VALUE, .value = BYTES("m")};

    (void)state;
    assert_int_equal(ll_condition_judge(&none, NULL, false), LL_CONDITION_MET);
    value.result = LL_COMPARE_NOT_EQUAL;
    assert_int_equal(ll_condition_judge(&value, NULL, true),
                     LL_CONDITION_FAILED);
    assert_int_equal(ll_condition_judge(&value, &found, false),
                     LL_CONDITION_UNKNOWN);
    assert_int_equal(ll_condition_judge(&value, &found, true),
                     LL_CONDITION_FAILED);
    value.result = LL_COMPARE_EQUAL;
    assert_int_equal(ll_condition_judge(&value, &found, true),
                     LL_CONDITION_MET);
    value.value = (struct ll_bytes)BYTES("m0");
    value.result = LL_COMPARE_LESS; /* "m" is a prefix of it */
    assert_int_equal(ll_condition_judge(&value, &found, true),
                     LL_CONDITION_MET);
}

static void expect(const struct ll_compare *compare,
                   const struct ll_kv *kv,
                   bool has_value,
                   const char *text)
{
    char seen[LL_CONDITION_TEXT_SIZE];

    ll_condition_text(compare, kv, has_value, seen);
    assert_string_equal(seen, text);
}

/** Goal: the sentence names key, field, the expected and the actual value;
 * bytes are escaped, and long values are cut. */
static void test_text(void **state)
{
    struct ll_compare compare = {.key = BYTES("a\n\"b"),
                                 .target = LL_COMPARE_MOD_REVISION,
                                 .result = LL_COMPARE_LESS,
                                 .number = 8};
    struct ll_kv binary = {.value = BYTES("\x00\xff\\x")};
    char longest[2000];
    char seen[LL_CONDITION_TEXT_SIZE];

    (void)state;
    expect(&compare, &found, false,
           "the mod revision of \"a\\x0a\\x22b\" has to be less than 8, and is "
           "9");
    compare.key = (struct ll_bytes)BYTES("k");
    compare.target = LL_COMPARE_LEASE;
    compare.result = LL_COMPARE_EQUAL;
    compare.number = 0x2a;
    expect(&compare, &found, false,
           "the lease of \"k\" has to be 2a, and is 1f");
    compare.target = LL_COMPARE_VERSION;
    compare.result = LL_COMPARE_GREATER;
    expect(&compare, NULL, false,
           "the version of \"k\" has to be greater than 42, but there is no "
           "such key");
    compare.target = LL_COMPARE_VALUE;
    compare.result = LL_COMPARE_EQUAL;
    compare.value = (struct ll_bytes)BYTES("yes");
    expect(&compare, &binary, true,
           "the value of \"k\" has to be \"yes\", and is "
           "\"\\x00\\xff\\x5cx\"");
    expect(&compare, &found, false,
           "the value of \"k\" has to be \"yes\", but it was written at "
           "revision 9");
    memset(longest, 0xee, sizeof(longest));
    compare.key = (struct ll_bytes){longest, sizeof(longest)};
    compare.value = compare.key;
    binary.value = compare.key;
    compare.result = LL_COMPARE_NOT_EQUAL;
    ll_condition_text(&compare, &binary, true, seen);
    assert_non_null(strstr(seen, "...\" (2000 bytes) has to differ from \""));
    assert_string_equal(seen + strlen(seen) - 17, "...\" (2000 bytes)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_judge_nothing_and_values),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
