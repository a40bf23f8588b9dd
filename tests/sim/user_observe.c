/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "user.h"

/**
 * Callers that observe the leader of a queue. */

#define OBSERVED_MAX_NS (20 * LL_NS_PER_S)

void sim_user_observe(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct sim_observer *observer = calloc(1, sizeof(*observer));
    struct ll_event event = {.kind = LL_EVENT_OBSERVE};

    if (observer == NULL) {
        abort();
    }
    observer->id = sim_client_next_id(client);
    observer->name = (unsigned)sim_below(&client->random, world->names_n);
    observer->seen_state = SIM_STATE_NONE;
    observer->from = world->leaders[observer->name].n - 1;
    client->objects[observer->id].observer = observer;
    client->live[client->live_n++] = observer->id;
    event.id = observer->id;
    event.observe.name = (struct ll_bytes){
        world->names[observer->name], strlen(world->names[observer->name])};
    world->result->observers++;
    if (sim_client_step(client, &event) != 0) {
        sim_break(world, "statuses", "an observer is refused");
    }
    if (sim_chance(&client->random, 600000)) {
        sim_user_push(
            client, sim_spread(&client->random, LL_NS_PER_MS, OBSERVED_MAX_NS),
            SIM_EVENT_UNOBSERVE, observer->id);
    }
}

void sim_user_unobserve(struct sim_client *client, uint64_t id)
{
    struct sim_observer *observer = sim_observer_find(client, id);
    struct ll_event event = {.kind = LL_EVENT_OBSERVE_END, .id = id};

    if (observer == NULL || observer->is_over || observer->end_asked) {
        return;
    }
    observer->end_asked = true;
    if (sim_client_step(client, &event) != 0 && !observer->is_over) {
        sim_break(client->world, "statuses", "the end of observer %llu",
                  (unsigned long long)id);
    }
}
