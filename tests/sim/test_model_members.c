/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the model's members lag, stop, are killed, lose their quorum and
 * recover as etcd's do. Method: requests to the model alone, with the expected
 * messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/etcd_bed.h"
#include "sim/etcd_program.h"

#define NS_PER_MS INT64_C(1000000)

/** Three members, of which the first leads; elections take a second. */
static void open_three(struct sim_bed *bed, int64_t lag_ms)
{
    const struct sim_etcd_config config = {
        .seed = 1, .members = 3, .lag_max_ns = lag_ms * NS_PER_MS};

    sim_bed_open(bed, &config);
}

static void assert_reported(struct sim_bed *bed, const char *lines)
{
    assert_string_equal(sim_bed_take(bed), lines);
}

/** A member that lags serves serializable reads of its applied state;
 * linearizable ones, its watches and the answers to its own writes wait until
 * it has caught up. */
static void test_a_member_lags(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_three(&bed, 1000);
    sim_etcd_stream_open(bed.etcd, 1, 1, LL_STREAM_WATCH);
    sim_bed_watch(&bed, 1, 1, "a", NULL, 0);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_get(&bed, 1, "a", true);
    sim_bed_get(&bed, 1, "a", false);
    sim_bed_get(&bed, 0, "a", false);
    assert_reported(&bed, "w1: watch 1 revision 1 created\n"
                          "1: revision 2 txn then {put}\n"
                          "2: revision 1 range count 0 []\n"
                          "4: revision 2 range count 1 "
                          "[\"a\"=\"1\"(c2 m2 v1 l0)]\n");
    sim_bed_put(&bed, 1, "b", "", 0);
    assert_reported(&bed, "");
    sim_bed_pass_ms(&bed, 1000);
    assert_reported(&bed,
                    "w1: watch 1 revision 2  put \"a\"=\"1\"(c2 m2 v1 l0)\n"
                    "3: revision 2 range count 1 "
                    "[\"a\"=\"1\"(c2 m2 v1 l0)]\n"
                    "5: revision 3 txn then {put}\n");
    sim_bed_close(&bed);
}

/** A stopped member does nothing, and after it resumes processes all that
 * arrived in the meantime. */
static void test_a_member_stops(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_three(&bed, 0);
    sim_etcd_stream_open(bed.etcd, 2, 1, LL_STREAM_WATCH);
    sim_bed_watch(&bed, 1, 1, "a", NULL, 0);
    (void)sim_bed_take(&bed);
    sim_etcd_stop(bed.etcd, 2, bed.now_ns);
    sim_bed_get(&bed, 2, "a", true);
    sim_bed_watch(&bed, 1, 2, "a", NULL, 0);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_pass_ms(&bed, 60000);
    assert_reported(&bed, "2: revision 2 txn then {put}\n");
    sim_etcd_continue(bed.etcd, 2, bed.now_ns);
    /* It processes its clients' messages first; the seed decides the order of
     * the two watches. */
    assert_reported(&bed,
                    "1: revision 1 range count 0 []\n"
                    "w1: watch 2 revision 1 created\n"
                    "w1: watch 1 revision 2  put \"a\"=\"1\"(c2 m2 v1 l0)\n"
                    "w1: watch 2 revision 2  put \"a\"=\"1\"(c2 m2 v1 l0)\n");
    sim_bed_close(&bed);
}

/** A killed member's streams end and its calls are never answered; after its
 * restart it has the revisions committed meanwhile. */
static void test_a_member_dies(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_three(&bed, 0);
    sim_etcd_stream_open(bed.etcd, 1, 1, LL_STREAM_WATCH);
    sim_etcd_stop(bed.etcd, 1, bed.now_ns);
    sim_bed_get(&bed, 1, "a", true);
    sim_etcd_kill(bed.etcd, 1, bed.now_ns);
    assert_reported(&bed, "s1: down \"Socket closed\"\n");
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_get(&bed, 1, "a", true);
    sim_etcd_restart(bed.etcd, 1, bed.now_ns);
    sim_bed_get(&bed, 1, "a", false);
    assert_reported(&bed, "2: revision 2 txn then {put}\n"
                          "4: revision 2 range count 1 "
                          "[\"a\"=\"1\"(c2 m2 v1 l0)]\n");
    sim_bed_close(&bed);
}

