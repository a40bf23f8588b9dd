/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a host have in common, and what distinguishes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/host.h"

/** Goal: another process of the host has the same tag, and another number.
 * Method: a child compares its own with those of its parent. */
static void test_processes(void **state)
{
    uint8_t tag = ll_host_tag();
    uint16_t number = ll_host_process();
    pid_t child;
    int status = 0;

    (void)state;
    assert_int_equal(ll_host_tag(), tag);
    assert_int_equal(ll_host_process(), number);
    child = fork();
    if (child == 0) {
        _exit(ll_host_tag() == tag && ll_host_process() != number ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
