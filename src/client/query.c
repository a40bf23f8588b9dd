/* SPDX-License-Identifier: Apache-2.0 */
#include "client/query.h"

#include "base/clock.h"

void ll_query_destroy(struct ll_handle *handle)
{
    struct ll_query_object *query =
        LL_CONTAINER(handle, struct ll_query_object, handle);
    struct ll_client *client = query->handle.client;

    ll_completion_free(&query->completion);
    query->release(query);
    if (client != NULL) {
        ll_handle_put(&client->handle);
    }
}

void ll_query_init(struct ll_query_object *query,
                   leaselock_done_fn *done,
                   void *arg)
{
    ll_link_init(&query->link);
    ll_completion_init(&query->completion, &query->handle, done, arg);
}

static int query_ask(struct ll_query_object *query, uint32_t endpoint)
{
    struct ll_event event = {.kind = LL_EVENT_QUERY,
                             .id = query->handle.entry.id};
    int64_t left_ns = query->deadline_ns - ll_clock_now_ns();
    int status;

    event.query.request = &query->request;
    event.query.timeout_ns = left_ns > 0 ? left_ns : 0;
    event.query.endpoint = endpoint;
    query->due = true;
    status = ll_client_command(query->handle.client, &event);
    if (status != 0) {
        query->due = false;
    }
    return status;
}

bool ll_query_ask_on_at(struct ll_query_object *query, uint32_t endpoint)
{
    return ll_handle_renew(&query->handle) == 0 &&
           query_ask(query, endpoint) == 0;
}

bool ll_query_ask_on(struct ll_query_object *query)
{
    return ll_query_ask_on_at(query, LL_ENDPOINT_ANY);
}

static void query_end(struct ll_query_object *query,
                      const struct ll_detail *detail)
{
    query->due = false;
    ll_link_remove(&query->link);
    ll_client_complete(query->handle.client, &query->completion, detail);
    ll_handle_leave(&query->handle);
}

int ll_query_begin(struct ll_client *client,
                   struct ll_query_object *query,
                   int64_t deadline_ns,
                   uint32_t endpoint)
{
    int status = ll_handle_enter(&query->handle, LL_HANDLE_QUERY, false,
                                 ll_query_destroy);

    if (status != 0) {
        ll_query_destroy(&query->handle);
        return status;
    }
    ll_handle_ref(&client->handle);
    query->handle.client = client;
    query->deadline_ns = deadline_ns;
    ll_link_append(&client->queries, &query->link);
    if (query->prepare != NULL) {
        query->prepare(query);
    }
    ll_handle_ref(&query->handle);
    status = query_ask(query, endpoint);
    if (status != 0) {
        ll_link_remove(&query->link);
        ll_handle_leave(&query->handle);
    }
    ll_handle_put(&query->handle);
    return status;
}

void ll_query_effect(struct ll_client *client, const struct ll_effect *effect)
{
    struct ll_handle *handle = ll_handle_find(effect->id);
    struct ll_query_object *query;
    struct ll_detail detail = effect->query.detail;

    (void)client;
    if (handle == NULL) {
        return;
    }
    query = LL_CONTAINER(handle, struct ll_query_object, handle);
    if (!query->due) {
        return;
    }
    query->due = false;
    if (query->on_answer(query, effect, &detail.status)) {
        return;
    }
    if (detail.status != effect->query.detail.status) {
        detail.text = query->why != NULL ? query->why : "";
        detail.endpoint = LL_ENDPOINT_ANY;
        detail.grpc_status = -1;
    }
    query_end(query, &detail);
}

void ll_queries_close(struct ll_client *client)
{
    struct ll_detail closed = {LEASELOCK_E_CLOSED, -1, LL_ENDPOINT_ANY, ""};

    while (!ll_link_alone(&client->queries)) {
        struct ll_query_object *query =
            LL_CONTAINER(client->queries.next, struct ll_query_object, link);
        struct ll_event event = {.kind = LL_EVENT_QUERY_CANCEL,
                                 .id = query->handle.entry.id};

        ll_handle_ref(&query->handle);
        query->due = false; /* ignore core's report */
        (void)ll_client_command(client, &event);
        query_end(query, &closed);
        ll_handle_put(&query->handle);
    }
}
