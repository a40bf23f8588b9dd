/* SPDX-License-Identifier: Apache-2.0 */
/* Runs examples/leader.c as a user does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Checks how the next line begins. */
static void expect(struct test_process *leader, const char *begin)
{
    char line[512];

    if (!test_process_line(leader, TEST_STDOUT, TEST_WAIT_MS, line,
                           sizeof(line))) {
        fail_msg("no line; on standard error: %s",
                 test_process_output(leader, TEST_STDERR));
    }
    if (strncmp(line, begin, strlen(begin)) != 0) {
        fail_msg("\"%s\" is not \"%s\"", line, begin);
    }
}

/** Revokes all leases. */
static void revoke_all(void)
{
    char list[512];
    char *at = list;

    assert_int_equal(
        test_etcdctl(&etcd, list, sizeof(list), "lease", "list", NULL), 0);
    assert_non_null(strchr(list, '\n'));
    while ((at = strchr(at, '\n')) != NULL && at[1] != '\0') {
        char lease[17] = "";

        at++;
        assert_int_equal(sscanf(at, "%16[0-9a-f]", lease), 1);
        assert_int_equal(
            test_etcdctl(&etcd, NULL, 0, "lease", "revoke", lease, NULL), 0);
    }
}

/**
 * Goal: the example leads, leads again after its lease was revoked, and after
 * SIGTERM ends with 0 and leaves nothing. Method: it runs as a process; its
 * lines report its state, etcdctl reads etcd's. */
static void test_leader(void **state)
{
    struct test_process leader = TEST_PROCESS_INIT;
    char path[512];
    const char *argv[] = {path, etcd.endpoint, "example/leader", "one", NULL};
    const char *build = getenv("BUILD");

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/examples/leader",
                   build != NULL ? build : "build");
    assert_int_equal(test_process_start(&leader, argv, NULL), 0);
    expect(&leader, "campaigning");
    expect(&leader, "leading");
    assert_int_equal(test_keys(&etcd, "example/leader/"), 1);
    for (int i = 0; i < 2; i++) {
        revoke_all();
        expect(&leader, "lost: ");
        expect(&leader, "campaigning");
        expect(&leader, "leading");
        assert_int_equal(test_keys(&etcd, "example/leader/"), 1);
    }
    assert_int_equal(test_process_signal(&leader, SIGTERM), 0);
    assert_int_equal(test_process_wait(&leader, TEST_WAIT_MS), 0);
    assert_string_equal(test_process_output(&leader, TEST_STDERR), "");
    assert_int_equal(test_keys(&etcd, ""), 0);
    assert_int_equal(test_leases(&etcd), 0);
    test_process_end(&leader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_leader)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
