/* SPDX-License-Identifier: Apache-2.0 */
/* etcd's messages from bytes: they are refused, or become an answer or event
 * with valid pointers and sizes. Requests made from the bytes are encoded, and
 * are well formed. All of it also when memory runs out. */
#include <stdbool.h>
#include <string.h>

#include <etcd.pb-c.h>

#include "base/alloc.h"
#include "core/event.h"
#include "etcd/messages.h"
#include "etcd/wire.h"
#include "fuzz.h"
#include "leaselock/status.h"

#define OPS_MAX 3

/** Reads all of a text, so that a sanitizer detects invalid memory. */
static size_t touch(const char *data, size_t size)
{
    size_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum += (unsigned char)data[i];
    }
    return sum;
}

static volatile size_t touched;

/** An allocation fails: every call may end with NOMEM. */
static bool short_of_memory;

static bool is_refusal(int status)
{
    return status == LEASELOCK_E_SERVER ||
           (status == LEASELOCK_E_NOMEM && short_of_memory);
}

static void check_kv(const struct ll_kv *kv)
{
    touched = touch(kv->key.data, kv->key.size);
    touched = touch(kv->value.data, kv->value.size);
}

static void check_range(const struct ll_range_answer *range)
{
    FUZZ_CHECK(range->kvs != NULL && range->count >= 0);
    for (size_t i = 0; i < range->kvs_n; i++) {
        check_kv(&range->kvs[i]);
        FUZZ_CHECK(range->kvs[i].create_revision > 0);
    }
}

static void check_txn(const struct ll_txn_answer *txn, int depth)
{
    FUZZ_CHECK(txn->ops != NULL && depth <= LL_TXN_DEPTH_MAX);
    for (size_t i = 0; i < txn->ops_n; i++) {
        const struct ll_op_answer *op = &txn->ops[i];

        switch (op->kind) {
        case LL_OP_RANGE:
            check_range(&op->range);
            break;
        case LL_OP_PUT:
            break;
        case LL_OP_DELETE:
            FUZZ_CHECK(op->deleted >= 0);
            break;
        case LL_OP_TXN:
            check_txn(&op->txn, depth + 1);
            break;
        }
    }
}

static void check_answer(const struct ll_answer *answer)
{
    FUZZ_CHECK(answer->outcome == LL_OUTCOME_OK && answer->revision >= 0);
    FUZZ_CHECK(strlen(answer->text) == 0);
    switch (answer->kind) {
    case LL_REQUEST_TXN:
        FUZZ_CHECK(answer->revision > 0);
        check_txn(&answer->txn, 0);
        break;
    case LL_REQUEST_RANGE:
        FUZZ_CHECK(answer->revision > 0);
        check_range(&answer->range);
        break;
    case LL_REQUEST_DELETE:
        FUZZ_CHECK(answer->revision > 0 && answer->deleted >= 0);
        break;
    case LL_REQUEST_LEASE_GRANT:
        FUZZ_CHECK(answer->lease.ttl_s > 0);
        break;
    case LL_REQUEST_LEASE_TTL:
        FUZZ_CHECK(answer->lease.ttl_s >= -1);
        for (size_t i = 0; i < answer->lease.keys_n; i++) {
            touched =
                touch(answer->lease.keys[i].data, answer->lease.keys[i].size);
        }
        break;
    case LL_REQUEST_LEASE_REVOKE:
        break;
    case LL_REQUEST_STATUS:
        touched = strlen(answer->status.version);
        break;
    case LL_REQUEST_MEMBER_LIST:
        for (size_t i = 0; i < answer->members.n; i++) {
            const struct ll_member *member = &answer->members.list[i];

            touched = strlen(member->name);
            for (size_t k = 0; k < member->client_urls_n; k++) {
                touched = strlen(member->client_urls[k]);
            }
        }
        break;
    }
}

