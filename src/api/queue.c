/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/queue.h"

#include <string.h>

#include "api/entry.h"
#include "api/grants.h"
#include "api/places.h"
#include "api/value.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/query.h"
#include "core/key.h"
#include "leaselock/ticket.h"

#define QUEUE_TIMEOUT_MS 5000

/** leaselock_queue: one Range, and then, on request, the TTL of each lease in
 *  turn. */
struct queue_query {
    struct ll_query_object query;
    struct leaselock_queue_info **ret_queue;
    struct leaselock_queue_info *queue;
    struct leaselock_queue_entry *entries; /* of the queue */
    bool with_ttl;
    size_t at;        /* the entry whose TTL is being read */
    const char *name; /* the caller's, until the query is prepared */
    size_t prefix_size;
    char prefix[LL_PREFIX_MAX]; /* the namespace and NAME/ */
    char end[LL_PREFIX_MAX];
};

void ll_entry_free(const struct leaselock_queue_entry *entry)
{
    ll_free((void *)(uintptr_t)entry->key);
    ll_free((void *)(uintptr_t)entry->value);
    ll_free((void *)(uintptr_t)entry->host);
    ll_free((void *)(uintptr_t)entry->program);
    ll_free((void *)(uintptr_t)entry->label);
    if (entry->asked != NULL) {
        ll_free((void *)(uintptr_t)entry->asked->who);
        ll_free((void *)(uintptr_t)entry->asked->reason);
        ll_free((void *)(uintptr_t)entry->asked);
    }
}

/** Moves a request from a value to an entry. */
static int entry_fill_asked(struct leaselock_queue_entry *entry,
                            struct ll_value *value)
{
    struct leaselock_yield_request *asked;

    entry->asked = NULL;
    if (!value->is_asked) {
        return 0;
    }
    asked = ll_alloc_zero(1, sizeof(*asked));
    if (asked == NULL) {
        ll_free(value->asked_who);
        ll_free(value->asked_reason);
        return LEASELOCK_E_NOMEM;
    }
    *asked = (struct leaselock_yield_request){.who = value->asked_who,
                                              .reason = value->asked_reason,
                                              .at_unix_s = value->asked_unix_s};
    entry->asked = asked;
    return 0;
}

void leaselock_queue_free(struct leaselock_queue_info *queue)
{
    if (queue == NULL) {
        return;
    }
    for (size_t i = 0; i < queue->entries_n; i++) {
        ll_entry_free(&queue->entries[i]);
    }
    ll_free((void *)(uintptr_t)queue->entries);
    ll_free(queue);
}

static void queue_release(struct ll_query_object *query)
{
    struct queue_query *queue = LL_CONTAINER(query, struct queue_query, query);

    leaselock_queue_free(queue->queue);
    ll_free(queue);
}

int ll_entry_fill(struct leaselock_queue_entry *entry,
                  const struct ll_kv *kv,
                  size_t prefix_size)
{
    struct ll_value value = {0};
    size_t name_size;
    bool own = ll_place_shape(kv, &name_size) == LL_PLACE_OWN;
    struct ll_mode mode =
        own ? ll_key_mode(kv->key) : (struct ll_mode){LL_MODE_EXCLUSIVE, 0};
    struct ll_bytes who = ll_key_part(kv->key, 'w');
    int status = who.size > 0 && kv->lease != 0
                     ? ll_value_parse_who(who, &value)
                     : ll_value_parse(kv->value.data, kv->value.size, &value);

    entry->host = value.host;
    entry->program = value.program;
    entry->label = value.label;
    entry->pid = value.pid;
    entry->since_unix_s = value.since_unix_s;
    entry->keep_ms = own ? value.keep_ms : 0;
    entry->key = ll_alloc_copy(kv->key.data, kv->key.size);
    entry->value = ll_alloc_copy(kv->value.data, kv->value.size);
    entry->value_size = kv->value.size;
    entry->token = kv->create_revision;
    entry->lease = kv->lease;
    entry->ttl_s = -1;
    entry->nested = ll_key_is_nested(kv->key, prefix_size);
    entry->foreign = !own;
    entry->mode = (int)mode.kind;
    entry->permits = (int)mode.permits;
    entry->lock_delay_ms = (int)ll_key_delay_ms(kv->key, kv->lease);
    entry->candidate = own && who.size > 0;
    status = entry_fill_asked(entry, &value) != 0 ? LEASELOCK_E_NOMEM : status;
    return entry->key != NULL && entry->value != NULL ? status
                                                      : LEASELOCK_E_NOMEM;
}

static int queue_fill(struct queue_query *queue, const struct ll_answer *answer)
{
    const struct ll_range_answer *range = &answer->range;
    struct ll_grants grants = {0};
    int status = 0;

    queue->queue = ll_alloc_zero(1, sizeof(*queue->queue));
    queue->entries = ll_alloc_zero(range->kvs_n, sizeof(*queue->entries));
    if (queue->queue == NULL || queue->entries == NULL) {
        ll_free(queue->entries);
        return LEASELOCK_E_NOMEM;
    }
    queue->queue->revision = answer->revision;
    queue->queue->total = range->count;
    queue->queue->entries = queue->entries;
    for (size_t i = 0; i < range->kvs_n && status == 0; i++) {
        queue->queue->entries_n = i + 1;
        status = ll_entry_fill(&queue->entries[i], &range->kvs[i],
                               queue->prefix_size);
        if (status == 0) {
            queue->entries[i].holds =
                ll_grants_add(&grants, &queue->entries[i], queue->prefix_size);
        }
    }
    return status;
}

