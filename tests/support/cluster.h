/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_CLUSTER_H
#define TEST_SUPPORT_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/etcd.h"
#include "support/proxy.h"

/** Three members of one etcd cluster, and ways to break them. */

#define TEST_CLUSTER_MEMBERS 3
#define TEST_CLUSTER_ENDPOINTS_SIZE                                            \
    (TEST_CLUSTER_MEMBERS * TEST_ETCD_ENDPOINT_SIZE)
/** etcd's defaults. If the leader fails, another is elected after one to two
 * election timeouts, or twice that if two members are candidates at once. */
#define TEST_CLUSTER_HEARTBEAT_MS 100
#define TEST_CLUSTER_ELECTION_MS 1000

/**
 *     clients --- doors[i] --- members[i] --- members[i].peer_proxy --- members
 *
 * The library's clients connect through the doors, and the members connect to
 * each other through proxies, so that each of the two can be cut without the
 * other. etcdctl and the readers of metrics connect to a member directly. */
struct test_cluster {
    struct test_etcd members[TEST_CLUSTER_MEMBERS];
    struct test_proxy *doors[TEST_CLUSTER_MEMBERS];
    /** Stopped, killed or cut off from the others. */
    bool broken[TEST_CLUSTER_MEMBERS];
};

/** Starts a cluster and waits until each member serves. Returns 0, or -1 with a
 * sentence on stderr; call test_cluster_stop in both cases. */
int test_cluster_start(struct test_cluster *cluster);

/** Kills all members and removes their files. */
void test_cluster_stop(struct test_cluster *cluster);

/** The addresses of the doors, separated by commas, this member's first. */
const char *
test_cluster_endpoints(const struct test_cluster *cluster,
                       size_t first,
                       char ret_endpoints[static TEST_CLUSTER_ENDPOINTS_SIZE]);

/** The leader. Waits until a member that is not broken leads and serves;
 * TEST_CLUSTER_MEMBERS if none did in time. */
size_t test_cluster_leader(struct test_cluster *cluster);

/** A member other than this one: the first or the second. */
size_t test_cluster_other(size_t member, size_t which);

/** A member that is not broken, for reads of the store. */
struct test_etcd *test_cluster_witness(struct test_cluster *cluster);

/** Waits until every member that is not broken serves. 0, or -1. */
int test_cluster_await_well(struct test_cluster *cluster);

/** SIGKILL. */
int test_cluster_kill(struct test_cluster *cluster, size_t member);
/** Starts a killed one again and waits until it serves. */
int test_cluster_restart(struct test_cluster *cluster, size_t member);
/** SIGSTOP, with all connections open. */
int test_cluster_pause(struct test_cluster *cluster, size_t member);
/** SIGCONT. */
int test_cluster_resume(struct test_cluster *cluster, size_t member);
/** Cuts a member off from the other two; clients still reach it. Data in flight
 * are held back, as when packets are lost for a while. */
void test_cluster_isolate(struct test_cluster *cluster, size_t member);
/** Undoes test_cluster_isolate. */
void test_cluster_rejoin(struct test_cluster *cluster, size_t member);

#endif
