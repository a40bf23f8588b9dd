/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <limits.h>

uint64_t sim_member_id(unsigned member)
{
    return UINT64_C(0x8e9e05c52164694d) + member;
}

struct sim_view sim_member_view(const struct sim_etcd *etcd, unsigned member)
{
    return (struct sim_view){
        .store = &etcd->store,
        .revision = etcd->members[member].revision,
        .compacted = etcd->members[member].compacted,
    };
}

bool sim_member_is_reachable(const struct sim_etcd *etcd, unsigned member)
{
    const struct sim_member *it = &etcd->members[member];

    return !it->dead && !it->stopped && !it->cut;
}

static bool majority_is_reachable(const struct sim_etcd *etcd)
{
    unsigned n = 0;
    unsigned i;

    for (i = 0; i < etcd->config.members; i++) {
        n += sim_member_is_reachable(etcd, i) ? 1 : 0;
    }
    return n > etcd->config.members / 2;
}

/** A single member is its own quorum, even when it is cut off, as there are no
 * others. */
bool sim_has_quorum(const struct sim_etcd *etcd)
{
    return etcd->leader != SIM_NOBODY &&
           sim_member_is_reachable(etcd, etcd->leader) &&
           majority_is_reachable(etcd);
}

/** Follows the leader, or begins to detect its loss. Members that can elect a
 * new one have none for a moment before that; the others need an election's
 * duration to detect the loss. */
static void member_reconsider(struct sim_etcd *etcd, unsigned i)
{
    struct sim_member *member = &etcd->members[i];

    if (member->dead) {
        member->leader = SIM_NOBODY;
    }
    if (member->dead || member->stopped) {
        member->lost_ns = SIM_NEVER;
        return;
    }
    if (sim_has_quorum(etcd) && !member->cut) {
        member->leader = etcd->leader;
        member->term = etcd->term;
        member->lost_ns = SIM_NEVER;
        member->leaderless_ns = SIM_NEVER;
    } else if (member->leader == SIM_NOBODY) {
        if (member->leaderless_ns == SIM_NEVER) {
            member->leaderless_ns = etcd->now_ns;
        }
    } else if (member->lost_ns == SIM_NEVER) {
        member->lost_ns = etcd->now_ns + etcd->config.election_ns;
        if (!member->cut && majority_is_reachable(etcd)) {
            member->lost_ns -= etcd->config.election_ns / 16;
        }
    }
    sim_plan_apply(etcd, i);
}

void sim_reconsider(struct sim_etcd *etcd)
{
    unsigned i;

    if (etcd->leader != SIM_NOBODY && etcd->members[etcd->leader].dead) {
        etcd->leader = SIM_NOBODY;
    }
    for (i = 0; i < etcd->config.members; i++) {
        member_reconsider(etcd, i);
    }
    if (sim_has_quorum(etcd) || !majority_is_reachable(etcd)) {
        etcd->election_ns = SIM_NEVER;
    } else if (etcd->election_ns == SIM_NEVER) {
        etcd->election_ns = etcd->now_ns + etcd->config.election_ns;
    }
    etcd->stirred = true;
}

/** Makes a member the leader of a new term. */
static void lead(struct sim_etcd *etcd, unsigned member)
{
    unsigned old = etcd->leader;

    etcd->leader = member;
    etcd->term++;
    sim_apply_all(etcd, member);
    sim_leases_promote(etcd, old);
    sim_reconsider(etcd);
}

/** Elects one of the reachable members. All have the committed entries in their
 * logs, so any of them may be elected. */
static void elect(struct sim_etcd *etcd)
{
    unsigned candidates[SIM_MEMBERS_MAX];
    unsigned n = 0;
    unsigned i;

    etcd->election_ns = SIM_NEVER;
    for (i = 0; i < etcd->config.members; i++) {
        if (sim_member_is_reachable(etcd, i)) {
            candidates[n++] = i;
        }
    }
    lead(etcd, candidates[sim_random_below(&etcd->random, (int64_t)n)]);
}

