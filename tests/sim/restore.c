/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

/**
 * The cluster is stopped, restored from a snapshot and started. Before clients
 * may connect, old locks are deleted, as in docs/restoring.md. The world's
 * records of etcd are updated to the restored store; tickets and sessions that
 * lost a key or lease count as interfered with by a third party. */

void sim_restore_stop(struct sim_world *world)
{
    for (unsigned member = 0; member < world->members_n; member++) {
        world->members[member] = SIM_MEMBER_DEAD;
        sim_etcd_kill(world->etcd, member, world->now_ns);
        sim_net_member_died(world, member);
    }
    world->is_down = true;
}

static void ticket_back(struct sim_world *world, struct sim_ticket *ticket)
{
    struct ll_kv kv = {.create_revision = 0};
    bool had = ticket->has_key;
    int64_t created = ticket->created;

    ticket->has_key =
        sim_etcd_get(world->etcd,
                     (struct ll_bytes){ticket->key, ticket->key_size}, &kv) &&
        kv.lease == ticket->session->lease;
    ticket->is_out = false;
    ticket->applied_n = 0;
    if (ticket->has_key) {
        ticket->created = kv.create_revision;
        (void)sim_key_made(world, &kv);
    }
    if (had && (!ticket->has_key || ticket->created != created)) {
        ticket->is_meddled = true;
        ticket->key_gone_ns = world->now_ns;
    }
}

static void client_back(struct sim_world *world, struct sim_client *client)
{
    for (size_t id = 1; id < client->objects_n; id++) {
        struct sim_session *session = client->objects[id].session;
        struct sim_ticket *ticket = client->objects[id].ticket;
        struct sim_write *write = client->objects[id].write;
        struct sim_observer *observer = client->objects[id].observer;

        if (session != NULL) {
            session->is_old = true;
            session->is_meddled |=
                !sim_etcd_has_lease(world->etcd, session->lease);
        }
        if (ticket != NULL) { /* revisions are reused */
            ticket->after_revision = 0;
        }
        if (write != NULL) {
            write->is_old = true;
        }
        if (observer != NULL) {
            observer->is_old = true;
        }
    }
}

void sim_restore_start(struct sim_world *world)
{
    struct sim_ticket *ticket;
    struct sim_ticket *after;

    if (!world->is_down) {
        return;
    }
    world->is_down = false;
    world->was_restored = true;
    sim_etcd_restore(world->etcd, world->now_ns);
    for (unsigned member = 0; member < world->members_n; member++) {
        world->members[member] = SIM_MEMBER_WELL;
    }
    HASH_ITER(hh, world->keys, ticket, after)
    {
        ticket_back(world, ticket);
    }
    for (unsigned i = 0; i < world->clients_n; i++) {
        client_back(world, &world->clients[i]);
    }
    for (unsigned name = 0; name < world->names_n; name++) {
        world->granted[name] = (struct sim_tokens){0, 0};
        world->written[name] = (struct sim_tokens){0, 0};
        world->made[name] = (struct sim_made){0, false};
    }
    sim_leaders_restored(world);
    sim_followed_restored(world);
    sim_followers_restored(world);
}
