/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/error.h"
#include "client/query.h"
#include "leaselock/queue.h"

#define LEASE_TIMEOUT_MS 5000

/** leaselock_lease: one LeaseTimeToLive. */
struct lease_query {
    struct ll_query_object query;
    struct leaselock_lease_info *ret_info;
};

static bool lease_on_answer(struct ll_query_object *query,
                            const struct ll_effect *effect,
                            int *ret_status)
{
    struct lease_query *lease = LL_CONTAINER(query, struct lease_query, query);

    if (*ret_status == 0) {
        lease->ret_info->ttl_s = effect->query.answer->lease.ttl_s;
        lease->ret_info->granted_s =
            lease->ret_info->ttl_s >= 0
                ? effect->query.answer->lease.granted_ttl_s
                : 0;
    }
    return false;
}

static void lease_release(struct ll_query_object *query)
{
    ll_free(LL_CONTAINER(query, struct lease_query, query));
}

static int lease_run(leaselock_client *user,
                     int64_t id,
                     int timeout_ms,
                     struct leaselock_lease_info *ret_info,
                     leaselock_done_fn *done,
                     void *arg,
                     struct leaselock_error *reterr)
{
    struct lease_query *lease;

    if (id == 0 || timeout_ms < 0 || ret_info == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a lease is not 0, and a timeout not negative");
    }
    lease = ll_alloc_zero(1, sizeof(*lease));
    if (lease == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    lease->ret_info = ret_info;
    lease->query.on_answer = lease_on_answer;
    lease->query.release = lease_release;
    lease->query.request =
        (struct ll_request){.kind = LL_REQUEST_LEASE_TTL, .lease.lease = id};
    ll_query_init(&lease->query, done, arg);
    return ll_query_run(user, &lease->query,
                        timeout_ms > 0 ? timeout_ms : LEASE_TIMEOUT_MS,
                        LL_ENDPOINT_ANY, done == NULL, reterr);
}

int leaselock_lease(leaselock_client *user,
                    int64_t lease,
                    int timeout_ms,
                    struct leaselock_lease_info *ret_info,
                    struct leaselock_error *reterr)
{
    return lease_run(user, lease, timeout_ms, ret_info, NULL, NULL, reterr);
}

int leaselock_lease_async(leaselock_client *user,
                          int64_t lease,
                          int timeout_ms,
                          struct leaselock_lease_info *ret_info,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return lease_run(user, lease, timeout_ms, ret_info, done, arg, reterr);
}
