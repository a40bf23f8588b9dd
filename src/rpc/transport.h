/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_TRANSPORT_H
#define LL_RPC_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "leaselock/status.h"
#include "rpc/creds.h"

/**
 * Sends core's effects to etcd over the gRPC C core, and returns events.
 *
 * Locking: the owner has one mutex. Every function is called with it held,
 * except ll_transport_wait, which blocks, and those documented otherwise.
 * ll_transport_wait returns an opaque tag: only ll_transport_complete accesses
 * its data, under the mutex, so that data crosses threads by the mutex and
 * never by the completion queue.
 *
 * Order of calls: new, run/wait/complete …, stop, wait/complete until drained,
 * free.
 */
struct ll_transport;

/** Limit of a client's endpoints. */
#define LL_ENDPOINTS_MAX 64
/** Longest endpoint, in bytes. */
#define LL_ENDPOINT_SIZE_MAX 120

/** What the connections to all endpoints have in common; 0: the default. */
struct ll_channel_settings {
    int connect_timeout_ms;
    int ping_interval_ms;
    int ping_timeout_ms;
    int send_bytes_max;
    int receive_bytes_max;
};

struct ll_transport_config {
    /** "host:port", "[v6]:port" or either after "http://", separated by commas;
     *  borrowed during ll_transport_new. */
    const char *endpoints;
    /** Endpoints may be added. */
    bool grows;
    struct ll_tls_config tls;
    struct ll_user_config user;
    struct ll_channel_settings channels;
    int request_timeout_ms; /* 0: the default */
};

/** Handles an event of the transport; all that it points to is valid until it
 *  returns. now_ns is not set. */
typedef void ll_transport_event_fn(struct ll_event *event, void *arg);

/**
 * Makes a transport, which is not connected yet.
 *
 * @return 0, LEASELOCK_E_ARGUMENT (an endpoint is not valid: reterr names it
 *         and the reason), _LIMIT, _NOMEM
 */
int ll_transport_new(const struct ll_transport_config *config,
                     struct ll_transport **ret_transport,
                     struct leaselock_error *reterr);

/** The number of endpoints. */
uint32_t ll_transport_endpoints(const struct ll_transport *transport);

/** An endpoint as the user or its member wrote it, or "" if it does not exist;
 *  valid as long as the transport. */
const char *ll_transport_endpoint(const struct ll_transport *transport,
                                  uint32_t endpoint);

/**
 * Takes a list of the members' URLs and adds unknown ones as endpoints.
 *
 * Some are left out: URLs that cannot be parsed or whose address cannot be
 * reached (0.0.0.0); those beyond the limit; plain text if the user's endpoints
 * all have TLS, since no list may turn it off; TLS if none of them has it,
 * since the trusted authorities are not known; and a loopback address if none
 * of them is one, since that is the default of a member whose address is not
 * configured.
 *
 * @param ret_listed  which endpoints are in the list, as bits
 */
void ll_transport_list(struct ll_transport *transport,
                       const char *const *urls,
                       size_t urls_n,
                       uint64_t *ret_listed);

/** Whether the connection to an endpoint is TLS. */
bool ll_transport_endpoint_is_tls(const struct ll_transport *transport,
                                  uint32_t endpoint);

/** Whether etcd has accepted a token of the transport's user. */
bool ll_transport_is_authenticated(const struct ll_transport *transport);

/**
 * Carries out an effect of the kinds CALL, STREAM_OPEN, STREAM_CLOSE,
 * KEEPALIVE, WATCH_CREATE or WATCH_CANCEL.
 * A message for a stream that is not open is dropped: its STREAM_DOWN follows.
 * A stream whose message cannot be encoded because memory is exhausted is
 * cancelled, so that STREAM_DOWN reports it to core.
 *
 * @return 0, or LEASELOCK_E_NOMEM when nothing was started and no event will
 *         follow (only CALL and STREAM_OPEN)
 */
int ll_transport_run(struct ll_transport *transport,
                     const struct ll_effect *effect);

/**
 * Waits until something completes, the time is over or ll_transport_wake was
 * called. Without the mutex; one thread at a time.
 *
 * @param timeout_ns  longest wait; INT64_MAX: forever; 0: does not wait
 * @return a tag for ll_transport_complete, or NULL
 */
void *ll_transport_wait(struct ll_transport *transport, int64_t timeout_ns);

/**
 * Processes a tag: on_event receives the resulting events, none, one or more.
 */
void ll_transport_complete(struct ll_transport *transport,
                           void *tag,
                           ll_transport_event_fn *on_event,
                           void *arg);

/** Whether every call is answered; streams do not count. */
bool ll_transport_is_idle(const struct ll_transport *transport);

/** Ends the current or else the next ll_transport_wait. Needs no mutex. */
void ll_transport_wake(struct ll_transport *transport);

/** Cancels every call and stream; ANSWER and STREAM_DOWN still follow for each.
 *  No effect may be run after it. */
void ll_transport_stop(struct ll_transport *transport);

/** Whether, after a stop, nothing is left to complete. */
bool ll_transport_drained(const struct ll_transport *transport);

/** Frees a transport that is stopped and drained; NULL does nothing. May be
 *  called without the mutex. */
void ll_transport_free(struct ll_transport *transport);

#endif
