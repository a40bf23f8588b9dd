/* SPDX-License-Identifier: Apache-2.0 */
/* Writes under a ticket's fence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Goal: a holder's puts and deletions are applied, values are bytes, and
 *  deleting an absent key succeeds. Method: write, and read with etcdctl; the
 *  ticket's key keeps value, lease and token. */
static void test_put_and_delete(void **state)
{
    struct leaselock_queue_info *queue = NULL;
    struct test_peer peer;
    leaselock_ticket *ticket;
    char before[1024];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "fenced/put");
    assert_int_equal(
        leaselock_queue(peer.client, "fenced/put", NULL, &queue, NULL), 0);
    (void)snprintf(before, sizeof(before), "%s", queue->entries[0].value);
    leaselock_queue_free(queue);
    assert_int_equal(put(ticket, "put/a", "one"), 0);
    assert_string_equal(test_value(&etcd, "put/a"), "one");
    assert_int_equal(leaselock_fenced_put(ticket, "put/b\0c", 7, NULL, 0,
                                          TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(test_keys(&etcd, "put/"), 2);
    assert_int_equal(
        leaselock_fenced_delete(ticket, "put/b\0c", 7, TEST_WAIT_MS, NULL), 0);
    assert_int_equal(
        leaselock_fenced_delete(ticket, "put/none", 8, TEST_WAIT_MS, NULL), 0);
    assert_int_equal(test_keys(&etcd, "put/"), 1);
    assert_int_equal(
        leaselock_queue(peer.client, "fenced/put", NULL, &queue, NULL), 0);
    assert_int_equal(queue->entries_n, 1);
    assert_string_equal(queue->entries[0].value, before);
    assert_int_equal(queue->entries[0].token, leaselock_ticket_token(ticket));
    assert_true(queue->entries[0].lease ==
                leaselock_session_lease(peer.session));
    leaselock_queue_free(queue);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: a transaction is applied as a whole when all its conditions are met,
 *  and not at all when one is not; each kind of condition compares as
 *  described. Method: one that fails and one that holds, for each target. */
static void test_txn_all_or_nothing(void **state)
{
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct leaselock_op ops[3] = {
        {LEASELOCK_OP_PUT, "txn/a", 5, "new", 3, 0},
        {LEASELOCK_OP_PUT, "txn/b", 5, "new", 3, 0},
        {LEASELOCK_OP_DELETE, "txn/c", 5, NULL, 0, 0},
    };
    struct leaselock_compare pair[2] = {{"txn/a", 5, LEASELOCK_COMPARE_VALUE,
                                         LEASELOCK_COMPARE_EQUAL, 0, "old", 3},
                                        {0}};
    struct test_peer peer;
    leaselock_ticket *ticket;
    int64_t revision = -1;
    int64_t lease;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    lease = leaselock_session_lease(peer.session);
    ticket = test_acquire(&peer, "fenced/txn");
    assert_int_equal(put(ticket, "txn/a", "old"), 0);
    assert_int_equal(put(ticket, "txn/c", "old"), 0);
    txn.ops = ops;
    txn.ops_n = 3;
    txn.compares = pair;
    txn.compares_n = 2;
    txn.ret_revision = &revision;
    const struct leaselock_compare failing[] = {
        {"txn/c", 5, LEASELOCK_COMPARE_VERSION, LEASELOCK_COMPARE_GREATER, 1,
         NULL, 0},
        {"txn/c", 5, LEASELOCK_COMPARE_CREATE_REVISION, LEASELOCK_COMPARE_EQUAL,
         0, NULL, 0},
        {"txn/c", 5, LEASELOCK_COMPARE_MOD_REVISION, LEASELOCK_COMPARE_LESS, 2,
         NULL, 0},
        {"txn/c", 5, LEASELOCK_COMPARE_LEASE, LEASELOCK_COMPARE_EQUAL, lease,
         NULL, 0},
        {"txn/c", 5, LEASELOCK_COMPARE_VALUE, LEASELOCK_COMPARE_NOT_EQUAL, 0,
         "old", 3},
        {"txn/none", 8, LEASELOCK_COMPARE_VALUE, LEASELOCK_COMPARE_NOT_EQUAL, 0,
         "old", 3},
    };
    const struct leaselock_compare holding[] = {
        {"txn/c", 5, LEASELOCK_COMPARE_VERSION, LEASELOCK_COMPARE_EQUAL, 1,
         NULL, 0},
        {"txn/c", 5, LEASELOCK_COMPARE_CREATE_REVISION,
         LEASELOCK_COMPARE_NOT_EQUAL, 0, NULL, 0},
        {"txn/none", 8, LEASELOCK_COMPARE_MOD_REVISION, LEASELOCK_COMPARE_EQUAL,
         0, NULL, 0},
        {"txn/c", 5, LEASELOCK_COMPARE_LEASE, LEASELOCK_COMPARE_LESS, lease,
         NULL, 0},
        {"txn/c", 5, LEASELOCK_COMPARE_VALUE, LEASELOCK_COMPARE_GREATER, 0,
         "olc", 3},
    };
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        pair[1] = failing[i];
        assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                         LEASELOCK_E_COMPARE);
        assert_int_equal(revision, -1);
        assert_string_equal(test_value(&etcd, "txn/a"), "old");
        assert_int_equal(test_keys(&etcd, "txn/"), 2);
    }
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    for (size_t i = 0; i < sizeof(holding) / sizeof(holding[0]); i++) {
        pair[1] = holding[i];
        assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                         0);
        assert_true(revision == test_etcd_revision(&etcd));
        assert_string_equal(test_value(&etcd, "txn/a"), "new");
        assert_string_equal(test_value(&etcd, "txn/b"), "new");
        assert_int_equal(test_keys(&etcd, "txn/c"), 0);
        assert_int_equal(put(ticket, "txn/a", "old"), 0);
        assert_int_equal(put(ticket, "txn/c", "old"), 0);
        assert_int_equal(
            leaselock_fenced_delete(ticket, "txn/b", 5, TEST_WAIT_MS, NULL), 0);
    }
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: a put can be attached to a lease. Method: the session's, then
 * close. */