static void fuzz_answer(enum ll_request_kind kind, struct fuzz_bytes bytes)
{
    size_t size;
    char *data = fuzz_take(&bytes, bytes.left, &size);
    struct ll_answer answer;
    struct ll_decoded *decoded = NULL;
    int status =
        ll_answer_decode(kind, (uint8_t *)data, size, &answer, &decoded);

    free(data); /* an answer borrows nothing of it */
    FUZZ_CHECK(status == 0 || is_refusal(status));
    FUZZ_CHECK((status == 0) == (decoded != NULL));
    if (status == 0) {
        FUZZ_CHECK(answer.kind == kind);
        check_answer(&answer);
    }
    ll_decoded_free(decoded);
}

static void fuzz_watch(struct fuzz_bytes bytes)
{
    size_t size;
    char *data = fuzz_take(&bytes, bytes.left, &size);
    struct ll_event event = {.watch = {.generation = 7}};
    struct ll_decoded *decoded = NULL;
    int status = ll_watch_decode((uint8_t *)data, size, &event, &decoded);

    free(data);
    FUZZ_CHECK(status == 0 || is_refusal(status));
    FUZZ_CHECK((status == 0) == (decoded != NULL));
    if (status == 0) {
        FUZZ_CHECK(event.watch.generation == 7);
        FUZZ_CHECK(event.kind == LL_EVENT_WATCH_CREATED ||
                   event.kind == LL_EVENT_WATCH_CANCELED ||
                   event.kind == LL_EVENT_WATCH_CHANGED);
        FUZZ_CHECK(event.kind == LL_EVENT_WATCH_CANCELED ||
                   event.watch.revision > 0);
        touched = strlen(event.watch.reason);
        for (size_t i = 0; i < event.watch.events_n; i++) {
            check_kv(&event.watch.events[i].kv);
            FUZZ_CHECK(event.watch.events[i].deleted ||
                       event.watch.events[i].kv.create_revision > 0);
        }
    }
    ll_decoded_free(decoded);
}

static void fuzz_keepalive(struct fuzz_bytes bytes)
{
    size_t size;
    char *data = fuzz_take(&bytes, bytes.left, &size);
    struct ll_event event = {.keepalive = {.generation = 7}};
    int status = ll_keepalive_decode((uint8_t *)data, size, &event);

    free(data);
    FUZZ_CHECK(status == 0 || is_refusal(status));
    if (status == 0) {
        FUZZ_CHECK(event.kind == LL_EVENT_KEEPALIVE);
        FUZZ_CHECK(event.keepalive.generation == 7);
        FUZZ_CHECK(event.keepalive.lease != 0 && event.keepalive.ttl_s >= 0);
    }
}

/** Bytes inside the input. */
static struct ll_bytes some_bytes(struct fuzz_bytes *bytes)
{
    size_t size = fuzz_below(bytes, 32);
    struct ll_bytes some;

    size = size < bytes->left ? size : bytes->left;
    some = (struct ll_bytes){(const char *)bytes->at, size};
    bytes->at += size;
    bytes->left -= size;
    return some;
}

static struct ll_range some_range(struct fuzz_bytes *bytes)
{
    return (struct ll_range){.key = some_bytes(bytes),
                             .end = some_bytes(bytes),
                             .limit = fuzz_byte(bytes),
                             .revision = fuzz_byte(bytes),
                             .max_create_revision = fuzz_byte(bytes),
                             .sort = (enum ll_sort)fuzz_below(bytes, 3),
                             .serializable = fuzz_below(bytes, 2),
                             .keys_only = fuzz_below(bytes, 2)};
}

/** A Txn with at most OPS_MAX operations at each level. */
struct made_txn {
    struct ll_compare compares[2];
    struct ll_op ops[2][OPS_MAX];
};

/** @return the Txn's depth */
static int some_txn(struct fuzz_bytes *bytes,
                    struct made_txn *levels,
                    int depth,
                    struct ll_txn *ret_txn)
{
    struct made_txn *made = &levels[depth];
    int deepest = depth;

