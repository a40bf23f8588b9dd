/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/etcd_private.h"

/** Answers the keep-alives that wait on a stream, up to the first one of an
 * expired lease. */
static void renew(struct sim_etcd *etcd, struct sim_stream *stream)
{
    while (stream->messages_n > 0) {
        int64_t id = stream->messages[0]->id;
        const struct sim_lease *lease = sim_lease_find(etcd, id);
        int64_t ttl_s = 0;

        if (lease != NULL && lease->stale_ns <= etcd->now_ns) {
            return;
        }
        if (lease != NULL && lease->stale_ns != SIM_NEVER) {
            ttl_s = lease->ttl_s;
        }
        etcd->hooks.on_keepalive(etcd->hooks.arg, stream->id, id, ttl_s);
        sim_stream_pop(stream);
    }
}

/** Its proposals are forwarded to the present leader, which commits them. */
static void revoke(struct sim_etcd *etcd)
{
    size_t i = 0;

    while (i < etcd->leases_n) {
        if (etcd->leases[i].stale_ns <= etcd->now_ns) {
            sim_commit_revoke(etcd, etcd->leases[i].id);
        } else {
            i++;
        }
    }
}

void sim_stale_leader(struct sim_etcd *etcd, unsigned member)
{
    size_t i;

    if (etcd->stale != member) {
        return;
    }
    etcd->stale = SIM_NOBODY;
    if (!etcd->config.stale_leaders || etcd->leader == member) {
        return;
    }
    for (i = 0; i < etcd->streams_n; i++) {
        struct sim_stream *stream = etcd->streams[i];

        if (stream->member == member && stream->kind == LL_STREAM_KEEPALIVE) {
            renew(etcd, stream);
        }
    }
    if (sim_has_quorum(etcd)) {
        revoke(etcd);
    }
}
