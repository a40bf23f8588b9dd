/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/decode.h"

#include <string.h>

#include "base/alloc.h"
#include "etcd/wire.h"
#include "leaselock/status.h"

void ll_decoded_free(struct ll_decoded *decoded)
{
    if (decoded != NULL) {
        ll_arena_free(&decoded->arena);
        ll_free(decoded);
    }
}

int ll_decoded_new(const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data,
                   size_t size,
                   ProtobufCMessage **ret_message,
                   struct ll_decoded **ret_decoded)
{
    struct ll_decoded *decoded = ll_alloc_zero(1, sizeof(*decoded));
    int status = 0;

    if (decoded == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    status =
        ll_wire_unpack(descriptor, data, size, &decoded->arena, ret_message);
    if (status != 0) {
        ll_decoded_free(decoded);
        return status;
    }
    *ret_decoded = decoded;
    return 0;
}

struct ll_bytes ll_decoded_bytes(ProtobufCBinaryData binary)
{
    return (struct ll_bytes){(const char *)binary.data, binary.len};
}

void ll_decoded_kv(const Etcdpb__KeyValue *message, struct ll_kv *ret_kv)
{
    *ret_kv = (struct ll_kv){
        .key = ll_decoded_bytes(message->key),
        .value = ll_decoded_bytes(message->value),
        .create_revision = message->create_revision,
        .mod_revision = message->mod_revision,
        .version = message->version,
        .lease = message->lease,
    };
}

bool ll_decoded_kv_is_sound(const struct ll_kv *kv)
{
    return kv->key.size > 0 && kv->create_revision > 0;
}

static int read_range(const Etcdpb__RangeResponse *message,
                      struct ll_arena *arena,
                      struct ll_range_answer *ret_range)
{
    struct ll_kv *kvs = ll_arena_array(arena, message->n_kvs, sizeof(*kvs));
    size_t i = 0;

    if (kvs == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (message->count < 0) {
        return LEASELOCK_E_SERVER;
    }
    for (i = 0; i < message->n_kvs; i++) {
        ll_decoded_kv(message->kvs[i], &kvs[i]);
        if (!ll_decoded_kv_is_sound(&kvs[i])) {
            return LEASELOCK_E_SERVER;
        }
    }
    *ret_range = (struct ll_range_answer){
        .kvs = kvs,
        .kvs_n = message->n_kvs,
        .more = message->more != 0,
        .count = message->count,
    };
    return 0;
}

static int read_txn(const Etcdpb__TxnResponse *message,
                    int depth,
                    struct ll_arena *arena,
                    struct ll_txn_answer *ret_txn);

/** One operation's answer. Core cannot use one that is not set, or that this
 *  version does not support. */
static int read_op(const Etcdpb__ResponseOp *message,
                   int depth,
                   struct ll_arena *arena,
                   struct ll_op_answer *ret_op)
{
    switch ((int)message->response_case) {
    case ETCDPB__RESPONSE_OP__RESPONSE_RANGE:
        if (message->range == NULL) {
            return LEASELOCK_E_SERVER;
        }
        ret_op->kind = LL_OP_RANGE;
        return read_range(message->range, arena, &ret_op->range);
    case ETCDPB__RESPONSE_OP__RESPONSE_PUT:
        if (message->put == NULL) {
            return LEASELOCK_E_SERVER;
        }
        ret_op->kind = LL_OP_PUT;
        ret_op->deleted = 0;
        return 0;
    case ETCDPB__RESPONSE_OP__RESPONSE_DELETE_RANGE:
        if (message->delete_range == NULL ||
            message->delete_range->deleted < 0) {
            return LEASELOCK_E_SERVER;
        }
        ret_op->kind = LL_OP_DELETE;
        ret_op->deleted = message->delete_range->deleted;
        return 0;
    case ETCDPB__RESPONSE_OP__RESPONSE_TXN:
        if (message->txn == NULL) {
            return LEASELOCK_E_SERVER;
        }
        ret_op->kind = LL_OP_TXN;
        return read_txn(message->txn, depth + 1, arena, &ret_op->txn);
    default:
        return LEASELOCK_E_SERVER;
    }
}

/** A Txn's answer, at a depth of 0 for the outermost one; recursion ends at
 *  LL_TXN_DEPTH_MAX. */
static int read_txn(const Etcdpb__TxnResponse *message,
                    int depth,
                    struct ll_arena *arena,
                    struct ll_txn_answer *ret_txn)
{
    struct ll_op_answer *ops = NULL;
    size_t i = 0;

