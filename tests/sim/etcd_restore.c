/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <stdlib.h>
#include <string.h>

/**
 * A snapshot, and a cluster that is restored from it: the store, its leases,
 * its compacted revision and the cluster's id are those of the snapshot;
 * everything else is gone. */

void sim_etcd_snapshot(struct sim_etcd *etcd)
{
    struct sim_snapshot *snapshot = &etcd->snapshot;

    snapshot->revision = etcd->store.revision;
    snapshot->compacted = etcd->compacted;
    snapshot->leases_n = etcd->leases_n;
    snapshot->leases = sim_alloc(etcd->leases_n + 1, sizeof(*snapshot->leases));
    if (etcd->leases_n > 0) {
        memcpy(snapshot->leases, etcd->leases,
               etcd->leases_n * sizeof(*snapshot->leases));
    }
}

/** Keys of the snapshot that were deleted or recreated since. */
static struct ll_bytes *past_keys(const struct sim_etcd *etcd, size_t *ret_n)
{
    const struct sim_store *store = &etcd->store;
    struct ll_bytes *past = sim_alloc(store->keys_n + 1, sizeof(*past));
    size_t n = 0;
    size_t i;

    for (i = 0; i < store->keys_n; i++) {
        const struct sim_version *then =
            sim_key_at(store->keys[i], etcd->snapshot.revision);
        const struct sim_version *now = sim_key_at(store->keys[i], INT64_MAX);

        if (then != NULL &&
            (now == NULL || now->create_revision != then->create_revision)) {
            past[n++] = store->keys[i]->name;
        }
    }
    *ret_n = n;
    return past;
}

/** The leases of the snapshot, with their full TTL again. */
static void leases_back(struct sim_etcd *etcd)
{
    size_t i;

    free(etcd->leases);
    etcd->leases = etcd->snapshot.leases;
    etcd->leases_n = etcd->snapshot.leases_n;
    etcd->leases_capacity = etcd->leases_n;
    etcd->snapshot.leases = NULL;
    for (i = 0; i < etcd->leases_n; i++) {
        struct sim_lease *lease = &etcd->leases[i];

        lease->expiry_ns = sim_lease_expiry_from(etcd->now_ns, lease->ttl_s, 0);
        lease->stale_ns = SIM_NEVER;
        lease->is_denied = false;
        lease->keys_n = 0;
    }
    for (i = 0; i < etcd->store.keys_n; i++) {
        const struct sim_version *version =
            sim_key_at(etcd->store.keys[i], INT64_MAX);

        if (version != NULL) {
            sim_lease_on_attach(etcd, version->lease, 1);
        }
    }
}

void sim_etcd_restore(struct sim_etcd *etcd, int64_t now_ns)
{
    size_t past_n = 0;
    struct ll_bytes *past = NULL;
    size_t i;

    sim_etcd_advance(etcd, now_ns);
    past = past_keys(etcd, &past_n);
    for (i = 0; i < etcd->calls_n; i++) {
        etcd->calls[i]->state = SIM_CALL_DONE;
    }
    sim_calls_sweep(etcd);
    etcd->entries_first += etcd->entries_n;
    etcd->entries_n = 0;
    etcd->compacted = etcd->snapshot.compacted;
    sim_store_back(&etcd->store, etcd->snapshot.revision);
    leases_back(etcd);
    for (i = 0; i < past_n; i++) {
        (void)sim_store_delete(&etcd->store, past[i], (struct ll_bytes){0});
    }
    (void)sim_store_end(&etcd->store);
    free(past);
    etcd->stale = SIM_NOBODY;
    etcd->snapshot = (struct sim_snapshot){0};
    for (i = 0; i < etcd->config.members; i++) {
        struct sim_member *member = &etcd->members[i];

        member->cut = false;
        member->applied = sim_log_end(etcd);
        member->revision = etcd->store.revision;
        member->compacted = etcd->compacted;
        member->apply_ns = SIM_NEVER;
        sim_etcd_restart(etcd, (unsigned)i, now_ns);
    }
}