/** A member that is cut off serves its applied state until it detects that,
 * then refuses all but its status, and ends its streams after three
 * elections. */
static void test_a_member_is_cut_off(void **state)
{
    const struct ll_request status = {.kind = LL_REQUEST_STATUS};
    struct sim_bed bed;

    (void)state;
    open_three(&bed, 0);
    sim_etcd_stream_open(bed.etcd, 1, 1, LL_STREAM_KEEPALIVE);
    sim_etcd_cut_off(bed.etcd, 1, bed.now_ns);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_get(&bed, 1, "a", true);
    sim_bed_get(&bed, 1, "a", false);
    assert_reported(&bed, "1: revision 2 txn then {put}\n"
                          "2: revision 1 range count 0 []\n");
    sim_bed_pass_ms(&bed, 1000);
    sim_bed_get(&bed, 1, "a", true);
    sim_bed_ask(&bed, 1, &status);
    sim_etcd_stream_open(bed.etcd, 1, 2, LL_STREAM_WATCH);
    assert_reported(&bed, "4: lost 14 \"etcdserver: no leader\"\n"
                          "5: revision 1 version 3.4.23\n"
                          "s2: down \"etcdserver: no leader\"\n");
    sim_bed_pass_ms(&bed, 2999);
    assert_reported(&bed, "");
    sim_bed_pass_ms(&bed, 1);
    assert_reported(&bed, "s1: down \"etcdserver: no leader\"\n");
    sim_bed_pass_ms(&bed, 3000);
    assert_reported(&bed, "3: lost 14 \"etcdserver: request timed out\"\n");
    sim_etcd_heal(bed.etcd, 1, bed.now_ns);
    sim_bed_get(&bed, 1, "a", true);
    assert_reported(&bed, "6: revision 2 range count 1 "
                          "[\"a\"=\"1\"(c2 m2 v1 l0)]\n");
    sim_bed_close(&bed);
}

/** In the middle of an upgrade each member's status has its own release, and a
 * member that restarts is of the other one. */
static void test_members_of_two_releases(void **state)
{
    const struct sim_etcd_config config = {.seed = 1,
                                           .members = 3,
                                           .version = "3.5.16",
                                           .other_version = "3.5.30"};
    const struct ll_request status = {.kind = LL_REQUEST_STATUS};
    struct sim_bed bed;
    unsigned member;

    (void)state;
    sim_bed_open(&bed, &config);
    for (member = 0; member < 3; member++) {
        sim_bed_ask(&bed, member, &status);
    }
    sim_etcd_kill(bed.etcd, 1, bed.now_ns);
    sim_etcd_restart(bed.etcd, 1, bed.now_ns);
    sim_bed_ask(&bed, 1, &status);
    assert_reported(&bed, "1: revision 1 version 3.5.16\n"
                          "2: revision 1 version 3.5.30\n"
                          "3: revision 1 version 3.5.16\n"
                          "4: revision 1 version 3.5.16\n");
    sim_bed_close(&bed);
}

/** A leader that stops is replaced after an election, and the new one restarts
 * every TTL, an election longer. */
static void test_a_new_leader_starts_ttls_again(void **state)
{
    struct sim_bed bed;
    int64_t expiry_ns;
    unsigned leader;

    (void)state;
    open_three(&bed, 0);
    sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_GRANT, 7, 10);
    sim_bed_pass_ms(&bed, 4000);
    sim_etcd_stop(bed.etcd, 0, bed.now_ns);
    sim_bed_pass_ms(&bed, 1000);
    leader = sim_etcd_leader(bed.etcd);
    assert_in_range(leader, 1, 2);
    expiry_ns = sim_etcd_lease_expiry_ns(bed.etcd, 7);
    assert_int_equal(expiry_ns, bed.now_ns + 11000 * NS_PER_MS);
    sim_bed_pass_ms(&bed, 3000);
    sim_etcd_move_leader(bed.etcd, 3 - leader, bed.now_ns);
    assert_int_equal(sim_etcd_lease_expiry_ns(bed.etcd, 7),
                     bed.now_ns + 11000 * NS_PER_MS);
    sim_etcd_continue(bed.etcd, 0, bed.now_ns);
    assert_int_equal(sim_etcd_leader(bed.etcd), 3 - leader);
    sim_bed_close(&bed);
}

