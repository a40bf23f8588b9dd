/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sim_message *
sim_message_new(struct sim_pool *pool, enum sim_message_kind kind, uint64_t id)
{
    struct sim_message *message = pool->free;

    if (message != NULL) {
        pool->free = message->next;
    } else {
        message = malloc(sizeof(*message));
        if (message == NULL) {
            abort();
        }
    }
    message->next = NULL;
    message->kind = kind;
    message->id = id;
    message->is_other = false;
    message->chunks = NULL;
    message->used = 0;
    return message;
}

void sim_message_free(struct sim_pool *pool, struct sim_message *message)
{
    if (message == NULL) {
        return;
    }
    while (message->chunks != NULL) {
        struct sim_chunk *next = message->chunks->next;

        free(message->chunks);
        message->chunks = next;
    }
    message->next = pool->free;
    pool->free = message;
}

void sim_pool_free(struct sim_pool *pool)
{
    while (pool->free != NULL) {
        struct sim_message *next = pool->free->next;

        free(pool->free);
        pool->free = next;
    }
}

void sim_queue_append(struct sim_queue *queue, struct sim_message *message)
{
    message->next = NULL;
    if (queue->first == NULL) {
        queue->first = message;
    } else {
        queue->last->next = message;
    }
    queue->last = message;
}

struct sim_message *sim_queue_take(struct sim_queue *queue)
{
    struct sim_message *message = queue->first;

    if (message != NULL) {
        queue->first = message->next;
        message->next = NULL;
    }
    return message;
}

/** Allocates memory that belongs to the message. */
static void *take(struct sim_message *message, size_t size)
{
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t);
    struct sim_chunk *chunk;

    if (message->used + rounded <=
        sizeof(message->space) / sizeof(message->space[0])) {
        message->used += rounded;
        return &message->space[message->used - rounded];
    }
    chunk = malloc(sizeof(*chunk) + rounded * sizeof(max_align_t));
    if (chunk == NULL) {
        abort();
    }
    chunk->next = message->chunks;
    message->chunks = chunk;
    return chunk->bytes;
}

static struct ll_bytes copy_bytes(struct sim_message *message,
                                  struct ll_bytes bytes)
{
    char *data;

    if (bytes.size == 0) {
        return (struct ll_bytes){"", 0};
    }
    data = take(message, bytes.size);
    memcpy(data, bytes.data, bytes.size);
    return (struct ll_bytes){data, bytes.size};
}

static const char *copy_text(struct sim_message *message, const char *text)
{
    size_t size = text != NULL ? strlen(text) + 1 : 0;

    return size <= 1 ? "" : memcpy(take(message, size), text, size);
}

static void copy_range(struct sim_message *message, struct ll_range *range)
{
    range->key = copy_bytes(message, range->key);
    range->end = copy_bytes(message, range->end);
}

static void copy_txn(struct sim_message *message, struct ll_txn *txn);

static const struct ll_op *
copy_ops(struct sim_message *message, const struct ll_op *from, size_t n)
{
    struct ll_op *ops = n > 0 ? take(message, n * sizeof(*ops)) : NULL;

    for (size_t i = 0; i < n; i++) {
        ops[i] = from[i];
        switch (ops[i].kind) {
        case LL_OP_RANGE:
            copy_range(message, &ops[i].range);
            break;
        case LL_OP_PUT:
            ops[i].put.key = copy_bytes(message, from[i].put.key);
            ops[i].put.value = copy_bytes(message, from[i].put.value);
            break;
        case LL_OP_DELETE:
            ops[i].del.key = copy_bytes(message, from[i].del.key);
            ops[i].del.end = copy_bytes(message, from[i].del.end);
            break;
        case LL_OP_TXN:
            copy_txn(message, &ops[i].txn);
            break;
        }
    }
    return ops;
}

static void copy_txn(struct sim_message *message, struct ll_txn *txn)
{
    size_t n = txn->compares_n;
    struct ll_compare *compares =
        n > 0 ? take(message, n * sizeof(*compares)) : NULL;

    for (size_t i = 0; i < n; i++) {
        compares[i] = txn->compares[i];
        compares[i].key = copy_bytes(message, compares[i].key);
        compares[i].end = copy_bytes(message, compares[i].end);
        compares[i].value = copy_bytes(message, compares[i].value);
    }
    txn->compares = compares;
    txn->then_ops = copy_ops(message, txn->then_ops, txn->then_n);
    txn->else_ops = copy_ops(message, txn->else_ops, txn->else_n);
}

