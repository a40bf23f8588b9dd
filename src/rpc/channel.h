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

/** The methods that a channel can call: the requests, then the streams. */
enum ll_method {
    LL_METHOD_TXN,
    LL_METHOD_RANGE,
    LL_METHOD_DELETE,
    LL_METHOD_LEASE_GRANT,
    LL_METHOD_LEASE_REVOKE,
    LL_METHOD_LEASE_TTL,
    LL_METHOD_STATUS,
    LL_METHOD_MEMBER_LIST,
    LL_METHOD_AUTHENTICATE,
    LL_METHOD_WATCH,
    LL_METHOD_KEEPALIVE,
};
#define LL_METHODS 11

enum ll_method ll_method_of_request(enum ll_request_kind kind);
enum ll_method ll_method_of_stream(enum ll_stream_kind which);

/** The settings with the defaults in place of 0; the default of a limit is -1,
 *  which means none. */
struct ll_channel_settings
ll_channel_settings(const struct ll_channel_settings *config);

/**
 * The connection to one endpoint: opened by its first call, and reopened
 * whenever it breaks. Each call has a reference, so that a replaced channel
 * exists until its calls have ended.
 */
struct ll_channel {
    unsigned refs;
    unsigned streams_n; /* open streams on it */
    grpc_channel *channel;
    void *methods[LL_METHODS]; /* gRPC's handles of the methods */
    struct ll_tls_peer *peer;  /* NULL: plain text */
    unsigned generation;       /* of the TLS files */
};

/**
 * @param target  in gRPC's form
 * @param tls     NULL: plain text
 * @param host    the name that the certificate must contain
 * @return with one reference for the caller; NULL: out of memory
 */
struct ll_channel *ll_channel_open(const struct ll_channel_settings *settings,
                                   const char *target,
                                   struct ll_tls *tls,
                                   const char *host);

struct ll_channel *ll_channel_ref(struct ll_channel *channel);
/** NULL does nothing. */
void ll_channel_put(struct ll_channel *channel);

/** Whether it is connected. */
bool ll_channel_is_connected(const struct ll_channel *channel);

/** Starts a call on a channel, and connects it if necessary; NULL if gRPC
 *  cannot create a call. */
grpc_call *ll_channel_call(struct ll_channel *channel,
                           enum ll_method method,
                           grpc_completion_queue *queue,
                           gpr_timespec deadline);

/** Limit of a call's metadata. */
#define LL_METADATA_MAX 2

/**
 * The operation that starts a call, with the token, if any, and with etcd's
 * metadata that requires a leader: a member that is cut off from its quorum
 * then refuses calls and ends streams, so that the client switches the
 * endpoint. A request for a member's own status omits it, so that such a member
 * answers, too.
 *
 * @param token     NULL: none
 * @param metadata  owned by the call; must stay valid as long as it
 */
grpc_op ll_channel_op_start(enum ll_method method,
                            const grpc_slice *token,
                            grpc_metadata metadata[LL_METADATA_MAX]);

#endif
