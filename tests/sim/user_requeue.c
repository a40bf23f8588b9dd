/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user.h"

/**
 * Callers whose waiting ticket was lost because etcd did not answer: like the
 * library's `requeue`, they queue again, early, on one session that replaces
 * the lost ones. */

/** The session's open timeout in every second case: the tickets time out
 * first. */
#define OPEN_NS (INT64_C(100000) * LL_NS_PER_S)

static bool is_time(const struct sim_world *world)
{
    return world->phase == SIM_PHASE_STORM || world->phase == SIM_PHASE_HEAL;
}

void sim_user_on_silence(struct sim_client *client,
                         const struct sim_ticket *ticket)
{
    struct sim_world *world = client->world;

    if (is_time(world) && ticket->frees == 0 && !ticket->is_released &&
        sim_chance(&world->fault_random[SIM_FAULT_REQUEUE],
                   world->fault_rate[SIM_FAULT_REQUEUE])) {
        client->requeues_due++;
        sim_user_push(client, 1, SIM_EVENT_REQUEUE, ticket->id);
    }
}

/** The session on which lost tickets queue again: the existing one, or a new
 * one. */
static struct sim_session *session_for_lost(struct sim_client *client)
{
    struct ll_random *random = &client->world->fault_random[SIM_FAULT_REQUEUE];
    struct sim_session *session =
        sim_session_find(client, client->requeue_session);

    if (session != NULL && !session->is_closing && !session->is_ended &&
        !session->is_lost && (session->open_owed || session->is_open)) {
        return session;
    }
    session =
        sim_session_new(client, (int64_t)(ll_random_next(random) >> 1) | 1);
    client->requeue_session = session->id;
    session->open_timeout_ns = sim_chance(random, 500000) ? OPEN_NS : 0;
    sim_user_open(client, session);
    return session;
}

/** The remaining timeout; 0 would mean a try. */
static int64_t inherit_timeout(struct sim_client *client,
                               const struct sim_ticket *before,
                               struct sim_ticket *ticket)
{
    int64_t left_ns = before->acquire_due_ns - sim_user_now_ns(client);

    if (!before->has_timeout) {
        return -1;
    }
    left_ns = left_ns > 1 ? left_ns : 1;
    ticket->has_timeout = true;
    ticket->acquire_due_ns = sim_user_now_ns(client) + left_ns;
    return left_ns;
}

static struct sim_ticket *ticket_after(struct sim_client *client,
                                       struct sim_session *session,
                                       const struct sim_ticket *before)
{
    struct sim_ticket *ticket = sim_ticket_new(client, session);

    ticket->name = before->name;
    ticket->mode = before->mode;
    ticket->lock_delay_ms = before->lock_delay_ms;
    ticket->is_early = true;
    ticket->after_revision = sim_etcd_revision(client->world->etcd);
    return ticket;
}

static void requeue_one(struct sim_client *client,
                        struct sim_session *session,
                        const struct sim_ticket *before)
{
    struct sim_world *world = client->world;
    struct sim_ticket *ticket = ticket_after(client, session, before);
    const char *name = world->names[ticket->name];
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE, .id = ticket->id};
    struct ll_ticket_view view;

    if (before->finds_deadlock) {
        sim_user_find_deadlock(client, ticket);
    }
    event.acquire.session = session->id;
    event.acquire.name = (struct ll_bytes){name, strlen(name)};
    event.acquire.value = (struct ll_bytes){"sim", 3};
    event.acquire.mode = ticket->mode;
    event.acquire.lock_delay_ms = ticket->lock_delay_ms;
    event.acquire.timeout_ns = inherit_timeout(client, before, ticket);
    event.acquire.find_deadlock = ticket->finds_deadlock;
    event.acquire.watch_own_ns = sim_user_draw_watch_own(client, ticket);
    sim_yields_draw(client->world, ticket);
    event.acquire.yields = ticket->yields;
    event.acquire.early = true;
    if (!sim_user_is_taken(client, sim_client_step(client, &event))) {
        sim_several_forget(client, ticket); /* the session was lost as well */
        return;
    }
    world->result->tickets++;
    if (!world->is_over &&
        ll_core_ticket_view(client->core, ticket->id, 0, &view) &&
        view.key.size < sizeof(ticket->key)) {
        sim_ticket_enter(client, ticket, view.key);
        sim_user_await(client, ticket);
    }
}

static void requeue_several(struct sim_client *client,
                            struct sim_session *session,
                            const struct sim_ticket *before)
{
    struct sim_ticket *multi = ticket_after(client, session, before);
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE_ALL, .id = multi->id};
    struct ll_bytes bytes[SIM_NAMES_MAX];
    struct ll_mode modes[SIM_NAMES_MAX];
    unsigned names[SIM_NAMES_MAX];

    for (unsigned i = 0; i < before->members_n; i++) {
        names[i] = before->members[i]->name;
        modes[i] = before->members[i]->mode;
        bytes[i] = (struct ll_bytes){client->world->names[names[i]],
                                     strlen(client->world->names[names[i]])};
    }
    sim_several_make_members(client, multi, names, modes, before->members_n);
    if (before->finds_deadlock) {
        sim_user_find_deadlock(client, multi);
    }
    event.acquire_all.session = session->id;
    event.acquire_all.names = bytes;
    event.acquire_all.modes = modes;
    event.acquire_all.names_n = before->members_n;
    event.acquire_all.value = (struct ll_bytes){"sim", 3};
    event.acquire_all.timeout_ns = inherit_timeout(client, before, multi);
    event.acquire_all.find_deadlock = multi->finds_deadlock;
    event.acquire_all.watch_own_ns = sim_user_draw_watch_own(client, multi);
    sim_yields_draw(client->world, multi);
    event.acquire_all.yields = multi->yields;
    event.acquire_all.early = true;
    if (!sim_user_is_taken(client, sim_client_step(client, &event))) {
        sim_several_forget(client, multi);
        return;
    }
    client->world->result->several++;
    sim_several_enter(client, multi);
    sim_user_await(client, multi);
}

void sim_user_requeue(struct sim_client *client, uint64_t id)
{
    const struct sim_ticket *before = sim_ticket_find(client, id);
    struct sim_session *session;

    client->requeues_due--;
    if (before == NULL || !is_time(client->world)) {
        return; /* its process died */
    }
    sim_fault_count(client->world, SIM_FAULT_REQUEUE);
    session = session_for_lost(client);
    if (client->world->is_over) {
        return;
    }
    if (before->members_n > 0) {
        requeue_several(client, session, before);
    } else {
        requeue_one(client, session, before);
    }
}
