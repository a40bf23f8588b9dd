/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_ETCD_MESSAGES_H
#define LL_ETCD_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/request.h"

/**
 * Core's requests and answers to and from etcd's protobuf messages. Pure
 * functions of memory; none keeps anything.
 */

/** Growing bytes; start with all zero. */
struct ll_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void ll_buffer_free(struct ll_buffer *buffer);

/** The full gRPC method that carries a request: "/etcdserverpb.KV/Txn". */
const char *ll_request_method(enum ll_request_kind kind);

/** Writes a request's message into an emptied buffer.
 *  @return 0, LEASELOCK_E_NOMEM or _LIMIT (nested too deep) */
int ll_request_encode(const struct ll_request *request, struct ll_buffer *out);

/** Messages of the two streams; each returns 0 or LEASELOCK_E_NOMEM. */
int ll_keepalive_encode(int64_t lease, struct ll_buffer *out);
int ll_watch_create_encode(const struct ll_effect *effect,
                           struct ll_buffer *out);
int ll_watch_cancel_encode(int64_t watch_id, struct ll_buffer *out);

/** Writes an AuthenticateRequest; the caller wipes what it has written with
 *  ll_buffer_wipe. Returns as above. */
int ll_authenticate_encode(const char *name,
                           const char *password,
                           struct ll_buffer *out);

/** Reads an AuthenticateResponse's token; the caller wipes it. Returns 0,
 *  LEASELOCK_E_NOMEM or _SERVER. */
int ll_authenticate_decode(const uint8_t *data,
                           size_t size,
                           struct ll_buffer *ret_token);

/** Overwrites all that was ever in a buffer, and frees it. */
void ll_buffer_wipe(struct ll_buffer *buffer);

/** An answer, a keep-alive or a watch response with the memory behind it. */
struct ll_decoded;
void ll_decoded_free(struct ll_decoded *decoded);

/**
 * Reads the answer to a request of @kind.
 *
 * @param ret_answer   an OK answer; points into ret_decoded
 * @param ret_decoded  the caller frees it
 * @return 0, LEASELOCK_E_NOMEM, or _SERVER for bytes that are no such message
 */
int ll_answer_decode(enum ll_request_kind kind,
                     const uint8_t *data,
                     size_t size,
                     struct ll_answer *ret_answer,
                     struct ll_decoded **ret_decoded);

/** Fills an answer with a failed call's outcome; text is borrowed. */
void ll_answer_fail(int grpc_status,
                    const char *text,
                    struct ll_answer *ret_answer);

/** What a gRPC status and etcd's sentence mean for a request. */
enum ll_outcome ll_outcome_of(int grpc_status, const char *text);

/** Whether etcd refused a request because of its token, or because it had none:
 *  with another token it may be served. */
bool ll_text_is_token(const char *text);

/** Whether etcd answered that the user of a request lacks a permission, or that
 *  a request without a user has none: the server is up and serves others. Also
 *  true for a sentence that contains etcd's. */
bool ll_text_is_permission(const char *text);

/** Whether etcd answered Authenticate that it has no authentication. */
bool ll_text_is_auth_off(const char *text);

/** Reads a LeaseKeepAliveResponse into an event of LL_EVENT_KEEPALIVE; sets
 *  kind, lease and ttl_s alone. Returns as ll_answer_decode. */
int ll_keepalive_decode(const uint8_t *data,
                        size_t size,
                        struct ll_event *ret_event);

/**
 * Reads a WatchResponse into an event. `created` and `canceled` together are a
 * refusal: LL_EVENT_WATCH_CANCELED with watch_id -1 if etcd sent -1. Sets kind
 * and watch's members but the generation. Returns as ll_answer_decode.
 */
int ll_watch_decode(const uint8_t *data,
                    size_t size,
                    struct ll_event *ret_event,
                    struct ll_decoded **ret_decoded);

#endif
