/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a cluster that are killed. The numbers are those of
 * docs/failures.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/crowd.h"

/** Longer than two failed elections and a successful one. */
#define TTL_S 10

static struct test_cluster cluster;

static int start_cluster(void **state)
{
    (void)state;
    return test_cluster_start(&cluster);
}

static int stop_cluster(void **state)
{
    (void)state;
    test_cluster_stop(&cluster);
    return 0;
}

/** Failure 18: a leader change loses no lock. The leader is killed under a
 * crowd, and restarts: nothing is lost, and all waiters are served again. */
static void test_18_leader_killed(void **state)
{
    struct test_crowd *crowd =
        test_crowd_open(&cluster, "leader-killed", TEST_CROWD_FULL, TTL_S);
    size_t leader = test_cluster_leader(&cluster);

    (void)state;
    assert_true(leader < TEST_CLUSTER_MEMBERS);
    assert_int_equal(test_cluster_kill(&cluster, leader), 0);
    test_crowd_await_turns(crowd);
    test_crowd_check(crowd);
    assert_int_equal(test_crowd_lost(crowd), 0);
    assert_int_equal(test_cluster_restart(&cluster, leader), 0);
    test_crowd_await_turns(crowd);
    assert_int_equal(test_crowd_lost(crowd), 0);
    test_crowd_end(crowd);
}

/** All members are killed and restarted, one after the other, each as soon as
 * the one before serves: nothing is lost. */
static void test_18_rolling_restart(void **state)
{
    struct test_crowd *crowd =
        test_crowd_open(&cluster, "rolling", TEST_CROWD_FULL, TTL_S);
    size_t i;

    (void)state;
    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        assert_int_equal(test_cluster_kill(&cluster, i), 0);
        assert_int_equal(test_cluster_restart(&cluster, i), 0);
        assert_int_equal(test_cluster_await_well(&cluster), 0);
    }
    test_crowd_await_turns(crowd);
    test_crowd_check(crowd);
    assert_int_equal(test_crowd_lost(crowd), 0);
    test_crowd_end(crowd);
}

/** An argument is the pattern of the tests to run. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_18_leader_killed),
        cmocka_unit_test(test_18_rolling_restart),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
