/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/clock.h"
#include "cli/exporter.h"

struct ll_exporter_lease {
    int64_t id;
    struct leaselock_lease_info info; /* as of answered_ns */
    struct leaselock_lease_info next; /* the answer in flight */
    int64_t answered_ns;              /* 0: never */
    int64_t asked_ns;                 /* 0: no request is in flight */
    uint64_t turn;                    /* of the last request; 0: none yet */
    struct ll_exporter_leases *leases;
};

static void
on_answer(int status, const struct leaselock_error *error, void *arg)
{
    struct ll_exporter_lease *lease = arg;

    (void)error;
    lease->leases->asked_n--;
    if (status == 0) {
        lease->leases->answered++;
        lease->info = lease->next;
        /* What was left then, it had at the sending at least. */
        lease->answered_ns = lease->asked_ns;
    } else {
        lease->leases->failed++;
    }
    lease->asked_ns = 0;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t other = *(const int64_t *)b;

    return (one > other) - (one < other);
}

static int compare_id_of(const void *id, const void *lease)
{
    return compare_ids(id, &(*(struct ll_exporter_lease *const *)lease)->id);
}

static int compare_turns(const void *a, const void *b)
{
    const struct ll_exporter_lease *one = *(struct ll_exporter_lease *const *)a;
    const struct ll_exporter_lease *other =
        *(struct ll_exporter_lease *const *)b;

    return (one->turn > other->turn) - (one->turn < other->turn);
}

/** The leases of the locks, sorted, some of them several times. */
static size_t read_ids(const struct leaselock_locks_watch_info *info,
                       int64_t *ids)
{
    size_t n = 0;

    for (size_t i = 0; i < info->locks_n; i++) {
        if (info->locks[i].lease != 0) {
            ids[n++] = info->locks[i].lease;
        }
    }
    qsort(ids, n, sizeof(*ids), compare_ids);
    return n;
}

/** Puts a lease that no lock has into a new list if its answer has yet to come,
 *  and else frees it. */
static void lease_drop(struct ll_exporter_lease *lease,
                       struct ll_exporter_lease **list,
                       size_t *n)
{
    if (lease->asked_ns != 0) {
        list[(*n)++] = lease;
    } else {
        free(lease);
    }
}

/** Puts a new lease into a new list, unless there is no memory. */
static void lease_add(struct ll_exporter_leases *leases,
                      int64_t id,
                      struct ll_exporter_lease **list,
                      size_t *n)
{
    struct ll_exporter_lease *lease = calloc(1, sizeof(*lease));

    if (lease != NULL) {
        lease->id = id;
        lease->leases = leases;
        list[(*n)++] = lease;
    }
}

/** Replaces the list by that of the locks, of which `list` has room for all
 *  that there are. */
static void leases_merge(struct ll_exporter_leases *leases,
                         const int64_t *ids,
                         size_t ids_n,
                         struct ll_exporter_lease **list)
{
    size_t at = 0;
    size_t n = 0;

    for (size_t i = 0; i < ids_n; i++) {
        if (i > 0 && ids[i] == ids[i - 1]) {
            continue;
        }
        for (; at < leases->n && leases->all[at]->id < ids[i]; at++) {
            lease_drop(leases->all[at], list, &n);
        }
        if (at < leases->n && leases->all[at]->id == ids[i]) {
            list[n++] = leases->all[at++];
        } else {
            lease_add(leases, ids[i], list, &n);
        }
    }
    for (; at < leases->n; at++) {
        lease_drop(leases->all[at], list, &n);
    }
    free(leases->all);
    leases->all = list;
    leases->n = n;
}

static void lease_ask(struct ll_exporter_leases *leases,
                      struct ll_exporter_lease *lease,
                      leaselock_client *client)
{
    lease->turn = ++leases->turns;
    lease->asked_ns = now_ns();
    leases->asked_n++;
    if (leaselock_lease_async(client, lease->id, LL_LEASE_TIMEOUT_MS,
                              &lease->next, on_answer, lease, NULL) != 0) {
        leases->asked_n--;
        leases->failed++;
        lease->asked_ns = 0;
    }
}

/** Asks for those that are due, as many as may be in flight.
 *  @param due  room for all leases */
static void leases_ask_due(struct ll_exporter_leases *leases,
                           leaselock_client *client,
                           struct ll_exporter_lease **due)
{
    int64_t fresh_ns = now_ns() - LL_LEASE_FRESH_MS * NS_PER_MS;
    size_t n = 0;

    for (size_t i = 0; i < leases->n; i++) {
        struct ll_exporter_lease *lease = leases->all[i];

        if (lease->asked_ns == 0 &&
            (lease->answered_ns == 0 || lease->answered_ns < fresh_ns)) {
            due[n++] = lease;
        }
    }
    qsort(due, n, sizeof(struct ll_exporter_lease *), compare_turns);
    for (size_t i = 0; i < n && leases->asked_n < LL_LEASES_ASKED_MAX; i++) {
        lease_ask(leases, due[i], client);
    }
}

void ll_exporter_leases_ask(struct ll_exporter_leases *leases,
                            leaselock_client *client,
                            const struct leaselock_locks_watch_info *info)
{
    /* One more each, as no memory may be NULL. */
    size_t room = info->locks_n + leases->n + 1;
    int64_t *ids = calloc(info->locks_n + 1, sizeof(*ids));
    struct ll_exporter_lease **due =
        calloc(room, sizeof(struct ll_exporter_lease *));
    struct ll_exporter_lease **list =
        calloc(room, sizeof(struct ll_exporter_lease *));

    if (ids != NULL && due != NULL && list != NULL) {
        leases_merge(leases, ids, read_ids(info, ids), list);
        leases_ask_due(leases, client, due);
    } else {
        free(list);
    }
    free(due);
    free(ids);
}

const struct leaselock_lease_info *ll_exporter_lease_find(
    const struct ll_exporter_leases *leases, int64_t id, int64_t *ret_age_ms)
{
    struct ll_exporter_lease *const *found = NULL;
    const struct ll_exporter_lease *lease;

    if (leases->n > 0) {
        found = bsearch(&id, leases->all, leases->n,
                        sizeof(struct ll_exporter_lease *), compare_id_of);
    }
    lease = found != NULL ? *found : NULL;
    if (lease == NULL || lease->answered_ns == 0 || lease->info.ttl_s < 0) {
        return NULL;
    }
    *ret_age_ms = (now_ns() - lease->answered_ns) / NS_PER_MS;
    return *ret_age_ms <= LL_LEASE_SHOWN_MS ? &lease->info : NULL;
}

void ll_exporter_leases_free(struct ll_exporter_leases *leases)
{
    for (size_t i = 0; i < leases->n; i++) {
        free(leases->all[i]);
    }
    free(leases->all);
    leases->all = NULL;
    leases->n = 0;
}
