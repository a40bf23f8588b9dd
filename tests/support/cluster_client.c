/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cluster_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/wait.h"

/** More attempts than this are not chance: each succeeds one time in three. */
#define TRIES_MAX 60

/** Prints a line of a client's log, for the search of a failure's cause. */
static void
print_log(enum leaselock_log_level level, const char *message, void *arg)
{
    (void)level;
    (void)fprintf(stderr, "%lld ms, client %p: %s\n",
                  (long long)(test_now_ns() / TEST_NS_PER_MS), arg, message);
}

static int open_one(const char *endpoints,
                    const struct leaselock_client_options *client_options,
                    const struct leaselock_session_options *options,
                    struct test_peer *ret_peer)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_peer peer = {NULL, NULL};

    if (leaselock_client_open(endpoints, client_options, &peer.client,
                              &error) != 0 ||
        leaselock_session_open(peer.client, options, &peer.session, &error) !=
            0) {
        (void)fprintf(stderr, "cannot open a client: %s\n", error.message);
        (void)leaselock_client_close(peer.client, NULL);
        return -1;
    }
    *ret_peer = peer;
    return 0;
}

int test_cluster_client_open(
    struct test_cluster *cluster,
    size_t member,
    const struct leaselock_client_options *client_options,
    const struct leaselock_session_options *options,
    struct test_peer *ret_peer)
{
    struct leaselock_client_options logged = LEASELOCK_CLIENT_OPTIONS_INIT;
    char endpoints[TEST_CLUSTER_ENDPOINTS_SIZE];
    int tries;

    if (client_options != NULL) {
        logged = *client_options;
    }
    if (getenv("LEASELOCK_TEST_LOG") != NULL) {
        logged.log = print_log;
        logged.log_arg = ret_peer;
        logged.log_level = LEASELOCK_LOG_INFO;
    }
    logged.fixed_endpoint = 1; /* it stays with that member */
    (void)test_cluster_endpoints(cluster, member, endpoints);
    for (tries = 0; tries < TRIES_MAX; tries++) {
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        size_t before = test_proxy_accepted(cluster->doors[member]);

        if (open_one(endpoints, &logged, options, ret_peer) != 0) {
            return -1;
        }
        if (test_proxy_accepted(cluster->doors[member]) > before) {
            return 0;
        }
        if (leaselock_client_close(ret_peer->client, &error) != 0) {
            (void)fprintf(stderr, "cannot close a client: %s\n", error.message);
            return -1;
        }
    }
    (void)fprintf(stderr, "no client takes the endpoint %s\n",
                  test_proxy_endpoint(cluster->doors[member]));
    return -1;
}
