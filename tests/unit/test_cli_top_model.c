/* SPDX-License-Identifier: Apache-2.0 */
/* What `leaselock top` computes from snapshots: ages, grants, order, filter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/top_model.h"
#include "leaselock/leaselock.h"
#include "unit/locks.h"

#define S INT64_C(1000000000)
#define NOON INT64_C(1700000000)

/** Takes a snapshot of locks at a time in seconds, and arranges it by name. */
static void take(struct ll_top_model *model,
                 const struct leaselock_locks_info *locks,
                 int64_t at_s)
{
    assert_int_equal(
        ll_top_model_take(model, locks, 1000 * S + at_s * S, NOON + at_s), 0);
    ll_top_model_arrange(model, LL_TOP_NAME, 0, "");
}

/** The row of a lock; fails if there is none. */
static const struct ll_top_row *row_of(const struct ll_top_model *model,
                                       const char *name)
{
    for (size_t i = 0; i < model->rows_n; i++) {
        if (strcmp(model->rows[i].lock->name, name) == 0) {
            return &model->rows[i];
        }
    }
    fail_msg("no row of %s", name);
    return NULL;
}

static void expect_order(const struct ll_top_model *model, const char *names)
{
    char text[64] = "";

    for (size_t i = 0; i < model->rows_n; i++) {
        strcat(text, model->rows[i].lock->name);
    }
    assert_string_equal(text, names);
}

/** Goal: ages are those of the holder's request, by its clock, and how long it
 *  has been seen. Method: a holder that was there before, one that comes. */
static void test_ages(void **state)
{
    struct test_lock a = TEST_LOCK("a", 10, NOON - 60);
    struct test_lock b = TEST_LOCK("b", 20, NOON + 3);
    struct test_lock later = TEST_LOCK("c", 30, NOON + 100);
    struct test_lock foreign = TEST_LOCK("d", 40, 0);
    struct ll_top_model model = {0};
    struct test_locks locks;

    (void)state;
    foreign.entry.host = "";
    take(&model, test_locks(&locks, &a, NULL), 0);
    assert_int_equal(row_of(&model, "a")->age_s, 60);
    assert_int_equal(row_of(&model, "a")->held_s, 0);
    assert_false(row_of(&model, "a")->is_whole);
    take(&model, test_locks(&locks, &a, &b, &later, &foreign, NULL), 5);
    assert_int_equal(row_of(&model, "a")->age_s, 65);
    assert_int_equal(row_of(&model, "a")->held_s, 5);
    assert_false(row_of(&model, "a")->is_whole);
    assert_int_equal(row_of(&model, "b")->age_s, 2);
    assert_int_equal(row_of(&model, "b")->held_s, 0);
    assert_true(row_of(&model, "b")->is_whole);
    /* A clock that is ahead, and no clock at all. */
    assert_int_equal(row_of(&model, "c")->age_s, 0);
    assert_int_equal(row_of(&model, "d")->age_s, -1);
    take(&model, test_locks(&locks, &b, NULL), 65);
    assert_int_equal(row_of(&model, "b")->held_s, 60);
    ll_top_model_free(&model);
}

/** Goal: a hand-over, and a lock that is taken again, are grants; the same
 *  holder after a gap is not; each state of the table in top_model.h. */
static void test_grants(void **state)
{
    struct test_lock first = TEST_LOCK("a", 10, NOON);
    struct test_lock second = TEST_LOCK("a", 11, NOON);
    struct test_lock other = TEST_LOCK("b", 5, NOON);
    struct ll_top_model model = {0};
    struct test_locks locks;

    (void)state;
    take(&model, test_locks(&locks, &first, NULL), 0);
    assert_int_equal(row_of(&model, "a")->rate_milli, -1);
    take(&model, test_locks(&locks, &first, NULL), 10);
    assert_int_equal(row_of(&model, "a")->rate_milli, 0);
    take(&model, test_locks(&locks, &second, &other, NULL), 20);
    /* One in 20 s, of each: three a minute. */
    assert_int_equal(row_of(&model, "a")->rate_milli, 3000);
    assert_int_equal(row_of(&model, "b")->rate_milli, 3000);
    assert_int_equal(model.rate_milli, 6000);
    take(&model, test_locks(&locks, &other, NULL), 25);
    assert_int_equal(model.rows_n, 1);
    take(&model, test_locks(&locks, &second, &other, NULL), 30);
    assert_int_equal(row_of(&model, "a")->rate_milli, 2000);
    assert_int_equal(row_of(&model, "a")->held_s, 10);
    first.entry.token = 12;
    take(&model, test_locks(&locks, &first, &other, NULL), 40);
    assert_int_equal(row_of(&model, "a")->rate_milli, 3000);
    assert_int_equal(row_of(&model, "a")->held_s, 0);
    ll_top_model_free(&model);
}

/** Goal: grants count for a minute, and a lock that is free for as long is
 *  forgotten. Method: as many hand-overs as snapshots, then none. */
