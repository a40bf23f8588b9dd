/* SPDX-License-Identifier: Apache-2.0 */
#include "client/revoke.h"

#include "base/alloc.h"
#include "client/query.h"

static void lease_release(struct ll_query_object *query)
{
    ll_free(query);
}

static bool lease_on_answer(struct ll_query_object *query,
                            const struct ll_effect *effect,
                            int *ret_status)
{
    (void)query;
    (void)effect;
    (void)ret_status;
    return false;
}

static int lease_ask(leaselock_client *client,
                     enum ll_request_kind kind,
                     int64_t lease,
                     int timeout_ms,
                     leaselock_done_fn *done,
                     void *arg)
{
    struct ll_query_object *query = ll_alloc_zero(1, sizeof(*query));

    if (query == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    ll_query_init(query, done, arg);
    query->request.kind = kind;
    query->request.lease.lease = lease;
    query->on_answer = lease_on_answer;
    query->release = lease_release;
    return ll_query_run(client, query, timeout_ms, LL_ENDPOINT_ANY, false,
                        NULL);
}

int ll_revoke_async(leaselock_client *client,
                    int64_t lease,
                    int timeout_ms,
                    leaselock_done_fn *done,
                    void *arg)
{
    return lease_ask(client, LL_REQUEST_LEASE_REVOKE, lease, timeout_ms, done,
                     arg);
}

int ll_touch_async(leaselock_client *client,
                   int64_t lease,
                   int timeout_ms,
                   leaselock_done_fn *done,
                   void *arg)
{
    return lease_ask(client, LL_REQUEST_LEASE_TTL, lease, timeout_ms, done,
                     arg);
}
