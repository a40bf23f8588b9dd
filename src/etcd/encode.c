/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/messages.h"

#include <string.h>

#include <etcd.pb-c.h>

#include "base/alloc.h"
#include "etcd/arena.h"
#include "leaselock/status.h"

#define LL_BUFFER_SIZE_MIN 256

void ll_buffer_free(struct ll_buffer *buffer)
{
    ll_free(buffer->data);
    *buffer = (struct ll_buffer){0};
}

void ll_buffer_wipe(struct ll_buffer *buffer)
{
    if (buffer->data != NULL) {
        explicit_bzero(buffer->data, buffer->capacity);
    }
    ll_buffer_free(buffer);
}

/** Empties a buffer and makes room. */
static int buffer_reset(struct ll_buffer *buffer, size_t size)
{
    size_t capacity = LL_BUFFER_SIZE_MIN;
    uint8_t *data = NULL;

    buffer->size = 0;
    if (size <= buffer->capacity) {
        return 0;
    }
    while (capacity < size && capacity <= SIZE_MAX / 2) {
        capacity *= 2;
    }
    if (capacity < size) {
        return LEASELOCK_E_NOMEM;
    }
    data = ll_realloc(buffer->data, capacity);
    if (data == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

static int pack(const ProtobufCMessage *message, struct ll_buffer *out)
{
    int status = buffer_reset(out, protobuf_c_message_get_packed_size(message));

    if (status == 0) {
        out->size = protobuf_c_message_pack(message, out->data);
    }
    return status;
}

/** Bytes as protobuf-c has them. It requires them writable and does not write
 *  to them: the cast through an integer drops the const without a warning. */
static ProtobufCBinaryData binary(struct ll_bytes bytes)
{
    return (ProtobufCBinaryData){
        .len = bytes.size,
        .data = (uint8_t *)(uintptr_t)bytes.data,
    };
}

static void build_range(const struct ll_range *range,
                        Etcdpb__RangeRequest *message)
{
    etcdpb__range_request__init(message);
    message->key = binary(range->key);
    message->range_end = binary(range->end);
    message->limit = range->limit;
    message->revision = range->revision;
    message->max_create_revision = range->max_create_revision;
    message->serializable = range->serializable;
    message->keys_only = range->keys_only;
    message->count_only = range->count_only;
    switch (range->sort) {
    case LL_SORT_NONE:
        break;
    case LL_SORT_OLDEST_FIRST:
        message->sort_order = ETCDPB__RANGE_REQUEST__SORT_ORDER__ASCEND;
        message->sort_target = ETCDPB__RANGE_REQUEST__SORT_TARGET__CREATE;
        break;
    case LL_SORT_NEWEST_FIRST:
        message->sort_order = ETCDPB__RANGE_REQUEST__SORT_ORDER__DESCEND;
        message->sort_target = ETCDPB__RANGE_REQUEST__SORT_TARGET__CREATE;
        break;
    }
}

static void build_compare(const struct ll_compare *compare,
                          Etcdpb__Compare *message)
{
    etcdpb__compare__init(message);
    message->key = binary(compare->key);
    message->range_end = binary(compare->end);
    switch (compare->result) {
    case LL_COMPARE_EQUAL:
        message->result = ETCDPB__COMPARE__COMPARE_RESULT__EQUAL;
        break;
    case LL_COMPARE_GREATER:
        message->result = ETCDPB__COMPARE__COMPARE_RESULT__GREATER;
        break;
    case LL_COMPARE_LESS:
        message->result = ETCDPB__COMPARE__COMPARE_RESULT__LESS;
        break;
    case LL_COMPARE_NOT_EQUAL:
        message->result = ETCDPB__COMPARE__COMPARE_RESULT__NOT_EQUAL;
        break;
    }
    switch (compare->target) {
    case LL_COMPARE_VERSION:
        message->target = ETCDPB__COMPARE__COMPARE_TARGET__VERSION;
        message->target_union_case = ETCDPB__COMPARE__TARGET_UNION_VERSION;
        message->version = compare->number;
        break;
    case LL_COMPARE_CREATE_REVISION:
        message->target = ETCDPB__COMPARE__COMPARE_TARGET__CREATE;
        message->target_union_case =
            ETCDPB__COMPARE__TARGET_UNION_CREATE_REVISION;
        message->create_revision = compare->number;
        break;
    case LL_COMPARE_MOD_REVISION:
        message->target = ETCDPB__COMPARE__COMPARE_TARGET__MOD;
        message->target_union_case = ETCDPB__COMPARE__TARGET_UNION_MOD_REVISION;
        message->mod_revision = compare->number;
        break;
    case LL_COMPARE_LEASE:
        message->target = ETCDPB__COMPARE__COMPARE_TARGET__LEASE;
        message->target_union_case = ETCDPB__COMPARE__TARGET_UNION_LEASE;
        message->lease = compare->number;
        break;
    case LL_COMPARE_VALUE:
        message->target = ETCDPB__COMPARE__COMPARE_TARGET__VALUE;
        message->target_union_case = ETCDPB__COMPARE__TARGET_UNION_VALUE;
        message->value = binary(compare->value);
        break;
    }
}

static int build_txn(const struct ll_txn *txn,
                     int depth,
                     struct ll_arena *arena,
                     Etcdpb__TxnRequest *message);

static void build_delete(const struct ll_delete *del,
                         Etcdpb__DeleteRangeRequest *message)
{
    etcdpb__delete_range_request__init(message);
    message->key = binary(del->key);
    message->range_end = binary(del->end);
}

/** One operation; its memory comes from the arena. */
static int build_op(const struct ll_op *op,
                    int depth,
                    struct ll_arena *arena,
                    Etcdpb__RequestOp *message)
{
    etcdpb__request_op__init(message);
    switch (op->kind) {
    case LL_OP_RANGE:
        message->request_case = ETCDPB__REQUEST_OP__REQUEST_RANGE;
        message->range = ll_arena_alloc(arena, sizeof(*message->range));
        if (message->range == NULL) {
            return LEASELOCK_E_NOMEM;
        }
        build_range(&op->range, message->range);
        return 0;
    case LL_OP_PUT:
        message->request_case = ETCDPB__REQUEST_OP__REQUEST_PUT;
        message->put = ll_arena_alloc(arena, sizeof(*message->put));
        if (message->put == NULL) {
            return LEASELOCK_E_NOMEM;
        }
        etcdpb__put_request__init(message->put);
        message->put->key = binary(op->put.key);
        message->put->value = binary(op->put.value);
        message->put->lease = op->put.lease;
        message->put->ignore_value = op->put.keep;
        message->put->ignore_lease = op->put.keep || op->put.keep_lease;
        return 0;
    case LL_OP_DELETE:
        message->request_case = ETCDPB__REQUEST_OP__REQUEST_DELETE_RANGE;
        message->delete_range =
            ll_arena_alloc(arena, sizeof(*message->delete_range));
        if (message->delete_range == NULL) {
            return LEASELOCK_E_NOMEM;
        }
        build_delete(&op->del, message->delete_range);
        return 0;
    case LL_OP_TXN:
        message->request_case = ETCDPB__REQUEST_OP__REQUEST_TXN;
        message->txn = ll_arena_alloc(arena, sizeof(*message->txn));
        if (message->txn == NULL) {
            return LEASELOCK_E_NOMEM;
        }
        return build_txn(&op->txn, depth + 1, arena, message->txn);
    }
    return LEASELOCK_E_ARGUMENT;
}

/** An array of pointers to operations, as protobuf-c requires them. */
static int build_ops(const struct ll_op *ops,
                     size_t n,
                     int depth,
                     struct ll_arena *arena,
                     Etcdpb__RequestOp ***ret_messages)
{
    Etcdpb__RequestOp *messages = ll_arena_array(arena, n, sizeof(*messages));
    Etcdpb__RequestOp **pointers = ll_arena_array(arena, n, sizeof(*pointers));
    size_t i = 0;

    if (messages == NULL || pointers == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (i = 0; i < n; i++) {
        int status = build_op(&ops[i], depth, arena, &messages[i]);

        if (status != 0) {
            return status;
        }
        pointers[i] = &messages[i];
    }
    *ret_messages = pointers;
    return 0;
}

/** A Txn, at a depth of 0 for the outermost one; recursion ends at
 *  LL_TXN_DEPTH_MAX. */
static int build_txn(const struct ll_txn *txn,
                     int depth,
                     struct ll_arena *arena,
                     Etcdpb__TxnRequest *message)
{
    Etcdpb__Compare *compares = NULL;
    size_t i = 0;
    int status = 0;

    if (depth > LL_TXN_DEPTH_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    etcdpb__txn_request__init(message);
    compares = ll_arena_array(arena, txn->compares_n, sizeof(*compares));
    message->compare =
        ll_arena_array(arena, txn->compares_n, sizeof(*message->compare));
    if (compares == NULL || message->compare == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (i = 0; i < txn->compares_n; i++) {
        build_compare(&txn->compares[i], &compares[i]);
        message->compare[i] = &compares[i];
    }
    message->n_compare = txn->compares_n;
    message->n_success = txn->then_n;
    message->n_failure = txn->else_n;
    status =
        build_ops(txn->then_ops, txn->then_n, depth, arena, &message->success);
    if (status != 0) {
        return status;
    }
    return build_ops(txn->else_ops, txn->else_n, depth, arena,
                     &message->failure);
}

static int encode_txn(const struct ll_txn *txn, struct ll_buffer *out)
{
    Etcdpb__TxnRequest message;
    struct ll_arena arena = {0};
    int status = build_txn(txn, 0, &arena, &message);

    if (status == 0) {
        status = pack(&message.base, out);
    }
    ll_arena_free(&arena);
    return status;
}

int ll_request_encode(const struct ll_request *request, struct ll_buffer *out)
{
    Etcdpb__RangeRequest range = ETCDPB__RANGE_REQUEST__INIT;
    Etcdpb__LeaseGrantRequest grant = ETCDPB__LEASE_GRANT_REQUEST__INIT;
    Etcdpb__LeaseRevokeRequest revoke = ETCDPB__LEASE_REVOKE_REQUEST__INIT;
    Etcdpb__LeaseTimeToLiveRequest ttl =
        ETCDPB__LEASE_TIME_TO_LIVE_REQUEST__INIT;
    Etcdpb__DeleteRangeRequest del = ETCDPB__DELETE_RANGE_REQUEST__INIT;
    Etcdpb__StatusRequest status = ETCDPB__STATUS_REQUEST__INIT;
    Etcdpb__MemberListRequest members = ETCDPB__MEMBER_LIST_REQUEST__INIT;

    switch (request->kind) {
    case LL_REQUEST_TXN:
        return encode_txn(&request->txn, out);
    case LL_REQUEST_RANGE:
        build_range(&request->range, &range);
        return pack(&range.base, out);
    case LL_REQUEST_DELETE:
        build_delete(&request->del, &del);
        return pack(&del.base, out);
    case LL_REQUEST_LEASE_GRANT:
        grant.id = request->lease.lease;
        grant.ttl = request->lease.ttl_s;
        return pack(&grant.base, out);
    case LL_REQUEST_LEASE_REVOKE:
        revoke.id = request->lease.lease;
        return pack(&revoke.base, out);
    case LL_REQUEST_LEASE_TTL:
        ttl.id = request->lease.lease;
        ttl.keys = request->lease.keys;
        return pack(&ttl.base, out);
    case LL_REQUEST_STATUS:
        return pack(&status.base, out);
    case LL_REQUEST_MEMBER_LIST:
        return pack(&members.base, out);
    }
    return LEASELOCK_E_ARGUMENT;
}

int ll_keepalive_encode(int64_t lease, struct ll_buffer *out)
{
    Etcdpb__LeaseKeepAliveRequest message =
        ETCDPB__LEASE_KEEP_ALIVE_REQUEST__INIT;

    message.id = lease;
    return pack(&message.base, out);
}

int ll_watch_create_encode(const struct ll_effect *effect,
                           struct ll_buffer *out)
{
    Etcdpb__WatchRequest message = ETCDPB__WATCH_REQUEST__INIT;
    Etcdpb__WatchCreateRequest create = ETCDPB__WATCH_CREATE_REQUEST__INIT;
    Etcdpb__WatchCreateRequest__FilterType filters[2];

    create.key = binary(effect->watch.key);
    create.range_end = binary(effect->watch.end);
    create.start_revision = effect->watch.start_revision;
    create.watch_id = effect->watch.watch_id;
    create.prev_kv = effect->watch.prev_values;
    create.filters = filters;
    if (!effect->watch.puts) {
        filters[create.n_filters++] =
            ETCDPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NOPUT;
    }
    if (!effect->watch.deletions) {
        filters[create.n_filters++] =
            ETCDPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NODELETE;
    }
    message.request_union_case =
        ETCDPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST;
    message.create_request = &create;
    return pack(&message.base, out);
}

int ll_watch_cancel_encode(int64_t watch_id, struct ll_buffer *out)
{
    Etcdpb__WatchRequest message = ETCDPB__WATCH_REQUEST__INIT;
    Etcdpb__WatchCancelRequest cancel = ETCDPB__WATCH_CANCEL_REQUEST__INIT;

    cancel.watch_id = watch_id;
    message.request_union_case =
        ETCDPB__WATCH_REQUEST__REQUEST_UNION_CANCEL_REQUEST;
    message.cancel_request = &cancel;
    return pack(&message.base, out);
}

int ll_authenticate_encode(const char *name,
                           const char *password,
                           struct ll_buffer *out)
{
    Etcdpb__AuthenticateRequest message;

    etcdpb__authenticate_request__init(&message);
    /* protobuf-c requires them writable and does not write: see binary(). */
    message.name = (char *)(uintptr_t)name;
    message.password = (char *)(uintptr_t)password;
    return pack(&message.base, out);
}
