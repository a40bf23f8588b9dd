/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of a cluster. */
#include "faultbench.h"

#include <stdio.h>

#include "support/wait.h"

/** How long a member is down or cut off: long enough for several elections, or
 * for its view of the leases to be older than their TTL. */
#define AWAY_MS 13000
/** A slow disk: how long it hangs, and how long it works. */
#define BURST_MS 200
#define BURSTS 20

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void let_pass(int length_ms)
{
    (void)test_until(length_ms, never, NULL);
}

static int black_hole(struct test_cluster *cluster, size_t member)
{
    test_proxy_black_hole(cluster->doors[member]);
    return 0;
}

static int pass(struct test_cluster *cluster, size_t member)
{
    test_proxy_pass(cluster->doors[member]);
    return 0;
}

static int isolate(struct test_cluster *cluster, size_t member)
{
    test_cluster_isolate(cluster, member);
    return 0;
}

static int rejoin(struct test_cluster *cluster, size_t member)
{
    test_cluster_rejoin(cluster, member);
    return 0;
}

static int isolate_for_long(struct test_cluster *cluster, size_t member)
{
    test_cluster_isolate(cluster, member);
    let_pass(AWAY_MS);
    return 0;
}

static int pause_for_long(struct test_cluster *cluster, size_t member)
{
    if (test_cluster_pause(cluster, member) != 0) {
        return -1;
    }
    let_pass(AWAY_MS);
    return 0;
}

/** A slow disk, from its first hang on. */
static int hang_and_work(struct test_cluster *cluster, size_t member)
{
    int bursts;

    for (bursts = 0; bursts < BURSTS; bursts++) {
        if (bursts > 0 && test_cluster_pause(cluster, member) != 0) {
            return -1;
        }
        let_pass(BURST_MS);
        if (test_cluster_resume(cluster, member) != 0) {
            return -1;
        }
        let_pass(BURST_MS);
    }
    return 0;
}

/** Restarts a killed member, then kills and restarts the others, each as soon
 * as the one before serves. */
static int restart_all(struct test_cluster *cluster, size_t member)
{
    size_t i;

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        size_t at = (member + i) % TEST_CLUSTER_MEMBERS;

        if ((i > 0 && test_cluster_kill(cluster, at) != 0) ||
            test_cluster_restart(cluster, at) != 0 ||
            test_cluster_await_well(cluster) != 0) {
            return -1;
        }
    }
    return 0;
}

/** Compacts the history. */
static int compact(struct test_cluster *cluster, size_t member)
{
    char revision[24];

    (void)snprintf(revision, sizeof(revision), "%lld",
                   (long long)test_etcd_revision(&cluster->members[member]));
    return test_etcdctl(&cluster->members[member], NULL, 0, "compact", revision,
                        NULL) == 0
               ? 0
               : -1;
}

/** Defragments each member. */
static int defragment(struct test_cluster *cluster, size_t member)
{
    size_t i;

    (void)member;
    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        if (test_etcdctl(&cluster->members[i], NULL, 0, "defrag", NULL) != 0) {
            return -1;
        }
    }
    return 0;
}

const struct fault faults[] = {
    {.name = "none",
     .what = "nothing",
     .clients = "the leader",
     .to_leader = true},
    {.name = "kill-leader",
     .what = "the leader is killed (`kill -9`)",
     .clients = "the leader",
     .to_leader = true,
     .begin = test_cluster_kill,
     .end = test_cluster_restart},
    {.name = "kill-leader-elsewhere",
     .what = "the leader is killed",
     .clients = "a follower",
     .to_leader = true,
     .clients_elsewhere = true,
     .begin = test_cluster_kill,
     .end = test_cluster_restart},
    {.name = "kill-follower",
     .what = "a follower is killed",
     .clients = "that follower",
     .begin = test_cluster_kill,
     .end = test_cluster_restart},
    {.name = "stop-leader",
     .what = "the leader is stopped (SIGSTOP)",
     .clients = "the leader",
     .to_leader = true,
     .begin = test_cluster_pause,
     .end = test_cluster_resume},
    {.name = "stop-leader-elsewhere",
     .what = "the leader is stopped",
     .clients = "a follower",
     .to_leader = true,
     .clients_elsewhere = true,
     .begin = test_cluster_pause,
     .end = test_cluster_resume},
    {.name = "stop-follower",
     .what = "a follower is stopped",
     .clients = "that follower",
     .begin = test_cluster_pause,
     .end = test_cluster_resume},
    {.name = "stopped-leader-back",
     .what = "a leader that was stopped for 13 s continues",
     .clients = "a follower",
     .to_leader = true,
     .clients_elsewhere = true,
     .prepare = pause_for_long,
     .begin = test_cluster_resume},
    {.name = "cut-clients",
     .what = "the path to a member drops everything",
     .clients = "that member",
     .begin = black_hole,
     .end = pass},
    {.name = "cut-follower",
     .what = "a follower is cut off from the others",
     .clients = "that follower",
     .begin = isolate,
     .end = rejoin},
    {.name = "cut-leader",
     .what = "the leader is cut off from the others",
     .clients = "the leader",
     .to_leader = true,
     .begin = isolate,
     .end = rejoin},
    {.name = "cut-follower-back",
     .what = "a follower that was cut off for 13 s comes back",
     .clients = "another member",
     .clients_elsewhere = true,
     .prepare = isolate_for_long,
     .begin = rejoin},
    {.name = "slow-leader",
     .what = "the leader hangs for 200 ms of each 400 ms",
     .clients = "the leader",
     .to_leader = true,
     .begin = test_cluster_pause,
     .then = hang_and_work},
    {.name = "restart-all",
     .what = "all members are killed and started, one after the other",
     .clients = "the leader",
     .to_leader = true,
     .begin = test_cluster_kill,
     .then = restart_all},
    {.name = "compact",
     .what = "compaction, each member is defragmented",
     .clients = "the leader",
     .to_leader = true,
     .begin = compact,
     .then = defragment},
};

const size_t faults_n = sizeof(faults) / sizeof(faults[0]);
