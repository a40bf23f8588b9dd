/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the model's watches are synced, unsynced, refused and cancelled as
 * etcd's are. Method: requests to the model alone, with the expected
 * messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "sim/etcd_bed.h"

static void open_alone(struct sim_bed *bed)
{
    const struct sim_etcd_config config = {.seed = 1};

    sim_bed_open(bed, &config);
    sim_etcd_stream_open(bed->etcd, 0, 1, LL_STREAM_WATCH);
}

static void assert_reported(struct sim_bed *bed, const char *lines)
{
    assert_string_equal(sim_bed_take(bed), lines);
}

/** A watch from now on receives each revision when it is committed, in one
 * message; its filters leave out events. */
static void test_synced_watch_is_reported_at_once(void **state)
{
    const struct sim_watch_request deletions = {
        .watch_id = 2, .key = sim_bytes("a"), .deletions = true};
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_put(&bed, 0, "a", "0", 0);
    sim_etcd_watch_create(bed.etcd, 1, &deletions, bed.now_ns);
    (void)sim_bed_take(&bed);
    sim_bed_put(&bed, 0, "a", "1", 0);
    assert_reported(&bed, "2: revision 3 txn then {put}\n");
    sim_bed_delete(&bed, 0, "a");
    assert_reported(&bed,
                    "w1: watch 2 revision 4  del \"a\"=\"\"(c0 m4 v0 l0)\n"
                    "3: revision 4 txn then {deleted 1}\n");
    sim_etcd_watch_cancel(bed.etcd, 1, 2, bed.now_ns);
    sim_etcd_watch_cancel(bed.etcd, 1, 2, bed.now_ns);
    sim_bed_put(&bed, 0, "a", "2", 0);
    assert_reported(&bed, "w1: watch 2 revision 4 canceled error \"\"\n"
                          "4: revision 5 txn then {put}\n");
    sim_bed_close(&bed);
}

/** A watch from the past waits for the loop, 100 ms at most, and receives all
 * changes in the order of revisions. */
static void test_unsynced_watch_waits_for_the_loop(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_delete(&bed, 0, "a");
    (void)sim_bed_take(&bed);
    sim_bed_watch(&bed, 1, 0, "a", NULL, 2);
    sim_bed_watch(&bed, 1, 0, "a", NULL, 3);
    sim_bed_put(&bed, 0, "a", "2", 0);
    assert_reported(&bed, "w1: watch 0 revision 3 created\n"
                          "w1: watch 1 revision 3 created\n"
                          "3: revision 4 txn then {put}\n");
    sim_etcd_watch_cancel(bed.etcd, 1, 1, bed.now_ns);
    (void)sim_bed_take(&bed);
    sim_bed_pass_ms(&bed, 100);
    assert_reported(&bed,
                    "w1: watch 0 revision 4  put \"a\"=\"1\"(c2 m2 v1 l0) "
                    "del \"a\"=\"\"(c0 m3 v0 l0) "
                    "put \"a\"=\"2\"(c4 m4 v1 l0)\n");
    assert_int_equal(sim_etcd_deadline_ns(bed.etcd), INT64_MAX);
    sim_bed_close(&bed);
}

/** A message to an unsynced watch has at most 1,000 revisions; the rest
 * follows. */
static void test_unsynced_watch_is_reported_in_batches(void **state)
{
    struct sim_bed bed;
    int i;

    (void)state;
    open_alone(&bed);
    for (i = 0; i < 1500; i++) {
        sim_bed_put(&bed, 0, "a", "", 0);
    }
    sim_bed_watch(&bed, 1, 1, "a", NULL, 2);
    (void)sim_bed_take(&bed);
    sim_bed_pass_ms(&bed, 100);
    assert_null(strstr(sim_bed_take(&bed), " m1002 "));
    sim_bed_pass_ms(&bed, 100);
    assert_non_null(
        strstr(sim_bed_take(&bed),
               "w1: watch 1 revision 1501  put \"a\"=\"\"(c2 m1002 "));
    sim_bed_close(&bed);
}

/** etcd refuses a watch id in use, an empty range and a forbidden key. All
 * refusals are reported as watch -1 and do not affect an existing watch. */
static void test_refused_watches(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_etcd_forbid_watch(bed.etcd, sim_bytes("secret/"));
    sim_bed_watch(&bed, 1, 3, "a", NULL, 0);
    sim_bed_watch(&bed, 1, 3, "b", NULL, 0);
    sim_bed_watch(&bed, 1, 4, "b", "a", 0);
    sim_bed_watch(&bed, 1, 5, "secret/1", NULL, 0);
    sim_bed_put(&bed, 0, "b", "", 0);
    assert_reported(
        &bed, "w1: watch 3 revision 1 created\n"
              "w1: watch -1 revision 1 canceled error \"mvcc: duplicate "
              "watch ID provided on the WatchStream\"\n"
              "w1: watch -1 revision 1 canceled error \"mvcc: watcher range "
              "is empty\"\n"
              "w1: watch -1 revision 1 canceled refused \"rpc error: code = "
              "PermissionDenied desc = etcdserver: permission denied\"\n"
              "1: revision 2 txn then {put}\n");
    sim_bed_close(&bed);
}

