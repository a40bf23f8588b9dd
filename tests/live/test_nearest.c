/* SPDX-License-Identifier: Apache-2.0 */
/* A client of several members uses the one that answers first, and follows when
 * the distances change. Method: three members of one cluster behind proxies
 * that delay their answers; leaselock_ping shows which one is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "live/tool.h"
#include "support/cluster.h"
#include "support/test_live.h"
#include "support/wait.h"

#define NEAR_MS 0
#define MIDDLE_MS 60
#define FAR_MS 120
/** Between these two distances. */
#define BOUND_MS 30
#define TIMES 9
/** Three rounds, and the time after a move in which there is no other one. */
#define MOVE_MS 90000

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

/** Puts each member at a distance. */
static void set_distances(size_t near, size_t middle, size_t far)
{
    test_proxy_delay(cluster.doors[far], FAR_MS);
    test_proxy_delay(cluster.doors[middle], MIDDLE_MS);
    test_proxy_delay(cluster.doors[near], NEAR_MS);
}

/** A client of all members, whose endpoints have the members' numbers. */
static void open_peer(int fixed, struct test_peer *peer, struct test_call *call)
{
    struct leaselock_client_options client = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    char endpoints[TEST_CLUSTER_ENDPOINTS_SIZE];

    client.fixed_endpoint = fixed;
    session.ttl_s = 10;
    session.on_state = test_call_state;
    session.on_state_arg = call;
    test_peer_open_with(test_cluster_endpoints(&cluster, 0, endpoints), &client,
                        &session, peer);
}

static struct leaselock_ping ping(struct test_peer *peer, size_t member)
{
    struct leaselock_ping ping;

    assert_int_equal(leaselock_ping(peer->client, (unsigned)member,
                                    TEST_WAIT_MS, &ping, NULL),
                     0);
    return ping;
}

struct use {
    struct test_peer *peer;
    size_t member;
};

