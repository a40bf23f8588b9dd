/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cluster.h"

#include <stdio.h>
#include <string.h>

#include "support/wait.h"

/** An election that fails starts over, and the machine may be busy. */
#define LEADER_TIMEOUT_MS 30000

int test_cluster_start(struct test_cluster *cluster)
{
    /* A member can be added as soon as the cluster runs. */
    static const char *const args[] = {"--strict-reconfig-check=false", NULL};
    const struct test_etcd_options options = {
        .args = args,
        .heartbeat_ms = TEST_CLUSTER_HEARTBEAT_MS,
        .election_ms = TEST_CLUSTER_ELECTION_MS,
        .peer_proxy = true,
    };
    size_t i;

    (void)memset(cluster, 0, sizeof(*cluster));
    if (test_etcd_start_cluster(cluster->members, TEST_CLUSTER_MEMBERS,
                                &options) != 0) {
        return -1;
    }
    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        if (test_proxy_open(cluster->members[i].ports[TEST_ETCD_CLIENT],
                            &cluster->doors[i]) != 0) {
            perror("no proxy");
            return -1;
        }
    }
    return 0;
}

void test_cluster_stop(struct test_cluster *cluster)
{
    size_t i;

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        test_proxy_close(cluster->doors[i]);
        cluster->doors[i] = NULL;
        test_etcd_stop(&cluster->members[i]);
    }
}

const char *
test_cluster_endpoints(const struct test_cluster *cluster,
                       size_t first,
                       char ret_endpoints[static TEST_CLUSTER_ENDPOINTS_SIZE])
{
    size_t used = 0;
    size_t i;

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        size_t member = (first + i) % TEST_CLUSTER_MEMBERS;

        used += (size_t)snprintf(
            ret_endpoints + used, TEST_CLUSTER_ENDPOINTS_SIZE - used, "%s%s",
            i == 0 ? "" : ",", test_proxy_endpoint(cluster->doors[member]));
    }
    return ret_endpoints;
}

struct leader_wanted {
    struct test_cluster *cluster;
    size_t leader;
};

static bool leader_is_known(void *arg)
{
    struct leader_wanted *wanted = arg;
    size_t i;

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        struct test_etcd *member = &wanted->cluster->members[i];

        /* The health page reads through the quorum, so a deposed leader that
         * has not detected this yet is not taken for the leader. */
        if (!wanted->cluster->broken[i] &&
            test_etcd_metric(member, "etcd_server_is_leader", NULL) == 1 &&
            test_etcd_is_healthy(member)) {
            wanted->leader = i;
            return true;
        }
    }
    return false;
}

size_t test_cluster_leader(struct test_cluster *cluster)
{
    struct leader_wanted wanted = {cluster, TEST_CLUSTER_MEMBERS};

    if (!test_until(LEADER_TIMEOUT_MS, leader_is_known, &wanted)) {
        (void)fprintf(stderr, "the cluster has no leader\n");
    }
    return wanted.leader;
}

size_t test_cluster_other(size_t member, size_t which)
{
    return (member + 1 + which) % TEST_CLUSTER_MEMBERS;
}

struct test_etcd *test_cluster_witness(struct test_cluster *cluster)
{
    size_t i;

    for (i = 0; i < TEST_CLUSTER_MEMBERS - 1 && cluster->broken[i]; i++) {
    }
    return &cluster->members[i];
}

static bool all_are_well(void *arg)
{
    struct test_cluster *cluster = arg;
    size_t i;

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        if (!cluster->broken[i] &&
            !test_etcd_is_healthy(&cluster->members[i])) {
            return false;
        }
    }
    return true;
}

int test_cluster_await_well(struct test_cluster *cluster)
{
    if (!test_until(LEADER_TIMEOUT_MS, all_are_well, cluster)) {
        (void)fprintf(stderr, "a member does not come to serve\n");
        return -1;
    }
    return 0;
}

int test_cluster_kill(struct test_cluster *cluster, size_t member)
{
    cluster->broken[member] = true;
    return test_etcd_kill(&cluster->members[member]);
}

int test_cluster_restart(struct test_cluster *cluster, size_t member)
{
    int result = test_etcd_restart(&cluster->members[member]);

    cluster->broken[member] = result != 0;
    return result;
}

int test_cluster_pause(struct test_cluster *cluster, size_t member)
{
    cluster->broken[member] = true;
    return test_etcd_pause(&cluster->members[member]);
}

int test_cluster_resume(struct test_cluster *cluster, size_t member)
{
    cluster->broken[member] = false;
    return test_etcd_resume(&cluster->members[member]);
}

/** Makes the other members' proxies cut off one member's process; 0 ends it. */
static void others_shun(struct test_cluster *cluster, size_t member, pid_t pid)
{
    size_t i;

    for (i = 0; i < TEST_CLUSTER_MEMBERS; i++) {
        if (i != member) {
            test_proxy_shun(cluster->members[i].peer_proxy, pid);
        }
    }
}

void test_cluster_isolate(struct test_cluster *cluster, size_t member)
{
    struct test_etcd *etcd = &cluster->members[member];

    /* A member sends messages over streams that the receiver opened and in
     * requests of its own, so the connections of both directions are cut: those
     * to this member and those from it. */
    cluster->broken[member] = true;
    test_proxy_black_hole(etcd->peer_proxy);
    others_shun(cluster, member, etcd->process.pid);
}

void test_cluster_rejoin(struct test_cluster *cluster, size_t member)
{
    others_shun(cluster, member, 0);
    test_proxy_pass(cluster->members[member].peer_proxy);
    cluster->broken[member] = false;
}
