/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/yield.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/entry.h"
#include "api/grants.h"
#include "api/places.h"
#include "api/value.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "client/query.h"
#include "core/key.h"
#include "leaselock/ticket.h"

#define YIELD_TIMEOUT_MS 5000
/** How often a key is asked that changes in the meantime. */
#define ATTEMPTS_MAX 10
/** How often the queue is read when all its holders have gone by then. */
#define ROUNDS_MAX 3
/** Bytes of the description of the client that asks. */
#define WHO_SIZE 640

/** A holder's key, as it was read last. */
struct holder {
    struct ll_kv kv; /* its bytes are the holder's own */
};

/**
 * leaselock_yield: a Range, and then a Txn for each key that holds:
 *
 *     if   create_revision and mod_revision are as read
 *     then put(key), with its lease and the value that ll_value_ask makes
 *     else range(key)
 *
 *     state | event                               | next
 *     READ  | the queue, and keys hold it         | ASK, the first key
 *     READ  | the queue, and nobody holds it      | ended: 0
 *     ASK   | put                                 | ASK, the next key
 *     ASK   | not put: the key is gone            | ASK, the next key
 *     ASK   | not put: it has this very request,  | ASK, the next key: the
 *           | or, after a lost answer and without | answer of the put was lost
 *           | one, was put to once                |
 *     ASK   | not put otherwise                   | ASK, the same key
 *     ASK   | no key is left, and some were asked | ended: how many
 *     ASK   | no key is left, and none was asked  | READ, a few times
 *
 * A Txn that is sent again after a lost answer finds another mod_revision, so
 * no key is put to twice. Each put is in a Txn of its own (core/write.h).
 */
struct yield_query {
    struct ll_query_object query;
    int *ret_asked_n;
    const char *name; /* the caller's, until the query is prepared */
    uint64_t id;      /* of the request */
    int64_t at_unix_s;
    char *value; /* of the present attempt, or NULL */
    size_t value_size;
    struct holder *holders;
    size_t holders_n;
    size_t at; /* the one that is asked */
    int asked_n;
    unsigned attempts; /* of this holder */
    unsigned rounds;
    bool reads;
    bool has_changed; /* one changed at each attempt */
    struct ll_compare compares[2];
    struct ll_op put_op;
    struct ll_op else_op;
    size_t prefix_size;
    char prefix[LL_PREFIX_MAX];
    char end[LL_PREFIX_MAX];
    char who[WHO_SIZE];
    char reason[LEASELOCK_REASON_MAX + 1];
};

static void holder_clear(struct holder *holder)
{
    ll_free((void *)(uintptr_t)holder->kv.key.data);
    ll_free((void *)(uintptr_t)holder->kv.value.data);
    holder->kv = (struct ll_kv){0};
}

static int holder_set(struct holder *holder, const struct ll_kv *kv)
{
    struct ll_kv copy = *kv;

    copy.key.data = ll_alloc_copy(kv->key.data, kv->key.size);
    copy.value.data = ll_alloc_copy(kv->value.data, kv->value.size);
    holder_clear(holder);
    holder->kv = copy;
    return copy.key.data != NULL && copy.value.data != NULL ? 0
                                                            : LEASELOCK_E_NOMEM;
}

static void holders_clear(struct yield_query *yield)
{
    for (size_t i = 0; i < yield->holders_n; i++) {
        holder_clear(&yield->holders[i]);
    }
    ll_free(yield->holders);
    yield->holders = NULL;
    yield->holders_n = 0;
    yield->at = 0;
}

static void yield_release(struct ll_query_object *query)
{
    struct yield_query *yield = LL_CONTAINER(query, struct yield_query, query);

    holders_clear(yield);
    ll_free(yield->value);
    ll_free(yield);
}

/** Makes the request that reads the queue. */
static void read_queue(struct yield_query *yield)
{
    yield->reads = true;
    yield->rounds++;
    yield->query.request = (struct ll_request){
        .kind = LL_REQUEST_RANGE,
        .range = {.key = {yield->prefix, yield->prefix_size},
                  .end = ll_prefix_end(
                      (struct ll_bytes){yield->prefix, yield->prefix_size},
                      yield->end),
                  .limit = LEASELOCK_YIELD_PLACES_MAX,
                  .sort = LL_SORT_OLDEST_FIRST}};
}

/** Now that the client's namespace is known. */
static void yield_prepare(struct ll_query_object *query)
{
    struct yield_query *yield = LL_CONTAINER(query, struct yield_query, query);

    yield->prefix_size =
        ll_prefix_make(ll_client_namespace(query->handle.client),
                       (struct ll_bytes){yield->name, strlen(yield->name)},
                       yield->prefix)
            .size;
    yield->name = NULL;
    read_queue(yield);
}