/** Uses the client, and looks whether it uses a member. */
static bool uses(void *arg)
{
    const struct use *use = arg;

    test_release(test_acquire(use->peer, "used"));
    return ping(use->peer, use->member).is_in_use != 0;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/** How long an acquire takes, the median of several. */
static int64_t acquire_ms(struct test_peer *peer)
{
    int64_t times_ns[TIMES];

    for (size_t i = 0; i < TIMES; i++) {
        int64_t before_ns = test_now_ns();
        leaselock_ticket *ticket = test_acquire(peer, "timed");

        times_ns[i] = test_now_ns() - before_ns;
        test_release(ticket);
    }
    qsort(times_ns, TIMES, sizeof(times_ns[0]), compare);
    return times_ns[TIMES / 2] / TEST_NS_PER_MS;
}

/** Whether the session was ever suspect. */
static bool was_suspect(struct test_call *states)
{
    int n = test_call_count(states);

    for (int i = 0; i < n; i++) {
        if (states->states[i] == LEASELOCK_SESSION_SUSPECT) {
            return true;
        }
    }
    return false;
}

/** Calls, a waiting ticket's watches and the renewals go to the member whose
 * answers come first, and follow when it is another one. */
static void test_follows_the_distances(void **state)
{
    size_t leader = test_cluster_leader(&cluster);
    size_t first = test_cluster_other(leader, 0);
    size_t second = test_cluster_other(leader, 1);
    struct test_call holder_states = TEST_CALL_INIT;
    struct test_call states = TEST_CALL_INIT;
    struct test_call acquired = TEST_CALL_INIT;
    struct test_peer holder;
    struct test_peer peer;
    struct use use = {&peer, first};
    leaselock_ticket *held;
    leaselock_ticket *waiting;

    (void)state;
    assert_true(leader < TEST_CLUSTER_MEMBERS);
    /* The leader is not the nearest. */
    set_distances(first, leader, second);
    open_peer(1, &holder, &holder_states);
    open_peer(0, &peer, &states);
    held = test_acquire(&holder, "waited-for");
    assert_true(test_until(MOVE_MS, uses, &use));
    assert_in_range(acquire_ms(&peer), 0, BOUND_MS);
    assert_true(ping(&peer, first).answer_us > 0);
    assert_true(ping(&peer, second).answer_us >= FAR_MS * 1000);

    waiting = test_acquire_async(&peer, "waited-for", &acquired);
    test_await_place(waiting);
    /* It becomes slow, and another one near. */
    set_distances(second, leader, first);
    use.member = second;
    assert_true(test_until(MOVE_MS, uses, &use));
    assert_in_range(acquire_ms(&peer), 0, BOUND_MS);
    assert_int_equal(test_call_count(&acquired), 0);
    test_release(held);
    assert_int_equal(test_call_await(&acquired), 0);
    test_release(waiting);
    /* No renewal was late. */
    assert_int_equal(leaselock_session_state(peer.session),
                     LEASELOCK_SESSION_ACTIVE);
    assert_false(was_suspect(&states));
    test_peer_close(&peer);
    test_peer_close(&holder);
}

/** With fixed_endpoint, a client keeps the far member with which it began. */
static void test_keeps_its_endpoint(void **state)
{
    struct test_call states = TEST_CALL_INIT;
    struct test_peer peer;
    bool is_far = false;

    (void)state;
    set_distances(0, 1, 2);
    while (!is_far) {
        open_peer(1, &peer, &states);
        is_far = ping(&peer, 2).is_in_use != 0;
        if (!is_far) {
            test_peer_close(&peer);
        }
    }
    /* Long enough for a first round. */
    assert_true(acquire_ms(&peer) >= FAR_MS);
    assert_true(acquire_ms(&peer) >= FAR_MS);
    assert_true(ping(&peer, 2).is_in_use);
    assert_false(ping(&peer, 0).is_in_use);
    test_peer_close(&peer);
}

/** Whether the tool's answer for an endpoint says that it is the nearest. */
static bool is_nearest(const json_t *answer, const char *endpoint)
{
    const json_t *endpoints = json_object_get(answer, "endpoints");

    for (size_t i = 0; i < json_array_size(endpoints); i++) {
        const json_t *one = json_array_get(endpoints, i);

        if (strcmp(json_string_value(json_object_get(one, "endpoint")),
                   endpoint) == 0) {
            assert_true(json_integer_value(json_object_get(one, "answer_us")) >
                        0);
            return json_is_true(json_object_get(one, "nearest"));
        }
    }
    fail_msg("no answer of %s", endpoint);
    return false;
}

/** The tool's ping shows which member is the nearest. */
static void test_ping_shows_it(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char endpoints[TEST_CLUSTER_ENDPOINTS_SIZE];
    json_t *answer;

    (void)state;
    set_distances(1, 2, 0);
    (void)test_cluster_endpoints(&cluster, 0, endpoints);
    assert_int_equal(
        run_tool(&tool, "unused", "ping", "--json", "-e", endpoints, NULL), 0);
    answer = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_non_null(answer);
    assert_int_equal(json_array_size(json_object_get(answer, "endpoints")),
                     TEST_CLUSTER_MEMBERS);
    for (size_t i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        assert_int_equal(
            is_nearest(answer, test_proxy_endpoint(cluster.doors[i])), i == 1);
    }
    json_decref(answer);
    test_process_end(&tool);
}

/** At the start a client uses the endpoint that is the first to answer. Method:
 * the others do not answer at all, and a request to them is sent elsewhere only
 * after a long time. */
static void test_begins_with_one_that_answers(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    char endpoints[TEST_CLUSTER_ENDPOINTS_SIZE];

    (void)state;
    set_distances(0, 0, 0);
    options.request_timeout_ms = 4 * WAIT_MS;
    (void)test_cluster_endpoints(&cluster, 0, endpoints);
    test_proxy_black_hole(cluster.doors[0]);
    test_proxy_black_hole(cluster.doors[2]);
    for (int i = 0; i < TIMES; i++) {
        int64_t before_ns = test_now_ns();
        struct test_peer peer;

        test_peer_open_with(endpoints, &options, NULL, &peer);
        assert_true(test_now_ns() - before_ns < WAIT_MS * TEST_NS_PER_MS);
        test_peer_close(&peer);
    }
    test_proxy_pass(cluster.doors[0]);
    test_proxy_pass(cluster.doors[2]);
}

/** An argument is the pattern of the tests to run. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_the_distances),
        cmocka_unit_test(test_keeps_its_endpoint),
        cmocka_unit_test(test_ping_shows_it),
        cmocka_unit_test(test_begins_with_one_that_answers),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
