/* SPDX-License-Identifier: Apache-2.0 */
/* A client's counters beside what is known to have happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "leaselock/stats.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

static struct leaselock_stats stats_of(const struct test_peer *peer)
{
    struct leaselock_stats stats = LEASELOCK_STATS_INIT;

    assert_int_equal(leaselock_client_stats(peer->client, &stats), 0);
    assert_int_equal(stats.struct_size, sizeof(stats));
    return stats;
}

static uint64_t sum(const uint64_t *counters, size_t n)
{
    uint64_t all = 0;

    for (size_t i = 0; i < n; i++) {
        all += counters[i];
    }
    return all;
}

#define SUM(array) sum((array), sizeof(array) / sizeof((array)[0]))

static uint64_t granted(const struct leaselock_stats *stats)
{
    return stats->acquires[LEASELOCK_STATS_MODE_EXCLUSIVE]
                          [LEASELOCK_STATS_RESULT_GRANTED];
}

static uint64_t answered(const struct leaselock_stats *stats,
                         enum leaselock_stats_request kind)
{
    return stats->requests[kind][LEASELOCK_STATS_ANSWER_OK];
}

/** Goal: a cycle on a free lock is one acquire, one release and two requests.
 * Method: 20 cycles, and the requests that etcd itself has counted. */
static void test_cycles(void **state)
{
    enum { ROUNDS = 20 };
    struct test_peer peer;
    struct leaselock_stats before;
    struct leaselock_stats after;
    int64_t requests;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    before = stats_of(&peer);
    requests = test_etcd_requests(&etcd, "Txn") +
               test_etcd_requests(&etcd, "DeleteRange");
    for (int i = 0; i < ROUNDS; i++) {
        test_release(test_acquire(&peer, "stats/free"));
    }
    after = stats_of(&peer);
    requests = test_etcd_requests(&etcd, "Txn") +
               test_etcd_requests(&etcd, "DeleteRange") - requests;
    assert_int_equal(requests, 2 * ROUNDS);
    assert_int_equal(granted(&after) - granted(&before), ROUNDS);
    assert_int_equal(after.releases[LEASELOCK_STATS_RELEASE_RELEASED] -
                         before.releases[LEASELOCK_STATS_RELEASE_RELEASED],
                     ROUNDS);
    assert_int_equal(answered(&after, LEASELOCK_STATS_REQUEST_TXN) -
                         answered(&before, LEASELOCK_STATS_REQUEST_TXN),
                     ROUNDS);
    assert_int_equal(answered(&after, LEASELOCK_STATS_REQUEST_DELETE) -
                         answered(&before, LEASELOCK_STATS_REQUEST_DELETE),
                     ROUNDS);
    assert_int_equal(answered(&after, LEASELOCK_STATS_REQUEST_LEASE_GRANT), 1);
    assert_int_equal(SUM(after.acquire_wait.buckets) -
                         SUM(before.acquire_wait.buckets),
                     ROUNDS);
    assert_true(after.acquire_wait.sum_ns > before.acquire_wait.sum_ns);
    assert_int_equal(SUM(after.losses), 0);
    assert_int_equal(SUM(after.batches), 0);
    assert_int_equal(SUM(after.hand_over.buckets), 0);
    assert_int_equal(after.watches, 0);
    assert_int_equal(after.sessions, 1);
    assert_int_equal(after.waiting, 0);
    assert_int_equal(after.in_flight, 0);
    test_peer_close(&peer);
}

/** Goal: acquires are counted by their mode and result, and a hand-over by its
 * time. Method: a try of a held lock, a timeout, a cancelled wait, a hand-over;
 * a shared lock, a permit and two names at once. */
static void test_results(void **state)
{
    static const char *const names[] = {"stats/a", "stats/b"};
    uint64_t(*acquires)[LEASELOCK_STATS_WORDS_MAX];
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer holder;
    struct test_peer other;
    struct leaselock_stats stats;
    leaselock_ticket *held;
    leaselock_ticket *ticket = NULL;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    held = test_acquire(&holder, "stats/held");
    assert_int_equal(
        leaselock_acquire(other.session, "stats/held", NULL, 0, &ticket, NULL),
        LEASELOCK_E_TIMEOUT);
    assert_int_equal(
        leaselock_acquire(other.session, "stats/held", NULL, 50, &ticket, NULL),
        LEASELOCK_E_TIMEOUT);
    ticket = test_acquire_async(&other, "stats/held", &call);
    test_await_place(ticket);
    assert_int_equal(stats_of(&other).waiting, 1);
    test_release(ticket);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_CANCELED);
    call = (struct test_call)TEST_CALL_INIT;
    ticket = test_acquire_async(&other, "stats/held", &call);
    test_await_place(ticket);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    test_release(ticket);
    options.mode = LEASELOCK_SHARED;
    assert_int_equal(leaselock_acquire(other.session, "stats/shared", &options,
                                       1000, &ticket, NULL),
                     0);
    test_release(ticket);
    options.mode = LEASELOCK_PERMIT;
    options.permits = 2;
    assert_int_equal(leaselock_acquire(other.session, "stats/permit", &options,
                                       1000, &ticket, NULL),
                     0);
    test_release(ticket);
    assert_int_equal(leaselock_acquire_all(other.session, names, 2, NULL, 1000,
                                           &ticket, NULL),
                     0);
    test_release(ticket);

    stats = stats_of(&other);
    acquires = stats.acquires;
    assert_int_equal(
        acquires[LEASELOCK_STATS_MODE_EXCLUSIVE][LEASELOCK_STATS_RESULT_BUSY],
        1);
    assert_int_equal(acquires[LEASELOCK_STATS_MODE_EXCLUSIVE]
                             [LEASELOCK_STATS_RESULT_TIMEOUT],
                     1);
    assert_int_equal(acquires[LEASELOCK_STATS_MODE_EXCLUSIVE]
                             [LEASELOCK_STATS_RESULT_CANCELED],
                     1);
    for (size_t i = 0; i < LEASELOCK_STATS_MODES; i++) {
        assert_int_equal(acquires[i][LEASELOCK_STATS_RESULT_GRANTED], 1);
    }
    assert_int_equal(SUM(stats.acquire_wait.buckets), 4);
    assert_int_equal(stats.releases[LEASELOCK_STATS_RELEASE_RELEASED], 4);
    assert_int_equal(SUM(stats.releases), 4);
    assert_int_equal(SUM(stats.hand_over.buckets), 1);
    assert_true(stats.watches >= 2);
    assert_true(stats.reads[LEASELOCK_STATS_READ_GAP] >= 1);
    stats = stats_of(&holder);
    assert_int_equal(granted(&stats), 1);
    assert_int_equal(SUM(stats.hand_over.buckets), 0);
    test_peer_close(&holder);
    test_peer_close(&other);
}

