/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a waiting ticket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/ticket.h"
#include "core/ticket.h"

/** The maximum overhead of a malloc block. */
#define BLOCK 16

/** Goal: a waiting ticket takes at most a KiB, with a name of 32 bytes, so that
 * a hundred thousand of them fit into a process. Method: add up its two
 * objects, the two keys, its entries in the timers and in two tables, each of
 * which may be twice as large as needed. */
static void test_waiting(void **state)
{
    size_t key = 32 + sizeof("/0123456789abcdef.ffff");
    size_t core = sizeof(struct ll_ticket) + key + BLOCK;
    size_t ahead = key + BLOCK;
    size_t user = sizeof(struct ll_ticket_object) + BLOCK;
    size_t places = 2 * sizeof(void *) + 2 * sizeof(void *);

    (void)state;
    assert_true(core + ahead + user + places <= 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
