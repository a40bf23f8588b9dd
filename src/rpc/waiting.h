/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_WAITING_H
#define LL_RPC_WAITING_H

#include "base/list.h"
#include "rpc/transport.h"

/** Calls and streams that wait for the user's token, which auth.h fetches. */

struct ll_waiting;

/** The reason why a wait ended without a token. */
struct ll_waiting_failure {
    int grpc_status;
    enum ll_outcome outcome;
    const char *text;
};

/** The end of a wait: with failure NULL, the call or stream is to be sent. */
typedef void ll_waiting_fn(struct ll_transport *transport,
                           struct ll_waiting *waiting,
                           const struct ll_waiting_failure *failure,
                           ll_transport_event_fn *on_event,
                           void *arg);

/** Part of a call or stream that waits for a token. */
struct ll_waiting {
    struct ll_link link;
    uint32_t endpoint;
    int64_t deadline_ns; /* INT64_MAX: as long as Authenticate takes */
    /** It is sent without a token if none can be obtained, also at its
     *  deadline, unless the user was refused. */
    bool optional;
    ll_waiting_fn *over;
};

/** Ends all waits with success. */
void ll_waiting_release(struct ll_transport *transport,
                        ll_transport_event_fn *on_event,
                        void *arg);

/** Ends the waits that a failure on an endpoint ends; LL_ENDPOINT_ANY: all. */
void ll_waiting_fail(struct ll_transport *transport,
                     const struct ll_waiting_failure *failure,
                     uint32_t endpoint,
                     ll_transport_event_fn *on_event,
                     void *arg);

/** Ends the waits that have timed out. */
void ll_waiting_expire(struct ll_transport *transport,
                       ll_transport_event_fn *on_event,
                       void *arg);

#endif