    if (depth > LL_TXN_DEPTH_MAX) {
        return LEASELOCK_E_SERVER;
    }
    ops = ll_arena_array(arena, message->n_responses, sizeof(*ops));
    if (ops == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (i = 0; i < message->n_responses; i++) {
        int status = read_op(message->responses[i], depth, arena, &ops[i]);

        if (status != 0) {
            return status;
        }
    }
    *ret_txn = (struct ll_txn_answer){
        .succeeded = message->succeeded != 0,
        .ops = ops,
        .ops_n = message->n_responses,
    };
    return 0;
}

static int
read_lease(int64_t ttl_s, int64_t granted_ttl_s, struct ll_answer *answer)
{
    if (ttl_s < -1 || ttl_s > LL_LEASE_TTL_S_MAX || granted_ttl_s < 0 ||
        granted_ttl_s > LL_LEASE_TTL_S_MAX) {
        return LEASELOCK_E_SERVER;
    }
    answer->lease.ttl_s = ttl_s;
    answer->lease.granted_ttl_s = granted_ttl_s;
    return 0;
}

/** The header of a Txn or range: its revision becomes tokens and is compared
 *  with them, and etcd's is never below 1. */
static int read_header(const Etcdpb__ResponseHeader *header,
                       bool needs_revision,
                       struct ll_answer *answer)
{
    if (header != NULL) {
        answer->revision = header->revision;
        answer->cluster_id = header->cluster_id;
        answer->member_id = header->member_id;
    }
    if (answer->revision < (needs_revision ? 1 : 0)) {
        return LEASELOCK_E_SERVER;
    }
    return 0;
}

static int read_members(const Etcdpb__MemberListResponse *message,
                        struct ll_arena *arena,
                        struct ll_answer *answer)
{
    struct ll_member *list = NULL;
    size_t i = 0;

    if (message->n_members > 0) {
        list = ll_arena_array(arena, message->n_members, sizeof(*list));
        if (list == NULL) {
            return LEASELOCK_E_NOMEM;
        }
    }
    for (i = 0; i < message->n_members; i++) {
        const Etcdpb__Member *member = message->members[i];

        list[i] = (struct ll_member){
            .id = member->id,
            .name = member->name,
            .client_urls = (const char *const *)member->client_urls,
            .client_urls_n = member->n_client_urls,
            .is_learner = member->is_learner != 0,
        };
    }
    answer->members.list = list;
    answer->members.n = message->n_members;
    return 0;
}

static int read_lease_keys(const Etcdpb__LeaseTimeToLiveResponse *message,
                           struct ll_arena *arena,
                           struct ll_answer *answer)
{
    struct ll_bytes *keys = NULL;

    if (message->n_keys > 0) {
        keys = ll_arena_array(arena, message->n_keys, sizeof(*keys));
        if (keys == NULL) {
            return LEASELOCK_E_NOMEM;
        }
    }
    for (size_t i = 0; i < message->n_keys; i++) {
        keys[i] = ll_decoded_bytes(message->keys[i]);
    }
    answer->lease.keys = keys;
    answer->lease.keys_n = message->n_keys;
    return 0;
}

static const ProtobufCMessageDescriptor *
answer_descriptor(enum ll_request_kind kind)
{
    switch (kind) {
    case LL_REQUEST_TXN:
        return &etcdpb__txn_response__descriptor;
    case LL_REQUEST_RANGE:
        return &etcdpb__range_response__descriptor;
    case LL_REQUEST_DELETE:
        return &etcdpb__delete_range_response__descriptor;
    case LL_REQUEST_LEASE_GRANT:
        return &etcdpb__lease_grant_response__descriptor;
    case LL_REQUEST_LEASE_REVOKE:
        return &etcdpb__lease_revoke_response__descriptor;
    case LL_REQUEST_LEASE_TTL:
        return &etcdpb__lease_time_to_live_response__descriptor;
    case LL_REQUEST_STATUS:
        return &etcdpb__status_response__descriptor;
    case LL_REQUEST_MEMBER_LIST:
        return &etcdpb__member_list_response__descriptor;
    }
    return NULL;
}

/** Fills an answer from the message that answer_descriptor named. */
static int read_answer(const ProtobufCMessage *message,
                       struct ll_arena *arena,
                       struct ll_answer *answer)
{
    const Etcdpb__TxnResponse *txn = NULL;
    const Etcdpb__RangeResponse *range = NULL;
    const Etcdpb__DeleteRangeResponse *del = NULL;
    const Etcdpb__LeaseGrantResponse *grant = NULL;
    const Etcdpb__LeaseRevokeResponse *revoke = NULL;
    const Etcdpb__LeaseTimeToLiveResponse *ttl = NULL;
    const Etcdpb__StatusResponse *member = NULL;
    const Etcdpb__MemberListResponse *members = NULL;
    int status = LEASELOCK_E_SERVER;