    *ret_txn = (struct ll_txn){.compares = made->compares,
                               .compares_n = fuzz_below(bytes, 3),
                               .then_ops = made->ops[0],
                               .then_n = fuzz_below(bytes, OPS_MAX + 1),
                               .else_ops = made->ops[1],
                               .else_n = fuzz_below(bytes, OPS_MAX + 1)};
    for (size_t i = 0; i < ret_txn->compares_n; i++) {
        made->compares[i] = (struct ll_compare){
            .key = some_bytes(bytes),
            .end = some_bytes(bytes),
            .target = (enum ll_compare_target)fuzz_below(bytes, 5),
            .result = (enum ll_compare_result)fuzz_below(bytes, 4),
            .number = (int64_t)fuzz_number(bytes),
            .value = some_bytes(bytes)};
    }
    for (size_t branch = 0; branch < 2; branch++) {
        size_t n = branch == 0 ? ret_txn->then_n : ret_txn->else_n;
        bool nested = false;

        for (size_t i = 0; i < n; i++) {
            struct ll_op *op = &made->ops[branch][i];

            *op = (struct ll_op){.kind = (enum ll_op_kind)fuzz_below(bytes, 4)};
            if (op->kind == LL_OP_RANGE) {
                op->range = some_range(bytes);
            } else if (op->kind == LL_OP_PUT) {
                op->put.key = some_bytes(bytes);
                op->put.value = some_bytes(bytes);
                op->put.lease = (int64_t)fuzz_number(bytes);
            } else if (op->kind == LL_OP_DELETE) {
                op->del.key = some_bytes(bytes);
                op->del.end = some_bytes(bytes);
            } else if (!nested && branch == 0 && depth <= LL_TXN_DEPTH_MAX) {
                /* One for each level, like the levels' memory. */
                nested = true;
                deepest = some_txn(bytes, levels, depth + 1, &op->txn);
            }
        }
    }
    /* Even an empty Txn is one level deeper. */
    for (size_t i = 0; i < ret_txn->then_n + ret_txn->else_n; i++) {
        const struct ll_op *op = i < ret_txn->then_n
                                     ? &ret_txn->then_ops[i]
                                     : &ret_txn->else_ops[i - ret_txn->then_n];

        if (op->kind == LL_OP_TXN && deepest == depth) {
            deepest = depth + 1;
        }
    }
    return deepest;
}

static void fuzz_request(struct fuzz_bytes bytes)
{
    struct made_txn levels[LL_TXN_DEPTH_MAX + 2];
    struct ll_request request = {.kind = LL_REQUEST_TXN};
    struct ll_buffer buffer = {0};
    struct ll_arena arena = {0};
    ProtobufCMessage *message = NULL;
    const Etcdpb__TxnRequest *read;
    int depth = some_txn(&bytes, levels, 0, &request.txn);
    int status = ll_request_encode(&request, &buffer);

    FUZZ_CHECK(status == (depth > LL_TXN_DEPTH_MAX ? LEASELOCK_E_LIMIT : 0) ||
               (status == LEASELOCK_E_NOMEM && short_of_memory));
    ll_alloc_fail_at(0);
    if (status == 0) {
        /* A request is a message, too: decode it with the same checks. */
        FUZZ_CHECK(ll_wire_unpack(&etcdpb__txn_request__descriptor, buffer.data,
                                  buffer.size, &arena, &message) == 0);
        read = (const Etcdpb__TxnRequest *)message;
        FUZZ_CHECK(read->n_compare == request.txn.compares_n);
        FUZZ_CHECK(read->n_success == request.txn.then_n);
        FUZZ_CHECK(read->n_failure == request.txn.else_n);
        for (size_t i = 0; i < read->n_success; i++) {
            FUZZ_CHECK(request.txn.then_ops[i].kind != LL_OP_PUT ||
                       read->success[i]->put->lease ==
                           request.txn.then_ops[i].put.lease);
        }
    }
    ll_arena_free(&arena);
    ll_buffer_free(&buffer);
}