/** Without a majority nothing is committed, and after a while there is no
 * leader. */
static void test_no_quorum(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_three(&bed, 0);
    sim_etcd_kill(bed.etcd, 1, bed.now_ns);
    sim_etcd_kill(bed.etcd, 2, bed.now_ns);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_get(&bed, 0, "a", false);
    sim_bed_pass_ms(&bed, 1000);
    assert_int_equal(sim_etcd_leader(bed.etcd), 3);
    sim_bed_pass_ms(&bed, 10000);
    assert_reported(&bed, "1: lost 14 \"etcdserver: request timed out\"\n"
                          "2: lost 14 \"etcdserver: request timed out\"\n");
    sim_bed_put(&bed, 0, "b", "1", 0);
    assert_reported(&bed, "3: lost 14 \"etcdserver: no leader\"\n");
    sim_etcd_restart(bed.etcd, 1, bed.now_ns);
    sim_bed_pass_ms(&bed, 1000);
    sim_bed_put(&bed, 1, "b", "1", 0);
    assert_non_null(strstr(sim_bed_take(&bed), "txn then {put}"));
    sim_bed_close(&bed);
}

/** A write whose leader stops is committed by the next one, never, or late,
 * after its timeout was reported to its client. Each occurs with some seed. */
static void test_fates_of_a_proposal(void **state)
{
    bool answered = false;
    bool never = false;
    bool late = false;
    uint64_t seed;

    (void)state;
    for (seed = 0; seed < 100 && !(answered && never && late); seed++) {
        const struct sim_etcd_config config = {.seed = seed, .members = 3};
        struct sim_bed bed;
        bool timed_out;
        struct ll_kv kv;
        bool before;
        bool after;

        sim_bed_open(&bed, &config);
        sim_etcd_stop(bed.etcd, 0, bed.now_ns);
        sim_bed_put(&bed, 1, "a", "1", 0);
        sim_bed_pass_ms(&bed, 8000);
        timed_out = strstr(sim_bed_take(&bed), "timed out") != NULL;
        before = sim_etcd_get(bed.etcd, sim_bytes("a"), &kv);
        sim_bed_pass_ms(&bed, 10000);
        after = sim_etcd_get(bed.etcd, sim_bytes("a"), &kv);
        assert_true(after || timed_out);
        answered = answered || (before && !timed_out);
        never = never || !after;
        late = late || (timed_out && after && !before);
        sim_bed_close(&bed);
    }
    assert_true(answered && never && late);
}

/** While it is busy, etcd refuses writes, and nothing else. */
static void test_busy(void **state)
{
    struct sim_bed bed;

    (void)state;
    open_three(&bed, 0);
    sim_etcd_set_busy(bed.etcd, true);
    sim_bed_put(&bed, 0, "a", "1", 0);
    sim_bed_get(&bed, 0, "a", false);
    assert_reported(&bed, "1: again 2 \"etcdserver: too many requests\"\n"
                          "2: revision 1 range count 0 []\n");
    assert_int_equal(sim_etcd_calls_served(bed.etcd), 2);
    assert_int_equal(sim_etcd_writes_served(bed.etcd), 1);
    sim_bed_close(&bed);
}

/** With the option, a stale leader answers waiting renewals by its own clock,
 * and revokes leases that have expired by it. */
