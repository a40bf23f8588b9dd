/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "user.h"

/**
 * A process dies, and a new one resumes the known leases and tickets of the old
 * one, whose requests in flight may still take effect. */

/** The delay until a new process resumes a session of the old one: sometimes
 * its lease has expired by then. */
#define TAKE_OVER_MAX_NS (8 * LL_NS_PER_S)
/** A key that was not resumed disappears with its session. */
#define RESUMED_MAX_NS (20 * LL_NS_PER_S)

static void ticket_die(struct sim_client *client, struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;
    struct ll_ticket_view view = {.token = 0};

    (void)ll_core_ticket_view(client->core, ticket->id, 0, &view);
    ticket->was_waiting =
        ticket->acquire_owed ||
        (ticket->multi != NULL && !ticket->multi->is_released &&
         (ticket->multi->acquire_owed || ticket->multi->is_granted));
    ticket->token = view.token;
    for (size_t i = 0; ticket->in_held && i < world->held_n; i++) {
        if (world->held[i] == ticket) {
            world->held[i] = world->held[--world->held_n];
            ticket->in_held = false;
        }
    }
}

static void session_die(struct sim_client *client, struct sim_session *session)
{
    if (session->is_open && sim_chance(&client->random, 800000)) {
        sim_user_push(
            client, sim_spread(&client->random, LL_NS_PER_MS, TAKE_OVER_MAX_NS),
            SIM_EVENT_TAKE_OVER, session->id);
    }
}

void sim_user_die(struct sim_client *client)
{
    for (size_t i = 0; i < client->live_n; i++) {
        struct sim_object *object = &client->objects[client->live[i]];

        object->is_dead = true;
        if (object->ticket != NULL) {
            ticket_die(client, object->ticket);
        } else if (object->session != NULL) {
            session_die(client, object->session);
        } else if (object->write != NULL) {
            /* No report will follow. */
            object->write->is_over = true;
            object->write->status = LEASELOCK_E_OUTCOME_UNKNOWN;
        }
    }
    client->live_n = 0;
    client->query_id = 0;
}

/** Opens a session with the lease of a dead process. */
static void take_over_session(struct sim_client *client,
                              const struct sim_session *before)
{
    struct sim_session *session = sim_session_new(client, before->lease);

    session->before = before;
    session->grants = before->grants;
    session->is_meddled = before->is_meddled;
    session->is_denied = before->is_denied;
    sim_user_open(client, session);
}

/** Resumes a dead process's ticket. */
static void take_over_ticket(struct sim_client *client,
                             struct sim_session *session,
                             struct sim_ticket *before)
{
    struct sim_world *world = client->world;
    struct sim_ticket *ticket = sim_ticket_new(client, session);
    struct ll_event event = {.kind = LL_EVENT_RESUME, .id = ticket->id};

    ticket->name = before->name;
    ticket->mode = before->mode;
    ticket->lock_delay_ms = before->lock_delay_ms;
    ticket->resumes = true;
    ticket->resume_token =
        sim_chance(&client->random, 700000) ? before->token : 0;
    ticket->has_timeout = sim_chance(&client->random, 200000);
    event.resume.watch_own_ns = sim_user_draw_watch_own(client, ticket);
    sim_yields_draw(client->world, ticket);
    event.resume.yields = ticket->yields;
    event.resume.timeout_ns = -1;
    if (ticket->has_timeout) {
        event.resume.timeout_ns =
            sim_spread(&client->random, LL_NS_PER_MS, 4 * world->wait_ns);
        ticket->acquire_due_ns =
            sim_user_now_ns(client) + event.resume.timeout_ns;
    }
    ticket->has_key = before->has_key;
    ticket->created = before->created;
    /* A write that releases, of the process before, may still arrive. */
    ticket->is_meddled = before->is_meddled || before->is_released_by_write;
    ticket->is_out = before->is_out;
    ticket->key_gone_ns = before->key_gone_ns;
    ticket->writes_n = before->writes_n;
    ticket->applied_n = before->applied_n;
    ticket->has_value = before->has_value;
    sim_ticket_enter(client, ticket,
                     (struct ll_bytes){before->key, before->key_size});
    event.resume.session = session->id;
    event.resume.key = (struct ll_bytes){ticket->key, ticket->key_size};
    event.resume.token = ticket->resume_token;
    if (!sim_user_is_taken(client, sim_client_step(client, &event))) {
        ticket->acquire_owed = false;
        return;
    }
    world->result->resumed++;
    if (!world->is_over && ticket->has_timeout) {
        sim_user_due(client, ticket->id, ticket->acquire_due_ns);
    }
}

void sim_user_take_over(struct sim_client *client, uint64_t id)
{
    const struct sim_object *object = &client->objects[id];
    struct sim_session *session = object->session;

    if (client->world->phase != SIM_PHASE_STORM) {
        return;
    }
    if (object->is_dead) {
        take_over_session(client, session);
        return;
    }
    for (uint64_t old = 1; old < id && session->is_open; old++) {
        struct sim_ticket *ticket = client->objects[old].ticket;

        if (ticket != NULL && ticket->session == session->before &&
            client->objects[old].is_dead && ticket->in_keys &&
            (ticket->was_waiting || ticket->is_granted) &&
            !ticket->is_released && !ticket->lost_reported &&
            !client->world->is_over && sim_chance(&client->random, 900000)) {
            take_over_ticket(client, session, ticket);
        }
    }
    sim_user_push(client,
                  sim_spread(&client->random, LL_NS_PER_S, RESUMED_MAX_NS),
                  SIM_EVENT_CLOSE, id);
}
