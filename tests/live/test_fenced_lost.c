/* SPDX-License-Identifier: Apache-2.0 */
/* Fenced writes whose answers are lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define REQUEST_TIMEOUT_MS 500
/** The timeout of a write that is to end before its answer arrives. */
#define SHORT_MS 100

/** A peer behind a proxy, with a lock. */
struct far {
    struct test_proxy *proxy;
    struct test_peer peer;
    leaselock_ticket *ticket;
};

static void
far_open_with(struct far *far, const char *name, int request_timeout_ms)
{
    struct leaselock_client_options client = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;

    client.request_timeout_ms = request_timeout_ms;
    session.ttl_s = TEST_TTL_LONG_S;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &far->proxy),
                     0);
    test_peer_open_with(test_proxy_endpoint(far->proxy), &client, &session,
                        &far->peer);
    far->ticket = test_acquire(&far->peer, name);
}

static void far_open(struct far *far, const char *name)
{
    far_open_with(far, name, REQUEST_TIMEOUT_MS);
}

static void far_close(struct far *far)
{
    test_peer_close(&far->peer);
    test_proxy_close(far->proxy);
}

static int put_for(leaselock_ticket *ticket,
                   const char *key,
                   const char *value,
                   int timeout_ms)
{
    return leaselock_fenced_put(ticket, key, strlen(key), value, strlen(value),
                                timeout_ms, NULL);
}

/** Begins a put that reaches etcd and whose answer the proxy holds back. */
static void
put_unanswered(struct far *far, const char *key, struct test_call *call)
{
    int64_t revision = test_etcd_revision(&etcd);

    test_proxy_hold_replies(far->proxy);
    assert_int_equal(leaselock_fenced_put_async(far->ticket, key, strlen(key),
                                                "x", 1, TEST_WAIT_MS,
                                                test_call_done, call, NULL),
                     0);
    test_await_revision(&etcd, revision);
}

/** Goal: a write whose answer is lost is sent again, found applied, and not
 * applied a second time. Method: hold the answer back, cut the connection;
 * check the key's version. */
static void test_applied_once(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct far far;

    (void)state;
    far_open(&far, "lost/once");
    put_unanswered(&far, "once/a", &call);
    test_proxy_cut(far.proxy);
    test_proxy_pass(far.proxy);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(version_is(far.ticket, "once/a", 1), 0);
    test_release(far.ticket);
    far_close(&far);
}

static void compact(int64_t revision)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)revision);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "compaction", text, NULL), 0);
}

/** Puts to a ticket's key like a program that asks its holder for something:
 * lease and value stay. */
static void put_by_others(leaselock_ticket *ticket)
{
    char key[256];

    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", "--ignore-lease",
                                  "--ignore-value", key, NULL),
                     0);
}

/** Goal: if another program has put to the ticket's key after a write whose
 * answer is lost, the write still counts as applied, and is not applied again.
 * Method: hold the answer back, put twice, cut the connection. */
static void test_applied_before_others(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct far far;

    (void)state;
    far_open(&far, "lost/before");
    put_unanswered(&far, "before/a", &call);
    put_by_others(far.ticket);
    put_by_others(far.ticket);
    test_proxy_cut(far.proxy);
    test_proxy_pass(far.proxy);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(version_is(far.ticket, "before/a", 1), 0);
    test_release(far.ticket);
    far_close(&far);
}

/** Goal: another program's put of the ticket's key is not taken for a write that
 * did not reach etcd; the write is applied later. Method: a black hole, the put;
 * then the connection is cut. */
static void test_applied_after_others(void **state)
{
    struct far far;

    (void)state;
    far_open(&far, "lost/after");
    test_proxy_black_hole(far.proxy);
    assert_int_equal(put_for(far.ticket, "after/a", "x", SHORT_MS),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    put_by_others(far.ticket);
    test_proxy_cut(far.proxy);
    assert_int_equal(test_keys(&etcd, "after/"), 0);
    test_proxy_pass(far.proxy);
    assert_int_equal(
        leaselock_fenced_outcome(far.ticket, LEASELOCK_FOREVER, NULL), 0);
    assert_int_equal(version_is(far.ticket, "after/a", 1), 0);
    test_release(far.ticket);
    far_close(&far);
}

/** Goal: if the history that would show whether a write was applied is
 * compacted, its outcome is unknown, and that of the next write is not. Method:
 * hold the answer back, put to the key, compact, cut. */
static void test_proof_compacted(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_call next = TEST_CALL_INIT;
    struct far far;

    (void)state;
    far_open(&far, "lost/proof");
    put_unanswered(&far, "proof/a", &call);
    put_by_others(far.ticket);
    put_by_others(far.ticket);
    compact(test_etcd_revision(&etcd));
    test_proxy_cut(far.proxy);
    test_proxy_pass(far.proxy);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_OUTCOME_UNKNOWN);
    put_unanswered(&far, "proof/b", &next);
    test_proxy_cut(far.proxy);
    test_proxy_pass(far.proxy);
    assert_int_equal(test_call_await(&next), 0);
    test_release(far.ticket);
    far_close(&far);
}

