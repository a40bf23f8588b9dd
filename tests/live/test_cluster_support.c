/* SPDX-License-Identifier: Apache-2.0 */
/* The temporary cluster itself: its controls have the described effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "support/cluster.h"
#include "support/crowd.h"
#include "support/wait.h"

#define WAIT_MS 30000
/** An isolated member starts an election every one to two seconds: if one of
 * its messages got out, it would depose the others' leader. */
#define ISOLATED_MS 4000

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

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static int64_t leader_changes(size_t member)
{
    return test_etcd_metric(&cluster.members[member],
                            "etcd_server_leader_changes_seen_total", NULL);
}

static bool is_without_leader(void *arg)
{
    return test_etcd_metric(arg, "etcd_server_has_leader", NULL) == 0;
}

/** A member is isolated, first the leader: it loses its leader, and the others
 * elect and keep one, however long it lasts; then all are healthy again. */
static void test_isolated_member_is_alone(void **state)
{
    size_t alone = test_cluster_leader(&cluster);
    int rounds;

    (void)state;
    assert_true(alone < TEST_CLUSTER_MEMBERS);
    for (rounds = 0; rounds < 2; rounds++) {
        size_t leader;
        int64_t changes;

        test_cluster_isolate(&cluster, alone);
        assert_true(
            test_until(WAIT_MS, is_without_leader, &cluster.members[alone]));
        leader = test_cluster_leader(&cluster);
        assert_true(leader < TEST_CLUSTER_MEMBERS && leader != alone);
        changes = leader_changes(leader);
        (void)test_until(ISOLATED_MS, never, NULL);
        assert_true(is_without_leader(&cluster.members[alone]));
        assert_int_equal(leader_changes(leader), changes);
        assert_int_equal(test_etcdctl(&cluster.members[leader], NULL, 0, "put",
                                      "k", "v", NULL),
                         0);
        test_cluster_rejoin(&cluster, alone);
        assert_int_equal(test_cluster_await_well(&cluster), 0);
        alone = test_cluster_other(test_cluster_leader(&cluster), 0);
    }
}

/** If the leader is killed, another is elected; the first one restarts. */
static void test_killed_leader_is_followed(void **state)
{
    size_t leader = test_cluster_leader(&cluster);
    size_t next;

    (void)state;
    assert_true(leader < TEST_CLUSTER_MEMBERS);
    assert_int_equal(test_cluster_kill(&cluster, leader), 0);
    next = test_cluster_leader(&cluster);
    assert_true(next < TEST_CLUSTER_MEMBERS && next != leader);
    assert_int_equal(test_cluster_restart(&cluster, leader), 0);
    assert_int_equal(test_cluster_await_well(&cluster), 0);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_isolated_member_is_alone),
        cmocka_unit_test(test_killed_leader_is_followed),
    };
    const struct CMUnitTest few[] = {
        cmocka_unit_test(test_killed_leader_is_followed),
    };

    return test_crowd_is_small()
               ? cmocka_run_group_tests(few, start_cluster, stop_cluster)
               : cmocka_run_group_tests(all, start_cluster, stop_cluster);
}
