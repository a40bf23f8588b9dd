#ifndef LL_RPC_CHANNEL_H
#define LL_RPC_CHANNEL_H

#include <stdbool.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "core/event.h"
#include "core/request.h"

/** What a channel can call: the kinds of requests, then the streams. */
enum ll_method {
    LL_METHOD_TXN,
    LL_METHOD_RANGE,
    LL_METHOD_LEASE_GRANT,
    LL_METHOD_LEASE_REVOKE,
    LL_METHOD_LEASE_TTL,
    LL_METHOD_STATUS,
    LL_METHOD_WATCH,
    LL_METHOD_KEEPALIVE,
};
#define LL_METHODS 8

enum ll_method ll_method_of_request(enum ll_request_kind kind);
enum ll_method ll_method_of_stream(enum ll_stream_kind which);

/** The connection to one endpoint; made at its first call. Start with all
 *  zero. */
struct ll_channel {
    grpc_channel *channel;
    void *methods[LL_METHODS]; /* gRPC's handles of them */
};

/** How the channels of a client identify themselves and the server. */
grpc_channel_credentials *ll_channel_credentials(void);

/**
 * Starts a call on a channel, which is connected if it is not.
 *
 * @param target    as gRPC takes it
 * @param deadline  of the call
 * @return the call; NULL when gRPC can give none
 */
grpc_call *ll_channel_call(struct ll_channel *channel,
                           const char *target,
                           grpc_channel_credentials *credentials,
                           int connect_timeout_ms,
                           enum ll_method method,
                           grpc_completion_queue *queue,
                           gpr_timespec deadline);

void ll_channel_close(struct ll_channel *channel);

/**
 * The operation that starts a call, and with it etcd's wish for a member that
 * has a leader: one that is cut off from its quorum refuses calls and ends
 * streams, so that the client moves on. A question for a member's own status
 * goes without: it is to be answered by such a member, too.
 *
 * @param metadata  the call's own; must live as long as the call
 */
grpc_op ll_channel_op_start(enum ll_method method, grpc_metadata *metadata);

#endif