/** Puts "new" with a read of the same key; the answer is lost, and meanwhile
 * another program writes the key and, optionally, compacts what the read saw. */
static void
lose_read(const char *name, bool compacts, struct leaselock_get_info **ret_info)
{
    struct leaselock_read read = {name, strlen(name), NULL, 0, 0, 0};
    struct leaselock_op op = {
        LEASELOCK_OP_PUT, name, strlen(name), "new", 3, 0};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct far far;
    int64_t before;
    int64_t revision = 0;

    far_open(&far, "lost/read");
    assert_int_equal(put_for(far.ticket, name, "old", TEST_WAIT_MS), 0);
    txn.ops = &op;
    txn.ops_n = 1;
    txn.reads = &read;
    txn.reads_n = 1;
    txn.ret_reads = ret_info;
    txn.ret_revision = &revision;
    before = test_etcd_revision(&etcd);
    test_proxy_hold_replies(far.proxy);
    assert_int_equal(leaselock_fenced_txn_async(far.ticket, &txn, TEST_WAIT_MS,
                                                test_call_done, &call, NULL),
                     0);
    test_await_revision(&etcd, before);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", name, "theirs", NULL),
                     0);
    if (compacts) {
        compact(before + 1);
    }
    test_proxy_cut(far.proxy);
    test_proxy_pass(far.proxy);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(revision, before + 1);
    assert_string_equal(test_value(&etcd, name), "theirs");
    test_release(far.ticket);
    far_close(&far);
}

/** Goal: a transaction's reads are returned though its answer was lost, with
 * their values at that time. Method: hold the answer back, overwrite the key,
 * cut. */
static void test_read_again(void **state)
{
    struct leaselock_get_info *info = NULL;

    (void)state;
    lose_read("again", false, &info);
    assert_non_null(info);
    assert_int_equal(info->kvs_n, 1);
    assert_string_equal(info->kvs[0].value, "old");
    assert_int_equal(info->kvs[0].mod_revision, info->revision);
    leaselock_get_free(info);
}

/** Goal: if that history is compacted, the transaction is reported as applied,
 * with unknown reads. Method: the same, with a compaction. */
static void test_read_compacted(void **state)
{
    struct leaselock_get_info unset;
    struct leaselock_get_info *info = &unset;

    (void)state;
    lose_read("compacted", true, &info);
    assert_null(info);
}

/** Goal: a write that is not answered in time ends as unknown, and its outcome
 * can be queried: unknown yet, then applied; repeatedly, and with a callback.
 * Method: hold the answer back, let it pass later. */
static void test_unknown_then_applied(void **state)
{
    struct test_call early = TEST_CALL_INIT;
    struct test_call late = TEST_CALL_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct far far;
    int64_t revision;

    (void)state;
    far_open(&far, "lost/unknown");
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(far.proxy);
    assert_int_equal(put_for(far.ticket, "unknown/a", "x", SHORT_MS),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    test_await_revision(&etcd, revision);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, 0, &error),
                     LEASELOCK_E_TIMEOUT);
    assert_int_equal(error.code, LEASELOCK_E_TIMEOUT);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, SHORT_MS, NULL),
                     LEASELOCK_E_TIMEOUT);
    assert_int_equal(leaselock_fenced_outcome_async(far.ticket, test_call_done,
                                                    &early, NULL),
                     0);
    assert_int_equal(test_call_count(&early), 0);
    test_proxy_pass(far.proxy);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(test_call_await(&early), 0);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, 0, NULL), 0);
    assert_int_equal(
        leaselock_fenced_outcome_async(far.ticket, test_call_done, &late, NULL),
        0);
    assert_int_equal(test_call_await(&late), 0);
    assert_int_equal(version_is(far.ticket, "unknown/a", 1), 0);
    test_release(far.ticket);
    far_close(&far);
    assert_int_equal(test_call_count(&early), 1);
    assert_int_equal(test_call_count(&late), 1);
}

