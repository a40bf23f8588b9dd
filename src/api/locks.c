/* SPDX-License-Identifier: Apache-2.0 */
#include "leaselock/locks.h"

#include <string.h>

#include "api/scan.h"
#include "base/alloc.h"
#include "base/error.h"

/** What the user receives, and the memory that it points to. */
struct list {
    struct leaselock_locks_info info; /* the first member */
    struct leaselock_lock_info *locks;
    struct ll_places places;
};

struct locks_scan {
    struct ll_scan scan;
    struct leaselock_locks_info **ret_locks;
};

void leaselock_locks_free(struct leaselock_locks_info *locks)
{
    struct list *list = (struct list *)(void *)locks;

    if (list != NULL) {
        ll_places_free(&list->places);
        ll_free(list->locks);
        ll_free(list);
    }
}

/** Whether a place is the first of its queue. */
static bool is_first(const struct ll_places *places, size_t at)
{
    return at == 0 ||
           strcmp(places->places[at].name, places->places[at - 1].name) != 0;
}

static int locks_on_end(struct ll_scan *scan)
{
    const struct ll_places *places = &scan->places;
    struct list *list = ll_alloc_zero(1, sizeof(*list));
    size_t locks_n = 0;

    if (list == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    for (size_t i = 0; i < places->n; i++) {
        locks_n += is_first(places, i);
    }
    list->locks = ll_alloc_zero(locks_n, sizeof(*list->locks));
    if (list->locks == NULL) {
        ll_free(list);
        return LEASELOCK_E_NOMEM;
    }
    locks_n = 0;
    for (size_t i = 0; i < places->n; i++) {
        if (is_first(places, i)) {
            list->locks[locks_n].name = places->places[i].name;
            list->locks[locks_n].holder = &places->places[i].entry;
            locks_n++;
        }
        list->locks[locks_n - 1].places_n += places->places[i].keys_n;
        list->locks[locks_n - 1].holders_n +=
            places->places[i].entry.holds ? 1 : 0;
    }
    list->info.revision = scan->revision;
    list->info.locks_n = locks_n;
    list->info.locks = list->locks;
    list->places = scan->places;
    scan->places = (struct ll_places){0};
    *LL_CONTAINER(scan, struct locks_scan, scan)->ret_locks = &list->info;
    return 0;
}

static void locks_release(struct ll_scan *scan)
{
    ll_free(LL_CONTAINER(scan, struct locks_scan, scan));
}

static int locks_run(leaselock_client *client,
                     const char *prefix,
                     const struct leaselock_locks_options *options,
                     struct leaselock_locks_info **ret_locks,
                     leaselock_done_fn *done,
                     void *arg,
                     struct leaselock_error *reterr)
{
    struct leaselock_locks_options own;
    struct locks_scan *locks;

    if (ll_options_copy(&own, sizeof(own), options) != 0 || ret_locks == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT,
                             "start the options with "
                             "LEASELOCK_LOCKS_OPTIONS_INIT");
    }
    locks = ll_alloc_zero(1, sizeof(*locks));
    if (locks == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
    }
    locks->ret_locks = ret_locks;
    locks->scan.on_end = locks_on_end;
    locks->scan.release = locks_release;
    return ll_scan_run(client, &locks->scan, prefix, own.timeout_ms, done, arg,
                       reterr);
}

int leaselock_locks(leaselock_client *client,
                    const char *prefix,
                    const struct leaselock_locks_options *options,
                    struct leaselock_locks_info **ret_locks,
                    struct leaselock_error *reterr)
{
    return locks_run(client, prefix, options, ret_locks, NULL, NULL, reterr);
}

int leaselock_locks_async(leaselock_client *client,
                          const char *prefix,
                          const struct leaselock_locks_options *options,
                          struct leaselock_locks_info **ret_locks,
                          leaselock_done_fn *done,
                          void *arg,
                          struct leaselock_error *reterr)
{
    if (done == NULL) {
        return ll_error_text(reterr, LEASELOCK_E_ARGUMENT, "");
    }
    return locks_run(client, prefix, options, ret_locks, done, arg, reterr);
}
