/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are lost in the network, and watches that are cut off. The
 * numbers are those of docs/failures.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Of the client behind the faulty network. */
#define REQUEST_TIMEOUT_MS 500

/** One peer behind a proxy, and one that reaches etcd directly. */
struct pair {
    struct test_proxy *proxy;
    struct test_peer far;
    struct test_peer near;
};

static void pair_open(struct pair *pair, int request_timeout_ms)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;

    client_options.request_timeout_ms = request_timeout_ms;
    options.ttl_s = TEST_TTL_LONG_S;
    assert_int_equal(
        test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &pair->proxy), 0);
    test_peer_open_with(test_proxy_endpoint(pair->proxy), &client_options,
                        &options, &pair->far);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &pair->near);
}

/** Closes all; both sessions must be active and no key left. */
static void pair_close(struct pair *pair)
{
    test_await_keys(&etcd, "", 0);
    assert_int_equal(leaselock_session_state(pair->far.session),
                     LEASELOCK_SESSION_ACTIVE);
    assert_int_equal(leaselock_session_state(pair->near.session),
                     LEASELOCK_SESSION_ACTIVE);
    test_peer_close(&pair->far);
    test_peer_close(&pair->near);
    test_proxy_close(pair->proxy);
    assert_int_equal(test_leases(&etcd), 0);
}

/** Failure 7: the answer to an acquire is lost after the commit: the acquire
 *  finds its own key, in its place, and there is no second one. The proxy
 *  keeps the answer and cuts the connection. */
static void test_7_lost_answer_of_an_acquire(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct pair pair;
    leaselock_ticket *ticket;
    int64_t revision;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(pair.proxy);
    ticket = test_acquire_async(&pair.far, "answer/7a", &call);
    test_await_revision(&etcd, revision);
    test_proxy_cut(pair.proxy);
    test_proxy_pass(pair.proxy);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_ticket_token(ticket), revision + 1);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(test_keys(&etcd, "answer/7a/"), 1);
    test_release(ticket);
    pair_close(&pair);
}

/** Failure 7: the same in the middle of a queue: the ticket keeps its place
 * before a later one. */
static void test_7_lost_answer_keeps_the_place(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_call later_call = TEST_CALL_INIT;
    struct pair pair;
    leaselock_ticket *holder;
    leaselock_ticket *ticket;
    leaselock_ticket *later;
    int64_t revision;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    holder = test_acquire(&pair.near, "answer/7b");
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(pair.proxy);
    ticket = test_acquire_async(&pair.far, "answer/7b", &call);
    test_await_revision(&etcd, revision);
    later = test_acquire_async(&pair.near, "answer/7b", &later_call);
    test_await_place(later);
    test_proxy_cut(pair.proxy);
    test_proxy_pass(pair.proxy);
    test_await_place(ticket);
    assert_int_equal(leaselock_ticket_token(ticket), revision + 1);
    test_release(holder);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(test_call_count(&later_call), 0);
    test_release(ticket);
    assert_int_equal(test_call_await(&later_call), 0);
    test_release(later);
    pair_close(&pair);
}

/** Begins an acquire that is to time out, and waits for that. */
static void acquire_in_vain(struct pair *pair,
                            const char *name,
                            int timeout_ms,
                            int64_t revision)
{
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    int status;

    assert_int_equal(leaselock_acquire_async(pair->far.session, name, NULL,
                                             timeout_ms, test_call_done, &call,
                                             &ticket, NULL),
                     0);
    if (revision > 0) {
        test_await_revision(&etcd, revision);
    }
    status = test_call_await(&call);
    assert_true(status == LEASELOCK_E_TIMEOUT ||
                status == LEASELOCK_E_UNAVAILABLE);
    assert_int_equal(test_call_count(&call), 1);
}

/** Failure 7: the answer is lost, and the caller times out before the request
 * can be repeated: the orphaned key is deleted as soon as etcd can be reached,
 * not only when its lease expires. */
static void test_7_orphan_is_removed(void **state)
{
    struct pair pair;
    int64_t revision;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(pair.proxy);
    acquire_in_vain(&pair, "answer/7c", REQUEST_TIMEOUT_MS, revision);
    assert_int_equal(test_keys(&etcd, "answer/7c/"), 1);
    test_proxy_cut(pair.proxy);
    test_proxy_pass(pair.proxy);
    test_await_keys(&etcd, "answer/7c/", 0);
    test_release(test_acquire(&pair.near, "answer/7c"));
    pair_close(&pair);
}

/** Failure 7: delayed requests arrive after their caller has timed out. The
 * proxy holds them until then; the key that they create must be deleted. */
static void test_7_late_request_leaves_nothing(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    test_proxy_black_hole(pair.proxy);
    acquire_in_vain(&pair, "answer/7d", 3 * REQUEST_TIMEOUT_MS, 0);
    test_proxy_pass(pair.proxy);
    test_release(test_acquire(&pair.far, "answer/7d"));
    test_release(test_acquire(&pair.near, "answer/7d"));
    test_await_settled(&etcd);
    pair_close(&pair);
}