static void test_put_on_a_lease(void **state)
{
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct leaselock_op op = {LEASELOCK_OP_PUT, "lease/a", 7, "x", 1, 0};
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    op.lease = leaselock_session_lease(peer.session);
    txn.ops = &op;
    txn.ops_n = 1;
    assert_int_equal(leaselock_fenced_txn(test_acquire(&peer, "fenced/lease"),
                                          &txn, TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(test_keys(&etcd, "lease/"), 1);
    test_peer_close(&peer);
    assert_int_equal(test_keys(&etcd, "lease/"), 0);
}

/** Goal: a ticket that is not held cannot write. Method: a waiting ticket, one
 * whose key is deleted and one whose lease is revoked just before the write,
 * and a released one. */
static void test_not_held(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;
    leaselock_ticket *waiting;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "fenced/not");
    waiting = test_acquire_async(&peer, "fenced/not", &call);
    test_await_place(waiting);
    assert_int_equal(put(waiting, "not/a", "x"), LEASELOCK_E_NOT_HELD);
    assert_int_equal(leaselock_release(waiting, NULL), 0);
    test_delete(&etcd, ticket);
    assert_int_equal(put(ticket, "not/a", "x"), LEASELOCK_E_NOT_HELD);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    assert_int_equal(put(ticket, "not/a", "x"), LEASELOCK_E_HANDLE);
    ticket = test_acquire(&peer, "fenced/not");
    test_revoke(&etcd, peer.session);
    assert_int_equal(put(ticket, "not/a", "x"), LEASELOCK_E_NOT_HELD);
    assert_int_equal(test_keys(&etcd, "not/"), 0);
    test_peer_close(&peer);
}

/** Goal: the next holder sees the writes of a transaction that releases; it
 * ends the ticket like a release, without a loss, and does not change it if a
 * condition fails. Method: a waiter for the lock. */
static void test_commit_and_release(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct leaselock_op op = {LEASELOCK_OP_PUT, "commit/a", 8, "done", 4, 0};
    struct leaselock_compare compare = {
        "commit/a", 8, LEASELOCK_COMPARE_VERSION, LEASELOCK_COMPARE_GREATER, 0,
        NULL,       0};
    struct test_call lost = TEST_CALL_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *next;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    options.on_lost = test_call_lost;
    options.on_lost_arg = &lost;
    assert_int_equal(leaselock_acquire(peer.session, "fenced/commit", &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    next = test_acquire_async(&peer, "fenced/commit", &call);
    test_await_place(next);
    txn.ops = &op;
    txn.ops_n = 1;
    txn.compares = &compare;
    txn.compares_n = 1;
    txn.release = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_COMPARE);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(test_call_count(&call), 0);
    txn.compares_n = 0;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL), 0);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_HANDLE);
    assert_int_equal(test_call_await(&call), 0);
    assert_string_equal(test_value(&etcd, "commit/a"), "done");
    assert_int_equal(test_keys(&etcd, "fenced/commit/"), 1);
    assert_int_equal(test_call_count(&lost), 0);
    test_release(next);
    test_peer_close(&peer);
    assert_int_equal(test_call_count(&lost), 0);
}

