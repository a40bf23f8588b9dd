/* SPDX-License-Identifier: Apache-2.0 */
#include "core/object.h"
#include "core/session.h"
#include "world.h"

/**
 * Invariants of sessions: none is alive at a time at which etcd may have
 * expired its lease, and none is lost without a reason.
 */

/** A revoked lease is detected by the next keep-alive, a third of the TTL
 * later, or by a watch before; and the caller checks once a second. */
#define REVOKED_CALM_NS (2 * LL_NS_PER_S)
#define BEATS_IN_TTL 3
/** The minimum of the margin in which a holder has to stop. */
#define MARGIN_NS (300 * LL_NS_PER_MS)

static bool is_alive(const struct ll_session *session, int64_t now_ns)
{
    return ll_session_is_alive(session) && now_ns < session->deadline_ns;
}

void sim_check_sessions(struct sim_client *client)
{
    struct sim_world *world = client->world;
    int64_t now_ns = sim_local_ns(client, world->now_ns);
    struct ll_link *at;

    for (at = client->core->sessions.list.next;
         at != &client->core->sessions.list; at = at->next) {
        const struct ll_session *session =
            LL_CONTAINER(at, struct ll_session, link);

        /* Before the deadline: most deadlines move on in time. */
        if (is_alive(session, now_ns) &&
            sim_etcd_lease_expiry_ns(world->etcd, session->lease) <
                sim_world_ns(client, session->deadline_ns)) {
            sim_break(
                world, "loss before expiry",
                "session %u.%llu is seen as alive when etcd may expire its "
                "lease",
                client->peer.number,
                (unsigned long long)session->object.entry.id);
        }
    }
}

static void check_revoked(struct sim_client *client,
                          struct sim_session *session)
{
    struct sim_world *world = client->world;
    int64_t now_ns = sim_local_ns(client, world->now_ns);
    struct ll_session_view view;

    if (!session->is_open || session->is_closing ||
        sim_etcd_has_lease(world->etcd, session->lease) ||
        !ll_core_session_view(client->core, session->id, now_ns, &view) ||
        (view.state != LL_SESSION_ACTIVE && view.state != LL_SESSION_SUSPECT)) {
        return;
    }
    if (session->lease_gone_ns == 0) {
        session->lease_gone_ns = world->now_ns;
    }
    if (!session->is_meddled) {
        sim_break(world, "loss before expiry",
                  "session %u.%llu is alive, but its lease is gone",
                  client->peer.number, (unsigned long long)session->id);
    } else if (world->is_calm &&
               world->now_ns > session->lease_gone_ns + REVOKED_CALM_NS +
                                   client->ttl_s * LL_NS_PER_S / BEATS_IN_TTL) {
        sim_break(world, "loss before expiry",
                  "session %u.%llu is alive for long after its lease was "
                  "revoked",
                  client->peer.number, (unsigned long long)session->id);
    }
}

void sim_check_revoked(struct sim_client *client)
{
    for (size_t i = 0; i < client->live_n; i++) {
        struct sim_session *session = client->objects[client->live[i]].session;

        if (session != NULL) {
            check_revoked(client, session);
        }
    }
}

/** Core's session with an id, or NULL. */
static const struct ll_session *core_session(const struct sim_client *client,
                                             uint64_t id)
{
    struct ll_entry *entry = ll_table_find(&client->core->objects, id);

    return entry != NULL ? LL_CONTAINER(entry, struct ll_session, object.entry)
                         : NULL;
}

void sim_check_lost(struct sim_client *client, struct sim_session *session)
{
    struct sim_world *world = client->world;
    const struct ll_session *lost = core_session(client, session->id);

    /* If the report is late, the margin has passed. */
    if (lost != NULL &&
        client->core->now_ns < lost->deadline_ns + SIM_SLACK_NS) {
        session->lost_ns = world->now_ns;
    }
    /* A refused renewal may lose that session only, not others of its
     * stream. */
    if (world->is_mild && !session->is_meddled && !session->is_denied) {
        sim_break(world, "no needless loss",
                  "session %u.%llu is lost without a fault",
                  client->peer.number, (unsigned long long)session->id);
    }
    /* A late copy of the grant creates the lease again. */
    if (lost != NULL && client->core->now_ns < lost->deadline_ns &&
        session->grants == 1 && !session->is_meddled && !client->is_by_other &&
        sim_etcd_has_lease(world->etcd, session->lease)) {
        sim_break(world, "no needless loss",
                  "session %u.%llu is lost before its deadline, and its lease "
                  "is there",
                  client->peer.number, (unsigned long long)session->id);
    }
}

void sim_check_revoke(struct sim_client *client, uint64_t id)
{
    struct sim_world *world = client->world;
    const struct sim_session *session = sim_session_find(client, id);

    if (session->lost_ns != 0 && !session->is_closing &&
        sim_local_ns(client, world->now_ns) <
            sim_local_ns(client, session->lost_ns) + MARGIN_NS - SIM_SLACK_NS) {
        sim_break(world, "the margin is the holder's",
                  "session %u.%llu revokes its lease %.3f s after its loss",
                  client->peer.number, (unsigned long long)id,
                  (double)(world->now_ns - session->lost_ns) / 1e9);
    }
}