/** Copies the TTL from an earlier entry with the same lease. */
static bool entry_copy_ttl(struct queue_query *queue, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (queue->entries[i].lease == queue->entries[at].lease) {
            queue->entries[at].ttl_s = queue->entries[i].ttl_s;
            return true;
        }
    }
    return false;
}

/** Requests the TTL of the next lease; false if there is none left. */
static bool queue_ask_ttl(struct queue_query *queue)
{
    while (queue->at < queue->queue->entries_n) {
        struct leaselock_queue_entry *entry = &queue->entries[queue->at];

        if (entry->lease != 0 && !entry_copy_ttl(queue, queue->at)) {
            /* The union held the Range request, which is no longer needed. */
            queue->query.request = (struct ll_request){
                .kind = LL_REQUEST_LEASE_TTL, .lease.lease = entry->lease};
            return ll_query_ask_on(&queue->query);
        }
        queue->at++;
    }
    return false;
}

static bool queue_on_answer(struct ll_query_object *query,
                            const struct ll_effect *effect,
                            int *ret_status)
{
    struct queue_query *queue = LL_CONTAINER(query, struct queue_query, query);
    bool first = queue->queue == NULL;

    if (first && *ret_status == 0) {
        *ret_status = queue_fill(queue, effect->query.answer);
    } else if (!first) {
        /* Without a TTL, the entry is still shown. */
        if (*ret_status == 0) {
            queue->entries[queue->at].ttl_s = effect->query.answer->lease.ttl_s;
        }
        *ret_status = 0;
        queue->at++;
    }
    if (*ret_status != 0) {
        return false;
    }
    if (queue->with_ttl && ll_clock_now_ns() < query->deadline_ns &&
        queue_ask_ttl(queue)) {
        return true;
    }
    *queue->ret_queue = queue->queue;
    queue->queue = NULL;
    return false;
}

/** Makes the range, now that the client's namespace is known. */
static void queue_prepare(struct ll_query_object *query)
{
    struct queue_query *queue = LL_CONTAINER(query, struct queue_query, query);
    struct ll_range *range = &query->request.range;

    range->key = ll_prefix_make(
        ll_client_namespace(query->handle.client),
        (struct ll_bytes){queue->name, strlen(queue->name)}, queue->prefix);
    range->end = ll_prefix_end(range->key, queue->end);
    queue->prefix_size = range->key.size;
    queue->name = NULL;
}

static int queue_new(const char *name,
                     const struct leaselock_queue_options *options,
                     struct leaselock_queue_info **ret_queue,
                     struct queue_query **ret_query)
{
    struct queue_query *queue = ll_alloc_zero(1, sizeof(*queue));
    struct ll_range *range;

    if (queue == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    queue->with_ttl = options->with_ttl != 0;
    queue->ret_queue = ret_queue;
    queue->query.on_answer = queue_on_answer;
    queue->query.release = queue_release;
    queue->query.request.kind = LL_REQUEST_RANGE;
    queue->query.prepare = queue_prepare;
    queue->name = name;
    range = &queue->query.request.range;
    range->limit = options->limit;
    range->sort = LL_SORT_OLDEST_FIRST;
    *ret_query = queue;
    return 0;
}

static int queue_run(leaselock_client *user,
                     const char *name,
                     const struct leaselock_queue_options *options,
                     struct leaselock_queue_info **ret_queue,
                     leaselock_done_fn *done,
                     void *arg,
                     struct leaselock_error *reterr)
{
    struct leaselock_queue_options own;
    struct queue_query *queue = NULL;
    const char *fault;
    int status;

    if (ll_options_copy(&own, sizeof(own), options) != 0 ||
        own.timeout_ms < 0 || own.limit < 0 || ret_queue == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the queue's options with "
                             "LEASELOCK_QUEUE_OPTIONS_INIT, without negative "
                             "numbers");
    }
    fault = leaselock_name_check(name);
    if (fault != NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NAME, fault);
    }
    own.timeout_ms = own.timeout_ms > 0 ? own.timeout_ms : QUEUE_TIMEOUT_MS;
    status = queue_new(name, &own, ret_queue, &queue);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    ll_query_init(&queue->query, done, arg);
    return ll_query_run(user, &queue->query, own.timeout_ms, LL_ENDPOINT_ANY,
                        done == NULL, reterr);
}

int leaselock_queue(leaselock_client *user,
                    const char *name,
                    const struct leaselock_queue_options *options,
                    struct leaselock_queue_info **ret_queue,
                    struct leaselock_error *reterr)
{
    return queue_run(user, name, options, ret_queue, NULL, NULL, reterr);
}

int leaselock_queue_async(leaselock_client *user,
                          const char *name,
                          const struct leaselock_queue_options *options,
                          struct leaselock_queue_info **ret_queue,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return queue_run(user, name, options, ret_queue, done, arg, reterr);
}
