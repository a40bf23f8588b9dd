/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <limits.h>
#include <stdlib.h>

static void set_defaults(struct sim_etcd_config *config)
{
    if (config->members == 0) {
        config->members = 1;
    }
    if (config->members > SIM_MEMBERS_MAX) {
        config->members = SIM_MEMBERS_MAX;
    }
    if (config->election_ns <= 0) {
        config->election_ns = SIM_NS_PER_S;
    }
    if (config->revokes_max == 0) {
        config->revokes_max = 1000;
    }
    if (config->ttl_min_s <= 0) {
        config->ttl_min_s =
            (config->election_ns * 3 / 2 + SIM_NS_PER_S - 1) / SIM_NS_PER_S;
    }
    if (config->txn_ops_max == 0) {
        config->txn_ops_max = 128;
    }
    if (config->version == NULL) {
        config->version = "3.4.23";
    }
    if (config->other_version == NULL) {
        config->other_version = config->version;
    }
    if (config->cluster_id == 0) {
        config->cluster_id = SIM_CLUSTER_ID;
    }
    if (config->watch_race_max_ns == 0) {
        config->watch_race_max_ns = SIM_NS_PER_MS;
    }
}

struct sim_etcd *sim_etcd_new(const struct sim_etcd_config *config,
                              const struct sim_etcd_hooks *hooks)
{
    struct sim_etcd *etcd = sim_alloc(1, sizeof(*etcd));
    unsigned i;

    etcd->config = *config;
    set_defaults(&etcd->config);
    etcd->hooks = *hooks;
    etcd->random = config->seed;
    etcd->election_ns = SIM_NEVER;
    etcd->lease_check_ns = SIM_NEVER;
    etcd->stale = SIM_NOBODY;
    etcd->term = 2;
    etcd->compacted = SIM_NEVER_COMPACTED;
    sim_store_init(&etcd->store);
    etcd->store.on_attach = sim_lease_on_attach;
    etcd->store.attach_arg = etcd;
    for (i = 0; i < etcd->config.members; i++) {
        etcd->members[i] = (struct sim_member){
            .version =
                i % 2 == 0 ? etcd->config.version : etcd->config.other_version,
            .revision = etcd->store.revision,
            .compacted = etcd->compacted,
            .apply_ns = SIM_NEVER,
            .leader = 0,
            .term = etcd->term,
            .lost_ns = SIM_NEVER,
            .leaderless_ns = SIM_NEVER,
            .sync_ns = SIM_NEVER,
            .sync_phase_ns = sim_random_below(&etcd->random, SIM_WATCH_SYNC_NS),
            .lease_phase_ns =
                sim_random_below(&etcd->random, SIM_LEASE_CHECK_NS),
        };
    }
    return etcd;
}

void sim_etcd_free(struct sim_etcd *etcd)
{
    size_t i;

    if (etcd == NULL) {
        return;
    }
    while (etcd->streams_n > 0) {
        sim_etcd_stream_close(etcd, etcd->streams[0]->id);
    }
    for (i = 0; i < etcd->calls_n; i++) {
        sim_call_free(etcd->calls[i]);
    }
    free(etcd->snapshot.leases);
    sim_store_free(&etcd->store);
    sim_arena_free(&etcd->arena);
    free(etcd->streams);
    free(etcd->calls);
    free(etcd->entries);
    free(etcd->leases);
    free(etcd);
}

static int64_t min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** When a member acts by itself: it applies, or its loop over unsynced watchers
 * runs. */
static int64_t member_deadline_ns(const struct sim_etcd *etcd, unsigned i)
{
    const struct sim_member *member = &etcd->members[i];
    int64_t deadline_ns = SIM_NEVER;

    if (member->dead || member->stopped) {
        return SIM_NEVER;
    }
    deadline_ns = member->sync_ns;
    if (!member->cut) {
        deadline_ns = min_ns(deadline_ns, member->apply_ns);
    }
    return deadline_ns;
}

static bool leader_works(const struct sim_etcd *etcd)
{
    return etcd->leader != SIM_NOBODY && !etcd->members[etcd->leader].dead &&
           !etcd->members[etcd->leader].stopped;
}

int64_t sim_etcd_deadline_ns(const struct sim_etcd *etcd)
{
    int64_t deadline_ns = sim_members_deadline_ns(etcd);
    unsigned i;

    for (i = 0; i < etcd->config.members; i++) {
        deadline_ns = min_ns(deadline_ns, member_deadline_ns(etcd, i));
    }
    if (leader_works(etcd)) {
        deadline_ns = min_ns(deadline_ns, etcd->lease_check_ns);
    }
    deadline_ns = min_ns(deadline_ns, sim_calls_deadline_ns(etcd));
    return min_ns(deadline_ns, sim_streams_deadline_ns(etcd));
}

/** Processes all that a change has made possible, until nothing changes. */
static void settle(struct sim_etcd *etcd)
{
    while (etcd->stirred) {
        etcd->stirred = false;
        sim_calls_stir(etcd);
        sim_streams_stir(etcd);
    }
    sim_calls_sweep(etcd);
}

