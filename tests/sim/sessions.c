#include "core/object.h"
#include "core/session.h"
#include "world.h"

/**
 * Invariants of sessions: none is alive at a time at which etcd may have
 * expired its lease.
 */

/** A revoked lease is noticed by the beat after it, or by a watch before. */
#define REVOKED_CALM_NS (3 * LL_NS_PER_S)

static bool is_alive(const struct ll_session *session, int64_t now_ns)
{
    return ll_session_is_alive(session) && now_ns < session->deadline_ns;
}

void sim_check_sessions(struct sim_client *client)
{
    struct sim_world *world = client->world;
    int64_t now_ns = sim_local_ns(client, world->now_ns);
    struct ll_link *at;

    for (at = client->core->sessions.next; at != &client->core->sessions;
         at = at->next) {
        const struct ll_session *session =
            LL_CONTAINER(at, struct ll_session, link);

        if (is_alive(session, now_ns) &&
            sim_etcd_lease_expiry_ns(world->etcd, session->lease) <=
                world->now_ns) {
            sim_break(world, "loss before expiry",
                      "session %u.%llu is alive, and etcd may expire its lease",
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
                  "session %u.%llu is alive, and its lease is gone",
                  client->peer.number, (unsigned long long)session->id);
    } else if (world->is_calm &&
               world->now_ns > session->lease_gone_ns + REVOKED_CALM_NS +
                                   client->ttl_s * LL_NS_PER_S) {
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
