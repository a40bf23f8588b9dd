/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the model of etcd treats keys, Txns, leases and watches as etcd's
 * source does. Method: requests to the model alone, with the expected messages;
 * test_model_against_etcd.c compares it with a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "sim/etcd_bed.h"

#define S(text)                                                                \
    {                                                                          \
        (text), sizeof(text) - 1                                               \
    }

static void open_alone(struct sim_bed *bed)
{
    const struct sim_etcd_config config = {.seed = 1};

    sim_bed_open(bed, &config);
}

static void assert_reported(struct sim_bed *bed, const char *lines)
{
    assert_string_equal(sim_bed_take(bed), lines);
}

/** Every write with a change makes one revision: puts and deletions, read back
 * by a range of all keys. */
static void test_a_txn_is_one_revision(void **state)
{
    const struct ll_op both[] = {
        {.kind = LL_OP_PUT, .put = {.key = S("a"), .value = S("1")}},
        {.kind = LL_OP_PUT, .put = {.key = S("b")}},
    };
    const struct ll_txn txn = {.then_ops = both, .then_n = 2};
    const struct ll_range all = {.key = S("a"), .end = S("z")};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_txn(&bed, 0, &txn);
    sim_bed_put(&bed, 0, "a", "2", 0);
    sim_bed_delete(&bed, 0, "b");
    sim_bed_delete(&bed, 0, "b");
    sim_bed_range(&bed, 0, &all);
    assert_reported(&bed, "1: revision 2 txn then {put, put}\n"
                          "2: revision 3 txn then {put}\n"
                          "3: revision 4 txn then {deleted 1}\n"
                          "4: revision 4 txn then {deleted 0}\n"
                          "5: revision 4 range count 1 "
                          "[\"a\"=\"2\"(c2 m3 v2 l0)]\n");
    assert_int_equal(bed.commits, 3);
    sim_bed_close(&bed);
}

/** A Txn's ranges see its earlier writes; its compares, nested ones too, do
 * not. */
static void test_compares_come_before_writes(void **state)
{
    const struct ll_compare absent = {.key = S("a"),
                                      .target = LL_COMPARE_CREATE_REVISION,
                                      .result = LL_COMPARE_EQUAL};
    const struct ll_op nested_put = {.kind = LL_OP_PUT, .put.key = S("b")};
    const struct ll_op ops[] = {
        {.kind = LL_OP_RANGE, .range.key = S("a")},
        {.kind = LL_OP_PUT, .put = {.key = S("a"), .value = S("1")}},
        {.kind = LL_OP_RANGE, .range.key = S("a")},
        {.kind = LL_OP_TXN,
         .txn = {.compares = &absent,
                 .compares_n = 1,
                 .then_ops = &nested_put,
                 .then_n = 1}},
    };
    const struct ll_txn txn = {
        .compares = &absent, .compares_n = 1, .then_ops = ops, .then_n = 4};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_txn(&bed, 0, &txn);
    sim_bed_txn(&bed, 0, &txn);
    assert_reported(&bed, "1: revision 2 txn then {range count 0 [], put, "
                          "range count 1 [\"a\"=\"1\"(c2 m2 v1 l0)], "
                          "txn then {put}}\n"
                          "2: revision 2 txn else {}\n");
    sim_bed_close(&bed);
}

/** Of nested Txns that take places in one queue, the ranges of a later one see
 * the keys of the earlier ones, and their compares do not: a shared place waits
 * for an exclusive one before it in the batch, a try succeeds behind both. All
 * keys have one create revision. */
