/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance of a cluster in use: compaction, defragmentation, a learner. The
 * numbers are those of docs/failures.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "support/cluster_client.h"
#include "support/crowd.h"
#include "support/wait.h"

#define TTL_S 10
#define ROUNDS 3
#define REVISION_SIZE 24
#define LEARNER_TRIES_MAX 50

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

/** Compacts all of the history. */
static void compact(void)
{
    struct test_etcd *etcd = test_cluster_witness(&cluster);
    char revision[REVISION_SIZE];

    (void)snprintf(revision, sizeof(revision), "%lld",
                   (long long)test_etcd_revision(etcd));
    assert_int_equal(
        test_etcdctl(etcd, NULL, 0, "compact", "--physical", revision, NULL),
        0);
}

/** Compaction and defragmentation of each member under load: nothing is lost,
 * and all waiters are served. A member does not answer while it is
 * defragmented. */
static void test_5_compact_and_defragment(void **state)
{
    struct test_crowd *crowd =
        test_crowd_open(&cluster, "compact", TEST_CROWD_FULL, TTL_S);
    int round;
    size_t i;

    (void)state;
    for (round = 0; round < ROUNDS; round++) {
        compact();
        for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
            assert_int_equal(
                test_etcdctl(&cluster.members[i], NULL, 0, "defrag", NULL), 0);
        }
        test_crowd_await_turns(crowd);
    }
    test_crowd_check(crowd);
    assert_int_equal(test_crowd_lost(crowd), 0);
    test_crowd_end(crowd);
}

/** Failure 5: each client's stream is cut, the events that its tickets wait for
 * are compacted meanwhile, and the stream is opened again: no waiter hangs.
 * Half of the locks are handed over while the streams are down. */
static void test_5_compacted_while_cut_off(void **state)
{
    struct test_crowd *crowd =
        test_crowd_open(&cluster, "cut-compact", TEST_CROWD_FULL, TTL_S);
    int round;
    size_t i;

    (void)state;
    for (round = 0; round < ROUNDS; round++) {
        int64_t revision = test_etcd_revision(&cluster.members[0]);

        for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
            test_proxy_refuse(cluster.doors[i]);
            test_proxy_cut(cluster.doors[i]);
        }
        /* A write and a compaction above any watch's revision. */
        assert_int_equal(test_etcdctl(test_cluster_witness(&cluster), NULL, 0,
                                      "put", "above", "all", NULL),
                         0);
        test_await_revision(&cluster.members[0], revision);
        compact();
        for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
            test_proxy_pass(cluster.doors[i]);
        }
        test_crowd_await_turns(crowd);
        test_crowd_check(crowd);
    }
    assert_int_equal(test_crowd_lost(crowd), 0);
    test_crowd_end(crowd);
}

/** Starts a fourth member, a learner. */
static void learner_start(struct test_etcd *learner)
{
    static const char *const args[] = {"--initial-cluster-state=existing",
                                       NULL};
    const struct test_etcd_options options = {
        .heartbeat_ms = TEST_CLUSTER_HEARTBEAT_MS,
        .election_ms = TEST_CLUSTER_ELECTION_MS,
        .args = args,
    };
    char peer_url[TEST_ETCD_ENDPOINT_SIZE + 32];

    assert_int_equal(test_etcd_prepare_joining(learner, TEST_CLUSTER_MEMBERS,
                                               &cluster.members[0], &options),
                     0);
    (void)snprintf(peer_url, sizeof(peer_url),
                   "--peer-urls=http://127.0.0.1:%u",
                   learner->ports[TEST_ETCD_PEER]);
    assert_int_equal(test_etcdctl(&cluster.members[0], NULL, 0, "member", "add",
                                  "m3", "--learner", peer_url, NULL),
                     0);
    assert_int_equal(test_etcd_restart_nowait(learner), 0);
}

static bool learner_answers(void *arg)
{
    return test_etcd_requests(arg, "Range") >= 0;
}

/** A learner among the endpoints refuses every request: a client that tries it
 * changes to a voting member, acquires its lock and hands it over. */
static void test_learner_among_the_endpoints(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    char endpoints[2 * TEST_ETCD_ENDPOINT_SIZE];
    struct test_proxy *door;
    struct test_etcd learner;
    struct test_peer met = {NULL, NULL};
    struct test_peer other;
    leaselock_ticket *ticket;
    leaselock_ticket *next;
    int tries;

    (void)state;
    learner_start(&learner);
    assert_true(test_until(TEST_WAIT_MS, learner_answers, &learner));
    assert_int_equal(test_proxy_open(learner.ports[TEST_ETCD_CLIENT], &door),
                     0);
    (void)snprintf(endpoints, sizeof(endpoints), "%s,%s",
                   test_proxy_endpoint(door), cluster.members[0].endpoint);
    /* A client begins with either of the two. */
    for (tries = 0; test_proxy_accepted(door) == 0; tries++) {
        assert_true(tries < LEARNER_TRIES_MAX);
        if (met.client != NULL) {
            test_peer_close(&met);
        }
        test_peer_open(endpoints, TTL_S, &met);
    }
    test_peer_open(endpoints, TTL_S, &other);
    ticket = test_acquire(&other, "learner");
    next = test_acquire_async(&met, "learner", &call);
    test_await_place(next);
    test_release(ticket);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_ticket_state(next), LEASELOCK_TICKET_HELD);
    test_release(next);
    test_peer_close(&met);
    test_peer_close(&other);
    assert_int_equal(test_leases(&cluster.members[0]), 0);
    test_proxy_close(door);
    test_etcd_stop(&learner);
}

/** An argument is the pattern of the tests to run. */
int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_5_compact_and_defragment),
        cmocka_unit_test(test_5_compacted_while_cut_off),
        cmocka_unit_test(test_learner_among_the_endpoints),
    };
    const struct CMUnitTest few[] = {
        cmocka_unit_test(test_5_compacted_while_cut_off),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return test_crowd_is_small()
               ? cmocka_run_group_tests(few, start_cluster, stop_cluster)
               : cmocka_run_group_tests(all, start_cluster, stop_cluster);
}