/** As the test before, asynchronous: the handle is closed when done is called.
 * */
struct committed {
    struct test_call call;
    leaselock_ticket *ticket;
    int state;
};

static void
committed_done(int status, const struct leaselock_error *error, void *arg)
{
    struct committed *committed = arg;

    committed->state = leaselock_ticket_state(committed->ticket);
    test_call_done(status, error, &committed->call);
}

static void test_commit_and_release_async(void **state)
{
    struct committed committed = {.call = TEST_CALL_INIT};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    committed.ticket = test_acquire(&peer, "fenced/commit");
    txn.release = 1;
    assert_int_equal(leaselock_fenced_txn_async(committed.ticket, &txn,
                                                TEST_WAIT_MS, committed_done,
                                                &committed, NULL),
                     0);
    assert_int_equal(test_call_await(&committed.call), 0);
    assert_int_equal(committed.state, LEASELOCK_E_HANDLE);
    assert_int_equal(test_keys(&etcd, "fenced/commit/"), 0);
    test_peer_close(&peer);
}

/** The results of many writes, in the order of their completion. */
struct order {
    struct test_call call;
    int next;
    int misplaced;
};

struct ordered {
    struct order *order;
    int number;
};

static void
ordered_done(int status, const struct leaselock_error *error, void *arg)
{
    struct ordered *ordered = arg;

    ordered->order->misplaced += ordered->number != ordered->order->next;
    ordered->order->next++;
    test_call_done(status, error, &ordered->order->call);
}

static bool all_done(void *arg)
{
    return test_call_count(arg) >= 300;
}

/** Goal: the writes of a ticket are applied in the order of their calls, each
 *  once, and their memory may be freed when the call has returned. Method: 300
 *  at once to one key, from one buffer; then a delete. */
static void test_order(void **state)
{
    struct order order = {.call = TEST_CALL_INIT};
    static struct ordered all[300];
    struct test_call deleted = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;
    char value[16];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "fenced/order");
    for (int i = 0; i < 300; i++) {
        all[i] = (struct ordered){&order, i};
        (void)snprintf(value, sizeof(value), "%d", i);
        assert_int_equal(leaselock_fenced_put_async(
                             ticket, "order/a", 7, value, strlen(value),
                             TEST_WAIT_MS, ordered_done, &all[i], NULL),
                         0);
        memset(value, 'x', sizeof(value));
    }
    assert_true(test_until(TEST_WAIT_MS, all_done, &order.call));
    assert_int_equal(order.misplaced, 0);
    assert_int_equal(order.call.status, 0);
    assert_string_equal(test_value(&etcd, "order/a"), "299");
    assert_int_equal(version_is(ticket, "order/a", 300), 0);
    assert_int_equal(leaselock_fenced_delete_async(ticket, "order/a", 7,
                                                   TEST_WAIT_MS, test_call_done,
                                                   &deleted, NULL),
                     0);
    assert_int_equal(test_call_await(&deleted), 0);
    assert_int_equal(test_keys(&etcd, "order/"), 0);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: the namespace of a client is prepended to names, and not to the keys
 * that are written. */
static void test_namespace(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    options.namespace_prefix = "blue/";
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    ticket = test_acquire(&peer, "fenced/space");
    assert_int_equal(put(ticket, "space/a", "x"), 0);
    assert_string_equal(test_value(&etcd, "space/a"), "x");
    assert_int_equal(test_keys(&etcd, "blue/space/"), 0);
    assert_int_equal(test_keys(&etcd, "blue/fenced/space/"), 1);
    test_release(ticket);
    test_peer_close(&peer);
}

static void
blocking_done(int status, const struct leaselock_error *error, void *arg)
{
    struct committed *inside = arg;

    inside->state = put(inside->ticket, "misuse/a", "x") *
                    (leaselock_fenced_outcome(inside->ticket, 0, NULL) ==
                     LEASELOCK_E_DEADLOCK);
    test_call_done(status, error, &inside->call);
}