/** Goal: a hold that is lost, given back by a fenced write or by a rejoin is
 * counted as such, and as nothing else. Method: one of each. */
static void test_ends(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    struct leaselock_stats stats;
    leaselock_ticket *ticket = NULL;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    options.on_lost = test_call_lost;
    options.on_lost_arg = &call;
    options.watch_own_key_ms = LEASELOCK_AT_ONCE;
    assert_int_equal(leaselock_acquire(peer.session, "stats/lost", &options,
                                       1000, &ticket, NULL),
                     0);
    test_delete(&etcd, ticket);
    (void)test_call_await(&call);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    ticket = test_acquire(&peer, "stats/written");
    txn.release = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL), 0);
    ticket = test_acquire(&peer, "stats/rejoined");
    assert_int_equal(leaselock_rejoin(ticket, TEST_WAIT_MS, NULL), 0);
    test_release(ticket);

    stats = stats_of(&peer);
    assert_int_equal(granted(&stats), 4);
    assert_int_equal(stats.losses[LEASELOCK_STATS_LOSS_KEY], 1);
    assert_int_equal(SUM(stats.losses), 1);
    assert_int_equal(stats.releases[LEASELOCK_STATS_RELEASE_WRITTEN], 1);
    assert_int_equal(stats.releases[LEASELOCK_STATS_RELEASE_REJOINED], 1);
    assert_int_equal(stats.releases[LEASELOCK_STATS_RELEASE_RELEASED], 1);
    assert_int_equal(SUM(stats.releases), 3);
    test_peer_close(&peer);
}

static bool are_renewed(void *arg)
{
    struct leaselock_stats stats = stats_of(arg);

    return stats.renewals_answered >= 2;
}

static bool is_reconnected(void *arg)
{
    struct leaselock_stats stats = stats_of(arg);

    return stats.reconnects[LEASELOCK_STATS_STREAM_RENEWALS] >= 1 &&
           stats.renewals_answered >= 4;
}

/** Goal: renewals and broken streams are counted. Method: a session of 2 s
 * whose connection is cut after two renewals. */
static void test_renewals(void **state)
{
    struct test_proxy *proxy = NULL;
    struct test_peer peer;
    struct leaselock_stats stats;

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_peer_open(test_proxy_endpoint(proxy), 2, &peer);
    assert_true(test_until(TEST_WAIT_MS, are_renewed, &peer));
    stats = stats_of(&peer);
    assert_int_equal(SUM(stats.reconnects), 0);
    assert_true(stats.renewals_sent >= stats.renewals_answered);
    assert_int_equal(SUM(stats.renewal.buckets), stats.renewals_answered);
    assert_int_equal(SUM(stats.renewal_margin.buckets),
                     stats.renewals_answered);
    test_proxy_cut(proxy);
    assert_true(test_until(TEST_WAIT_MS, is_reconnected, &peer));
    test_peer_close(&peer);
    test_proxy_close(proxy);
}

/** Goal: a struct of older and of newer headers is filled as far as both sides
 * know it; misuse is an error. Method: each size in turn. */
static void test_sizes(void **state)
{
    struct leaselock_stats stats = LEASELOCK_STATS_INIT;
    struct {
        struct leaselock_stats stats;
        uint64_t more[4];
    } newer;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_release(test_acquire(&peer, "stats/size"));
    memset(&newer, 0xff, sizeof(newer));
    newer.stats.struct_size = sizeof(newer);
    assert_int_equal(leaselock_client_stats(peer.client, &newer.stats), 0);
    assert_int_equal(newer.stats.struct_size, sizeof(newer));
    assert_int_equal(granted(&newer.stats), 1);
    assert_int_equal(SUM(newer.more), 0);
    memset(&newer, 0xff, sizeof(newer));
    newer.stats.struct_size = offsetof(struct leaselock_stats, kept);
    assert_int_equal(leaselock_client_stats(peer.client, &newer.stats), 0);
    assert_int_equal(granted(&newer.stats), 1);
    assert_true(newer.stats.kept == UINT64_MAX);
    assert_int_equal(leaselock_client_stats(peer.client, NULL),
                     LEASELOCK_E_ARGUMENT);
    stats.struct_size = 0;
    assert_int_equal(leaselock_client_stats(peer.client, &stats),
                     LEASELOCK_E_ARGUMENT);
    stats.struct_size = sizeof(stats);
    assert_int_equal(leaselock_client_stats(NULL, &stats), LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
    assert_int_equal(leaselock_client_stats(peer.client, &stats),
                     LEASELOCK_E_HANDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycles), cmocka_unit_test(test_results),
        cmocka_unit_test(test_ends),   cmocka_unit_test(test_renewals),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
