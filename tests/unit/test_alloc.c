/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail on a test's request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"

/** Goal: the nth allocation from now and every later one fails, of each kind,
 *  until the next call. Method: a run of all four kinds for several n. */
static void test_nth(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth <= 9; nth++) {
        unsigned long n = 0;

        ll_alloc_fail_at(nth);
        for (int round = 0; round < 2; round++) {
            void *got[4];

            got[0] = ll_alloc(8);
            got[1] = ll_alloc_zero(2, 8);
            got[2] = ll_realloc(NULL, 8);
            got[3] = ll_alloc_copy("abc", 3);
            for (int i = 0; i < 4; i++) {
                n++;
                assert_true((got[i] == NULL) == (n >= nth));
                ll_free(got[i]);
            }
        }
        assert_int_equal(ll_alloc_count(), n);
    }
    ll_alloc_fail_at(0);
    assert_int_equal(ll_alloc_count(), 0);
    for (int i = 0; i < 20; i++) {
        void *got = ll_alloc(1);

        assert_non_null(got);
        ll_free(got);
    }
    assert_int_equal(ll_alloc_count(), 20);
}

/** Goal: one allocation fails and no other. Method: each of the first five. */
static void test_once(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth <= 5; nth++) {
        ll_alloc_fail_once_at(nth);
        for (unsigned long n = 1; n <= 8; n++) {
            void *got = ll_alloc(1);

            assert_true((got == NULL) == (n == nth));
            ll_free(got);
        }
    }
    ll_alloc_fail_at(0);
}

/** Goal: live allocations are counted. Method: each way to allocate, to grow,
 *  to fail and to free. */
static void test_living(void **state)
{
    unsigned long before = ll_alloc_living();
    void *got[4];

    (void)state;
    got[0] = ll_alloc(8);
    got[1] = ll_alloc_zero(2, 8);
    got[2] = ll_realloc(NULL, 8);
    got[3] = ll_alloc_copy("abc", 3);
    assert_int_equal(ll_alloc_living(), before + 4);
    got[2] = ll_realloc(got[2], 100);
    assert_non_null(got[2]);
    assert_int_equal(ll_alloc_living(), before + 4);
    ll_alloc_fail_at(1);
    assert_null(ll_alloc(1));
    assert_null(ll_realloc(got[2], 1000));
    ll_alloc_fail_at(0);
    assert_int_equal(ll_alloc_living(), before + 4);
    for (int i = 0; i < 4; i++) {
        ll_free(got[i]);
    }
    ll_free(NULL);
    assert_int_equal(ll_alloc_living(), before);
}

/** Goal: a failed realloc does not change the old memory. Method: fill it, let
 * the realloc fail, compare. */
static void test_failed_realloc(void **state)
{
    char *old = ll_alloc(4);

    (void)state;
    assert_non_null(old);
    memcpy(old, "abc", 4);
    ll_alloc_fail_at(1);
    assert_null(ll_realloc(old, 100));
    ll_alloc_fail_at(0);
    assert_string_equal(old, "abc");
    ll_free(old);
}

/** Goal: sizes of 0 give memory, zeroed memory is zeroed, and a product that
 * overflows is refused. Method: each. */
static void test_sizes(void **state)
{
    void *got[] = {ll_alloc(0), ll_alloc_zero(0, 8), ll_alloc_zero(8, 0),
                   ll_realloc(NULL, 0)};
    unsigned char *zeroes = ll_alloc_zero(100, 3);
    /* Read at run time, or the compiler refuses it. */
    volatile size_t half = SIZE_MAX / 2;

    (void)state;
    for (size_t i = 0; i < sizeof(got) / sizeof(got[0]); i++) {
        assert_non_null(got[i]);
        ll_free(got[i]);
    }
    assert_non_null(zeroes);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(zeroes[i], 0);
    }
    ll_free(zeroes);
    assert_null(ll_alloc_zero(half, 3));
    ll_free(NULL);
}

/** Goal: a copy has the bytes and a NUL after them. Method: text, bytes with a
 * NUL among them, no bytes, and the maximum size. */
static void test_copy(void **state)
{
    char *text = ll_alloc_copy("abcdef", 3);
    char *binary = ll_alloc_copy("a\0b", 3);
    char *empty = ll_alloc_copy(NULL, 0);

    (void)state;
    assert_string_equal(text, "abc");
    assert_memory_equal(binary, "a\0b", 4);
    assert_string_equal(empty, "");
    assert_null(ll_alloc_copy("", SIZE_MAX));
    ll_free(text);
    ll_free(binary);
    ll_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth),    cmocka_unit_test(test_once),
        cmocka_unit_test(test_living), cmocka_unit_test(test_failed_realloc),
        cmocka_unit_test(test_sizes),  cmocka_unit_test(test_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
