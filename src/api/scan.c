/* SPDX-License-Identifier: Apache-2.0 */
#include "api/scan.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/key.h"

#define SCAN_TIMEOUT_MS 5000
/** Keys per page: with the longest values that this library writes, a page
 *  stays below the largest message that a client accepts. */
#define PAGE 1000

static void scan_release(struct ll_query_object *query)
{
    struct ll_scan *scan = LL_CONTAINER(query, struct ll_scan, query);

    ll_places_free(&scan->places);
    ll_free(scan->next);
    scan->release(scan);
}

/** The end of the range of all keys that begin with these bytes. If no byte can
 *  be incremented, it is the end of all keys, which etcd writes as "\0". */
static struct ll_bytes range_end(struct ll_bytes from, char *ret_end)
{
    size_t size = from.size;

    memcpy(ret_end, from.data, from.size);
    while (size > 0 && (unsigned char)ret_end[size - 1] == 0xff) {
        size--;
    }
    if (size == 0) {
        ret_end[0] = '\0';
        return (struct ll_bytes){ret_end, 1};
    }
    ret_end[size - 1]++;
    return (struct ll_bytes){ret_end, size};
}

size_t ll_scan_range(struct ll_bytes namespace,
                     const char *prefix,
                     struct ll_scan_bounds *bounds,
                     struct ll_bytes *ret_from,
                     struct ll_bytes *ret_end)
{
    size_t prefix_size = strlen(prefix);

    if (namespace.size > 0) {
        memcpy(bounds->from, namespace.data, namespace.size);
    }
    memcpy(bounds->from + namespace.size, prefix, prefix_size);
    *ret_from = (struct ll_bytes){bounds->from, namespace.size + prefix_size};
    *ret_end = range_end(*ret_from, bounds->end);
    if (ret_from->size == 0) {
        bounds->from[0] = '\0';
        ret_from->size = 1; /* etcd's "all keys" begin with "\0" */
    }
    return namespace.size + prefix_size;
}

/** Makes the range, now that the client's namespace is known. */
static void scan_prepare(struct ll_query_object *query)
{
    struct ll_scan *scan = LL_CONTAINER(query, struct ll_scan, query);
    struct ll_range *range = &query->request.range;
    struct ll_bytes namespace = ll_client_namespace(query->handle.client);

    scan->namespace_size = namespace.size;
    scan->names_size = ll_scan_range(namespace, scan->prefix, &scan->bounds,
                                     &range->key, &range->end);
    range->limit = PAGE;
    scan->prefix = NULL;
}

/** Requests the page that follows a key. */
static int scan_ask_on(struct ll_scan *scan, struct ll_bytes last)
{
    struct ll_range *range = &scan->query.request.range;
    char *next = ll_alloc_zero(1, last.size + 1);

    if (next == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    memcpy(next, last.data, last.size);
    ll_free(scan->next);
    scan->next = next;
    range->key = (struct ll_bytes){next, last.size + 1};
    range->revision = scan->revision;
    return ll_query_ask_on(&scan->query) ? 0 : LEASELOCK_E_NOMEM;
}

static bool scan_on_answer(struct ll_query_object *query,
                           const struct ll_effect *effect,
                           int *ret_status)
{
    struct ll_scan *scan = LL_CONTAINER(query, struct ll_scan, query);
    const struct ll_range_answer *range;

    if (*ret_status != 0) {
        return false;
    }
    range = &effect->query.answer->range;
    if (scan->revision == 0) {
        scan->revision = effect->query.answer->revision;
    }
    for (size_t i = 0; i < range->kvs_n && *ret_status == 0; i++) {
        *ret_status = ll_places_add(&scan->places, &range->kvs[i],
                                    scan->namespace_size, scan->names_size);
    }
    if (*ret_status == 0 && range->more && range->kvs_n > 0) {
        *ret_status = scan_ask_on(scan, range->kvs[range->kvs_n - 1].key);
        if (*ret_status == 0) {
            return true;
        }
    }
    if (*ret_status == 0) {
        *ret_status = ll_places_end(&scan->places, scan->namespace_size);
    }
    if (*ret_status == 0) {
        *ret_status = scan->on_end(scan);
    }
    return false;
}

const char *ll_scan_prefix_fault(const char *prefix)
{
    size_t size = strlen(prefix);

    if (size > LL_NAME_MAX) {
        return "a prefix is at most 1024 bytes long";
    }
    if (size > 0 && prefix[0] == '/') {
        return "a prefix must not begin with '/', as no name does";
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)prefix[i] < 0x20 || prefix[i] == 0x7f) {
            return "a prefix must not hold control characters";
        }
    }
    return NULL;
}

int ll_scan_run(leaselock_client *user,
                struct ll_scan *scan,
                const char *prefix,
                int timeout_ms,
                leaselock_done_fn *done,
                void *arg,
                struct leaselock_error *reterr)
{
    const char *fault;

    scan->prefix = prefix != NULL ? prefix : "";
    fault = ll_scan_prefix_fault(scan->prefix);
    if (fault != NULL || timeout_ms < 0) {
        scan->release(scan);
        return ll_error_text(
            reterr, fault != NULL ? LEASELOCK_E_NAME : LEASELOCK_E_ARGUMENT,
            fault != NULL ? fault : "a timeout must not be negative");
    }
    scan->query.request.kind = LL_REQUEST_RANGE;
    scan->query.prepare = scan_prepare;
    scan->query.on_answer = scan_on_answer;
    scan->query.release = scan_release;
    ll_query_init(&scan->query, done, arg);
    return ll_query_run(user, &scan->query,
                        timeout_ms > 0 ? timeout_ms : SCAN_TIMEOUT_MS,
                        LL_ENDPOINT_ANY, done == NULL, reterr);
}
