/* SPDX-License-Identifier: Apache-2.0 */
/* Reading keys and ranges. */
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

/** Goal: a key is read with all its fields in etcd, and an absent key is
 * reported as such. Method: fenced writes of bytes and of an empty value, read
 * by both forms. */
static void test_key(void **state)
{
    struct leaselock_get_info *info = NULL;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "get/key");
    assert_int_equal(leaselock_fenced_put(ticket, "one\0key", 7, "a\0b", 3,
                                          TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(leaselock_fenced_put(ticket, "one\0key", 7, "c\0d", 3,
                                          TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(
        leaselock_get(peer.client, "one\0key", 7, NULL, &info, NULL), 0);
    assert_int_equal(info->kvs_n, 1);
    assert_int_equal(info->total, 1);
    assert_int_equal(info->kvs[0].key_size, 7);
    assert_memory_equal(info->kvs[0].key, "one\0key", 8);
    assert_int_equal(info->kvs[0].value_size, 3);
    assert_memory_equal(info->kvs[0].value, "c\0d", 4);
    assert_int_equal(info->kvs[0].version, 2);
    assert_true(info->kvs[0].create_revision < info->kvs[0].mod_revision);
    assert_true(info->kvs[0].mod_revision <= info->revision);
    assert_int_equal(info->revision, test_etcd_revision(&etcd));
    assert_int_equal(info->kvs[0].lease, 0);
    leaselock_get_free(info);
    assert_int_equal(leaselock_get_async(peer.client, "one", 3, NULL, &info,
                                         test_call_done, &call, NULL),
                     0);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(info->kvs_n, 0);
    leaselock_get_free(info);
    leaselock_get_free(NULL);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: a range ends at its end key, and the options limit and keys_only work.
 * Method: four keys, of which three are in the range. */
static void test_range(void **state)
{
    struct leaselock_get_options options = LEASELOCK_GET_OPTIONS_INIT;
    struct leaselock_get_info *info = NULL;
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "get/range");
    assert_int_equal(put(ticket, "range/a", "1"), 0);
    assert_int_equal(put(ticket, "range/b", "2"), 0);
    assert_int_equal(put(ticket, "range/c", "3"), 0);
    assert_int_equal(put(ticket, "range/d", "4"), 0);
    options.end = "range/d";
    options.end_size = 7;
    assert_int_equal(
        leaselock_get(peer.client, "range/a", 7, &options, &info, NULL), 0);
    assert_int_equal(info->kvs_n, 3);
    assert_int_equal(info->total, 3);
    assert_string_equal(info->kvs[0].key, "range/a");
    assert_string_equal(info->kvs[2].key, "range/c");
    assert_string_equal(info->kvs[2].value, "3");
    leaselock_get_free(info);
    options.limit = 2;
    options.keys_only = 1;
    assert_int_equal(
        leaselock_get(peer.client, "range/a", 7, &options, &info, NULL), 0);
    assert_int_equal(info->kvs_n, 2);
    assert_int_equal(info->total, 3);
    assert_int_equal(info->kvs[1].value_size, 0);
    leaselock_get_free(info);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: keys are read without the namespace, and a compare-and-put is refused
 * once another program has written the key. Method: a client with a namespace
 * reads, etcdctl writes, the fenced write compares the mod revision. */
static void test_write_as_read(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_compare as_read = {
        .key = "back", .key_size = 4, .target = LEASELOCK_COMPARE_MOD_REVISION};
    struct leaselock_op op = {LEASELOCK_OP_PUT, "back", 4, "mine", 4, 0};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct leaselock_get_info *info = NULL;
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    options.namespace_prefix = "space/";
    test_peer_open_with(etcd.endpoint, &options, &session, &peer);
    ticket = test_acquire(&peer, "get/back");
    txn.compares = &as_read;
    txn.compares_n = 1;
    txn.ops = &op;
    txn.ops_n = 1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            test_etcdctl(&etcd, NULL, 0, "put", "back", "theirs", NULL), 0);
        assert_int_equal(
            leaselock_get(peer.client, "back", 4, NULL, &info, NULL), 0);
        assert_int_equal(info->kvs_n, 1);
        assert_string_equal(info->kvs[0].value, "theirs");
        as_read.number = info->kvs[0].mod_revision;
        leaselock_get_free(info);
        if (i == 0) {
            assert_int_equal(
                test_etcdctl(&etcd, NULL, 0, "put", "back", "newer", NULL), 0);
        }
        assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                         i == 0 ? LEASELOCK_E_COMPARE : 0);
        assert_string_equal(test_value(&etcd, "back"),
                            i == 0 ? "newer" : "mine");
    }
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: a fenced transaction returns its reads' results from just before its
 * own writes, and none if it is not applied. Method: reads of the written key,
 * of an absent one, and of a limited range; then a condition that fails; then
 * the asynchronous form, which releases. */
static void test_txn_reads(void **state)
{
    struct leaselock_read reads[] = {
        {"both/a", 6, NULL, 0, 0, 0},
        {"both/none", 9, NULL, 0, 0, 0},
        {"both/a", 6, "both/z", 6, 2, 1},
    };
    struct leaselock_op op = {LEASELOCK_OP_PUT, "both/a", 6, "new", 3, 0};
    struct leaselock_compare compare = {
        .key = "both/a", .key_size = 6, .target = LEASELOCK_COMPARE_VERSION};
    struct leaselock_get_info *infos[3] = {NULL, NULL, NULL};
    struct test_call call = TEST_CALL_INIT;
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;
    int64_t revision = 0;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "get/both");
    assert_int_equal(put(ticket, "both/a", "old"), 0);
    assert_int_equal(put(ticket, "both/b", "b"), 0);
    assert_int_equal(put(ticket, "both/c", "c"), 0);
    txn.ops = &op;
    txn.ops_n = 1;
    txn.reads = reads;
    txn.reads_n = 3;
    txn.ret_reads = infos;
    txn.ret_revision = &revision;
    txn.compares = &compare;
    txn.compares_n = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_COMPARE);
    assert_null(infos[0]);
    compare.number = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL), 0);
    for (int i = 0; i < 3; i++) {
        assert_non_null(infos[i]);
        assert_int_equal(infos[i]->revision, revision - 1);
    }
    assert_int_equal(infos[0]->kvs_n, 1);
    assert_string_equal(infos[0]->kvs[0].value, "old");
    assert_int_equal(infos[0]->kvs[0].version, 1);
    assert_int_equal(infos[1]->kvs_n, 0);
    assert_int_equal(infos[2]->kvs_n, 2);
    assert_int_equal(infos[2]->total, 3);
    assert_string_equal(infos[2]->kvs[1].key, "both/b");
    assert_int_equal(infos[2]->kvs[1].value_size, 0);
    assert_string_equal(test_value(&etcd, "both/a"), "new");
    for (int i = 0; i < 3; i++) {
        leaselock_get_free(infos[i]);
        infos[i] = NULL;
    }
    compare.number = 2;
    txn.reads_n = 1;
    txn.release = 1;
    assert_int_equal(leaselock_fenced_txn_async(ticket, &txn, TEST_WAIT_MS,
                                                test_call_done, &call, NULL),
                     0);
    assert_int_equal(test_call_await(&call), 0);
    assert_string_equal(infos[0]->kvs[0].value, "new");
    assert_int_equal(infos[0]->revision, revision - 1);
    assert_null(infos[1]);
    leaselock_get_free(infos[0]);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

