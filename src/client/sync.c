/* SPDX-License-Identifier: Apache-2.0 */
#include "client/sync.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/query.h"

/** The most URLs of a list that are used. */
#define URLS_MAX 256

/** A request for the list of members. */
struct sync_query {
    struct ll_query_object query;
    /** It was sent to an address that the list named. */
    bool is_confirmation;
};

static int ask(struct ll_client *client, uint32_t endpoint);

void ll_sync_init(struct ll_client *client)
{
    struct ll_sync *sync = &client->sync;

    sync->interval_ns = client->options.sync_interval_ms * LL_NS_PER_MS;
    sync->next_ns = sync->interval_ns > 0 ? ll_clock_now_ns() : INT64_MAX;
    sync->n = ll_transport_endpoints(client->transport);
    sync->first =
        sync->n < LL_ENDPOINTS_MAX ? (UINT64_C(1) << sync->n) - 1 : UINT64_MAX;
    sync->usable = sync->first;
}

int64_t ll_sync_deadline_ns(const struct ll_client *client)
{
    return client->sync.next_ns;
}

/** Collects the client URLs of the voting members. */
static size_t take_urls(const struct ll_answer *answer,
                        const char *urls[URLS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < answer->members.n; i++) {
        const struct ll_member *member = &answer->members.list[i];

        for (size_t k = 0;
             k < member->client_urls_n && n < URLS_MAX && !member->is_learner;
             k++) {
            urls[n++] = member->client_urls[k];
        }
    }
    return n;
}

/** Reports to core which endpoints to use, if that has changed. */
static void use(struct ll_client *client, uint64_t usable)
{
    struct ll_sync *sync = &client->sync;
    struct ll_event event = {.kind = LL_EVENT_ENDPOINTS};

    event.endpoints.n = ll_transport_endpoints(client->transport);
    event.endpoints.usable = usable;
    if (event.endpoints.n == sync->n && usable == sync->usable) {
        return;
    }
    sync->n = event.endpoints.n;
    sync->usable = usable;
    (void)ll_client_command(client, &event);
}

/** Switches to the listed endpoints once one of them has answered: to those
 *  that have answered, and to those that the user named, too. */
static void use_listed(struct ll_client *client)
{
    const struct ll_sync *sync = &client->sync;

    use(client, (sync->listed & sync->proven) != 0
                    ? sync->listed & (sync->proven | sync->first)
                    : sync->usable);
}

/** Whether an answer is of the cluster that sent the list, as far as their ids
 *  show: a proxy's list has no id. */
static bool is_same_cluster(const struct ll_sync *sync,
                            const struct ll_answer *answer)
{
    return sync->cluster_id == 0 || answer->cluster_id == 0 ||
           sync->cluster_id == answer->cluster_id;
}

/** A listed address has answered. */
static void on_confirmation(struct ll_client *client,
                            const struct ll_effect *effect)
{
    struct ll_sync *sync = &client->sync;

    if (is_same_cluster(sync, effect->query.answer)) {
        sync->proven |= UINT64_C(1) << effect->query.endpoint;
        use_listed(client);
    }
}

static bool sync_on_answer(struct ll_query_object *query,
                           const struct ll_effect *effect,
                           int *ret_status)
{
    struct ll_client *client = query->handle.client;
    struct ll_sync *sync = &client->sync;
    bool is_confirmation =
        LL_CONTAINER(query, struct sync_query, query)->is_confirmation;
    const char *urls[URLS_MAX];
    uint64_t listed = 0;
    uint64_t unproven;

    if (*ret_status == 0 && is_confirmation) {
        on_confirmation(client, effect);
        return false;
    }
    if (*ret_status != 0) {
        /* No listed member answers; all may have been replaced. */
        if (!is_confirmation) {
            use(client, sync->usable | sync->first);
        }
        return false; /* the next request is scheduled */
    }
    ll_transport_list(client->transport, urls,
                      take_urls(effect->query.answer, urls), &listed);
    if (listed == 0) {
        return false;
    }
    sync->listed = listed;
    sync->cluster_id = effect->query.answer->cluster_id;
    sync->proven |= UINT64_C(1) << effect->query.endpoint;
    use_listed(client);
    /* use_listed has invalidated the answer. */
    unproven = listed & ~sync->proven;
    for (uint32_t i = 0; i < LL_ENDPOINTS_MAX; i++) {
        if ((unproven >> i & 1) != 0) {
            (void)ask(client, i);
        }
    }
    return false;
}

static void sync_release(struct ll_query_object *query)
{
    ll_free(LL_CONTAINER(query, struct sync_query, query));
}

/** Requests the list from one endpoint, or from any. */
static int ask(struct ll_client *client, uint32_t endpoint)
{
    struct sync_query *sync = ll_alloc_zero(1, sizeof(*sync));

    if (sync == NULL) {
        return LEASELOCK_E_NOMEM; /* the next request is scheduled */
    }
    ll_query_init(&sync->query, NULL, NULL);
    sync->query.request.kind = LL_REQUEST_MEMBER_LIST;
    sync->query.on_answer = sync_on_answer;
    sync->query.release = sync_release;
    sync->is_confirmation = endpoint != LL_ENDPOINT_ANY;
    return ll_query_begin(client, &sync->query,
                          ll_clock_now_ns() + client->sync.interval_ns,
                          endpoint);
}

void ll_sync_on_time(struct ll_client *client, int64_t now_ns)
{
    if (now_ns < client->sync.next_ns || client->closing) {
        return;
    }
    client->sync.next_ns = now_ns + client->sync.interval_ns;
    (void)ask(client, LL_ENDPOINT_ANY);
}
