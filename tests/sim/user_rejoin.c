/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "user.h"

/**
 * Holders that give way and queue again in one request. */

/** Chance of a timeout, ppm. */
#define TIMEOUTS 300000

static bool may_rejoin(struct sim_world *world, const struct sim_ticket *held)
{
    return held->is_granted && !held->is_released && !held->lost_reported &&
           held->members_n == 0 && held->multi == NULL && !held->keeps &&
           held->lock_delay_ms == 0 && held->chained == 0 && held->frees == 0 &&
           sim_fault_strikes(world, SIM_FAULT_REJOIN);
}

static struct sim_ticket *ticket_after(struct sim_client *client,
                                       struct sim_ticket *held)
{
    struct sim_ticket *ticket = sim_ticket_new(client, held->session);

    ticket->name = held->name;
    ticket->mode = held->mode;
    ticket->watches_own = held->watches_own;
    ticket->yields = held->yields;
    ticket->rejoins = held;
    ticket->after_revision = held->token;
    if (held->finds_deadlock) {
        sim_user_find_deadlock(client, ticket);
    }
    return ticket;
}

static int64_t draw_timeout(struct sim_client *client,
                            struct sim_ticket *ticket)
{
    int64_t timeout_ns = sim_spread(&client->random, LL_NS_PER_MS / 4,
                                    4 * client->world->wait_ns);

    if (!sim_chance(&client->random, TIMEOUTS)) {
        return -1;
    }
    ticket->has_timeout = true;
    ticket->acquire_due_ns = sim_user_now_ns(client) + timeout_ns;
    return timeout_ns;
}

bool sim_user_rejoin(struct sim_client *client, struct sim_ticket *held)
{
    struct sim_world *world = client->world;
    struct ll_event event = {.kind = LL_EVENT_REJOIN};
    struct ll_ticket_view view;
    struct sim_ticket *ticket;
    int status;

    if (!may_rejoin(world, held) ||
        !ll_core_ticket_view(client->core, held->id, 0, &view)) {
        return false;
    }
    held->token = view.token;
    held->is_released = true;
    held->asked_ns = world->now_ns;
    ticket = ticket_after(client, held);
    event.id = ticket->id;
    event.rejoin.ticket = held->id;
    event.rejoin.value = (struct ll_bytes){"sim", 3};
    event.rejoin.timeout_ns = draw_timeout(client, ticket);
    status = sim_client_step(client, &event);
    if (status != 0) {
        /* It was lost, or a write may release it. */
        held->is_released = false;
        sim_several_forget(client, ticket);
        if (status != LEASELOCK_E_LOST && status != LEASELOCK_E_STATE &&
            status != LEASELOCK_E_HANDLE) {
            sim_break(world, "statuses", "a rejoin is refused with %s",
                      leaselock_status_name(status));
        }
        return false;
    }
    world->result->rejoined++;
    if (!world->is_over &&
        ll_core_ticket_view(client->core, ticket->id, 0, &view) &&
        view.key.size < sizeof(ticket->key)) {
        sim_ticket_enter(client, ticket, view.key);
        sim_user_await(client, ticket);
    }
    return true;
}
