/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_WAITING_H
#define LL_RPC_WAITING_H

#include "base/list.h"
#include "rpc/transport.h"

/** The calls and streams that wait for the user's token: auth.h fetches it. */

struct ll_waiting;

/** Why a wait ended without a token. */
struct ll_waiting_failure {
    int grpc_status;
    enum ll_outcome outcome;
    const char *text;
};

/** The wait is over: with failure NULL, what waited is to go now. */
typedef void ll_waiting_fn(struct ll_transport *transport,
                           struct ll_waiting *waiting,
                           const struct ll_waiting_failure *failure,
                           ll_transport_event_fn *on_event,
                           void *arg);

/** A call or stream that waits for a token; part of it. */
struct ll_waiting {
    struct ll_link link;
    uint32_t endpoint;
    int64_t deadline_ns; /* INT64_MAX: as long as Authenticate takes */
    /** It goes without a token when none is to be had, at its deadline too,
     *  unless the user was refused. */
    bool optional;
    ll_waiting_fn *over;
};

/** Lets all go that wait. */
void ll_waiting_release(struct ll_transport *transport,
                        ll_transport_event_fn *on_event,
                        void *arg);

/** Ends the waits that a failure on an endpoint ends; LL_ENDPOINT_ANY: all. */
void ll_waiting_fail(struct ll_transport *transport,
                     const struct ll_waiting_failure *failure,
                     uint32_t endpoint,
                     ll_transport_event_fn *on_event,
                     void *arg);

/** Ends the waits whose time is over. */
void ll_waiting_expire(struct ll_transport *transport,
                       ll_transport_event_fn *on_event,
                       void *arg);

#endif