/** Processes all that is due. A member loses its leader before a new one is
 * elected: two never lead at the same time. */
static void run_due(struct sim_etcd *etcd)
{
    unsigned i;

    sim_members_time(etcd);
    for (i = 0; i < etcd->config.members; i++) {
        while (sim_member_is_reachable(etcd, i) &&
               etcd->members[i].apply_ns <= etcd->now_ns) {
            sim_apply_next(etcd, i);
        }
    }
    if (leader_works(etcd) && etcd->lease_check_ns <= etcd->now_ns) {
        sim_leases_check(etcd);
    }
    for (i = 0; i < etcd->config.members; i++) {
        const struct sim_member *member = &etcd->members[i];

        if (!member->dead && !member->stopped &&
            member->sync_ns <= etcd->now_ns) {
            sim_watch_sync(etcd, i);
        }
    }
    sim_calls_time(etcd);
    sim_streams_time(etcd);
    settle(etcd);
}

void sim_etcd_advance(struct sim_etcd *etcd, int64_t now_ns)
{
    for (;;) {
        int64_t due_ns = sim_etcd_deadline_ns(etcd);

        if (due_ns > now_ns) {
            break;
        }
        if (due_ns > etcd->now_ns) {
            etcd->now_ns = due_ns;
        }
        run_due(etcd);
    }
    if (now_ns > etcd->now_ns) {
        etcd->now_ns = now_ns;
    }
}

void sim_etcd_settle(struct sim_etcd *etcd)
{
    etcd->stirred = true;
    settle(etcd);
}

void sim_etcd_compact(struct sim_etcd *etcd, int64_t revision, int64_t now_ns)
{
    sim_etcd_advance(etcd, now_ns);
    if (sim_has_quorum(etcd) && revision > etcd->compacted &&
        revision <= etcd->store.revision) {
        sim_commit_compaction(etcd, revision);
    }
    sim_etcd_settle(etcd);
}

void sim_etcd_set_busy(struct sim_etcd *etcd, bool busy)
{
    etcd->busy = busy;
}

void sim_etcd_forbid_watch(struct sim_etcd *etcd, struct ll_bytes prefix)
{
    etcd->forbidden = sim_copy_bytes(&etcd->arena, prefix);
}

int64_t sim_etcd_revision(const struct sim_etcd *etcd)
{
    return etcd->store.revision;
}

bool sim_etcd_get(const struct sim_etcd *etcd,
                  struct ll_bytes key,
                  struct ll_kv *ret_kv)
{
    const struct sim_version *version =
        sim_store_find(&etcd->store, key, INT64_MAX);

    if (version != NULL) {
        sim_version_kv(version, ret_kv);
    }
    return version != NULL;
}

static int compare_create(const void *a, const void *b)
{
    const struct ll_kv *left = a;
    const struct ll_kv *right = b;

    if (left->create_revision != right->create_revision) {
        return left->create_revision < right->create_revision ? -1 : 1;
    }
    return sim_bytes_compare(left->key, right->key);
}

void sim_etcd_each(const struct sim_etcd *etcd,
                   struct ll_bytes prefix,
                   void (*fn)(void *arg, const struct ll_kv *kv),
                   void *arg)
{
    const struct sim_store *store = &etcd->store;
    struct ll_kv *kvs = NULL;
    size_t capacity = 0;
    size_t n = 0;
    size_t at = sim_store_lower(store, prefix);
    size_t i;

    for (; at < store->keys_n; at++) {
        struct ll_bytes start = store->keys[at]->name;
        const struct sim_version *version =
            sim_key_at(store->keys[at], INT64_MAX);

        start.size = start.size < prefix.size ? start.size : prefix.size;
        if (sim_bytes_compare(start, prefix) != 0) {
            break;
        }
        if (version != NULL) {
            SIM_RESERVE(kvs, n, capacity);
            sim_version_kv(version, &kvs[n++]);
        }
    }
    if (n > 1) {
        qsort(kvs, n, sizeof(kvs[0]), compare_create);
    }
    for (i = 0; i < n; i++) {
        fn(arg, &kvs[i]);
    }
    free(kvs);
}

void sim_etcd_changes(const struct sim_etcd *etcd,
                      int64_t revision,
                      void (*fn)(void *arg, const struct ll_watch_event *event),
                      void *arg)
{
    size_t at = sim_store_change_lower(&etcd->store, revision);

    for (; at < etcd->store.changes_n &&
           etcd->store.changes[at]->revision == revision;
         at++) {
        struct ll_watch_event event;

        sim_version_event(etcd->store.changes[at], &event);
        sim_version_prev(etcd->store.changes[at], &event);
        fn(arg, &event);
    }
}

uint64_t sim_etcd_calls_served(const struct sim_etcd *etcd)
{
    return etcd->calls_served;
}

uint64_t sim_etcd_writes_served(const struct sim_etcd *etcd)
{
    return etcd->writes_served;
}
