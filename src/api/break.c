/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/query.h"
#include "leaselock/locks.h"

/** leaselock_break: one Txn, which is safe to send twice. */
struct break_query {
    struct ll_query_object query;
    int64_t token;
    struct ll_compare compares[2]; /* the token; a lease is attached */
    struct ll_op delete_op;
    struct ll_op else_op;
    char key[];
};

#define BREAK_TIMEOUT_MS 5000

/** Whether the key exists at the expected token but has no lease. */
static bool is_there(const struct break_query *made,
                     const struct ll_txn_answer *txn)
{
    const struct ll_range_answer *range;

    if (txn->ops_n != 1 || txn->ops[0].kind != LL_OP_RANGE) {
        return false;
    }
    range = &txn->ops[0].range;
    return range->kvs_n > 0 && range->kvs[0].create_revision == made->token &&
           range->kvs[0].lease == 0;
}

static bool break_on_answer(struct ll_query_object *query,
                            const struct ll_effect *effect,
                            int *ret_status)
{
    const struct break_query *made =
        LL_CONTAINER(query, struct break_query, query);

    if (*ret_status == 0 && !effect->query.answer->txn.succeeded) {
        *ret_status = is_there(made, &effect->query.answer->txn)
                          ? LEASELOCK_E_NESTED
                          : LEASELOCK_E_COMPARE;
        query->why = *ret_status == LEASELOCK_E_NESTED
                         ? "the key has no lease, so it is no ticket but "
                           "somebody's data; it was spared (force deletes it)"
                         : "";
    }
    return false;
}

static void break_release(struct ll_query_object *query)
{
    ll_free(LL_CONTAINER(query, struct break_query, query));
}

static int break_run(leaselock_client *client,
                     const char *key,
                     int64_t token,
                     const struct leaselock_break_options *options,
                     leaselock_done_fn *done,
                     void *arg,
                     struct leaselock_error *reterr)
{
    struct leaselock_break_options own;
    struct break_query *made;
    struct ll_bytes bytes;

    if (ll_options_copy(&own, sizeof(own), options) != 0 ||
        own.timeout_ms < 0) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the options with "
                             "LEASELOCK_BREAK_OPTIONS_INIT, without a negative "
                             "timeout");
    }
    if (key == NULL || key[0] == '\0' || token < 1) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "to break a lock takes a key with its token");
    }
    made = ll_alloc_zero(1, sizeof(*made) + strlen(key) + 1);
    if (made == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    memcpy(made->key, key, strlen(key));
    bytes = (struct ll_bytes){made->key, strlen(key)};
    made->token = token;
    made->compares[0] =
        (struct ll_compare){.key = bytes,
                            .target = LL_COMPARE_CREATE_REVISION,
                            .result = LL_COMPARE_EQUAL,
                            .number = token};
    made->compares[1] = (struct ll_compare){.key = bytes,
                                            .target = LL_COMPARE_LEASE,
                                            .result = LL_COMPARE_NOT_EQUAL,
                                            .number = 0};
    made->else_op = (struct ll_op){.kind = LL_OP_RANGE,
                                   .range = {.key = bytes, .keys_only = true}};
    made->delete_op = (struct ll_op){.kind = LL_OP_DELETE, .del.key = bytes};
    made->query.request.kind = LL_REQUEST_TXN;
    made->query.request.txn = (struct ll_txn){.compares = made->compares,
                                              .compares_n = own.force ? 1 : 2,
                                              .then_ops = &made->delete_op,
                                              .then_n = 1,
                                              .else_ops = &made->else_op,
                                              .else_n = 1};
    made->query.on_answer = break_on_answer;
    made->query.release = break_release;
    ll_query_init(&made->query, done, arg);
    return ll_query_run(client, &made->query,
                        own.timeout_ms > 0 ? own.timeout_ms : BREAK_TIMEOUT_MS,
                        LL_ENDPOINT_ANY, done == NULL, reterr);
}

int leaselock_break(leaselock_client *client,
                    const char *key,
                    int64_t token,
                    const struct leaselock_break_options *options,
                    struct leaselock_error *reterr)
{
    return break_run(client, key, token, options, NULL, NULL, reterr);
}

int leaselock_break_async(leaselock_client *client,
                          const char *key,
                          int64_t token,
                          const struct leaselock_break_options *options,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return break_run(client, key, token, options, done, arg, reterr);
}