static void test_window(void **state)
{
    struct test_lock lock = TEST_LOCK("a", 1, NOON);
    struct ll_top_model model = {0};
    struct test_locks locks;

    (void)state;
    for (int at_s = 0; at_s <= 300; at_s++) {
        lock.entry.token++;
        take(&model, test_locks(&locks, &lock, NULL), at_s);
    }
    /* One a second; the slots cover 55 to 60 s. */
    assert_in_range(row_of(&model, "a")->rate_milli, 59000, 62000);
    take(&model, test_locks(&locks, &lock, NULL), 330);
    assert_in_range(row_of(&model, "a")->rate_milli, 24000, 36000);
    take(&model, test_locks(&locks, &lock, NULL), 370);
    assert_int_equal(row_of(&model, "a")->rate_milli, 0);
    take(&model, test_locks(&locks, NULL), 371);
    assert_int_equal(model.past_n, 1);
    take(&model, test_locks(&locks, NULL), 431);
    assert_int_equal(model.past_n, 0);
    /* Known again: a grant. */
    take(&model, test_locks(&locks, &lock, NULL), 432);
    assert_true(row_of(&model, "a")->is_whole);
    assert_true(row_of(&model, "a")->rate_milli > 0);
    /* A gap that is longer than all slots. */
    take(&model, test_locks(&locks, &lock, NULL), 100000);
    assert_int_equal(row_of(&model, "a")->rate_milli, 0);
    ll_top_model_free(&model);
}

/** Goal: waiters are the places that do not hold; a key that is no ticket is
 *  none. */
static void test_waiters(void **state)
{
    struct test_lock one = TEST_LOCK("a", 1, NOON);
    struct test_lock shared = TEST_LOCK("b", 2, NOON);
    struct test_lock blocked = TEST_LOCK("c", 3, NOON);
    struct ll_top_model model = {0};
    struct test_locks locks;

    (void)state;
    one.places_n = 4;
    shared.places_n = 5;
    shared.holders_n = 3;
    blocked.places_n = 3;
    blocked.holders_n = 0;
    take(&model, test_locks(&locks, &one, &shared, &blocked, NULL), 0);
    assert_int_equal(row_of(&model, "a")->waiters, 3);
    assert_int_equal(row_of(&model, "b")->waiters, 2);
    assert_int_equal(row_of(&model, "c")->waiters, 2);
    assert_int_equal(model.waiters_n, 7);
    ll_top_model_free(&model);
}

/** Goal: each order, and the other way round; what is not known comes last in
 *  both. Method: three locks that each order sorts differently. */
static void test_order(void **state)
{
    struct test_lock a = TEST_LOCK("a", 1, NOON - 10);
    struct test_lock b = TEST_LOCK("b", 2, NOON - 30);
    struct test_lock c = TEST_LOCK("c", 3, 0);
    struct ll_top_model model = {0};
    struct test_locks locks;

    (void)state;
    a.places_n = 2;
    b.places_n = 3;
    b.entry.mode = LEASELOCK_SHARED;
    take(&model, test_locks(&locks, &a, &b, NULL), 0);
    b.entry.token = 20;
    take(&model, test_locks(&locks, &a, &b, &c, NULL), 6);
    b.entry.token = 21;
    take(&model, test_locks(&locks, &a, &b, &c, NULL), 12);
    ll_top_model_arrange(&model, LL_TOP_AGE, 0, "");
    expect_order(&model, "bac");
    ll_top_model_arrange(&model, LL_TOP_AGE, 1, "");
    expect_order(&model, "abc");
    ll_top_model_arrange(&model, LL_TOP_HELD, 0, "");
    expect_order(&model, "acb");
    ll_top_model_arrange(&model, LL_TOP_WAITERS, 0, "");
    expect_order(&model, "bac");
    ll_top_model_arrange(&model, LL_TOP_RATE, 0, "");
    expect_order(&model, "bca");
    ll_top_model_arrange(&model, LL_TOP_MODE, 0, "");
    expect_order(&model, "acb");
    ll_top_model_arrange(&model, LL_TOP_NAME, 0, "");
    expect_order(&model, "abc");
    ll_top_model_arrange(&model, LL_TOP_NAME, 1, "");
    expect_order(&model, "cba");
    for (int i = 0; i < LL_TOP_SORTS_N; i++) {
        assert_int_equal(ll_top_sort_of(ll_top_sort_name((enum ll_top_sort)i)),
                         i);
    }
    assert_int_equal(ll_top_sort_of("size"), -1);
    ll_top_model_free(&model);
}

/** Goal: the filter finds the name and the holder as they are shown, in either
 *  case. */
static void test_filter(void **state)
{
    struct test_lock one = TEST_LOCK("jobs/\033x", 1, NOON);
    struct test_lock two = TEST_LOCK("web", 2, NOON);
    struct ll_top_model model = {0};
    struct test_locks locks;

    (void)state;
    two.entry.label = "Nightly";
    take(&model, test_locks(&locks, &one, &two, NULL), 0);
    ll_top_model_arrange(&model, LL_TOP_NAME, 0, "JOBS");
    expect_order(&model, "jobs/\033x");
    ll_top_model_arrange(&model, LL_TOP_NAME, 0, "\\x1b");
    expect_order(&model, "jobs/\033x");
    ll_top_model_arrange(&model, LL_TOP_NAME, 0, "(night");
    expect_order(&model, "web");
    ll_top_model_arrange(&model, LL_TOP_NAME, 0, "nothing");
    assert_int_equal(model.rows_n, 0);
    assert_int_equal(model.all_n, 2);
    ll_top_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ages),   cmocka_unit_test(test_grants),
        cmocka_unit_test(test_window), cmocka_unit_test(test_waiters),
        cmocka_unit_test(test_order),  cmocka_unit_test(test_filter)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