static void test_places_in_a_batch(void **state)
{
    const struct ll_compare absent[] = {
        {.key = S("q/1"), .target = LL_COMPARE_CREATE_REVISION},
        {.key = S("q/~.s.1"), .target = LL_COMPARE_CREATE_REVISION},
        {.key = S("q/~.s.2"), .target = LL_COMPARE_CREATE_REVISION},
        {.key = S("q/"),
         .end = S("q/~."),
         .target = LL_COMPARE_CREATE_REVISION},
        {.key = S("q/~/"),
         .end = S("q0"),
         .target = LL_COMPARE_CREATE_REVISION},
    };
    const struct ll_range lower = {.key = S("q/"),
                                   .end = S("q/~."),
                                   .limit = 1,
                                   .sort = LL_SORT_NEWEST_FIRST};
    const struct ll_range upper = {.key = S("q/~/"),
                                   .end = S("q0"),
                                   .limit = 1,
                                   .sort = LL_SORT_NEWEST_FIRST};
    const struct ll_op places[3][3] = {
        {{.kind = LL_OP_RANGE, .range = {.key = S("q/"), .end = S("q0")}},
         {.kind = LL_OP_PUT, .put.key = S("q/1")}},
        {{.kind = LL_OP_RANGE, .range = lower},
         {.kind = LL_OP_RANGE, .range = upper},
         {.kind = LL_OP_PUT, .put.key = S("q/~.s.1")}},
        {{.kind = LL_OP_PUT, .put.key = S("q/~.s.2")}},
    };
    const struct ll_op found[] = {{.kind = LL_OP_RANGE, .range = lower},
                                  {.kind = LL_OP_RANGE, .range = upper}};
    const struct ll_op ops[] = {
        {.kind = LL_OP_TXN,
         .txn = {.compares = &absent[0],
                 .compares_n = 1,
                 .then_ops = places[0],
                 .then_n = 2}},
        {.kind = LL_OP_TXN,
         .txn = {.compares = &absent[1],
                 .compares_n = 1,
                 .then_ops = places[1],
                 .then_n = 3}},
        {.kind = LL_OP_TXN,
         .txn = {.compares = &absent[2],
                 .compares_n = 3,
                 .then_ops = places[2],
                 .then_n = 1,
                 .else_ops = found,
                 .else_n = 2}},
    };
    const struct ll_txn txn = {.then_ops = ops, .then_n = 3};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_txn(&bed, 0, &txn);
    sim_bed_delete(&bed, 0, "q/~.s.2");
    sim_bed_txn(&bed, 0, &txn);
    assert_reported(&bed,
                    "1: revision 2 txn then {txn then {range count 0 [], put}, "
                    "txn then {range count 1 [\"q/1\"=\"\"(c2 m2 v1 l0)], "
                    "range count 0 [], put}, txn then {put}}\n"
                    "2: revision 3 txn then {deleted 1}\n"
                    "3: revision 3 txn then {txn else {}, txn else {}, txn "
                    "else {range count 1 [\"q/1\"=\"\"(c2 m2 v1 l0)], range "
                    "count 0 []}}\n");
    sim_bed_close(&bed);
}

/** A compare of a range must hold for each of its keys; without a key, numbers
 * compare as 0, and a value neither equals nor differs. */
static void test_compares_of_ranges(void **state)
{
    struct ll_compare compare = {.key = S("a"),
                                 .end = S("b"),
                                 .target = LL_COMPARE_VERSION,
                                 .result = LL_COMPARE_LESS,
                                 .number = 2};
    const struct ll_txn txn = {.compares = &compare, .compares_n = 1};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_txn(&bed, 0, &txn);
    sim_bed_put(&bed, 0, "a", "", 0);
    sim_bed_put(&bed, 0, "a1", "", 0);
    sim_bed_put(&bed, 0, "a1", "", 0);
    (void)sim_bed_take(&bed);
    sim_bed_txn(&bed, 0, &txn);
    compare.end = (struct ll_bytes){0};
    sim_bed_txn(&bed, 0, &txn);
    compare.key = (struct ll_bytes)S("none");
    compare.target = LL_COMPARE_VALUE;
    compare.result = LL_COMPARE_EQUAL;
    sim_bed_txn(&bed, 0, &txn);
    compare.result = LL_COMPARE_NOT_EQUAL;
    sim_bed_txn(&bed, 0, &txn);
    assert_reported(&bed, "5: revision 4 txn else {}\n"
                          "6: revision 4 txn then {}\n"
                          "7: revision 4 txn else {}\n"
                          "8: revision 4 txn else {}\n");
    sim_bed_close(&bed);
}