/** Keeps the keys that hold the lock. */
static int take_holders(struct yield_query *yield,
                        const struct ll_range_answer *range)
{
    struct ll_grants grants = {0};
    int status = 0;

    holders_clear(yield);
    yield->holders = ll_alloc_zero(range->kvs_n, sizeof(*yield->holders));
    if (yield->holders == NULL && range->kvs_n > 0) {
        return LEASELOCK_E_NOMEM;
    }
    for (size_t i = 0; i < range->kvs_n && status == 0; i++) {
        struct leaselock_queue_entry entry = {0};
        bool holds = false;

        status = ll_entry_fill(&entry, &range->kvs[i], yield->prefix_size);
        if (status == 0) {
            holds = ll_grants_add(&grants, &entry, yield->prefix_size);
        }
        ll_entry_free(&entry);
        if (holds) {
            status =
                holder_set(&yield->holders[yield->holders_n++], &range->kvs[i]);
        }
    }
    return status;
}

/** Whether the value describes the ticket; a candidate's is what it proclaims. */
static bool is_description(const struct ll_kv *kv)
{
    size_t name_size;

    return ll_place_shape(kv, &name_size) == LL_PLACE_OWN &&
           ll_key_part(kv->key, 'w').size == 0;
}

/** Makes the request that asks the present holder. */
static int ask_holder(struct yield_query *yield)
{
    const struct ll_kv *kv = &yield->holders[yield->at].kv;
    struct ll_put put = {.key = kv->key};

    ll_free(yield->value);
    yield->value = NULL;
    if (is_description(kv) &&
        ll_value_ask(kv->value, yield->who, yield->reason, yield->at_unix_s,
                     yield->id, &yield->value, &yield->value_size) != 0) {
        return LEASELOCK_E_NOMEM;
    }
    put.keep = yield->value == NULL;
    put.keep_lease = !put.keep;
    if (!put.keep) {
        put.value = (struct ll_bytes){yield->value, yield->value_size};
    }
    yield->compares[0] =
        (struct ll_compare){.key = kv->key,
                            .target = LL_COMPARE_CREATE_REVISION,
                            .result = LL_COMPARE_EQUAL,
                            .number = kv->create_revision};
    yield->compares[1] = (struct ll_compare){.key = kv->key,
                                             .target = LL_COMPARE_MOD_REVISION,
                                             .result = LL_COMPARE_EQUAL,
                                             .number = kv->mod_revision};
    yield->put_op = (struct ll_op){.kind = LL_OP_PUT, .put = put};
    yield->else_op =
        (struct ll_op){.kind = LL_OP_RANGE, .range = {.key = kv->key}};
    yield->query.request =
        (struct ll_request){.kind = LL_REQUEST_TXN,
                            .txn = {.compares = yield->compares,
                                    .compares_n = 2,
                                    .then_ops = &yield->put_op,
                                    .then_n = 1,
                                    .else_ops = &yield->else_op,
                                    .else_n = 1}};
    yield->reads = false;
    yield->attempts++;
    return 0;
}

/** Goes on to the next holder. */
static void next_holder(struct yield_query *yield, bool asked)
{
    yield->asked_n += asked ? 1 : 0;
    yield->attempts = 0;
    yield->at++;
}

/** Whether a key that was changed has this request.
 *  @param was_lost  an attempt may have been applied without an answer */
static bool has_request(const struct yield_query *yield,
                        const struct ll_kv *kv,
                        bool was_lost)
{
    const struct ll_kv *before = &yield->holders[yield->at].kv;
    struct ll_value value = {0};
    bool has = false;

    if (yield->value == NULL) {
        return was_lost && kv->version == before->version + 1 &&
               ll_bytes_equal(kv->value, before->value);
    }
    if (ll_value_parse(kv->value.data, kv->value.size, &value) == 0) {
        has = value.is_asked && value.asked_id == ll_value_asked_id(yield->id);
    }
    ll_value_free(&value);
    return has;
}

/** The condition failed: the key is another one, or has been changed. */
static int on_changed(struct yield_query *yield,
                      const struct ll_txn_answer *txn,
                      bool was_lost)
{
    struct holder *holder = &yield->holders[yield->at];
    const struct ll_range_answer *range;

    if (txn->ops_n != 1 || txn->ops[0].kind != LL_OP_RANGE) {
        return LEASELOCK_E_SERVER;
    }
    range = &txn->ops[0].range;
    if (range->kvs_n == 0 ||
        range->kvs[0].create_revision != holder->kv.create_revision) {
        next_holder(yield, false);
        return 0;
    }
    if (has_request(yield, &range->kvs[0], was_lost)) {
        next_holder(yield, true);
        return 0;
    }
    if (yield->attempts >= ATTEMPTS_MAX) {
        yield->has_changed = true;
        next_holder(yield, false);
        return 0;
    }
    return holder_set(holder, &range->kvs[0]);
}

