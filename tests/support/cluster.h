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
/** etcd's defaults. A leader that is gone is replaced after one to two
 *  election time-outs, or twice that when two members stand at once. */
#define TEST_CLUSTER_HEARTBEAT_MS 100
#define TEST_CLUSTER_ELECTION_MS 1000

/**
 *     clients --- doors[i] --- members[i] --- members[i].peer_proxy --- members
 *
 * Clients of the library come through the doors, and what the members say to
 * each other goes through proxies, so each of the two can be cut without the
 * other. etcdctl and the metrics go straight to a member.
 */
struct test_cluster {
    struct test_etcd members[TEST_CLUSTER_MEMBERS];
    struct test_proxy *doors[TEST_CLUSTER_MEMBERS];
    /** Stopped, killed or cut off from the others. */
    bool broken[TEST_CLUSTER_MEMBERS];
};

/** Starts a cluster and waits until each member serves. 0, or -1 with a
 *  sentence on stderr; test_cluster_stop is to be called in each case. */
int test_cluster_start(struct test_cluster *cluster);

/** Kills all members and removes what they left. */
void test_cluster_stop(struct test_cluster *cluster);

/** The doors with commas between them, that of this member first. */
const char *
test_cluster_endpoints(const struct test_cluster *cluster,
                       size_t first,
                       char ret_endpoints[static TEST_CLUSTER_ENDPOINTS_SIZE]);

/** The member that leads; waits until one of those that are not broken does
 *  and serves. TEST_CLUSTER_MEMBERS when none came to. */
size_t test_cluster_leader(struct test_cluster *cluster);

/** A member that is not this one, the first or the second such. */
size_t test_cluster_other(size_t member, size_t which);

/** A member that is not broken: to be asked what is in the store. */
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
/** Cuts a member off from the other two; clients still reach it. What was on
 *  its way is held back, as when packets are lost for a while. */
void test_cluster_isolate(struct test_cluster *cluster, size_t member);
/** Undoes test_cluster_isolate. */
void test_cluster_rejoin(struct test_cluster *cluster, size_t member);

#endif