/** Failure 9: the answer to a release is lost, another session acquires the
 * lock, and the repeated release must not free it. */
static void test_9_retried_release_frees_nobody_else(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct pair pair;
    leaselock_ticket *ticket;
    leaselock_ticket *taken;
    int64_t revision;
    int64_t token;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    ticket = test_acquire(&pair.far, "answer/9");
    token = leaselock_ticket_token(ticket);
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(pair.proxy);
    assert_int_equal(
        leaselock_release_async(ticket, test_call_done, &call, NULL), 0);
    test_await_revision(&etcd, revision);
    taken = test_acquire(&pair.near, "answer/9");
    assert_true(leaselock_ticket_token(taken) > token);
    test_proxy_cut(pair.proxy);
    test_proxy_pass(pair.proxy);
    assert_int_equal(test_call_await(&call), 0);
    test_await_settled(&etcd);
    assert_int_equal(test_keys(&etcd, "answer/9/"), 1);
    assert_int_equal(leaselock_ticket_state(taken), LEASELOCK_TICKET_HELD);
    test_release(taken);
    pair_close(&pair);
}

/** A release that does not reach etcd returns OUTCOME_UNKNOWN in bounded time,
 * and is completed in the background as soon as etcd can be reached. */
static void test_release_goes_on_in_the_background(void **state)
{
    struct pair pair;
    leaselock_ticket *ticket;
    int64_t start_ns;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    ticket = test_acquire(&pair.far, "answer/release");
    test_proxy_black_hole(pair.proxy);
    start_ns = test_now_ns();
    assert_int_equal(leaselock_release(ticket, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_true(test_now_ns() - start_ns < TEST_WAIT_MS * TEST_NS_PER_MS);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_E_HANDLE);
    assert_int_equal(test_keys(&etcd, "answer/release/"), 1);
    test_proxy_pass(pair.proxy);
    test_await_keys(&etcd, "answer/release/", 0);
    pair_close(&pair);
}

/** Compacts all of etcd's history. */
static void compact(void)
{
    char revision[24];

    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", "other", "1", NULL),
                     0);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", "other", NULL), 0);
    (void)snprintf(revision, sizeof(revision), "%lld",
                   (long long)test_etcd_revision(&etcd));
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "compact", revision, NULL),
                     0);
}

/** Failures 5 and 6: the lock is released while the waiter is cut off, and the
 *  history with the deletion is compacted before it reconnects. */
static void test_5_deletion_missed_and_compacted(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct pair pair;
    leaselock_ticket *holder;
    leaselock_ticket *waiting;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    holder = test_acquire(&pair.near, "answer/5");
    waiting = test_acquire_async(&pair.far, "answer/5", &call);
    test_await_place(waiting);
    test_await_settled(&etcd);
    test_proxy_refuse(pair.proxy);
    test_proxy_cut(pair.proxy);
    test_release(holder);
    compact();
    assert_int_equal(test_call_count(&call), 0);
    test_proxy_pass(pair.proxy);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waiting);
    pair_close(&pair);
}

struct streams_wanted {
    int64_t above;
};

static bool stream_came(void *arg)
{
    const struct streams_wanted *wanted = arg;

    return test_etcd_requests(&etcd, "Watch") > wanted->above;
}

/** Failures 5 and 6: the waiter is cut off three times with a compaction each,
 *  and the holder releases only after that: the new watch must see it. */
static void test_5_watch_comes_back_after_compaction(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct pair pair;
    leaselock_ticket *holder;
    leaselock_ticket *waiting;
    int i;

    (void)state;
    pair_open(&pair, REQUEST_TIMEOUT_MS);
    holder = test_acquire(&pair.near, "answer/6");
    waiting = test_acquire_async(&pair.far, "answer/6", &call);
    test_await_place(waiting);
    for (i = 0; i < 3; i++) {
        struct streams_wanted wanted = {test_etcd_requests(&etcd, "Watch")};

        test_proxy_refuse(pair.proxy);
        test_proxy_cut(pair.proxy);
        compact();
        test_proxy_pass(pair.proxy);
        assert_true(test_until(TEST_WAIT_MS, stream_came, &wanted));
    }
    test_await_settled(&etcd);
    assert_int_equal(test_call_count(&call), 0);
    test_release(holder);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_ticket_state(waiting), LEASELOCK_TICKET_HELD);
    test_release(waiting);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_7_lost_answer_of_an_acquire),
        cmocka_unit_test(test_7_lost_answer_keeps_the_place),
        cmocka_unit_test(test_7_orphan_is_removed),
        cmocka_unit_test(test_7_late_request_leaves_nothing),
        cmocka_unit_test(test_9_retried_release_frees_nobody_else),
        cmocka_unit_test(test_release_goes_on_in_the_background),
        cmocka_unit_test(test_5_deletion_missed_and_compacted),
        cmocka_unit_test(test_5_watch_comes_back_after_compaction),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
