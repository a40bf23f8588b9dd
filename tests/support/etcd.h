/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_ETCD_H
#define TEST_SUPPORT_ETCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/process.h"
#include "support/proxy.h"

#define TEST_ETCD_ENDPOINT_SIZE 32
#define TEST_ETCD_PATH_SIZE 256
/** The limits: members of a cluster, and extra arguments of each. */
#define TEST_ETCD_MEMBERS_MAX 5
#define TEST_ETCD_ARGS_MAX 32

/** The ports of a member. */
enum test_etcd_port {
    TEST_ETCD_CLIENT = 0,
    TEST_ETCD_PEER = 1,
    /** Metrics and health have their own, so that they need no TLS. */
    TEST_ETCD_METRICS = 2,
    TEST_ETCD_PORTS_N = 3
};

/** The options of a temporary etcd; 0 or NULL is the default of each. */
struct test_etcd_options {
    /** More arguments, a list terminated by NULL; must stay valid until
     * test_etcd_stop. */
    const char *const *args;
    /** Default 50. */
    unsigned heartbeat_ms;
    /** Default 500, with which the shortest lease is 1 s. */
    unsigned election_ms;
    /** Clients connect with TLS; the certificates are in args. */
    bool tls;
    /** The other members connect through peer_proxy. */
    bool peer_proxy;
};

/** A temporary etcd: a child process and its folder. */
struct test_etcd {
    /** "127.0.0.1:PORT", for clients. */
    char endpoint[TEST_ETCD_ENDPOINT_SIZE];
    /** Its data and its log. */
    char folder[TEST_ETCD_PATH_SIZE];
    uint16_t ports[TEST_ETCD_PORTS_N];
    struct test_process process;
    /** Between the other members and this one; NULL without that option. */
    struct test_proxy *peer_proxy;

    /* Private. */
    int reserved_fds[TEST_ETCD_PORTS_N];
    unsigned number;
    /** The port that the other members connect to. */
    uint16_t peer_door;
    char initial_cluster[TEST_ETCD_MEMBERS_MAX * 40];
    struct test_etcd_options options;
};

/**
 * Starts an etcd of one member, on free ports and with an empty store, and
 * waits until it serves. The program is $LEASELOCK_TEST_ETCD, or etcd from
 * PATH; the folder of the former goes first in PATH, for its etcdctl. Its data
 * are in /dev/shm if that has room, since etcd waits for the disk at each
 * write, else in $TMPDIR or /tmp. The kernel kills it when this test ends.
 *
 * @param ret_etcd  the etcd; the caller stops it with test_etcd_stop
 * @return 0, or -1 with a sentence and the tail of etcd's log on stderr
 */
int test_etcd_start(struct test_etcd *ret_etcd);

/** As test_etcd_start, with options (NULL for the defaults). */
int test_etcd_start_with(struct test_etcd *ret_etcd,
                         const struct test_etcd_options *options);

/**
 * Starts a cluster.
 *
 * @param ret_members  members_n of them; the caller stops each
 * @param members_n    1 to TEST_ETCD_MEMBERS_MAX
 */
int test_etcd_start_cluster(struct test_etcd *ret_members,
                            size_t members_n,
                            const struct test_etcd_options *options);

/**
 * Prepares one more member of a running cluster: its ports and its folder. Add
 * it with etcdctl, then test_etcd_restart_nowait starts it.
 *
 * @param number    its index, from 0
 * @param of        a member of the cluster as it was started
 * @param options   with "--initial-cluster-state=existing" among its args
 * @return 0, or -1 with a sentence on stderr; test_etcd_stop in each case
 */
int test_etcd_prepare_joining(struct test_etcd *ret_etcd,
                              unsigned number,
                              const struct test_etcd *of,
                              const struct test_etcd_options *options);

/** Kills etcd and removes its folder. Accepts one that has not started, if it
 * was zero-initialised or passed to a start. */
void test_etcd_stop(struct test_etcd *etcd);

/** Freezes etcd with all its connections open; returns when it is frozen. */
int test_etcd_pause(struct test_etcd *etcd);

/** Resumes a frozen etcd. */
int test_etcd_resume(struct test_etcd *etcd);

/** Kills etcd as a power failure would; data and ports are kept. */
int test_etcd_kill(struct test_etcd *etcd);

/** Starts etcd again on its ports and data, after killing it if it runs, and
 * waits until it serves. Returns 0, or -1 as test_etcd_start. */
int test_etcd_restart(struct test_etcd *etcd);

/** As test_etcd_restart, without the wait: for a member of a cluster that has
 *  no quorum yet. */
int test_etcd_restart_nowait(struct test_etcd *etcd);

/** Whether etcd serves and has a leader. */
bool test_etcd_is_healthy(struct test_etcd *etcd);

/** The store's revision on this member, or -1. Sends no request that etcd
 * counts. */
int64_t test_etcd_revision(struct test_etcd *etcd);

/**
 * A number from etcd's /metrics: the sum of all lines of that name.
 *
 * @param name    such as "grpc_server_handled_total"
 * @param labels  what the line's labels must contain, as
 *                "grpc_code=\"OK\",grpc_method=\"Txn\""; labels are in
 *                alphabetical order; NULL selects every line
 * @return the sum, rounded down; 0 if there is no such line, -1 if etcd does
 * not answer */
int64_t
test_etcd_metric(struct test_etcd *etcd, const char *name, const char *labels);

/** The number of calls of a method that etcd has received ("Txn", "Range",
 * "LeaseGrant"), or of streams opened ("Watch", "LeaseKeepAlive"). Returns -1
 * as test_etcd_metric. */
int64_t test_etcd_requests(struct test_etcd *etcd, const char *method);

/** The number of messages that clients have sent to a method, for streams such
 * as "LeaseKeepAlive". Returns -1 as test_etcd_metric. */
int64_t test_etcd_messages(struct test_etcd *etcd, const char *method);

#define TEST_ETCD_VERSION_SIZE 24

/**
 * Reads the server's release, such as "3.5.30"; not with TLS.
 *
 * @return 0, or -1 with a sentence on standard error
 */
int test_etcd_version(struct test_etcd *etcd,
                      char ret_version[TEST_ETCD_VERSION_SIZE]);

/**
 * Sends a request to etcd's JSON gateway, which is much faster than etcdctl;
 * not with TLS.
 *
 * @param path     such as "/v3/kv/range"
 * @param request  a JSON object; numbers of 64 bits are strings in it, keys
 *                 and values base64
 * @return the answer, which the caller frees, or NULL with a sentence on stderr
 */
char *test_etcd_gateway(struct test_etcd *etcd,
                        const char *path,
                        const char *request);

/**
 * Runs etcdctl against this member and waits for its end, 20 s at most.
 *
 * @param ret_output  takes its stdout and a NUL, cut to size bytes; may be NULL
 * @param ...         arguments, terminated by NULL. Lease ids are hexadecimal
 * @return its exit status, or -1 if it could not be run or did not end; its
 * stderr is printed if it fails */
int test_etcdctl(struct test_etcd *etcd, char *ret_output, size_t size, ...)
    __attribute__((sentinel));

/** Starts an etcdctl that keeps running, such as "lock": read its lines with
 *  test_process_line, end it with test_process_end. 0, or -1. */
int test_etcdctl_spawn(struct test_etcd *etcd,
                       struct test_process *ret_process,
                       ...) __attribute__((sentinel));

#endif
