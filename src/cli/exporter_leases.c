/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <uthash.h>

#include "cli/clock.h"
#include "cli/exporter.h"

struct ll_exporter_lease {
    int64_t id;
    struct leaselock_lease_info info; /* as of answered_ns */
    struct leaselock_lease_info next; /* the answer in flight */
    int64_t answered_ns;              /* 0: never */
    int64_t asked_ns;                 /* 0: no request is in flight */
    uint64_t round;                   /* the last one that needed it */
    struct ll_exporter_leases *leases;
    UT_hash_handle hh;
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

static struct ll_exporter_lease *lease_get(struct ll_exporter_leases *leases,
                                           int64_t id)
{
    struct ll_exporter_lease *lease = NULL;

    HASH_FIND(hh, leases->all, &id, sizeof(id), lease);
    if (lease == NULL) {
        lease = calloc(1, sizeof(*lease));
        if (lease == NULL) {
            return NULL;
        }
        lease->id = id;
        lease->leases = leases;
        HASH_ADD(hh, leases->all, id, sizeof(lease->id), lease);
    }
    return lease;
}

/** Asks for a lease, which becomes the last one of the table. */
static void lease_ask(struct ll_exporter_leases *leases,
                      struct ll_exporter_lease *lease,
                      leaselock_client *client)
{
    HASH_DEL(leases->all, lease);
    HASH_ADD(hh, leases->all, id, sizeof(lease->id), lease);
    lease->asked_ns = now_ns();
    leases->asked_n++;
    if (leaselock_lease_async(client, lease->id, LL_LEASE_TIMEOUT_MS,
                              &lease->next, on_answer, lease, NULL) != 0) {
        leases->asked_n--;
        leases->failed++;
        lease->asked_ns = 0;
    }
}

void ll_exporter_leases_ask(struct ll_exporter_leases *leases,
                            leaselock_client *client,
                            const struct leaselock_locks_watch_info *info)
{
    struct ll_exporter_lease *lease;
    struct ll_exporter_lease *after;
    int64_t fresh_ns = now_ns() - LL_LEASE_FRESH_MS * NS_PER_MS;

    leases->round++;
    for (size_t i = 0; i < info->locks_n; i++) {
        if (info->locks[i].lease != 0) {
            lease = lease_get(leases, info->locks[i].lease);
            if (lease != NULL) {
                lease->round = leases->round;
            }
        }
    }
    HASH_ITER(hh, leases->all, lease, after)
    {
        if (lease->asked_ns != 0) {
            continue;
        }
        if (lease->round != leases->round) {
            HASH_DEL(leases->all, lease);
            free(lease);
        }
    }
    /* Those that are asked for go to the end, behind all that there are now. */
    lease = leases->all;
    for (unsigned n = HASH_COUNT(leases->all);
         n > 0 && leases->asked_n < LL_LEASES_ASKED_MAX; n--) {
        after = lease->hh.next;
        if (lease->asked_ns == 0 &&
            (lease->answered_ns == 0 || lease->answered_ns < fresh_ns)) {
            lease_ask(leases, lease, client);
        }
        lease = after;
    }
}

const struct leaselock_lease_info *ll_exporter_lease_find(
    const struct ll_exporter_leases *leases, int64_t id, int64_t *ret_age_ms)
{
    const struct ll_exporter_lease *lease = NULL;

    HASH_FIND(hh, leases->all, &id, sizeof(id), lease);
    if (lease == NULL || lease->answered_ns == 0 || lease->info.ttl_s < 0) {
        return NULL;
    }
    *ret_age_ms = (now_ns() - lease->answered_ns) / NS_PER_MS;
    return *ret_age_ms <= LL_LEASE_SHOWN_MS ? &lease->info : NULL;
}

void ll_exporter_leases_free(struct ll_exporter_leases *leases)
{
    struct ll_exporter_lease *lease;
    struct ll_exporter_lease *after;

    HASH_ITER(hh, leases->all, lease, after)
    {
        HASH_DEL(leases->all, lease);
        free(lease);
    }
}
