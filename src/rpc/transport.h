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
 * Carries core's effects to etcd over the gRPC C core and brings back events.
 *
 * Locking: the owner has one mutex. Every function is called with it held,
 * but ll_transport_wait, which blocks, and those said to need none. What
 * ll_transport_wait returns is an opaque tag: all that it stands for is
 * touched in ll_transport_complete alone, under the mutex, so that data
 * crosses threads by the mutex and never by the completion queue.
 *
 * Life: new, run/wait/complete …, stop, wait/complete until drained, free.
 */
struct ll_transport;

/** Most endpoints of a client. */
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
    /** "host:port", "[v6]:port" or either behind "http://", commas between;
     *  borrowed during ll_transport_new. */
    const char *endpoints;
    /** Their list may change. */
    bool grows;
    struct ll_tls_config tls;
    struct ll_user_config user;
    struct ll_channel_settings channels;
    int request_timeout_ms; /* 0: the default */
};

/** Takes an event that the transport brings; all that it points at is valid
 *  until it returns. now_ns is not set. */
typedef void ll_transport_event_fn(struct ll_event *event, void *arg);

/**
 * Makes a transport; nothing is connected yet.
 *
 * @return 0, LEASELOCK_E_ARGUMENT (an endpoint that is none: reterr says which
 *         and why), _LIMIT, _NOMEM
 */
int ll_transport_new(const struct ll_transport_config *config,
                     struct ll_transport **ret_transport,
                     struct leaselock_error *reterr);

/** How many endpoints there are. */
uint32_t ll_transport_endpoints(const struct ll_transport *transport);

/** An endpoint as the user or its member wrote it, or "" when there is no such
 *  one; valid as long as the transport. */
const char *ll_transport_endpoint(const struct ll_transport *transport,
                                  uint32_t endpoint);

/**
 * Takes a list of the members' URLs: those that are not known yet become
 * endpoints.
 *
 * Some are left out: what cannot be read or is no address (0.0.0.0), what is
 * more than there is room for, plain text where the endpoints so far are all
 * TLS, as no list is to turn that off, and TLS where there is none so far, as
 * it is not known whom to trust; and a loopback address where no endpoint so
 * far is one: it is what members say that were not told who they are.
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
 *
 * A message for a stream that is not open is dropped: its STREAM_DOWN is on
 * the way. A stream whose message cannot be encoded for want of memory is
 * cancelled, so that its STREAM_DOWN tells core.
 *
 * @return 0, or LEASELOCK_E_NOMEM when nothing was started and no event will
 *         come of it (CALL and STREAM_OPEN alone)
 */
int ll_transport_run(struct ll_transport *transport,
                     const struct ll_effect *effect);

/**
 * Waits until something completes, the time is over or ll_transport_wake was
 * called. Without the mutex; one thread at a time.
 *
 * @param timeout_ns  longest wait; INT64_MAX: for ever; 0: only looks
 * @return a tag for ll_transport_complete, or NULL
 */
void *ll_transport_wait(struct ll_transport *transport, int64_t timeout_ns);

/**
 * Takes in what a tag stands for: on_event gets the events that it brings,
 * none, one or more.
 */
void ll_transport_complete(struct ll_transport *transport,
                           void *tag,
                           ll_transport_event_fn *on_event,
                           void *arg);

/** Whether no call is unanswered; streams do not count. */
bool ll_transport_is_idle(const struct ll_transport *transport);

/** Ends the current or else the next ll_transport_wait. Needs no mutex. */
void ll_transport_wake(struct ll_transport *transport);

/** Cancels every call and stream; ANSWER and STREAM_DOWN still come of each.
 *  No effect may be run after it. */
void ll_transport_stop(struct ll_transport *transport);

/** Whether, after a stop, nothing is left to complete. */
bool ll_transport_drained(const struct ll_transport *transport);

/** Frees a transport that is stopped and drained; NULL does nothing. May be
 *  called without the mutex. */
void ll_transport_free(struct ll_transport *transport);

#endif
