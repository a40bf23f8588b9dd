/* SPDX-License-Identifier: Apache-2.0 */
/* What `ls --watch` and `queue --watch` report between two snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/watch_diff.h"
#include "unit/locks.h"

#define TEXT_SIZE 512

static int on_lock(void *arg,
                   enum ll_change change,
                   const struct leaselock_lock_info *lock)
{
    char *text = arg;
    size_t length = strlen(text);

    snprintf(text + length, TEXT_SIZE - length, "%s %s, ",
             ll_change_name(change), lock->name);
    return 0;
}

static void expect_locks(const struct leaselock_locks_info *before,
                         const struct leaselock_locks_info *after,
                         const char *changes)
{
    char text[TEXT_SIZE] = "";

    assert_int_equal(ll_diff_locks(before, after, on_lock, text), 0);
    assert_string_equal(text, changes);
}

static int on_place(void *arg,
                    enum ll_change change,
                    const struct leaselock_queue_entry *entry,
                    size_t position)
{
    char *text = arg;
    size_t length = strlen(text);

    snprintf(text + length, TEXT_SIZE - length, "%s %s %zu, ",
             ll_change_name(change), entry->key, position);
    return 0;
}

static void expect_places(const struct leaselock_queue_info *before,
                          const struct leaselock_queue_info *after,
                          const char *changes)
{
    char text[TEXT_SIZE] = "";

    assert_int_equal(ll_diff_queues(before, after, on_place, text), 0);
    assert_string_equal(text, changes);
}

/** Goal: each change of a lock, by name. Method: one list after another. */
static void test_locks_changes(void **state)
{
    struct test_lock a = TEST_LOCK("a", 1, 0);
    struct test_lock a_next = TEST_LOCK("a", 3, 0);
    struct test_lock a_key = TEST_LOCK("a", 1, 0);
    struct test_lock b = TEST_LOCK("b", 2, 0);
    struct test_lock c = TEST_LOCK("c", 4, 0);
    struct test_locks before;
    struct test_locks after;

    (void)state;
    expect_locks(NULL, test_locks(&after, NULL), "");
    expect_locks(NULL, test_locks(&after, &a, &b, NULL), "held a, held b, ");
    test_locks(&before, &a, &b, NULL);
    expect_locks(&before.info, &before.info, "");
    expect_locks(&before.info, test_locks(&after, &a_next, &c, NULL),
                 "passed a, free b, held c, ");
    b.places_n = 2;
    expect_locks(&before.info, test_locks(&after, &a, &b, NULL), "places b, ");
    b.places_n = 1;
    b.holders_n = 2;
    expect_locks(&before.info, test_locks(&after, &a, &b, NULL), "places b, ");
    /* The same revision under another key. */
    a_key.entry.key = "a/8.1";
    expect_locks(&before.info, test_locks(&after, &a_key, NULL),
                 "passed a, free b, ");
    expect_locks(&before.info, test_locks(&after, NULL), "free a, free b, ");
}

/** Goal: each change of a place: first those that left. */
static void test_queue_changes(void **state)
{
    struct leaselock_yield_request asked = {"x", "y", 1};
    struct leaselock_queue_entry before[] = {TEST_ENTRY("q/1.1", 1, 0),
                                             TEST_ENTRY("q/2.1", 2, 0),
                                             TEST_ENTRY("q/3.1", 3, 0)};
    struct leaselock_queue_entry after[] = {TEST_ENTRY("q/3.1", 3, 0),
                                            TEST_ENTRY("q/4.1", 4, 0)};
    struct leaselock_queue_info old = {10, 3, 3, before};
    struct leaselock_queue_info new = {11, 2, 2, after};

    (void)state;
    before[1].holds = 0;
    before[2].holds = 0;
    after[1].holds = 0;
    expect_places(NULL, &old,
                  "holds q/1.1 1, joined q/2.1 2, joined q/3.1 3, ");
    expect_places(&old, &old, "");
    expect_places(
        &old, &new,
        "left q/1.1 0, left q/2.1 0, holds q/3.1 1, joined q/4.1 2, ");
    after[1].asked = &asked;
    after[1].holds = 1;
    expect_places(NULL, &new, "holds q/3.1 1, holds q/4.1 2, asked q/4.1 2, ");
    expect_places(&new, &new, "");
    new.entries_n = 0;
    expect_places(&old, &new, "left q/1.1 0, left q/2.1 0, left q/3.1 0, ");
}

/** Goal: keys of one revision, as shared places have, are told apart by name,
 *  and a request is new if its time, reason or process is. */
static void test_same_token(void **state)
{
    struct leaselock_yield_request asked[] = {
        {"x", "y", 1}, {"x", "z", 1}, {"w", "y", 1}, {"x", "y", 2}};
    struct leaselock_queue_entry before[] = {TEST_ENTRY("q/1.1", 5, 0),
                                             TEST_ENTRY("q/2.1", 5, 0),
                                             TEST_ENTRY("q/3.1", 5, 0)};
    struct leaselock_queue_entry after[] = {TEST_ENTRY("q/3.1", 5, 0),
                                            TEST_ENTRY("q/1.1", 5, 0)};
    struct leaselock_queue_info old = {10, 3, 3, before};
    struct leaselock_queue_info new = {11, 2, 2, after};

    (void)state;
    expect_places(&old, &new, "left q/2.1 0, ");
    before[2].asked = &asked[0];
    expect_places(&old, &new, "left q/2.1 0, ");
    for (size_t i = 0; i < 4; i++) {
        after[0].asked = &asked[i];
        expect_places(&old, &new,
                      i == 0 ? "left q/2.1 0, "
                             : "left q/2.1 0, asked q/3.1 1, ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_locks_changes),
                                       cmocka_unit_test(test_queue_changes),
                                       cmocka_unit_test(test_same_token)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
