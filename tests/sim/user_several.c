#include <stdlib.h>
#include <string.h>

#include "leaselock/status.h"
#include "user.h"

/**
 * What callers do with a ticket of several names. It is known as the whole,
 * which is asked for, told of and released, and a part for each name, which
 * stands in that name's queue.
 */

/** Draws the names: two of them, or all. */
static unsigned draw_names(struct sim_client *client,
                           unsigned *ret_names,
                           struct ll_bytes *ret_bytes)
{
    struct sim_world *world = client->world;
    unsigned n = 2 + (unsigned)sim_below(&client->random, world->names_n - 1);
    unsigned first = (unsigned)sim_below(&client->random, world->names_n);

    for (unsigned i = 0; i < n; i++) {
        ret_names[i] = (first + i) % world->names_n;
        ret_bytes[i] = (struct ll_bytes){world->names[ret_names[i]],
                                         strlen(world->names[ret_names[i]])};
    }
    return n;
}

void sim_several_make_parts(struct sim_client *client,
                            struct sim_ticket *whole,
                            const unsigned *names,
                            unsigned n)
{
    whole->parts_n = n;
    for (unsigned i = 0; i < n; i++) {
        struct sim_ticket *part = sim_ticket_new(client, whole->session);

        part->acquire_owed = false; /* the whole's is */
        part->name = names[i];
        part->whole = whole;
        whole->parts[i] = part;
    }
}

/** The step that was to make it has refused it, and core has none of it. */
void sim_several_forget(struct sim_client *client, struct sim_ticket *whole)
{
    for (unsigned i = 0; i < whole->parts_n; i++) {
        client->objects[whole->parts[i]->id].ticket = NULL;
        free(whole->parts[i]);
    }
    client->objects[whole->id].ticket = NULL;
    free(whole);
}

void sim_several_enter(struct sim_client *client, struct sim_ticket *whole)
{
    struct ll_ticket_view view;

    for (unsigned i = 0; i < whole->parts_n && !client->world->is_over; i++) {
        if (ll_core_ticket_view(client->core, whole->parts[i]->id, 0, &view)) {
            sim_ticket_enter(client, whole->parts[i], view.key);
        }
    }
}

void sim_user_acquire_all(struct sim_client *client,
                          struct sim_session *session)
{
    struct sim_world *world = client->world;
    struct sim_ticket *whole = sim_ticket_new(client, session);
    struct ll_event event = {.kind = LL_EVENT_ACQUIRE_ALL, .id = whole->id};
    struct ll_bytes bytes[SIM_NAMES_MAX];
    unsigned names[SIM_NAMES_MAX];
    unsigned n = draw_names(client, names, bytes);

    sim_several_make_parts(client, whole, names, n);
    if (sim_fault_strikes(world, SIM_FAULT_CHAIN)) {
        sim_user_search(client, whole);
    }
    event.acquire_all.search = whole->searches;
    event.acquire_all.guard_ns = sim_user_draw_guard(client, whole);
    whole->name = names[0];
    event.acquire_all.session = session->id;
    event.acquire_all.names = bytes;
    event.acquire_all.names_n = n;
    event.acquire_all.value = (struct ll_bytes){"sim", 3};
    event.acquire_all.timeout_ns = sim_user_draw_timeout(client, whole);
    if (sim_client_step(client, &event) != 0) {
        sim_several_forget(client,
                           whole); /* the session was lost in this very step */
        return;
    }
    world->result->several++;
    sim_several_enter(client, whole);
    sim_user_await(client, whole);
}
