/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/get.h"

#include <string.h>

#include "api/get.h"
#include "base/alloc.h"
#include "base/error.h"
#include "client/query.h"

#define GET_TIMEOUT_MS 5000

/** leaselock_get: one Range request. */
struct get_query {
    struct ll_query_object query;
    struct leaselock_get_info **ret_info;
    char bytes[]; /* the key, then the range's end */
};

void leaselock_get_free(struct leaselock_get_info *info)
{
    ll_free(info);
}

/** Copies bytes and a NUL to *at, and advances *at past them. */
static const char *copy_out(struct ll_bytes from, char **at)
{
    char *to = *at;

    if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
    to[from.size] = '\0';
    *at = to + from.size + 1;
    return to;
}

struct leaselock_get_info *ll_get_make(const struct ll_range_answer *range,
                                       int64_t revision)
{
    size_t size = sizeof(struct leaselock_get_info) +
                  range->kvs_n * sizeof(struct leaselock_kv);
    struct leaselock_get_info *info;
    struct leaselock_kv *kvs;
    char *at;

    for (size_t i = 0; i < range->kvs_n; i++) {
        size += range->kvs[i].key.size + range->kvs[i].value.size + 2;
    }
    info = ll_alloc(size);
    if (info == NULL) {
        return NULL;
    }
    kvs = (struct leaselock_kv *)(info + 1);
    at = (char *)(kvs + range->kvs_n);
    for (size_t i = 0; i < range->kvs_n; i++) {
        const struct ll_kv *kv = &range->kvs[i];

        kvs[i] = (struct leaselock_kv){.key_size = kv->key.size,
                                       .value_size = kv->value.size,
                                       .create_revision = kv->create_revision,
                                       .mod_revision = kv->mod_revision,
                                       .version = kv->version,
                                       .lease = kv->lease};
        kvs[i].key = copy_out(kv->key, &at);
        kvs[i].value = copy_out(kv->value, &at);
    }
    *info = (struct leaselock_get_info){.revision = revision,
                                        .total = range->count,
                                        .kvs_n = range->kvs_n,
                                        .kvs = kvs};
    return info;
}

static void get_release(struct ll_query_object *query)
{
    ll_free(LL_CONTAINER(query, struct get_query, query));
}

static bool get_on_answer(struct ll_query_object *query,
                          const struct ll_effect *effect,
                          int *ret_status)
{
    struct get_query *get = LL_CONTAINER(query, struct get_query, query);
    struct leaselock_get_info *info;

    if (*ret_status != 0) {
        return false;
    }
    info = ll_get_make(&effect->query.answer->range,
                       effect->query.answer->revision);
    if (info == NULL) {
        *ret_status = LEASELOCK_E_NOMEM;
    } else {
        *get->ret_info = info;
    }
    return false;
}

static struct get_query *get_new(const void *key,
                                 size_t key_size,
                                 const struct leaselock_get_options *options)
{
    struct get_query *get =
        ll_alloc_zero(1, sizeof(*get) + key_size + options->end_size);
    struct ll_range *range;

    if (get == NULL) {
        return NULL;
    }
    memcpy(get->bytes, key, key_size);
    if (options->end_size > 0) {
        memcpy(get->bytes + key_size, options->end, options->end_size);
    }
    get->query.on_answer = get_on_answer;
    get->query.release = get_release;
    get->query.request.kind = LL_REQUEST_RANGE;
    range = &get->query.request.range;
    range->key = (struct ll_bytes){get->bytes, key_size};
    range->end = (struct ll_bytes){get->bytes + key_size, options->end_size};
    range->limit = options->limit;
    range->keys_only = options->keys_only != 0;
    return get;
}

static int get_run(leaselock_client *client,
                   const void *key,
                   size_t key_size,
                   const struct leaselock_get_options *options,
                   struct leaselock_get_info **ret_info,
                   leaselock_done_fn *done,
                   void *arg,
                   struct leaselock_error *reterr)
{
    struct leaselock_get_options own;
    struct get_query *get;

    if (ll_options_copy(&own, sizeof(own), options) != 0 ||
        own.timeout_ms < 0 || own.limit < 0 || ret_info == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the options with "
                             "LEASELOCK_GET_OPTIONS_INIT, without negative "
                             "numbers");
    }
    if (key == NULL || key_size == 0 ||
        (own.end == NULL) != (own.end_size == 0)) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "a read has a key of 1 byte or more, and the end "
                             "of its range, if any, too");
    }
    get = get_new(key, key_size, &own);
    if (get == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    get->ret_info = ret_info;
    ll_query_init(&get->query, done, arg);
    return ll_query_run(client, &get->query,
                        own.timeout_ms > 0 ? own.timeout_ms : GET_TIMEOUT_MS,
                        LL_ENDPOINT_ANY, done == NULL, reterr);
}

int leaselock_get(leaselock_client *client,
                  const void *key,
                  size_t key_size,
                  const struct leaselock_get_options *options,
                  struct leaselock_get_info **ret_info,
                  struct leaselock_error *reterr)
{
    return get_run(client, key, key_size, options, ret_info, NULL, NULL,
                   reterr);
}

int leaselock_get_async(leaselock_client *client,
                        const void *key,
                        size_t key_size,
                        const struct leaselock_get_options *options,
                        struct leaselock_get_info **ret_info,
                        leaselock_done_fn *done,
                        void *arg,
                        struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return get_run(client, key, key_size, options, ret_info, done, arg, reterr);
}