/** The count is that of the whole range; "more" means that the limit has cut
 * off keys that pass the filter. */
static void test_ranges_count_all_and_cut(void **state)
{
    struct ll_range range = {.key = S("q/"),
                             .end = S("q0"),
                             .limit = 1,
                             .max_create_revision = 3,
                             .sort = LL_SORT_NEWEST_FIRST,
                             .keys_only = true};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_put(&bed, 0, "q/3", "x", 0);
    sim_bed_put(&bed, 0, "q/2", "x", 0);
    sim_bed_put(&bed, 0, "q/1", "x", 0);
    (void)sim_bed_take(&bed);
    sim_bed_range(&bed, 0, &range);
    range.limit = 2;
    range.keys_only = false;
    sim_bed_range(&bed, 0, &range);
    range.sort = LL_SORT_OLDEST_FIRST;
    range.revision = 2;
    sim_bed_range(&bed, 0, &range);
    range.revision = 0;
    range.count_only = true;
    sim_bed_range(&bed, 0, &range);
    assert_reported(&bed,
                    "4: revision 4 range count 3 more "
                    "[\"q/2\"=\"\"(c3 m3 v1 l0)]\n"
                    "5: revision 4 range count 3 [\"q/2\"=\"x\"(c3 m3 v1 l0) "
                    "\"q/3\"=\"x\"(c2 m2 v1 l0)]\n"
                    "6: revision 4 range count 1 "
                    "[\"q/3\"=\"x\"(c2 m2 v1 l0)]\n"
                    "7: revision 4 range count 3 []\n");
    sim_bed_close(&bed);
}

/** A compacted or future revision is an error; in a Txn it fails the whole
 * Txn. */
static void test_revisions_out_of_range(void **state)
{
    const struct ll_op ops[] = {
        {.kind = LL_OP_PUT, .put.key = S("b")},
        {.kind = LL_OP_RANGE, .range = {.key = S("a"), .revision = 2}},
    };
    const struct ll_txn txn = {.then_ops = ops, .then_n = 2};
    struct ll_range range = {.key = S("a"), .revision = 4};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_put(&bed, 0, "a", "2", 0);
    sim_bed_range(&bed, 0, &range);
    sim_etcd_compact(bed.etcd, 3, bed.now_ns);
    (void)sim_bed_take(&bed);
    sim_bed_range(&bed, 0, &range);
    range.revision = 3;
    sim_bed_range(&bed, 0, &range);
    sim_bed_txn(&bed, 0, &txn);
    assert_reported(&bed,
                    "4: error 11 \"etcdserver: mvcc: required revision is a "
                    "future revision\"\n"
                    "5: revision 3 range count 1 "
                    "[\"a\"=\"2\"(c2 m3 v2 l0)]\n"
                    "6: error 11 \"etcdserver: mvcc: required revision has "
                    "been compacted\"\n");
    sim_bed_close(&bed);
}

/** For a range at a future revision and a put with a missing lease, etcd up to
 * 3.5 reports the put, 3.6 the first of both. */
