/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

void sim_answer(struct sim_etcd *etcd,
                struct sim_call *call,
                const struct ll_answer *with)
{
    struct ll_answer whole = *with;

    call->state = SIM_CALL_DONE;
    if (call->forgotten) {
        return;
    }
    call->forgotten = true;
    if (whole.outcome == LL_OUTCOME_OK) {
        whole.cluster_id = etcd->config.cluster_id;
        whole.member_id = sim_member_id(call->member);
    }
    etcd->hooks.on_answer(etcd->hooks.arg, call->tag, &whole);
}

void sim_fail(struct sim_etcd *etcd,
              struct sim_call *call,
              const struct sim_error *error)
{
    struct ll_answer failed;

    ll_answer_fail(error->grpc_status, error->text, &failed);
    sim_answer(etcd, call, &failed);
}

void sim_answer_read(struct sim_etcd *etcd, struct sim_call *call)
{
    struct sim_view view = sim_member_view(etcd, call->member);
    struct ll_answer read = {.outcome = LL_OUTCOME_OK,
                             .text = "",
                             .revision = view.revision,
                             .kind = call->request.kind};
    const struct sim_error *error = NULL;

    if (call->request.kind == LL_REQUEST_RANGE) {
        error =
            sim_range(&view, &call->request.range, &call->arena, &read.range);
    } else {
        error = sim_txn_apply(
            &view, NULL, sim_lease_known, etcd,
            sim_has_change(etcd, SIM_CHANGE_TXN_CHECKED_IN_ORDER),
            &call->request.txn, &call->arena, &read.txn, &read.revision);
    }
    if (error != NULL) {
        sim_fail(etcd, call, error);
    } else {
        sim_answer(etcd, call, &read);
    }
}

void sim_answer_status(struct sim_etcd *etcd, struct sim_call *call)
{
    const struct sim_member *member = &etcd->members[call->member];
    struct ll_answer status = {.outcome = LL_OUTCOME_OK,
                               .text = "",
                               .revision = member->revision,
                               .kind = LL_REQUEST_STATUS};

    status.status.version = member->version;
    if (member->leader != SIM_NOBODY) {
        status.status.leader_id = sim_member_id(member->leader);
    }
    sim_answer(etcd, call, &status);
}

/** The keys on a lease as applied by a member. */
static void list_keys(struct sim_etcd *etcd,
                      struct sim_call *call,
                      unsigned member,
                      struct ll_answer *ttl)
{
    const struct sim_store *store = &etcd->store;
    struct ll_bytes *keys =
        sim_arena_alloc(&call->arena, store->keys_n, sizeof(*keys));

    for (size_t i = 0; i < store->keys_n; i++) {
        const struct sim_version *version =
            sim_key_at(store->keys[i], etcd->members[member].revision);

        if (version != NULL && version->lease == call->request.lease.lease) {
            keys[ttl->lease.keys_n++] =
                sim_copy_bytes(&call->arena, store->keys[i]->name);
        }
    }
    ttl->lease.keys = keys;
}

/** The remaining TTL is in whole seconds, truncated; it is below 0 if the lease
 * expired long ago and is not revoked yet. */
void sim_answer_ttl(struct sim_etcd *etcd, struct sim_call *call)
{
    const struct sim_lease *lease =
        sim_lease_find(etcd, call->request.lease.lease);
    struct ll_answer ttl = {.outcome = LL_OUTCOME_OK,
                            .text = "",
                            .revision = etcd->members[call->member].revision,
                            .kind = LL_REQUEST_LEASE_TTL};

    unsigned primary = sim_lease_primary(etcd, call->member);

    if (primary == SIM_NOBODY) {
        return;
    }
    ttl.lease.ttl_s = -1;
    if (lease != NULL) {
        ttl.lease.ttl_s = (lease->expiry_ns - etcd->now_ns) / SIM_NS_PER_S;
        ttl.lease.granted_ttl_s = lease->ttl_s;
        if (call->request.lease.keys) {
            list_keys(etcd, call, primary, &ttl);
        }
    }
    sim_answer(etcd, call, &ttl);
}
