/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/status.h>

static const struct sim_error error_exists = {
    GRPC_STATUS_FAILED_PRECONDITION, "etcdserver: lease already exists"};
static const struct sim_error error_ttl_too_large = {
    GRPC_STATUS_OUT_OF_RANGE, "etcdserver: too large lease TTL"};

int64_t sim_beat(int64_t phase_ns, int64_t beat_ns, int64_t from_ns)
{
    int64_t late_ns = 0;

    if (from_ns > INT64_MAX - 2 * beat_ns) {
        return SIM_NEVER;
    }
    late_ns = (from_ns - phase_ns) % beat_ns;
    if (late_ns < 0) {
        late_ns += beat_ns;
    }
    return late_ns == 0 ? from_ns : from_ns + beat_ns - late_ns;
}

/** The index of the first lease whose id is not below this one. */
static size_t lower(const struct sim_etcd *etcd, int64_t id)
{
    size_t low = 0;
    size_t high = etcd->leases_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (etcd->leases[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct sim_lease *sim_lease_find(const struct sim_etcd *etcd, int64_t id)
{
    size_t at = lower(etcd, id);

    return at < etcd->leases_n && etcd->leases[at].id == id ? &etcd->leases[at]
                                                            : NULL;
}

bool sim_lease_known(void *arg, int64_t lease)
{
    return sim_lease_find(arg, lease) != NULL;
}

void sim_lease_on_attach(void *arg, int64_t lease, int change)
{
    struct sim_lease *it = sim_lease_find(arg, lease);

    if (it != NULL) {
        it->keys_n = change > 0 ? it->keys_n + 1 : it->keys_n - 1;
    }
}

/** Schedules the check that finds a lease which expires then. */
static void plan_check(struct sim_etcd *etcd, int64_t expiry_ns)
{
    int64_t check_ns = SIM_NEVER;

    if (etcd->leader == SIM_NOBODY) {
        return;
    }
    check_ns = sim_beat(etcd->members[etcd->leader].lease_phase_ns,
                        SIM_LEASE_CHECK_NS, expiry_ns);
    if (check_ns < etcd->lease_check_ns) {
        etcd->lease_check_ns = check_ns;
    }
}

const struct sim_error *sim_lease_grant(struct sim_etcd *etcd,
                                        int64_t id,
                                        int64_t ttl_s,
                                        int64_t *ret_ttl_s)
{
    size_t at = 0;

    while (id == 0) {
        id = (int64_t)(sim_random(&etcd->random) >> 1);
    }
    if (ttl_s > SIM_LEASE_TTL_MAX_S) {
        return &error_ttl_too_large;
    }
    if (sim_lease_find(etcd, id) != NULL) {
        return &error_exists;
    }
    at = lower(etcd, id);
    SIM_RESERVE(etcd->leases, etcd->leases_n, etcd->leases_capacity);
    memmove(&etcd->leases[at + 1], &etcd->leases[at],
            (etcd->leases_n - at) * sizeof(etcd->leases[0]));
    etcd->leases_n++;
    if (ttl_s < etcd->config.ttl_min_s) {
        ttl_s = etcd->config.ttl_min_s;
    }
    etcd->leases[at] = (struct sim_lease){
        .id = id,
        .ttl_s = ttl_s,
        .expiry_ns = sim_lease_expiry_from(etcd->now_ns, ttl_s, 0),
        .stale_ns = SIM_NEVER,
    };
    plan_check(etcd, etcd->leases[at].expiry_ns);
    *ret_ttl_s = ttl_s;
    return NULL;
}

/** Deletes a lease's keys in order, in one revision, and the lease. */
const struct sim_error *sim_lease_revoke(struct sim_etcd *etcd, int64_t id)
{
    struct sim_store *store = &etcd->store;
    struct sim_lease *lease = sim_lease_find(etcd, id);
    size_t i;

    if (lease == NULL) {
        return &sim_error_no_lease;
    }
    for (i = 0; i < store->keys_n && lease->keys_n > 0; i++) {
        const struct sim_version *version =
            sim_key_at(store->keys[i], INT64_MAX);

        if (version != NULL && version->lease == id) {
            (void)sim_store_delete(store, store->keys[i]->name,
                                   (struct ll_bytes){0});
        }
    }
    (void)sim_store_end(store);
    etcd->leases_n--;
    memmove(lease, lease + 1,
            (size_t)(etcd->leases + etcd->leases_n - lease) * sizeof(*lease));
    return NULL;
}

int64_t sim_lease_expiry_from(int64_t now_ns, int64_t ttl_s, int64_t extra_ns)
{
    if (ttl_s > (INT64_MAX - now_ns - extra_ns) / SIM_NS_PER_S) {
        return SIM_NEVER - 1;
    }
    return now_ns + ttl_s * SIM_NS_PER_S + extra_ns;
}

/** An election's duration is added: the former leader may have renewed until
 * then. */
void sim_leases_promote(struct sim_etcd *etcd, unsigned old)
{
    size_t i;

    if (old != SIM_NOBODY && etcd->members[old].stopped) {
        etcd->stale = old;
        for (i = 0; i < etcd->leases_n; i++) {
            etcd->leases[i].stale_ns = etcd->leases[i].expiry_ns;
        }
    }
    etcd->lease_check_ns = SIM_NEVER;
    for (i = 0; i < etcd->leases_n; i++) {
        struct sim_lease *lease = &etcd->leases[i];

        lease->expiry_ns = sim_lease_expiry_from(etcd->now_ns, lease->ttl_s,
                                                 etcd->config.election_ns);
        plan_check(etcd, lease->expiry_ns);
    }
}

static int compare_expiry(const void *a, const void *b)
{
    const struct sim_lease *left = a;
    const struct sim_lease *right = b;

    if (left->expiry_ns != right->expiry_ns) {
        return left->expiry_ns < right->expiry_ns ? -1 : 1;
    }
    return left->id < right->id ? -1 : 1;
}

/** Revokes expired leases, the oldest first, at most half of the limit per
 * second. Without a quorum nothing is committed. */
void sim_leases_check(struct sim_etcd *etcd)
{
    struct sim_lease *expired = NULL;
    size_t capacity = 0;
    size_t n = 0;
    size_t i;

    for (i = 0; i < etcd->leases_n && sim_has_quorum(etcd); i++) {
        if (etcd->leases[i].expiry_ns <= etcd->now_ns) {
            SIM_RESERVE(expired, n, capacity);
            expired[n++] = etcd->leases[i];
        }
    }
    if (n > 1) {
        qsort(expired, n, sizeof(expired[0]), compare_expiry);
    }
    for (i = 0; i < n && i < (etcd->config.revokes_max + 1) / 2; i++) {
        sim_commit_revoke(etcd, expired[i].id);
    }
    free(expired);
    etcd->lease_check_ns = SIM_NEVER;
    for (i = 0; i < etcd->leases_n; i++) {
        int64_t from_ns = etcd->leases[i].expiry_ns;

        plan_check(etcd, from_ns > etcd->now_ns ? from_ns : etcd->now_ns + 1);
    }
}

unsigned sim_lease_primary(const struct sim_etcd *etcd, unsigned member)
{
    unsigned leader = etcd->members[member].leader;

    if (leader == SIM_NOBODY || leader == member) {
        return leader;
    }
    if (sim_member_is_reachable(etcd, member) &&
        sim_member_is_reachable(etcd, leader) &&
        etcd->members[leader].leader == leader) {
        return leader;
    }
    return SIM_NOBODY;
}

bool sim_etcd_deny_renewals(struct sim_etcd *etcd, int64_t lease, bool denied)
{
    struct sim_lease *it = sim_lease_find(etcd, lease);

    if (it == NULL || !sim_has_change(etcd, SIM_CHANGE_RENEWAL_IS_CHECKED)) {
        return false;
    }
    it->is_denied = denied;
    return true;
}

int64_t sim_etcd_lease_expiry_ns(const struct sim_etcd *etcd, int64_t lease)
{
    const struct sim_lease *it = sim_lease_find(etcd, lease);

    return it != NULL ? it->expiry_ns : INT64_MAX;
}

bool sim_etcd_has_lease(const struct sim_etcd *etcd, int64_t lease)
{
    return sim_lease_find(etcd, lease) != NULL;
}
