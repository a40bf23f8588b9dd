/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_RPC_CHANNEL_H
#define LL_RPC_CHANNEL_H

#include <stdbool.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "core/event.h"
#include "core/request.h"
#include "rpc/tls.h"
#include "rpc/transport.h"

/** What a channel can call: the kinds of requests, then the streams. */
enum ll_method {
    LL_METHOD_TXN,
    LL_METHOD_RANGE,
    LL_METHOD_LEASE_GRANT,
    LL_METHOD_LEASE_REVOKE,
    LL_METHOD_LEASE_TTL,
    LL_METHOD_STATUS,
    LL_METHOD_MEMBER_LIST,
    LL_METHOD_AUTHENTICATE,
    LL_METHOD_WATCH,
    LL_METHOD_KEEPALIVE,
};
#define LL_METHODS 10

enum ll_method ll_method_of_request(enum ll_request_kind kind);
enum ll_method ll_method_of_stream(enum ll_stream_kind which);

/** The settings with their defaults where they are 0: the limits are -1, which
 *  is none. */
struct ll_channel_settings
ll_channel_settings(const struct ll_channel_settings *config);

/**
 * The connection to one endpoint: made at its first call, and again whenever
 * it breaks. Each call on it has a reference, so that one that is replaced
 * lives as long as what goes over it.
 */
struct ll_channel {
    unsigned refs;
    unsigned streams_n; /* long streams that go over it */
    grpc_channel *channel;
    void *methods[LL_METHODS]; /* gRPC's handles of them */
    struct ll_tls_peer *peer;  /* NULL: plain text */
    unsigned generation;       /* of the TLS files */
};

/**
 * @param target  as gRPC takes it
 * @param tls     NULL: plain text
 * @param host    whom the certificate must be for
 * @return with one reference, the caller's; NULL for want of memory
 */
struct ll_channel *ll_channel_open(const struct ll_channel_settings *settings,
                                   const char *target,
                                   struct ll_tls *tls,
                                   const char *host);

struct ll_channel *ll_channel_ref(struct ll_channel *channel);
/** NULL does nothing. */
void ll_channel_put(struct ll_channel *channel);

/** Whether a connection stands. */
bool ll_channel_is_connected(const struct ll_channel *channel);

/** Starts a call on a channel, which is connected if it is not; NULL when gRPC
 *  can give none. */
grpc_call *ll_channel_call(struct ll_channel *channel,
                           enum ll_method method,
                           grpc_completion_queue *queue,
                           gpr_timespec deadline);

/** Most metadata of a call. */
#define LL_METADATA_MAX 2

/**
 * The operation that starts a call, with the token, if any, and etcd's wish
 * for a member that has a leader: one that is cut off from its quorum refuses
 * calls and ends streams, so that the client moves on. A question for a
 * member's own status goes without the wish: it is to be answered by such a
 * member, too.
 *
 * @param token     NULL: none
 * @param metadata  the call's own; must live as long as the call
 */
grpc_op ll_channel_op_start(enum ll_method method,
                            const grpc_slice *token,
                            grpc_metadata metadata[LL_METADATA_MAX]);

#endif