void sim_message_set_request(struct sim_message *message,
                             const struct ll_request *request)
{
    message->request = *request;
    switch (request->kind) {
    case LL_REQUEST_TXN:
        copy_txn(message, &message->request.txn);
        break;
    case LL_REQUEST_RANGE:
        copy_range(message, &message->request.range);
        break;
    case LL_REQUEST_DELETE:
        message->request.del.key = copy_bytes(message, request->del.key);
        message->request.del.end = copy_bytes(message, request->del.end);
        break;
    case LL_REQUEST_LEASE_GRANT:
    case LL_REQUEST_LEASE_REVOKE:
    case LL_REQUEST_LEASE_TTL:
    case LL_REQUEST_STATUS:
    case LL_REQUEST_MEMBER_LIST:
        break;
    }
}

static struct ll_kv copy_kv(struct sim_message *message, struct ll_kv kv)
{
    kv.key = copy_bytes(message, kv.key);
    kv.value = copy_bytes(message, kv.value);
    return kv;
}

static void copy_range_answer(struct sim_message *message,
                              struct ll_range_answer *range)
{
    size_t n = range->kvs_n;
    struct ll_kv *kvs = n > 0 ? take(message, n * sizeof(*kvs)) : NULL;

    for (size_t i = 0; i < n; i++) {
        kvs[i] = copy_kv(message, range->kvs[i]);
    }
    range->kvs = kvs;
}

static void copy_txn_answer(struct sim_message *message,
                            struct ll_txn_answer *txn)
{
    size_t n = txn->ops_n;
    struct ll_op_answer *ops = n > 0 ? take(message, n * sizeof(*ops)) : NULL;

    for (size_t i = 0; i < n; i++) {
        ops[i] = txn->ops[i];
        if (ops[i].kind == LL_OP_RANGE) {
            copy_range_answer(message, &ops[i].range);
        } else if (ops[i].kind == LL_OP_TXN) {
            copy_txn_answer(message, &ops[i].txn);
        }
    }
    txn->ops = ops;
}

static void copy_lease_keys(struct sim_message *message,
                            struct ll_answer *answer)
{
    size_t n = answer->lease.keys_n;
    struct ll_bytes *keys = n > 0 ? take(message, n * sizeof(*keys)) : NULL;

    for (size_t i = 0; i < n; i++) {
        keys[i] = copy_bytes(message, answer->lease.keys[i]);
    }
    answer->lease.keys = keys;
}

void sim_message_set_answer(struct sim_message *message,
                            const struct ll_answer *answer)
{
    message->answer = *answer;
    message->answer.text = copy_text(message, answer->text);
    if (answer->outcome != LL_OUTCOME_OK) {
        return;
    }
    switch (answer->kind) {
    case LL_REQUEST_TXN:
        copy_txn_answer(message, &message->answer.txn);
        break;
    case LL_REQUEST_RANGE:
        copy_range_answer(message, &message->answer.range);
        break;
    case LL_REQUEST_STATUS:
        message->answer.status.version =
            copy_text(message, answer->status.version);
        break;
    case LL_REQUEST_LEASE_TTL:
        copy_lease_keys(message, &message->answer);
        break;
    case LL_REQUEST_DELETE:
    case LL_REQUEST_LEASE_GRANT:
    case LL_REQUEST_LEASE_REVOKE:
    case LL_REQUEST_MEMBER_LIST: /* no simulated caller sends it */
        break;
    }
}

void sim_message_set_event(struct sim_message *message,
                           const struct ll_event *event)
{
    size_t n = event->watch.events_n;
    struct ll_watch_event *events =
        n > 0 ? take(message, n * sizeof(*events)) : NULL;

    message->event = *event;
    message->event.watch.reason = copy_text(message, event->watch.reason);
    for (size_t i = 0; i < n; i++) {
        events[i] = event->watch.events[i];
        events[i].kv = copy_kv(message, events[i].kv);
        events[i].prev_value = copy_bytes(message, events[i].prev_value);
    }
    message->event.watch.events = events;
}

void sim_message_set_watch(struct sim_message *message,
                           const struct sim_watch_request *watch)
{
    message->watch = *watch;
    message->watch.key = copy_bytes(message, watch->key);
    message->watch.end = copy_bytes(message, watch->end);
}

void sim_message_set_text(struct sim_message *message, const char *text)
{
    message->text = copy_text(message, text);
}
