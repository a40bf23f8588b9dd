/* How much memory a ticket takes that waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/ticket.h"
#include "core/ticket.h"

/** What malloc adds to each block at most. */
#define BLOCK 16

/** Goal: a ticket that waits takes at most a KiB, with a name of 32 bytes: a
 *  hundred thousand of them are to fit into a process. Method: adds up what
 *  there is of each: its two objects, the two keys, its place among the timers
 *  and in two tables, of which each may be twice as large as it must. */
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
