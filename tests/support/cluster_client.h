/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_CLUSTER_CLIENT_H
#define TEST_SUPPORT_CLUSTER_CLIENT_H

#include <stddef.h>

#include "support/cluster.h"
#include "support/test_live.h"

/**
 * Opens a client with all members as endpoints, connected to one given member,
 * and a session. Nothing else may connect meanwhile.
 *
 * A client's first endpoint is random, so clients are opened until one has
 * connected to the given member; that client has no failure behind it.
 *
 * @param options      NULL for the defaults
 * @return 0, or -1 with a sentence on stderr
 */
int test_cluster_client_open(
    struct test_cluster *cluster,
    size_t member,
    const struct leaselock_client_options *client_options,
    const struct leaselock_session_options *options,
    struct test_peer *ret_peer);

#endif