static int on_ok(struct yield_query *yield, const struct ll_effect *effect)
{
    const struct ll_answer *answer = effect->query.answer;

    if (yield->reads) {
        return take_holders(yield, &answer->range);
    }
    if (answer->txn.succeeded) {
        next_holder(yield, true);
        return 0;
    }
    return on_changed(yield, &answer->txn, effect->query.was_lost);
}

static bool yield_on_answer(struct ll_query_object *query,
                            const struct ll_effect *effect,
                            int *ret_status)
{
    struct yield_query *yield = LL_CONTAINER(query, struct yield_query, query);
    bool goes_on = true;

    if (*ret_status == 0) {
        *ret_status = on_ok(yield, effect);
    }
    if (*ret_status != 0) {
        return false;
    }
    if (yield->at < yield->holders_n) {
        *ret_status = ask_holder(yield);
    } else if (yield->holders_n > 0 && yield->asked_n == 0 &&
               !yield->has_changed && yield->rounds < ROUNDS_MAX) {
        read_queue(yield); /* the next ones hold it by now */
    } else {
        goes_on = false;
    }
    if (*ret_status == 0 && goes_on) {
        if (ll_query_ask_on(query)) {
            return true;
        }
        *ret_status = LEASELOCK_E_NOMEM;
    }
    if (*ret_status == 0 && yield->has_changed) {
        *ret_status = LEASELOCK_E_COMPARE;
        query->why = "a holder's key was changed by others at each attempt";
    }
    if (*ret_status == 0) {
        *yield->ret_asked_n = yield->asked_n;
    }
    return false;
}

/** Describes this process as the queue shows a waiter. */
static int describe_self(char who[WHO_SIZE])
{
    struct ll_value value = {0};
    char *made = NULL;
    size_t size = 0;
    int status = ll_value_make(NULL, 0, 0, &made, &size);

    if (status == 0) {
        status = ll_value_parse(made, size, &value);
    }
    if (status == 0) {
        (void)snprintf(who, WHO_SIZE, "%s pid %lld %s", value.host,
                       (long long)value.pid, value.program);
    }
    ll_value_free(&value);
    ll_free(made);
    return status;
}

static int yield_new(const char *name,
                     const char *reason,
                     int *ret_asked_n,
                     struct yield_query **ret_query)
{
    struct yield_query *yield = ll_alloc_zero(1, sizeof(*yield));
    int status;

    if (yield == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    status = describe_self(yield->who);
    if (status == 0) {
        status = ll_random(&yield->id);
    }
    if (status != 0) {
        ll_free(yield);
        return status;
    }
    memcpy(yield->reason, reason, strlen(reason) + 1);
    yield->name = name;
    yield->ret_asked_n = ret_asked_n;
    yield->at_unix_s = time(NULL);
    yield->query.on_answer = yield_on_answer;
    yield->query.release = yield_release;
    yield->query.prepare = yield_prepare;
    *ret_query = yield;
    return 0;
}

static int yield_run(leaselock_client *client,
                     const char *name,
                     const struct leaselock_yield_options *options,
                     int *ret_asked_n,
                     leaselock_done_fn *done,
                     void *arg,
                     struct leaselock_error *reterr)
{
    struct leaselock_yield_options own;
    struct yield_query *yield = NULL;
    const char *fault;
    int status;

    if (ll_options_copy(&own, sizeof(own), options) != 0 ||
        own.timeout_ms < 0 || ret_asked_n == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the options with "
                             "LEASELOCK_YIELD_OPTIONS_INIT, without a negative "
                             "timeout");
    }
    if (own.reason != NULL && (strlen(own.reason) > LEASELOCK_REASON_MAX ||
                               !ll_value_text_is_plain(own.reason))) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a reason is at most 256 bytes of UTF-8 without "
                             "control characters");
    }
    fault = leaselock_name_check(name);
    if (fault != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NAME, fault);
    }
    status = yield_new(name, own.reason != NULL ? own.reason : "", ret_asked_n,
                       &yield);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    ll_query_init(&yield->query, done, arg);
    return ll_query_run(client, &yield->query,
                        own.timeout_ms > 0 ? own.timeout_ms : YIELD_TIMEOUT_MS,
                        LL_ENDPOINT_ANY, done == NULL, reterr);
}

int leaselock_yield(leaselock_client *client,
                    const char *name,
                    const struct leaselock_yield_options *options,
                    int *ret_asked_n,
                    struct leaselock_error *reterr)
{
    return yield_run(client, name, options, ret_asked_n, NULL, NULL, reterr);
}

int leaselock_yield_async(leaselock_client *client,
                          const char *name,
                          const struct leaselock_yield_options *options,
                          int *ret_asked_n,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return yield_run(client, name, options, ret_asked_n, done, arg, reterr);
}