/** Goal: a write that did not reach etcd before its timeout is retried, and
 * applied later. Method: a black hole; then the connection is cut. */
static void test_unknown_then_sent(void **state)
{
    struct far far;

    (void)state;
    far_open(&far, "lost/sent");
    test_proxy_black_hole(far.proxy);
    assert_int_equal(put_for(far.ticket, "sent/a", "x", SHORT_MS),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(test_keys(&etcd, "sent/"), 0);
    test_proxy_cut(far.proxy);
    test_proxy_pass(far.proxy);
    assert_int_equal(
        leaselock_fenced_outcome(far.ticket, LEASELOCK_FOREVER, NULL), 0);
    assert_int_equal(version_is(far.ticket, "sent/a", 1), 0);
    test_release(far.ticket);
    far_close(&far);
}

/** Goal: a write that waits behind an unanswered one when its timeout ends is
 * certainly not applied, and never will be. */
static void test_unavailable(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct far far;

    (void)state;
    far_open(&far, "lost/behind");
    put_unanswered(&far, "behind/a", &call);
    assert_int_equal(put_for(far.ticket, "behind/b", "x", SHORT_MS),
                     LEASELOCK_E_UNAVAILABLE);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, 0, NULL),
                     LEASELOCK_E_STATE);
    test_proxy_pass(far.proxy);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(put_for(far.ticket, "behind/c", "x", TEST_WAIT_MS), 0);
    assert_int_equal(test_keys(&etcd, "behind/"), 2);
    assert_int_equal(test_keys(&etcd, "behind/b"), 0);
    test_release(far.ticket);
    far_close(&far);
}

/** Goal: at most 1024 writes of a ticket wait; the next is refused, and all
 * accepted ones are applied. Method: hold the first answer back. */
static void test_limit(void **state)
{
    static struct test_call calls[1024];
    struct test_call more = TEST_CALL_INIT;
    struct far far;
    int status = 0;
    int n = 1;

    (void)state;
    far_open(&far, "lost/limit");
    calls[0] = (struct test_call)TEST_CALL_INIT;
    put_unanswered(&far, "limit/a", &calls[0]);
    while (n < 1024) {
        calls[n] = (struct test_call)TEST_CALL_INIT;
        status = leaselock_fenced_put_async(far.ticket, "limit/a", 7, "y", 1,
                                            TEST_WAIT_MS, test_call_done,
                                            &calls[n], NULL);
        assert_int_equal(status, 0);
        n++;
    }
    assert_int_equal(leaselock_fenced_put_async(far.ticket, "limit/a", 7, "y",
                                                1, TEST_WAIT_MS, test_call_done,
                                                &more, NULL),
                     LEASELOCK_E_LIMIT);
    test_proxy_pass(far.proxy);
    for (int i = 0; i < n; i++) {
        assert_int_equal(test_call_await(&calls[i]), 0);
    }
    assert_int_equal(version_is(far.ticket, "limit/a", 1024), 0);
    assert_int_equal(test_call_count(&more), 0);
    test_release(far.ticket);
    far_close(&far);
}

/** Goal: if the key is gone and an answer was lost, it cannot be determined
 * whether the write was applied; its outcome stays unknown, and the ticket is
 * lost. Method: hold the answer back, delete the key, cut. */
static void test_never_known(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct far far;

    (void)state;
    far_open(&far, "lost/never");
    put_unanswered(&far, "never/a", &call);
    test_delete(&etcd, far.ticket);
    test_proxy_cut(far.proxy);
    test_proxy_pass(far.proxy);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(leaselock_ticket_state(far.ticket), LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(far.ticket, NULL), LEASELOCK_E_LOST);
    far_close(&far);
}

/** Goal: the outcome of a write that etcd did not apply before its ticket's key
 * was deleted is NOT_HELD. Method: a black hole holds the request; the key is
 * deleted; then the proxy passes. It sends the data that it held: nothing is
 * lost, and the outcome is certain. */