void sim_members_time(struct sim_etcd *etcd)
{
    bool changed = false;
    unsigned i;

    for (i = 0; i < etcd->config.members; i++) {
        struct sim_member *member = &etcd->members[i];

        if (member->lost_ns > etcd->now_ns) {
            continue;
        }
        member->lost_ns = SIM_NEVER;
        member->leader = SIM_NOBODY;
        member->leaderless_ns = etcd->now_ns;
        if (etcd->leader == i) {
            etcd->leader = SIM_NOBODY;
        }
        changed = true;
    }
    if (changed) {
        sim_reconsider(etcd);
    }
    if (etcd->election_ns <= etcd->now_ns) {
        elect(etcd);
    }
}

int64_t sim_members_deadline_ns(const struct sim_etcd *etcd)
{
    int64_t deadline_ns = etcd->election_ns;
    unsigned i;

    for (i = 0; i < etcd->config.members; i++) {
        if (etcd->members[i].lost_ns < deadline_ns) {
            deadline_ns = etcd->members[i].lost_ns;
        }
    }
    return deadline_ns;
}

unsigned sim_etcd_leader(const struct sim_etcd *etcd)
{
    return etcd->leader != SIM_NOBODY ? etcd->leader : etcd->config.members;
}

void sim_etcd_stop(struct sim_etcd *etcd, unsigned member, int64_t now_ns)
{
    sim_etcd_advance(etcd, now_ns);
    if (etcd->members[member].dead) {
        return;
    }
    etcd->members[member].stopped = true;
    sim_reconsider(etcd);
    sim_etcd_settle(etcd);
}

void sim_etcd_continue(struct sim_etcd *etcd, unsigned member, int64_t now_ns)
{
    sim_etcd_advance(etcd, now_ns);
    etcd->members[member].stopped = false;
    sim_stale_leader(etcd, member);
    sim_reconsider(etcd);
    sim_etcd_settle(etcd);
    sim_etcd_advance(etcd, now_ns);
}

void sim_etcd_kill(struct sim_etcd *etcd, unsigned member, int64_t now_ns)
{
    sim_etcd_advance(etcd, now_ns);
    if (etcd->members[member].dead) {
        return;
    }
    etcd->members[member].dead = true;
    etcd->members[member].stopped = false;
    sim_calls_kill(etcd, member);
    sim_streams_kill(etcd, member, "Socket closed");
    etcd->members[member].sync_ns = SIM_NEVER;
    etcd->stale = etcd->stale == member ? SIM_NOBODY : etcd->stale;
    sim_reconsider(etcd);
    sim_etcd_settle(etcd);
}

void sim_etcd_restart(struct sim_etcd *etcd, unsigned member, int64_t now_ns)
{
    struct sim_member *it = &etcd->members[member];

    sim_etcd_advance(etcd, now_ns);
    if (!it->dead) {
        return;
    }
    it->dead = false;
    it->version = it->version == etcd->config.version
                      ? etcd->config.other_version
                      : etcd->config.version;
    it->sync_phase_ns = sim_random_below(&etcd->random, SIM_WATCH_SYNC_NS);
    it->lease_phase_ns = sim_random_below(&etcd->random, SIM_LEASE_CHECK_NS);
    it->leaderless_ns = SIM_NEVER;
    sim_reconsider(etcd);
    sim_etcd_settle(etcd);
}

void sim_etcd_cut_off(struct sim_etcd *etcd, unsigned member, int64_t now_ns)
{
    sim_etcd_advance(etcd, now_ns);
    if (etcd->config.members > 1) {
        etcd->members[member].cut = true;
    }
    sim_reconsider(etcd);
    sim_etcd_settle(etcd);
}

void sim_etcd_heal(struct sim_etcd *etcd, unsigned member, int64_t now_ns)
{
    sim_etcd_advance(etcd, now_ns);
    etcd->members[member].cut = false;
    sim_reconsider(etcd);
    sim_etcd_settle(etcd);
    sim_etcd_advance(etcd, now_ns);
}

void sim_etcd_move_leader(struct sim_etcd *etcd,
                          unsigned member,
                          int64_t now_ns)
{
    sim_etcd_advance(etcd, now_ns);
    if (sim_has_quorum(etcd) && sim_member_is_reachable(etcd, member) &&
        member != etcd->leader) {
        lead(etcd, member);
    }
    sim_etcd_settle(etcd);
}
