/* SPDX-License-Identifier: Apache-2.0 */
/* The table of objects by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/table.h"

#define ENTRIES 5000

/** Goal: an added entry is found until it is removed. Method: ids that differ
 *  in their low and in their high bits, removed in another order. */
static void test_add_find_remove(void **state)
{
    struct ll_entry *entries = calloc(ENTRIES, sizeof(*entries));
    struct ll_table table = {0};

    (void)state;
    assert_non_null(entries);
    assert_null(ll_table_find(&table, 1));
    for (uint64_t i = 0; i < ENTRIES; i++) {
        entries[i].id = i % 2 == 0 ? i : i << 40;
        assert_true(ll_table_add(&table, &entries[i]));
    }
    for (uint64_t i = 0; i < ENTRIES; i += 3) {
        ll_table_remove(&table, &entries[i]);
    }
    for (uint64_t i = 0; i < ENTRIES; i++) {
        assert_ptr_equal(ll_table_find(&table, entries[i].id),
                         i % 3 == 0 ? NULL : &entries[i]);
    }
    assert_null(ll_table_find(&table, UINT64_MAX));
    for (uint64_t i = 0; i < ENTRIES; i++) {
        if (i % 3 != 0) {
            ll_table_remove(&table, &entries[i]);
        }
    }
    assert_int_equal(table.n, 0);
    assert_null(table.chains);
    free(entries);
}

/** Goal: all entries can be removed in turn, each once. Method: remove some,
 * add one again, remove all. */
static void test_take(void **state)
{
    struct ll_entry *entries = calloc(ENTRIES, sizeof(*entries));
    struct ll_table table = {0};
    struct ll_entry *entry;
    size_t taken = 0;

    (void)state;
    assert_non_null(entries);
    assert_null(ll_table_take(&table));
    for (uint64_t i = 0; i < ENTRIES; i++) {
        entries[i].id = i + 1;
        assert_true(ll_table_add(&table, &entries[i]));
    }
    for (int i = 0; i < ENTRIES / 2; i++) {
        entry = ll_table_take(&table);
        assert_non_null(entry);
        assert_null(ll_table_find(&table, entry->id));
    }
    assert_true(ll_table_add(&table, entry));
    while (ll_table_take(&table) != NULL) {
        taken++;
    }
    assert_int_equal(taken, ENTRIES - ENTRIES / 2 + 1);
    assert_null(table.chains);
    free(entries);
}

/** Goal: only the first entry needs memory; a table that cannot grow stays
 *  valid. Method: let each allocation in turn, and all after it, fail while
 *  many entries are added. */
static void test_no_memory(void **state)
{
    struct ll_entry *entries = calloc(ENTRIES, sizeof(*entries));
    bool failed = true;

    (void)state;
    assert_non_null(entries);
    for (unsigned long nth = 1; failed; nth++) {
        struct ll_table table = {0};

        failed = false;
        ll_alloc_fail_at(nth);
        for (uint64_t i = 0; i < ENTRIES; i++) {
            entries[i] = (struct ll_entry){.id = i};
            if (!ll_table_add(&table, &entries[i])) {
                assert_int_equal(nth, 1);
                assert_int_equal(i, 0);
                failed = true;
                ll_alloc_fail_at(0);
                assert_null(ll_table_find(&table, i));
                assert_true(ll_table_add(&table, &entries[i]));
            }
        }
        ll_alloc_fail_at(0);
        for (uint64_t i = 0; i < ENTRIES; i++) {
            assert_ptr_equal(ll_table_find(&table, i), &entries[i]);
            ll_table_remove(&table, &entries[i]);
        }
        assert_null(table.chains);
    }
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_find_remove),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