static void test_unknown_then_not_held(void **state)
{
    struct far far;

    (void)state;
    far_open_with(&far, "lost/gone", TEST_WAIT_MS);
    test_proxy_black_hole(far.proxy);
    assert_int_equal(put_for(far.ticket, "gone/a", "x", SHORT_MS),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    test_delete(&etcd, far.ticket);
    test_proxy_pass(far.proxy);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_NOT_HELD);
    assert_int_equal(test_keys(&etcd, "gone/"), 0);
    assert_int_equal(leaselock_release(far.ticket, NULL), LEASELOCK_E_LOST);
    far_close(&far);
}

/** Begins to release a lock with a transaction that is not answered in time.
 * */
static void release_unanswered(struct far *far)
{
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;

    far_open_with(far, "lost/release", TEST_WAIT_MS);
    test_proxy_hold_replies(far->proxy);
    txn.release = 1;
    assert_int_equal(leaselock_fenced_txn(far->ticket, &txn, SHORT_MS, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
}

/** Goal: a transaction that releases and is not answered in time leaves the
 * handle open, neither held nor lost; a query of the outcome closes it, however
 * late, and so does a release. Method: the answer is held back until the
 * timeout; a second session gets the lock when the transaction has been
 * applied. */
static void test_release_unknown(void **state)
{
    struct far far;

    (void)state;
    release_unanswered(&far);
    assert_int_equal(leaselock_ticket_state(far.ticket),
                     LEASELOCK_TICKET_RELEASED);
    assert_int_equal(put_for(far.ticket, "release/a", "x", SHORT_MS),
                     LEASELOCK_E_NOT_HELD);
    test_proxy_pass(far.proxy);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(leaselock_ticket_state(far.ticket), LEASELOCK_E_HANDLE);
    assert_int_equal(test_keys(&etcd, "lost/release/"), 0);
    far_close(&far);
}

static void test_release_unknown_then_asked_late(void **state)
{
    struct test_call calls[2] = {TEST_CALL_INIT, TEST_CALL_INIT};
    struct far far;

    (void)state;
    for (int i = 0; i < 4; i++) {
        release_unanswered(&far);
        test_proxy_pass(far.proxy);
        /* Its answers arrive after those that were held back. */
        test_release(test_acquire(&far.peer, "lost/after"));
        assert_int_equal(leaselock_ticket_state(far.ticket),
                         LEASELOCK_TICKET_RELEASED);
        assert_int_equal(leaselock_ticket_token(far.ticket), LEASELOCK_E_STATE);
        assert_int_equal(put_for(far.ticket, "release/a", "x", SHORT_MS),
                         LEASELOCK_E_NOT_HELD);
        switch (i) {
        case 0:
            assert_int_equal(leaselock_fenced_outcome(far.ticket, 0, NULL), 0);
            break;
        case 1:
            assert_int_equal(leaselock_fenced_outcome_async(
                                 far.ticket, test_call_done, &calls[0], NULL),
                             0);
            assert_int_equal(test_call_await(&calls[0]), 0);
            break;
        case 2:
            test_release(far.ticket);
            break;
        default:
            assert_int_equal(leaselock_release_async(far.ticket, test_call_done,
                                                     &calls[1], NULL),
                             0);
            assert_int_equal(test_call_await(&calls[1]), 0);
            break;
        }
        assert_int_equal(leaselock_ticket_state(far.ticket),
                         LEASELOCK_E_HANDLE);
        far_close(&far);
    }
}

/** Goal: when the client is closed, each pending callback is called once, of
 * the write and of the queries of its outcome, and none after that. Method: no
 * answer arrives any more. */
static void test_close_meanwhile(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_call behind = TEST_CALL_INIT;
    struct test_call asked = TEST_CALL_INIT;
    struct far far;

    (void)state;
    far_open(&far, "lost/close");
    test_proxy_hold_replies(far.proxy);
    assert_int_equal(put_for(far.ticket, "close/a", "x", SHORT_MS),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(leaselock_fenced_outcome_async(far.ticket, test_call_done,
                                                    &asked, NULL),
                     0);
    assert_int_equal(leaselock_fenced_put_async(far.ticket, "close/b", 7, "x",
                                                1, TEST_WAIT_MS, test_call_done,
                                                &behind, NULL),
                     0);
    assert_int_equal(leaselock_client_close(far.peer.client, NULL),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(test_call_count(&asked), 1);
    assert_int_equal(test_call_status(&asked), LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(test_call_count(&behind), 1);
    assert_int_equal(test_call_status(&behind), LEASELOCK_E_NOT_HELD);
    assert_int_equal(test_call_count(&call), 0);
    assert_int_equal(leaselock_fenced_outcome(far.ticket, 0, NULL),
                     LEASELOCK_E_HANDLE);
    test_proxy_close(far.proxy);
}

struct cutter {
    struct test_proxy *proxy;
    pthread_t thread;
    pthread_mutex_t mutex;
    bool stops;
    unsigned cuts;
};

static bool cutter_stops(void *arg)
{
    struct cutter *cutter = arg;
    bool stops;

    (void)pthread_mutex_lock(&cutter->mutex);
    stops = cutter->stops;
    (void)pthread_mutex_unlock(&cutter->mutex);
    return stops;
}

/** Cuts all connections repeatedly: half of the time after an answer has been
 * held back. */
static void *cutter_main(void *arg)
{
    struct cutter *cutter = arg;

    while (!test_until(20, cutter_stops, cutter)) {
        if (cutter->cuts % 2 == 0) {
            test_proxy_hold_replies(cutter->proxy);
            (void)test_until(5, cutter_stops, cutter);
        }
        test_proxy_cut(cutter->proxy);
        test_proxy_pass(cutter->proxy);
        cutter->cuts++;
    }
    return NULL;
}

/** Goal: the reported outcome of each write is true, whatever is lost. Method:
 * the counter is incremented 200 times, under a condition on its value, while
 * connections are cut; the number of writes reported as applied must equal
 * it. */
static void test_counter_on_a_bad_network(void **state)
{
    struct cutter cutter = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct leaselock_op op = {LEASELOCK_OP_PUT, "counter", 7, NULL, 0, 0};
    struct leaselock_compare compare = {
        "counter", 7, LEASELOCK_COMPARE_VALUE, LEASELOCK_COMPARE_EQUAL, 0,
        NULL,      0};
    struct far far;
    char from[16];
    char to[16];
    int counter = 0;
    int unknown = 0;

    (void)state;
    far_open(&far, "lost/counter");
    assert_int_equal(put_for(far.ticket, "counter", "0", TEST_WAIT_MS), 0);
    cutter.proxy = far.proxy;
    assert_int_equal(pthread_create(&cutter.thread, NULL, cutter_main, &cutter),
                     0);
    txn.ops = &op;
    txn.ops_n = 1;
    txn.compares = &compare;
    txn.compares_n = 1;
    for (int i = 0; i < 200; i++) {
        int status;

        (void)snprintf(from, sizeof(from), "%d", counter);
        (void)snprintf(to, sizeof(to), "%d", counter + 1);
        compare.value = from;
        compare.value_size = strlen(from);
        op.value = to;
        op.value_size = strlen(to);
        status = leaselock_fenced_txn(far.ticket, &txn, 10, NULL);
        if (status == LEASELOCK_E_OUTCOME_UNKNOWN) {
            unknown++;
            status = leaselock_fenced_outcome(far.ticket, TEST_WAIT_MS, NULL);
        }
        assert_true(status == 0 || status == LEASELOCK_E_UNAVAILABLE);
        counter += status == 0;
    }
    (void)pthread_mutex_lock(&cutter.mutex);
    cutter.stops = true;
    (void)pthread_mutex_unlock(&cutter.mutex);
    assert_int_equal(pthread_join(cutter.thread, NULL), 0);
    (void)snprintf(to, sizeof(to), "%d", counter);
    assert_string_equal(test_value(&etcd, "counter"), to);
    assert_int_equal(version_is(far.ticket, "counter", counter + 1), 0);
    print_message("%d applied, %d of them unknown at first, %u cuts\n", counter,
                  unknown, cutter.cuts);
    assert_true(counter > 0 && cutter.cuts > 0);
    test_release(far.ticket);
    far_close(&far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applied_once),
        cmocka_unit_test(test_applied_before_others),
        cmocka_unit_test(test_applied_after_others),
        cmocka_unit_test(test_proof_compacted),
        cmocka_unit_test(test_read_again),
        cmocka_unit_test(test_read_compacted),
        cmocka_unit_test(test_unknown_then_applied),
        cmocka_unit_test(test_unknown_then_sent),
        cmocka_unit_test(test_unavailable),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_never_known),
        cmocka_unit_test(test_unknown_then_not_held),
        cmocka_unit_test(test_release_unknown),
        cmocka_unit_test(test_release_unknown_then_asked_late),
        cmocka_unit_test(test_close_meanwhile),
        cmocka_unit_test(test_counter_on_a_bad_network),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