static void test_a_stale_leader(void **state)
{
    struct sim_etcd_config config = {.seed = 1, .members = 3};
    struct sim_bed bed;
    int stale;

    (void)state;
    for (stale = 0; stale < 2; stale++) {
        config.stale_leaders = stale == 1;
        sim_bed_open(&bed, &config);
        sim_etcd_stream_open(bed.etcd, 0, 1, LL_STREAM_KEEPALIVE);
        sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_GRANT, 7, 30);
        sim_bed_lease(&bed, 0, LL_REQUEST_LEASE_GRANT, 8, 5);
        sim_etcd_stop(bed.etcd, 0, bed.now_ns);
        sim_bed_pass_ms(&bed, 5500);
        sim_etcd_keepalive(bed.etcd, 1, 7, bed.now_ns);
        (void)sim_bed_take(&bed);
        sim_etcd_continue(bed.etcd, 0, bed.now_ns);
        assert_reported(&bed, "k1: lease 7 ttl 30\n");
        assert_int_equal(sim_etcd_lease_expiry_ns(bed.etcd, 7) >
                             bed.now_ns + 29000 * NS_PER_MS,
                         stale == 0);
        assert_int_equal(sim_etcd_has_lease(bed.etcd, 8), stale == 0);
        sim_bed_close(&bed);
    }
}

/** A random run: requests to random members, with faults. */
static char *run(uint64_t seed)
{
    const struct sim_etcd_config config = {.seed = seed,
                                           .members = 3,
                                           .lag_max_ns = 200 * NS_PER_MS,
                                           .watch_race_max_ns = NS_PER_MS};
    struct sim_program program = {.random = seed};
    struct sim_bed bed;
    struct sim_step step;
    uint64_t stream = 0;
    char *output;
    int i;

    sim_bed_open(&bed, &config);
    program.model = bed.etcd;
    for (i = 0; i < 3000; i++) {
        unsigned member = (unsigned)sim_random_below(&program.random, 3);

        sim_program_next(&program, &step);
        if (step.kind == SIM_STEP_CALL) {
            sim_bed_ask(&bed, member, &step.request);
        } else if (step.kind == SIM_STEP_WATCH) {
            sim_etcd_stream_open(bed.etcd, member, ++stream, LL_STREAM_WATCH);
            sim_etcd_watch_create(bed.etcd, stream, &step.watch, bed.now_ns);
        } else if (step.kind == SIM_STEP_COMPACT) {
            sim_etcd_compact(bed.etcd, step.id, bed.now_ns);
        }
        switch (sim_random_below(&program.random, 100)) {
        case 0:
            sim_etcd_stop(bed.etcd, member, bed.now_ns);
            break;
        case 1:
            sim_etcd_kill(bed.etcd, member, bed.now_ns);
            break;
        case 2:
            sim_etcd_cut_off(bed.etcd, member, bed.now_ns);
            break;
        case 3:
            sim_etcd_move_leader(bed.etcd, member, bed.now_ns);
            break;
        case 4:
            sim_etcd_stream_close(bed.etcd, stream);
            break;
        default:
            sim_etcd_continue(bed.etcd, member, bed.now_ns);
            sim_etcd_restart(bed.etcd, member, bed.now_ns);
            sim_etcd_heal(bed.etcd, member, bed.now_ns);
        }
        sim_bed_pass_ms(&bed, sim_random_below(&program.random, 200));
    }
    output = strdup(sim_bed_take(&bed));
    assert_non_null(output);
    sim_bed_close(&bed);
    sim_program_free(&program);
    return output;
}

/** The same seed gives the same run, word by word; another seed a different
 * one. */
static void test_a_seed_gives_one_run(void **state)
{
    uint64_t seed;

    (void)state;
    for (seed = 1; seed <= 5; seed++) {
        char *first = run(seed);
        char *second = run(seed);
        char *other = run(seed + 1000);

        assert_string_equal(first, second);
        assert_string_not_equal(first, other);
        free(first);
        free(second);
        free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_member_lags),
        cmocka_unit_test(test_a_member_stops),
        cmocka_unit_test(test_a_member_dies),
        cmocka_unit_test(test_a_member_is_cut_off),
        cmocka_unit_test(test_members_of_two_releases),
        cmocka_unit_test(test_a_new_leader_starts_ttls_again),
        cmocka_unit_test(test_no_quorum),
        cmocka_unit_test(test_fates_of_a_proposal),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_a_stale_leader),
        cmocka_unit_test(test_a_seed_gives_one_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
