/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

#include <string.h>

uint64_t sim_log_end(const struct sim_etcd *etcd)
{
    return etcd->entries_first + etcd->entries_n;
}

/** Frees entries that every member has applied, and versions that all have
 * compacted. */
static void trim(struct sim_etcd *etcd)
{
    uint64_t applied = sim_log_end(etcd);
    int64_t compacted = INT64_MAX;
    size_t gone = 0;
    unsigned i;

    for (i = 0; i < etcd->config.members; i++) {
        const struct sim_member *member = &etcd->members[i];

        applied = member->applied < applied ? member->applied : applied;
        compacted =
            member->compacted < compacted ? member->compacted : compacted;
    }
    gone = (size_t)(applied - etcd->entries_first);
    /* In batches, to keep the cost per entry low. */
    if (gone == etcd->entries_n || gone > 1024) {
        etcd->entries_n -= gone;
        etcd->entries_first = applied;
        memmove(etcd->entries, etcd->entries + gone,
                etcd->entries_n * sizeof(etcd->entries[0]));
    }
    if (etcd->snapshot.revision > 0 && compacted > etcd->snapshot.revision) {
        compacted = etcd->snapshot.revision;
    }
    if (compacted > etcd->store.trimmed) {
        sim_store_trim(&etcd->store, compacted);
    }
}

void sim_plan_apply(struct sim_etcd *etcd, unsigned member)
{
    struct sim_member *it = &etcd->members[member];
    const struct sim_entry *entry = NULL;
    int64_t lag_ns = 0;

    if (it->applied == sim_log_end(etcd)) {
        it->apply_ns = SIM_NEVER;
        return;
    }
    if (it->apply_ns != SIM_NEVER) {
        return;
    }
    entry = &etcd->entries[it->applied - etcd->entries_first];
    if (member != etcd->leader && etcd->config.lag_max_ns > 0) {
        lag_ns = sim_random_below(&etcd->random, etcd->config.lag_max_ns + 1);
    }
    it->apply_ns = entry->commit_ns + lag_ns;
    if (it->apply_ns < etcd->now_ns) {
        it->apply_ns = etcd->now_ns;
    }
}

void sim_apply_next(struct sim_etcd *etcd, unsigned member)
{
    struct sim_member *it = &etcd->members[member];
    struct sim_entry entry = etcd->entries[it->applied - etcd->entries_first];

    it->applied++;
    it->revision = entry.revision;
    it->compacted = entry.compacted;
    it->apply_ns = SIM_NEVER;
    sim_plan_apply(etcd, member);
    if (entry.changed) {
        sim_watch_notify(etcd, member, entry.revision);
    }
    sim_calls_applied(etcd, member);
    trim(etcd);
}

void sim_apply_all(struct sim_etcd *etcd, unsigned member)
{
    while (etcd->members[member].applied < sim_log_end(etcd)) {
        sim_apply_next(etcd, member);
    }
}

/** Appends an entry, which the store already contains. The leader applies it
 * before the other members. */
static void append(struct sim_etcd *etcd, int64_t revision_before)
{
    struct sim_entry entry = {
        .commit_ns = etcd->now_ns,
        .revision = etcd->store.revision,
        .compacted = etcd->compacted,
        .changed = etcd->store.revision != revision_before,
    };
    unsigned i;

    SIM_RESERVE(etcd->entries, etcd->entries_n, etcd->entries_capacity);
    etcd->entries[etcd->entries_n++] = entry;
    etcd->stirred = true;
    if (entry.changed && etcd->hooks.on_commit != NULL) {
        etcd->hooks.on_commit(etcd->hooks.arg, entry.revision);
    }
    sim_apply_all(etcd, etcd->leader);
    for (i = 0; i < etcd->config.members; i++) {
        if (i == etcd->leader || !sim_member_is_reachable(etcd, i)) {
            continue;
        }
        sim_plan_apply(etcd, i);
        while (etcd->members[i].apply_ns <= etcd->now_ns) {
            sim_apply_next(etcd, i);
        }
    }
}

/** As a Txn with nothing but the deletion. */
static const struct sim_error *carry_out_delete(struct sim_etcd *etcd,
                                                struct sim_call *call,
                                                const struct sim_view *view)
{
    struct ll_op op = {.kind = LL_OP_DELETE, .del = call->request.del};
    struct ll_txn txn = {.then_ops = &op, .then_n = 1};
    struct ll_txn_answer done;
    const struct sim_error *error =
        sim_txn_apply(view, &etcd->store, sim_lease_known, etcd,
                      sim_has_change(etcd, SIM_CHANGE_TXN_CHECKED_IN_ORDER),
                      &txn, &call->arena, &done, &call->answer.revision);

    if (error == NULL) {
        call->answer.deleted = done.ops[0].deleted;
    }
    return error;
}

/** Applies a write to the store, and sets its answer. */
static const struct sim_error *carry_out(struct sim_etcd *etcd,
                                         struct sim_call *call)
{
    struct sim_view view = {&etcd->store, etcd->store.revision,
                            etcd->compacted};
    struct ll_answer *answer = &call->answer;

    answer->kind = call->request.kind;
    switch (call->request.kind) {
    case LL_REQUEST_TXN:
        return sim_txn_apply(
            &view, &etcd->store, sim_lease_known, etcd,
            sim_has_change(etcd, SIM_CHANGE_TXN_CHECKED_IN_ORDER),
            &call->request.txn, &call->arena, &answer->txn, &answer->revision);
    case LL_REQUEST_DELETE:
        return carry_out_delete(etcd, call, &view);
    case LL_REQUEST_LEASE_GRANT:
        return sim_lease_grant(etcd, call->request.lease.lease,
                               call->request.lease.ttl_s, &answer->lease.ttl_s);
    case LL_REQUEST_LEASE_REVOKE:
        return sim_lease_revoke(etcd, call->request.lease.lease);
    case LL_REQUEST_RANGE:
    case LL_REQUEST_LEASE_TTL:
    case LL_REQUEST_STATUS:
    case LL_REQUEST_MEMBER_LIST:
        break;
    }
    return NULL;
}

void sim_commit(struct sim_etcd *etcd, struct sim_call *call)
{
    int64_t revision_before = etcd->store.revision;
    const struct sim_error *error = NULL;

    call->answer = (struct ll_answer){.outcome = LL_OUTCOME_OK, .text = ""};
    error = carry_out(etcd, call);
    if (error != NULL) {
        ll_answer_fail(error->grpc_status, error->text, &call->answer);
    } else {
        call->answer.revision = etcd->store.revision;
        if (call->request.kind == LL_REQUEST_LEASE_GRANT) {
            call->answer.lease.granted_ttl_s = call->answer.lease.ttl_s;
        }
    }
    call->state = call->forgotten ? SIM_CALL_DONE : SIM_CALL_APPLYING;
    call->entry = sim_log_end(etcd) + 1;
    append(etcd, revision_before);
}

void sim_commit_revoke(struct sim_etcd *etcd, int64_t lease)
{
    int64_t revision_before = etcd->store.revision;

    if (sim_lease_revoke(etcd, lease) == NULL) {
        append(etcd, revision_before);
    }
}

void sim_commit_compaction(struct sim_etcd *etcd, int64_t revision)
{
    etcd->compacted = revision;
    append(etcd, etcd->store.revision);
}