    switch (answer->kind) {
    case LL_REQUEST_TXN:
        txn = (const Etcdpb__TxnResponse *)message;
        status = read_header(txn->header, true, answer);
        return status != 0 ? status : read_txn(txn, 0, arena, &answer->txn);
    case LL_REQUEST_RANGE:
        range = (const Etcdpb__RangeResponse *)message;
        status = read_header(range->header, true, answer);
        return status != 0 ? status : read_range(range, arena, &answer->range);
    case LL_REQUEST_DELETE:
        del = (const Etcdpb__DeleteRangeResponse *)message;
        answer->deleted = del->deleted;
        return del->deleted < 0 ? LEASELOCK_E_SERVER
                                : read_header(del->header, true, answer);
    case LL_REQUEST_LEASE_GRANT:
        grant = (const Etcdpb__LeaseGrantResponse *)message;
        status = read_header(grant->header, false, answer);
        if (status != 0 || grant->id == 0 || grant->ttl < 1) {
            return LEASELOCK_E_SERVER;
        }
        return read_lease(grant->ttl, grant->ttl, answer);
    case LL_REQUEST_LEASE_REVOKE:
        revoke = (const Etcdpb__LeaseRevokeResponse *)message;
        return read_header(revoke->header, false, answer);
    case LL_REQUEST_LEASE_TTL:
        ttl = (const Etcdpb__LeaseTimeToLiveResponse *)message;
        status = read_header(ttl->header, false, answer);
        if (status != 0 || ttl->id == 0) {
            return LEASELOCK_E_SERVER;
        }
        /* Below -1 is a lease that has expired and is not revoked yet. */
        status =
            read_lease(ttl->ttl > -1 ? ttl->ttl : -1, ttl->granted_ttl, answer);
        return status != 0 ? status : read_lease_keys(ttl, arena, answer);
    case LL_REQUEST_STATUS:
        member = (const Etcdpb__StatusResponse *)message;
        answer->status.version = member->version;
        answer->status.leader_id = member->leader;
        answer->status.is_learner = member->is_learner != 0;
        return read_header(member->header, false, answer);
    case LL_REQUEST_MEMBER_LIST:
        members = (const Etcdpb__MemberListResponse *)message;
        status = read_header(members->header, false, answer);
        return status != 0 ? status : read_members(members, arena, answer);
    }
    return status;
}

int ll_answer_decode(enum ll_request_kind kind,
                     const uint8_t *data,
                     size_t size,
                     struct ll_answer *ret_answer,
                     struct ll_decoded **ret_decoded)
{
    struct ll_answer answer = {
        .outcome = LL_OUTCOME_OK, .text = "", .kind = kind};
    const ProtobufCMessageDescriptor *descriptor = answer_descriptor(kind);
    struct ll_decoded *decoded = NULL;
    ProtobufCMessage *message = NULL;
    int status = LEASELOCK_E_SERVER;

    if (descriptor == NULL) {
        return LEASELOCK_E_ARGUMENT;
    }
    status = ll_decoded_new(descriptor, data, size, &message, &decoded);
    if (status != 0) {
        return status;
    }
    status = read_answer(message, &decoded->arena, &answer);
    if (status != 0) {
        ll_decoded_free(decoded);
        return status;
    }
    *ret_answer = answer;
    *ret_decoded = decoded;
    return 0;
}

int ll_authenticate_decode(const uint8_t *data,
                           size_t size,
                           struct ll_buffer *ret_token)
{
    Etcdpb__AuthenticateResponse *answer = NULL;
    struct ll_arena arena = {0};
    ProtobufCMessage *message = NULL;
    int status = ll_wire_unpack(&etcdpb__authenticate_response__descriptor,
                                data, size, &arena, &message);
    size_t token_size = 0;

    if (status != 0) {
        goto out;
    }
    answer = (Etcdpb__AuthenticateResponse *)message;
    token_size = strlen(answer->token);
    if (token_size == 0) {
        status = LEASELOCK_E_SERVER;
        goto out;
    }
    *ret_token = (struct ll_buffer){
        .data = (uint8_t *)ll_alloc_copy(answer->token, token_size),
        .size = token_size,
        .capacity = token_size,
    };
    explicit_bzero(answer->token, token_size);
    status = ret_token->data != NULL ? 0 : LEASELOCK_E_NOMEM;
out:
    ll_arena_free(&arena);
    return status;
}
