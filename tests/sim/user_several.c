/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "user.h"

/**
 * Callers that acquire several names. The multi-lock is acquired, reported and
 * released as one, and has a member for each name, in that name's queue. */

/** Draws the names, two of them or all, and the mode of each. */
static unsigned draw_names(struct sim_client *client,
                           unsigned *ret_names,
                           struct ll_mode *ret_modes,
                           struct ll_bytes *ret_bytes)
{
    struct sim_world *world = client->world;
    unsigned n = 2 + (unsigned)sim_below(&client->random, world->names_n - 1);
    unsigned first = (unsigned)sim_below(&client->random, world->names_n);

    for (unsigned i = 0; i < n; i++) {
        ret_names[i] = (first + i) % world->names_n;
        ret_modes[i] = sim_mode_draw_member(client, ret_names[i]);
        ret_bytes[i] = (struct ll_bytes){world->names[ret_names[i]],
                                         strlen(world->names[ret_names[i]])};
    }
    return n;
}

void sim_several_make_members(struct sim_client *client,
                              struct sim_ticket *multi,
                              const unsigned *names,
                              const struct ll_mode *modes,
                              unsigned n)
{
    multi->members_n = n;
    for (unsigned i = 0; i < n; i++) {
        struct sim_ticket *member = sim_ticket_new(client, multi->session);

        member->acquire_owed = false; /* the multi-lock's is */
        member->name = names[i];
        member->mode = modes[i];
        member->multi = multi;
        multi->members[i] = member;
    }
}

/** The step refused it, so core has none of its objects. */
void sim_several_forget(struct sim_client *client, struct sim_ticket *multi)
{
    for (unsigned i = 0; i < multi->members_n; i++) {
        client->objects[multi->members[i]->id].ticket = NULL;
        free(multi->members[i]);
    }
    client->objects[multi->id].ticket = NULL;
    free(multi);
}

void sim_several_enter(struct sim_client *client, struct sim_ticket *multi)
{
    struct ll_ticket_view view;

    for (unsigned i = 0; i < multi->members_n && !client->world->is_over; i++) {
        if (ll_core_ticket_view(client->core, multi->members[i]->id, 0,
                                &view)) {
            sim_ticket_enter(client, multi->members[i], view.key);
        }
    }
}

void sim_user_acquire_all(struct sim_client *client,
                          struct sim_session *session)
{
    struct sim_world *world = client->world;
    struct sim_ticket *multi = sim_ticket_new(client, session);
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE_ALL, .id = multi->id};
    struct ll_bytes bytes[SIM_NAMES_MAX];
    struct ll_mode modes[SIM_NAMES_MAX];
    unsigned names[SIM_NAMES_MAX];
    unsigned n = draw_names(client, names, modes, bytes);

    sim_several_make_members(client, multi, names, modes, n);
    if (sim_fault_strikes(world, SIM_FAULT_CHAIN)) {
        sim_user_find_deadlock(client, multi);
    }
    event.acquire_all.find_deadlock = multi->finds_deadlock;
    event.acquire_all.watch_own_ns = sim_user_draw_watch_own(client, multi);
    sim_yields_draw(client->world, multi);
    event.acquire_all.yields = multi->yields;
    multi->name = names[0];
    event.acquire_all.session = session->id;
    event.acquire_all.names = bytes;
    event.acquire_all.names_n = n;
    event.acquire_all.modes = modes;
    event.acquire_all.value = (struct ll_bytes){"sim", 3};
    event.acquire_all.timeout_ns = sim_user_draw_timeout(client, multi);
    if (!sim_user_is_taken(client, sim_client_step(client, &event))) {
        sim_several_forget(client, multi);
        return;
    }
    world->result->several++;
    sim_several_enter(client, multi);
    sim_user_await(client, multi);
}
