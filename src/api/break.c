#include <string.h>

#include "api/error.h"
#include "api/query.h"
#include "base/alloc.h"
#include "leaselock/locks.h"

/** leaselock_break: one Txn, which may be sent twice without harm. */
struct break_query {
    struct ll_query_object query;
    struct ll_compare compare;
    struct ll_op delete_op;
    char key[];
};

static bool break_on_answer(struct ll_query_object *query,
                            const struct ll_effect *effect,
                            int *ret_status)
{
    (void)query;
    if (*ret_status == 0 && !effect->query.answer->txn.succeeded) {
        *ret_status = LEASELOCK_E_COMPARE;
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
                     int timeout_ms,
                     leaselock_done_fn *done,
                     void *arg,
                     struct leaselock_error *reterr)
{
    struct break_query *made;
    struct ll_bytes bytes;

    if (key == NULL || key[0] == '\0' || token < 1 || timeout_ms < 1) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "to break a lock takes a key with its token, and "
                             "a time-out of 1 ms or more");
    }
    made = ll_alloc_zero(1, sizeof(*made) + strlen(key) + 1);
    if (made == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    memcpy(made->key, key, strlen(key));
    bytes = (struct ll_bytes){made->key, strlen(key)};
    made->compare = (struct ll_compare){.key = bytes,
                                        .target = LL_COMPARE_CREATE_REVISION,
                                        .result = LL_COMPARE_EQUAL,
                                        .number = token};
    made->delete_op = (struct ll_op){.kind = LL_OP_DELETE, .del.key = bytes};
    made->query.request.kind = LL_REQUEST_TXN;
    made->query.request.txn = (struct ll_txn){.compares = &made->compare,
                                              .compares_n = 1,
                                              .then_ops = &made->delete_op,
                                              .then_n = 1};
    made->query.on_answer = break_on_answer;
    made->query.release = break_release;
    ll_query_init(&made->query, done, arg);
    return ll_query_run(client, &made->query, timeout_ms, LL_ENDPOINT_ANY,
                        done == NULL, reterr);
}

int leaselock_break(leaselock_client *client,
                    const char *key,
                    int64_t token,
                    int timeout_ms,
                    struct leaselock_error *reterr)
{
    if (ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    return break_run(client, key, token, timeout_ms, NULL, NULL, reterr);
}

int leaselock_break_async(leaselock_client *client,
                          const char *key,
                          int64_t token,
                          int timeout_ms,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return break_run(client, key, token, timeout_ms, done, arg, reterr);
}
