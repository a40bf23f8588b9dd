/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/query.h"
#include "core/nearest.h"
#include "etcd/messages.h"

/**
 * leaselock_ping: Maintenance.Status of one endpoint.
 *
 * Etcd 3.5.28 to 3.5.31 and 3.6.9 to 3.6.11 answer Status for root only. An
 * endpoint that refuses it is up; the ids and the revision then come from the
 * header of LeaseTimeToLive, which requires no permission if the lease has no
 * keys. Without a user etcd refuses that, too, and they stay unknown.
 *
 * Then a key is read a few times, through the leader, for the time of an answer
 * (see core/nearest.h). The ping succeeds whatever comes of that.
 */
struct ping_query {
    struct ll_query_object query;
    uint32_t endpoint;
    unsigned reads_n; /* answered */
    int64_t least_ns;
    struct leaselock_ping *ret_ping;
};

/** A lease that does not exist: etcd makes its ids of a member's id, the time
 *  and a counter, and ours are random. */
#define LEASE_UNKNOWN INT64_MAX

static void ping_release(struct ll_query_object *query)
{
    ll_free(LL_CONTAINER(query, struct ping_query, query));
}

/** Whether etcd answered that the user lacks a permission. */
static bool is_permission(const struct ll_effect *effect, int status)
{
    return status == LEASELOCK_E_REFUSED &&
           ll_text_is_permission(effect->query.detail.text);
}

/** Fills the result from the status, or from what is there in its place. */
static void ping_fill(const struct ping_query *of,
                      const struct ll_answer *answer,
                      int64_t round_trip_ns)
{
    const struct ll_client *client = of->query.handle.client;
    const struct ll_transport *transport = client->transport;
    struct leaselock_ping *ping = of->ret_ping;

    *ping = (struct leaselock_ping){
        .cluster_id = answer->cluster_id,
        .member_id = answer->member_id,
        .revision = answer->revision,
        .round_trip_us = round_trip_ns / LL_NS_PER_US,
        .is_in_use = ll_core_endpoint(client->core) == of->endpoint,
        .tls = ll_transport_endpoint_is_tls(transport, of->endpoint),
        .authenticated = ll_transport_is_authenticated(transport)};
    (void)snprintf(ping->endpoint, sizeof(ping->endpoint), "%s",
                   ll_transport_endpoint(transport, of->endpoint));
    if (answer->kind == LL_REQUEST_STATUS) {
        ping->leader_id = answer->status.leader_id;
        ping->is_learner = answer->status.is_learner;
        (void)snprintf(ping->version, sizeof(ping->version), "%s",
                       answer->status.version);
    }
}

/** The reads wait no longer than a request does: the leader may be gone. */
static void ping_limit(struct ll_query_object *query)
{
    int64_t latest_ns =
        ll_clock_now_ns() +
        query->handle.client->options.request_timeout_ms * LL_NS_PER_MS;

    if (latest_ns < query->deadline_ns) {
        query->deadline_ns = latest_ns;
    }
}

/** Reads the key once more. False: the last read was enough, or it failed. */
static bool ping_read(struct ping_query *of)
{
    of->query.request = (struct ll_request){
        .kind = LL_REQUEST_RANGE,
        .range = {
            .key = ll_nearest_key(ll_client_namespace(of->query.handle.client)),
            .keys_only = true,
            .count_only = true}};
    return of->reads_n < LL_NEAREST_READS &&
           ll_query_ask_on_at(&of->query, of->endpoint);
}

/** A read has ended. Returns as on_answer. */
static bool ping_on_read(struct ping_query *of,
                         const struct ll_effect *effect,
                         int *ret_status)
{
    int64_t answer_ns = effect->query.round_trip_ns;
    bool is_answer = *ret_status == 0 || is_permission(effect, *ret_status);

    *ret_status = 0;
    if (!is_answer) {
        return false;
    }
    of->least_ns =
        of->reads_n == 0 || answer_ns < of->least_ns ? answer_ns : of->least_ns;
    of->reads_n++;
    of->ret_ping->answer_us = of->least_ns / LL_NS_PER_US;
    return ping_read(of);
}

static bool ping_on_answer(struct ll_query_object *query,
                           const struct ll_effect *effect,
                           int *ret_status)
{
    static const struct ll_answer nothing = {.kind = LL_REQUEST_LEASE_TTL};
    struct ping_query *of = LL_CONTAINER(query, struct ping_query, query);
    const struct ll_answer *answer = &nothing;

    if (query->request.kind == LL_REQUEST_RANGE) {
        return ping_on_read(of, effect, ret_status);
    }
    if (*ret_status == 0) {
        answer = effect->query.answer;
    } else if (!is_permission(effect, *ret_status)) {
        return false;
    } else if (query->request.kind == LL_REQUEST_STATUS) {
        query->request = (struct ll_request){.kind = LL_REQUEST_LEASE_TTL,
                                             .lease = {.lease = LEASE_UNKNOWN}};
        if (ll_query_ask_on_at(query, of->endpoint)) {
            return true;
        }
        *ret_status = LEASELOCK_E_NOMEM;
        return false;
    }
    *ret_status = 0;
    ping_fill(of, answer, effect->query.round_trip_ns);
    ping_limit(query);
    return ping_read(of);
}

static int ping_run(leaselock_client *user,
                    unsigned endpoint,
                    int timeout_ms,
                    struct leaselock_ping *ret_ping,
                    leaselock_done_fn *done,
                    void *arg,
                    struct leaselock_error *reterr)
{
    struct ll_client *client = NULL;
    struct ping_query *ping;
    uint32_t endpoints_n;
    int status;

    if (timeout_ms < 1 || ret_ping == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a ping needs a place for the answer and a "
                             "timeout of 1 ms or more");
    }
    if (done == NULL && ll_client_in_callback()) {
        return ll_error_text(reterr, LEASELOCK_E_DEADLOCK, "");
    }
    status = ll_client_enter(user, &client);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    endpoints_n = ll_transport_endpoints(client->transport);
    ll_client_unlock(client);
    ll_handle_put(&client->handle);
    if (endpoint >= endpoints_n) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "the client has no such endpoint");
    }
    ping = ll_alloc_zero(1, sizeof(*ping));
    if (ping == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    ll_query_init(&ping->query, done, arg);
    ping->query.request.kind = LL_REQUEST_STATUS;
    ping->query.on_answer = ping_on_answer;
    ping->query.release = ping_release;
    ping->endpoint = endpoint;
    ping->ret_ping = ret_ping;
    return ll_query_run(user, &ping->query, timeout_ms, endpoint, done == NULL,
                        reterr);
}

int leaselock_ping(leaselock_client *user,
                   unsigned endpoint,
                   int timeout_ms,
                   struct leaselock_ping *ret_ping,
                   struct leaselock_error *reterr)
{
    return ping_run(user, endpoint, timeout_ms, ret_ping, NULL, NULL, reterr);
}

int leaselock_ping_async(leaselock_client *user,
                         unsigned endpoint,
                         int timeout_ms,
                         struct leaselock_ping *ret_ping,
                         leaselock_done_fn *done,
                         void *arg,
                         struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return ping_run(user, endpoint, timeout_ms, ret_ping, done, arg, reterr);
}
