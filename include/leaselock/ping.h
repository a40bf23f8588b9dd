/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LEASELOCK_PING_H
#define LEASELOCK_PING_H

#include <stdint.h>

#include "leaselock/client.h"
#include "leaselock/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The status of an etcd member. */
struct leaselock_ping {
    /** The endpoint that answered. */
    char endpoint[LEASELOCK_ERROR_ENDPOINT_SIZE];
    /** Its version, such as "3.4.23"; empty where etcd refuses its status to
     *  the client's user, as 3.5.28 to 3.5.31 and 3.6.9 to 3.6.11 do to all
     *  but root. Then leader_id and is_learner are 0 and mean nothing. */
    char version[32];
    /** 0: unknown, since etcd refused both ids and the revision as well. */
    uint64_t cluster_id;
    uint64_t member_id;
    /** The member that is the leader, or 0 while there is none. */
    uint64_t leader_id;
    /** The store's revision on that member; 0: unknown. */
    int64_t revision;
    /** From sending the request to receiving its answer. */
    int64_t round_trip_us;
    /** How soon a request is answered for which the member has to ask the
     *  leader, the least of three: the client compares these times to find the
     *  nearest member (fixed_endpoint in struct leaselock_client_options). 0:
     *  not known, as it was not answered within the client's request timeout
     *  or etcd has no leader. */
    int64_t answer_us;
    /** Not 0: the connection is TLS. */
    int tls;
    /** Not 0: the client has a user, and a token from etcd for it. */
    int authenticated;
    /** Not 0: the client's calls go to this endpoint at present. */
    int is_in_use;
    /** Not 0: the member is a learner, which has no vote and serves almost no
     *  requests. */
    int is_learner;
};

/**
 * Requests the status of one endpoint of the client, and then reads a key for
 * answer_us. An endpoint that refuses the status, because the user lacks the
 * permission or the client has no user, has answered: the result is 0, and
 * version is empty. It is 0, too, if only the read is not answered.
 *
 * @param endpoint    its number: 0 is the first of leaselock_client_open's list
 * @param timeout_ms  longest wait, 1 or more
 * @param ret_ping    the answer
 * @return 0, LEASELOCK_E_UNAVAILABLE, _REFUSED, _SERVER, _ARGUMENT (also when
 *         there is no such endpoint), _HANDLE, _FORKED, _CLOSED, _DEADLOCK,
 *         _NOMEM
 * @thread any; blocks; not from a callback
 * @since 0.1
 */
int leaselock_ping(leaselock_client *client,
                   unsigned endpoint,
                   int timeout_ms,
                   struct leaselock_ping *ret_ping,
                   struct leaselock_error *reterr);

/**
 * As leaselock_ping, without waiting.
 *
 * @param ret_ping  filled before done is called with status 0; must stay valid
 *                  until done has been called
 * @return 0 when done will be called, else as leaselock_ping
 * @thread any
 * @since 0.1
 */
int leaselock_ping_async(leaselock_client *client,
                         unsigned endpoint,
                         int timeout_ms,
                         struct leaselock_ping *ret_ping,
                         leaselock_done_fn *done,
                         void *arg,
                         struct leaselock_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
