/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest of some words to a misspelt one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/near.h"

static const char *const words[] = {"lock",   "elect",     "leader",   "queue",
                                    "ls",     "deadlocks", "settings", "ping",
                                    "--wait", "TERM",      "help"};

static const char *nearest(const char *word, size_t size)
{
    struct ll_near near;

    ll_near_begin(&near, word, size);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        ll_near_try(&near, words[i]);
    }
    return near.best != NULL ? near.best : "";
}

/** Goal: a word with one fault of each kind is near, and so is a longer one with
 *  more. Method: a list of words. */
static void test_near(void **state)
{
    static const char *const cases[][2] = {
        {"lokc", "lock"},   {"lck", "lock"},          {"lockk", "lock"},
        {"lick", "lock"},   {"LOCK", "lock"},         {"l", "ls"},
        {"sl", "ls"},       {"leadre", "leader"},     {"qeuue", "queue"},
        {"eelct", "elect"}, {"dedlock", "deadlocks"}, {"settnigs", "settings"},
        {"trem", "TERM"},   {"--wiat", "--wait"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *word = cases[i][0];

        assert_string_equal(nearest(word, strlen(word)), cases[i][1]);
    }
}

/** Goal: other words get no suggestion. Method: some, an empty one, and one that
 *  is too long to compare. */
static void test_far(void **state)
{
    static const char *const others[] = {"",      "x",        "hold",   "list",
                                         "qeueu", "nonsense", "status", "move"};
    char longest[LL_NEAR_SIZE_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_string_equal(nearest(others[i], strlen(others[i])), "");
    }
    memset(longest, 'x', sizeof(longest));
    assert_string_equal(nearest(longest, LL_NEAR_SIZE_MAX), "");
    assert_string_equal(nearest(longest, LL_NEAR_SIZE_MAX + 1), "");
}

/** Goal: at the limit of sizes words are still compared. Method: two of that
 *  size that differ in one byte, and a candidate that is longer. */
static void test_limit(void **state)
{
    char word[LL_NEAR_SIZE_MAX + 1];
    char candidate[LL_NEAR_SIZE_MAX + 2];
    struct ll_near near;

    (void)state;
    memset(word, 'x', sizeof(word));
    memset(candidate, 'x', sizeof(candidate));
    candidate[LL_NEAR_SIZE_MAX + 1] = '\0';
    ll_near_begin(&near, word, LL_NEAR_SIZE_MAX);
    ll_near_try(&near, candidate);
    assert_null(near.best);
    candidate[LL_NEAR_SIZE_MAX] = '\0';
    candidate[3] = 'y';
    ll_near_try(&near, candidate);
    assert_ptr_equal(near.best, candidate);
    assert_int_equal(near.distance, 1);
}

/** Goal: of several near words the nearest counts, and the first of equals.
 *  Method: three words. */
static void test_nearest(void **state)
{
    struct ll_near near;
    char hint[LL_NEAR_HINT_SIZE];

    (void)state;
    ll_near_begin(&near, "cacerx=", 6);
    assert_string_equal(ll_near_hint(&near, "--", hint), "");
    ll_near_try(&near, "cert");
    ll_near_try(&near, "cacert");
    ll_near_try(&near, "cacerd");
    assert_string_equal(ll_near_hint(&near, "--", hint),
                        " (did you mean \"--cacert\"?)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near), cmocka_unit_test(test_far),
        cmocka_unit_test(test_limit), cmocka_unit_test(test_nearest)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