/** Goal: a transaction with invalid reads is refused, and writes nothing.
 *  Method: each mistake in turn. */
static void test_txn_misuse(void **state)
{
    static struct leaselock_read many[LEASELOCK_TXN_PARTS_MAX];
    static struct leaselock_get_info *infos[LEASELOCK_TXN_PARTS_MAX];
    struct leaselock_read read = {"wrong/a", 7, NULL, 0, 0, 0};
    struct leaselock_op op = {LEASELOCK_OP_PUT, "wrong/a", 7, "x", 1, 0};
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "get/wrong");
    txn.ops = &op;
    txn.ops_n = 1;
    txn.reads = &read;
    txn.reads_n = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    txn.ret_reads = infos;
    read.key_size = 0;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    read.key_size = 7;
    read.limit = -1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    read.limit = 0;
    read.end_size = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    read.end_size = 0;
    for (int i = 0; i < LEASELOCK_TXN_PARTS_MAX; i++) {
        many[i] = read;
    }
    txn.reads = many;
    txn.reads_n = LEASELOCK_TXN_PARTS_MAX;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_LIMIT);
    assert_int_equal(test_keys(&etcd, "wrong/"), 0);
    assert_null(infos[0]);
    txn.ops_n = 0;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL), 0);
    for (int i = 0; i < LEASELOCK_TXN_PARTS_MAX; i++) {
        assert_int_equal(infos[i]->kvs_n, 0);
        leaselock_get_free(infos[i]);
    }
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: invalid arguments are refused. Method: each mistake in turn. */
static void test_misuse(void **state)
{
    struct leaselock_get_options options = LEASELOCK_GET_OPTIONS_INIT;
    struct leaselock_get_info *info = NULL;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(leaselock_get(peer.client, "", 0, NULL, &info, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_get(peer.client, NULL, 1, NULL, &info, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_get(peer.client, "a", 1, NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    options.end_size = 1;
    assert_int_equal(leaselock_get(peer.client, "a", 1, &options, &info, NULL),
                     LEASELOCK_E_ARGUMENT);
    options.end_size = 0;
    options.limit = -1;
    assert_int_equal(leaselock_get(peer.client, "a", 1, &options, &info, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_get(NULL, "a", 1, NULL, &info, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(
        leaselock_get_async(peer.client, "a", 1, NULL, &info, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_null(info);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key),           cmocka_unit_test(test_range),
        cmocka_unit_test(test_write_as_read), cmocka_unit_test(test_txn_reads),
        cmocka_unit_test(test_txn_misuse),    cmocka_unit_test(test_misuse),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