static void test_the_first_of_two_faults(void **state)
{
    const struct ll_op ops[] = {
        {.kind = LL_OP_RANGE, .range = {.key = S("a"), .revision = 9}},
        {.kind = LL_OP_PUT, .put = {.key = S("b"), .lease = 5}},
        {.kind = LL_OP_RANGE, .range = {.key = S("a"), .revision = 9}},
    };
    const struct ll_txn ranged = {.then_ops = ops, .then_n = 2};
    const struct ll_txn put = {.then_ops = &ops[1], .then_n = 2};
    static const struct {
        const char *version;
        const char *expected;
    } cases[] = {
        {"3.5.30", "1: no lease 5 \"etcdserver: requested lease not found\"\n"
                   "2: no lease 5 \"etcdserver: requested lease not found\"\n"},
        {"3.6.0", "1: error 11 \"etcdserver: mvcc: required revision is a "
                  "future revision\"\n"
                  "2: no lease 5 \"etcdserver: requested lease not found\"\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        const struct sim_etcd_config config = {
            .seed = 1, .members = 1, .version = cases[i].version};
        struct sim_bed bed;

        sim_bed_open(&bed, &config);
        sim_bed_txn(&bed, 0, &ranged);
        sim_bed_txn(&bed, 0, &put);
        assert_reported(&bed, cases[i].expected);
        sim_bed_close(&bed);
    }
}

/** A key may be written once; a put with a missing lease fails the whole Txn,
 * nested ones included. */
static void test_what_fails_a_txn(void **state)
{
    const struct ll_op puts[] = {
        {.kind = LL_OP_PUT, .put.key = S("a")},
        {.kind = LL_OP_PUT, .put = {.key = S("b"), .lease = 5}},
    };
    const struct ll_op nested[] = {
        {.kind = LL_OP_TXN, .txn = {.then_ops = &puts[0], .then_n = 1}},
        {.kind = LL_OP_TXN, .txn = {.then_ops = &puts[1], .then_n = 1}},
        {.kind = LL_OP_DELETE, .del = {.key = S("a"), .end = S("b")}},
    };
    struct ll_txn txn = {.then_ops = nested, .then_n = 2};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_txn(&bed, 0, &txn);
    txn.then_n = 3;
    sim_bed_txn(&bed, 0, &txn);
    sim_bed_get(&bed, 0, "", false);
    assert_reported(&bed, "1: no lease 5 \"etcdserver: requested lease not "
                          "found\"\n"
                          "2: error 3 \"etcdserver: duplicate key given in txn "
                          "request\"\n"
                          "3: error 3 \"etcdserver: key is not provided\"\n");
    assert_int_equal(sim_etcd_revision(bed.etcd), 1);
    sim_bed_close(&bed);
}

/** 126 nested Txns of two operations pass, 127 do not. */
static void test_operations_have_a_limit(void **state)
{
    static const struct ll_op pair[] = {
        {.kind = LL_OP_RANGE, .range.key = S("a")},
        {.kind = LL_OP_RANGE, .range.key = S("a")},
    };
    struct ll_op ops[127];
    struct ll_txn txn = {.then_ops = ops, .then_n = 126};
    struct sim_bed bed;
    size_t i;

    (void)state;
    for (i = 0; i < 127; i++) {
        ops[i] = (struct ll_op){.kind = LL_OP_TXN,
                                .txn = {.then_ops = pair, .then_n = 2}};
    }
    open_alone(&bed);
    sim_bed_txn(&bed, 0, &txn);
    assert_non_null(strstr(sim_bed_take(&bed), "revision 1 txn then"));
    txn.then_n = 127;
    sim_bed_txn(&bed, 0, &txn);
    assert_reported(&bed, "2: error 3 \"etcdserver: too many operations in txn "
                          "request\"\n");
    sim_bed_close(&bed);
}

/** A lease is granted once, not below the minimum TTL, and revoked with its
 * keys in one revision. */