/** A message encoded for a stream decodes to the same. */
static void fuzz_stream_requests(struct fuzz_bytes bytes)
{
    int64_t number = (int64_t)fuzz_number(&bytes);
    unsigned filters = fuzz_below(&bytes, 4);
    struct ll_effect effect = {.kind = LL_EFFECT_WATCH_CREATE};
    struct ll_buffer buffer = {0};
    struct ll_arena arena = {0};
    ProtobufCMessage *message = NULL;
    const Etcdpb__WatchRequest *read;

    FUZZ_CHECK(ll_keepalive_encode(number, &buffer) == 0);
    FUZZ_CHECK(ll_wire_unpack(&etcdpb__lease_keep_alive_request__descriptor,
                              buffer.data, buffer.size, &arena, &message) == 0);
    FUZZ_CHECK(((Etcdpb__LeaseKeepAliveRequest *)message)->id == number);
    FUZZ_CHECK(ll_watch_cancel_encode(number, &buffer) == 0);
    FUZZ_CHECK(ll_wire_unpack(&etcdpb__watch_request__descriptor, buffer.data,
                              buffer.size, &arena, &message) == 0);
    read = (const Etcdpb__WatchRequest *)message;
    FUZZ_CHECK(read->request_union_case ==
               ETCDPB__WATCH_REQUEST__REQUEST_UNION_CANCEL_REQUEST);
    FUZZ_CHECK(read->cancel_request->watch_id == number);
    effect.watch.watch_id = number;
    effect.watch.puts = (filters & 1) != 0;
    effect.watch.deletions = (filters & 2) != 0;
    effect.watch.key = some_bytes(&bytes);
    FUZZ_CHECK(ll_watch_create_encode(&effect, &buffer) == 0);
    FUZZ_CHECK(ll_wire_unpack(&etcdpb__watch_request__descriptor, buffer.data,
                              buffer.size, &arena, &message) == 0);
    read = (const Etcdpb__WatchRequest *)message;
    FUZZ_CHECK(read->request_union_case ==
               ETCDPB__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST);
    FUZZ_CHECK(read->create_request->watch_id == number);
    FUZZ_CHECK(read->create_request->start_revision == 0);
    FUZZ_CHECK(read->create_request->key.len == effect.watch.key.size);
    FUZZ_CHECK(read->create_request->n_filters ==
               2 - (filters & 1) - (filters >> 1));
    ll_arena_free(&arena);
    ll_buffer_free(&buffer);
}

/** A failed call has an outcome other than OK. */
static void fuzz_outcome(struct fuzz_bytes bytes)
{
    int grpc_status = (int)fuzz_byte(&bytes);
    bool no_text = bytes.left == 0;
    char *text = fuzz_string(&bytes);
    struct ll_answer answer;

    ll_answer_fail(grpc_status, no_text ? NULL : text, &answer);
    FUZZ_CHECK((answer.outcome == LL_OUTCOME_OK) == (grpc_status == 0));
    FUZZ_CHECK(answer.grpc_status == grpc_status);
    FUZZ_CHECK(strcmp(answer.text, text) == 0);
    free(text);
}

static void fuzz_message(struct fuzz_bytes bytes)
{
    unsigned what = fuzz_below(&bytes, 10);

    if (what <= LL_REQUEST_STATUS) {
        fuzz_answer((enum ll_request_kind)what, bytes);
    } else if (what == 6) {
        fuzz_watch(bytes);
    } else if (what == 7) {
        fuzz_keepalive(bytes);
    } else if (what == 9) {
        fuzz_answer(LL_REQUEST_MEMBER_LIST, bytes);
    } else {
        fuzz_request(bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    unsigned first = size > 0 ? data[0] : 0;

    ll_alloc_fail_at(0);
    short_of_memory = false;
    if (first < 252) {
        fuzz_message(bytes);
        return 0;
    }
    (void)fuzz_byte(&bytes);
    if (first == 252) {
        fuzz_outcome(bytes);
    } else if (first == 253) {
        fuzz_stream_requests(bytes);
    } else {
        short_of_memory = true;
        ll_alloc_fail_at(1 + fuzz_below(&bytes, 8));
        fuzz_message(bytes);
        ll_alloc_fail_at(0);
    }
    return 0;
}
