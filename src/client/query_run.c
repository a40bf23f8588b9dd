/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "client/query.h"
#include "client/user_call.h"

/** A query as a public function. */

/** A call of ll_query_run. */
struct query_call {
    struct ll_user_call call;
    struct ll_query_object *query;
    int timeout_ms;
    uint32_t endpoint;
    bool begun; /* the query is freed when it has ended */
};

static int query_start(struct ll_user_call *call,
                       struct ll_handle *object,
                       struct ll_waiter *waiter,
                       struct leaselock_error *reterr)
{
    struct query_call *own = LL_CONTAINER(call, struct query_call, call);

    own->begun = true;
    own->query->completion.waiter = waiter;
    return ll_error_text(
        reterr,
        ll_query_begin(object->client, own->query,
                       ll_clock_now_ns() + own->timeout_ms * LL_NS_PER_MS,
                       own->endpoint),
        "");
}

int ll_query_run(const void *user,
                 struct ll_query_object *query,
                 int timeout_ms,
                 uint32_t endpoint,
                 bool waits,
                 struct leaselock_error *reterr)
{
    struct query_call own = {
        .call = {.kind = LL_HANDLE_CLIENT, .start = query_start},
        .query = query,
        .timeout_ms = timeout_ms,
        .endpoint = endpoint};
    int status = ll_user_call_run(&own.call, user, waits, reterr);

    if (!own.begun) {
        ll_query_destroy(&query->handle);
    }
    return status;
}