/** A compaction cancels a watch that needs older revisions, when the loop finds
 * it; a synced watch is not affected. */
static void test_compaction_ends_an_old_watch(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_alone(&bed);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_put(&bed, 0, "a", "2", 0);
    sim_bed_put(&bed, 0, "a", "3", 0);
    sim_bed_watch(&bed, 1, 1, "a", NULL, 0);
    sim_bed_watch(&bed, 1, 2, "a", NULL, 2);
    sim_etcd_compact(bed.etcd, 3, bed.now_ns);
    (void)sim_bed_take(&bed);
    sim_bed_pass_ms(&bed, 100);
    assert_reported(&bed,
                    "w1: watch 2 revision 0 canceled error \"compacted at "
                    "revision 3\"\n");
    sim_bed_watch(&bed, 1, 3, "a", NULL, 3);
    sim_bed_pass_ms(&bed, 100);
    sim_bed_put(&bed, 0, "b", "", 0);
    assert_reported(&bed,
                    "w1: watch 3 revision 4 created\n"
                    "w1: watch 3 revision 4  put \"a\"=\"2\"(c2 m3 v2 l0) "
                    "put \"a\"=\"3\"(c2 m4 v3 l0)\n"
                    "4: revision 5 txn then {put}\n");
    sim_bed_close(&bed);
}

/** A write between a watch's reading its start revision and its joining a group
 * makes it unsynced: the loop sends the write, and its created answer has the
 * revision before that write. */
static void test_a_write_in_between_makes_unsynced(void **state)
{
    const struct sim_etcd_config config = {.seed = 1,
                                           .watch_race_max_ns = 1000000};
    struct sim_bed bed;
    char expected[200];
    int revision = 1;
    int late = 0;
    int i;

    (void)state;
    sim_bed_open(&bed, &config);
    sim_etcd_stream_open(bed.etcd, 0, 1, LL_STREAM_WATCH);
    for (i = 1; late < 5; i++) {
        assert_in_range(i, 1, 200);
        sim_bed_watch(&bed, 1, i, "a", NULL, 0);
        if (*sim_bed_take(&bed) == '\0') {
            late++;
            sim_bed_put(&bed, 0, "a", "", 0);
            (void)sim_bed_take(&bed);
            sim_bed_pass_ms(&bed, 1 + 100);
            (void)snprintf(expected, sizeof(expected),
                           "w1: watch %d revision %d created\n"
                           "w1: watch %d revision %d  "
                           "put \"a\"=\"\"(c2 m%d v%d l0)\n",
                           i, revision, i, revision + 1, revision + 1,
                           revision);
            revision++;
            assert_reported(&bed, expected);
        }
        sim_etcd_watch_cancel(bed.etcd, 1, i, bed.now_ns);
        (void)sim_bed_take(&bed);
    }
    sim_bed_close(&bed);
}

/** From 3.4.38, 3.5.22 and 3.6.2 on such a write precedes the watch: the
 * created answer has its revision, and later writes are sent at once. */
static void test_newer_releases_place_it_synced(void **state)
{
    const struct sim_etcd_config config = {
        .seed = 1, .version = "3.5.22", .watch_race_max_ns = 1000000};
    struct sim_bed bed;
    char expected[200];
    int revision = 1;
    int late = 0;
    int i;

    (void)state;
    sim_bed_open(&bed, &config);
    sim_etcd_stream_open(bed.etcd, 0, 1, LL_STREAM_WATCH);
    for (i = 1; late < 5; i++) {
        assert_in_range(i, 1, 200);
        sim_bed_watch(&bed, 1, i, "a", NULL, 0);
        if (*sim_bed_take(&bed) == '\0') {
            late++;
            sim_bed_put(&bed, 0, "a", "", 0);
            (void)sim_bed_take(&bed);
            sim_bed_pass_ms(&bed, 1);
            (void)snprintf(expected, sizeof(expected),
                           "w1: watch %d revision %d created\n", i, ++revision);
            assert_reported(&bed, expected);
            sim_bed_put(&bed, 0, "a", "", 0);
            revision++;
            assert_non_null(strstr(sim_bed_take(&bed), "put \"a\""));
        }
        sim_etcd_watch_cancel(bed.etcd, 1, i, bed.now_ns);
        (void)sim_bed_take(&bed);
    }
    sim_bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synced_watch_is_reported_at_once),
        cmocka_unit_test(test_unsynced_watch_waits_for_the_loop),
        cmocka_unit_test(test_unsynced_watch_is_reported_in_batches),
        cmocka_unit_test(test_refused_watches),
        cmocka_unit_test(test_compaction_ends_an_old_watch),
        cmocka_unit_test(test_a_write_in_between_makes_unsynced),
        cmocka_unit_test(test_newer_releases_place_it_synced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