/** Goal: an invalid write is refused with a status, at the limits as well, and
 * nothing is written. */
static void test_misuse(void **state)
{
    static struct leaselock_op many[LEASELOCK_TXN_PARTS_MAX + 1];
    static char keys[LEASELOCK_TXN_PARTS_MAX + 1][32];
    struct committed inside = {.call = TEST_CALL_INIT};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_op *op = &many[0];
    struct leaselock_compare compare = {0};
    struct test_peer peer;
    leaselock_ticket *ticket;
    char own[LEASELOCK_KEY_MAX + 1];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "fenced/misuse");
    assert_true(leaselock_ticket_key(ticket, own, sizeof(own)) > 0);
    assert_int_equal(put(ticket, "", "x"), LEASELOCK_E_ARGUMENT);
    assert_int_equal(put(ticket, own, "x"), LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_fenced_put(ticket, "misuse/a", 8, NULL, 1,
                                          TEST_WAIT_MS, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(error.code, LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_fenced_put(ticket, "misuse/a", 8, "x", 1, 0, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_fenced_put(ticket, "misuse/a", 8, "x", 1, -2, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_fenced_put_async(ticket, "misuse/a", 8, "x", 1,
                                                TEST_WAIT_MS, NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_fenced_txn(ticket, NULL, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    for (int i = 0; i <= LEASELOCK_TXN_PARTS_MAX; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "misuse/%d", i);
        many[i] = (struct leaselock_op){
            LEASELOCK_OP_PUT, keys[i], strlen(keys[i]), "x", 1, 0};
    }
    txn.ops = many;
    txn.ops_n = LEASELOCK_TXN_PARTS_MAX + 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_LIMIT);
    txn.ops_n = 2;
    many[1].key = many[0].key;
    many[1].key_size = many[0].key_size;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, &error),
                     LEASELOCK_E_SERVER);
    assert_non_null(strstr(error.message, "duplicate key"));
    op->kind = (enum leaselock_op_kind)2;
    txn.ops_n = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    txn.ops_n = 0;
    txn.compares = &compare;
    txn.compares_n = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    txn.compares = NULL;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    txn.compares_n = 0;
    txn.struct_size = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_fenced_outcome(ticket, 0, NULL),
                     LEASELOCK_E_STATE);
    assert_int_equal(leaselock_fenced_outcome(ticket, -2, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_fenced_outcome_async(ticket, NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(put(NULL, "misuse/a", "x"), LEASELOCK_E_HANDLE);
    assert_int_equal(test_keys(&etcd, "misuse/"), 0);
    inside.ticket = ticket;
    assert_int_equal(leaselock_fenced_put_async(ticket, "misuse/a", 8, "x", 1,
                                                TEST_WAIT_MS, blocking_done,
                                                &inside, NULL),
                     0);
    assert_int_equal(test_call_await(&inside.call), 0);
    assert_int_equal(inside.state, LEASELOCK_E_DEADLOCK);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: a transaction of the maximum size is accepted. */
static void test_largest_txn(void **state)
{
    static struct leaselock_op ops[LEASELOCK_TXN_PARTS_MAX];
    static struct leaselock_compare compares[LEASELOCK_TXN_PARTS_MAX];
    static char keys[LEASELOCK_TXN_PARTS_MAX][32];
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "fenced/largest");
    for (int i = 0; i < LEASELOCK_TXN_PARTS_MAX; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "largest/%d", i);
        ops[i] = (struct leaselock_op){
            LEASELOCK_OP_PUT, keys[i], strlen(keys[i]), "x", 1, 0};
        compares[i] = (struct leaselock_compare){.key = keys[i],
                                                 .key_size = strlen(keys[i])};
    }
    txn.ops = ops;
    txn.ops_n = LEASELOCK_TXN_PARTS_MAX;
    txn.compares = compares;
    txn.compares_n = LEASELOCK_TXN_PARTS_MAX;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL), 0);
    assert_int_equal(test_keys(&etcd, "largest/"), LEASELOCK_TXN_PARTS_MAX);
    test_release(ticket);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_delete),
        cmocka_unit_test(test_txn_all_or_nothing),
        cmocka_unit_test(test_put_on_a_lease),
        cmocka_unit_test(test_not_held),
        cmocka_unit_test(test_commit_and_release),
        cmocka_unit_test(test_commit_and_release_async),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_namespace),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_largest_txn),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