static void test_leases(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_GRANT, 7, 1);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_GRANT, 7, 9);
    sim_bed_put(&bed, 0, "b", "", 7);
    sim_bed_put(&bed, 0, "a", "", 7);
    sim_bed_put(&bed, 0, "c", "", 7);
    sim_bed_put(&bed, 0, "c", "", 0);
    assert_reported(&bed, "1: revision 1 granted 2 2\n"
                          "2: lease exists 9 \"etcdserver: lease already "
                          "exists\"\n"
                          "3: revision 2 txn then {put}\n"
                          "4: revision 3 txn then {put}\n"
                          "5: revision 4 txn then {put}\n"
                          "6: revision 5 txn then {put}\n");
    sim_etcd_stream_open(bed.etcd, 0, 1, LL_STREAM_WATCH);
    sim_bed_watch(&bed, 1, 1, "a", "z", 0);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_TTL, 7, 0);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_REVOKE, 7, 0);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_REVOKE, 7, 0);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_TTL, 7, 0);
    assert_reported(&bed, "w1: watch 1 revision 5 created\n"
                          "7: revision 5 ttl of 2\n"
                          "w1: watch 1 revision 6  del \"a\"=\"\"(c0 m6 v0 l0) "
                          "del \"b\"=\"\"(c0 m6 v0 l0)\n"
                          "8: revision 6 revoked\n"
                          "9: no lease 5 \"etcdserver: requested lease not "
                          "found\"\n"
                          "10: revision 6 ttl none of 0\n");
    assert_false(sim_etcd_has_lease(bed.etcd, 7));
    sim_bed_close(&bed);
}

/** A renewed lease persists; one that is not renewed is revoked at the leader's
 * next check, within 500 ms. A keep-alive in between waits for that. */
static void test_leases_expire(void **state)
{
    struct sim_bed bed;
    int64_t expiry_ns;

    (void)state;
    open_alone(&bed);
    sim_etcd_stream_open(bed.etcd, 0, 1, LL_STREAM_KEEPALIVE);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_GRANT, 7, 5);
    sim_bed_pass_ms(&bed, 4900);
    sim_etcd_keepalive(bed.etcd, 1, 7, bed.now_ns);
    sim_etcd_keepalive(bed.etcd, 1, 8, bed.now_ns);
    assert_reported(&bed, "1: revision 1 granted 5 5\n"
                          "k1: lease 7 ttl 5\n"
                          "k1: lease 8 ttl 0\n");
    expiry_ns = sim_etcd_lease_expiry_ns(bed.etcd, 7);
    assert_int_equal(expiry_ns, bed.now_ns + INT64_C(5000000000));
    sim_bed_pass_ms(&bed, 4999);
    assert_true(sim_etcd_has_lease(bed.etcd, 7));
    sim_bed_pass_ms(&bed, 1);
    sim_etcd_keepalive(bed.etcd, 1, 7, bed.now_ns);
    assert_reported(&bed, "");
    sim_bed_pass_ms(&bed, 500);
    assert_reported(&bed, "k1: lease 7 ttl 0\n");
    assert_int_equal(sim_etcd_deadline_ns(bed.etcd), INT64_MAX);
    sim_bed_close(&bed);
}

/** Each check revokes at most half of the limit of leases per second. */
static void test_expiry_has_a_rate(void **state)
{
    const struct sim_etcd_config config = {.seed = 3, .revokes_max = 4};
    struct sim_bed bed;
    int left = 0;
    int looks;
    int64_t i;

    (void)state;
    sim_bed_open(&bed, &config);
    for (i = 1; i <= 10; i++) {
        sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_GRANT, i, 5);
    }
    sim_bed_pass_ms(&bed, 5000);
    for (looks = 1; looks <= 5; looks++) {
        sim_bed_pass_ms(&bed, 500);
        for (left = 0, i = 1; i <= 10; i++) {
            left += sim_etcd_has_lease(bed.etcd, i) ? 1 : 0;
        }
        assert_int_equal(left, 10 - 2 * looks);
    }
    sim_bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_txn_is_one_revision),
        cmocka_unit_test(test_compares_come_before_writes),
        cmocka_unit_test(test_places_in_a_batch),
        cmocka_unit_test(test_compares_of_ranges),
        cmocka_unit_test(test_ranges_count_all_and_cut),
        cmocka_unit_test(test_revisions_out_of_range),
        cmocka_unit_test(test_the_first_of_two_faults),
        cmocka_unit_test(test_what_fails_a_txn),
        cmocka_unit_test(test_operations_have_a_limit),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_leases_expire),
        cmocka_unit_test(test_expiry_has_a_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
