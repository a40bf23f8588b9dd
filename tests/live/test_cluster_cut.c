/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a cluster that are cut off, from each other or from the clients.
 * The numbers are those of docs/failures.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "support/cluster_client.h"
#include "support/crowd.h"
#include "support/wait.h"

/** A member that is cut off starts elections repeatedly; when it returns with a
 * greater term than the others', they have no leader until one of them starts
 * an election, which can take several seconds (without etcd's --pre-vote). */
#define TTL_S 10
#define CUT_MS 12000
#define REQUEST_TIMEOUT_MS 1000
/** The TTL of leases whose revoke does not arrive: they outlive the calls
 * below. */
#define UNREACHED_TTL_S 15
/** Enough for one or two request timeouts on a busy machine. */
#define BOUND_MS 20000

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

/** Checks a crowd during a fault, until this time. */
static void stay_under(struct test_crowd *crowd, int64_t until_ns)
{
    test_crowd_await_turns(crowd);
    test_crowd_check(crowd);
    (void)test_until(test_left_ms(until_ns), never, NULL);
    test_crowd_check(crowd);
}

/** Cuts a member off from the others for longer than a TTL. */
static void isolate_under(struct test_crowd *crowd, size_t member)
{
    int64_t until_ns = test_deadline_ns(CUT_MS);

    assert_true(member < TEST_CLUSTER_MEMBERS);
    test_cluster_isolate(&cluster, member);
    stay_under(crowd, until_ns);
    test_cluster_rejoin(&cluster, member);
    assert_int_equal(test_cluster_await_well(&cluster), 0);
    test_crowd_await_turns(crowd);
    test_crowd_check(crowd);
    assert_int_equal(test_crowd_lost(crowd), 0);
    test_crowd_end(crowd);
}

/** Failure 19: a follower is cut off from its quorum while clients reach it:
 * they change to another member, nothing is lost, and waiters there are
 * served. */
static void test_19_follower_without_quorum(void **state)
{
    struct test_crowd *crowd =
        test_crowd_open(&cluster, "follower-alone", TEST_CROWD_FULL, TTL_S);

    (void)state;
    isolate_under(crowd, test_cluster_other(test_cluster_leader(&cluster), 0));
}

/** Failures 18 and 19: the same with the leader. */
static void test_19_leader_without_quorum(void **state)
{
    struct test_crowd *crowd =
        test_crowd_open(&cluster, "leader-alone", TEST_CROWD_FULL, TTL_S);

    (void)state;
    isolate_under(crowd, test_cluster_leader(&cluster));
}

/** Failure 17: all packets to one member are dropped for longer than the TTL,
 * with a third of the clients connected to it. */
static void test_17_client_cut_off_from_a_member(void **state)
{
    struct test_crowd *crowd =
        test_crowd_open(&cluster, "client-cut", TEST_CROWD_FULL, TTL_S);
    size_t member = test_cluster_leader(&cluster);
    int64_t until_ns = test_deadline_ns(CUT_MS);

    (void)state;
    assert_true(member < TEST_CLUSTER_MEMBERS);
    test_proxy_black_hole(cluster.doors[member]);
    stay_under(crowd, until_ns);
    test_proxy_pass(cluster.doors[member]);
    test_crowd_await_turns(crowd);
    test_crowd_check(crowd);
    assert_int_equal(test_crowd_lost(crowd), 0);
    test_crowd_end(crowd);
}

/** Failure 8: no member can be reached: canceling a wait, releasing a lock,
 * closing a session and a client each return in bounded time, and keys that
 * they could not delete disappear once etcd can be reached, or with the
 * lease. */
static void test_8_nothing_answers(void **state)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_session *other;
    leaselock_ticket *held;
    leaselock_ticket *waiting;
    leaselock_ticket *none = NULL;
    int64_t start_ns;
    size_t i;

    (void)state;
    client_options.request_timeout_ms = REQUEST_TIMEOUT_MS;
    options.ttl_s = UNREACHED_TTL_S;
    assert_int_equal(
        test_cluster_client_open(&cluster, 0, &client_options, &options, &peer),
        0);
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &other, NULL), 0);
    held = test_acquire(&peer, "cut/8");
    waiting = test_acquire_async(&peer, "cut/8", &call);
    test_await_place(waiting);

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        test_proxy_black_hole(cluster.doors[i]);
    }
    start_ns = test_now_ns();
    /* Enough for more than one member's timeout, which is then reported. */
    assert_int_equal(leaselock_acquire(peer.session, "cut/8", NULL,
                                       2 * REQUEST_TIMEOUT_MS, &none, NULL),
                     LEASELOCK_E_UNAVAILABLE);
    assert_int_equal(leaselock_release(waiting, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(test_call_status(&call), LEASELOCK_E_CANCELED);
    assert_int_equal(leaselock_release(held, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(leaselock_session_close(other, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(leaselock_client_close(peer.client, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_true(test_now_ns() - start_ns < BOUND_MS * TEST_NS_PER_MS);

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        test_proxy_pass(cluster.doors[i]);
    }
    test_await_keys(&cluster.members[0], "cut/", 0);
}

/** An argument is the pattern of the tests to run. */
int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_19_follower_without_quorum),
        cmocka_unit_test(test_19_leader_without_quorum),
        cmocka_unit_test(test_17_client_cut_off_from_a_member),
        cmocka_unit_test(test_8_nothing_answers),
    };
    const struct CMUnitTest few[] = {
        cmocka_unit_test(test_19_follower_without_quorum),
        cmocka_unit_test(test_8_nothing_answers),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return test_crowd_is_small()
               ? cmocka_run_group_tests(few, start_cluster, stop_cluster)
               : cmocka_run_group_tests(all, start_cluster, stop_cluster);
}
