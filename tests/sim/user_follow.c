/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "user.h"

/**
 * Callers that follow the keys of a lock, or all keys. */

#define FOLLOWED_MAX_NS (30 * LL_NS_PER_S)
/** The limit of followers of a client. */
#define FOLLOWERS_MAX 3

static unsigned followers_n(const struct sim_client *client)
{
    unsigned n = 0;

    for (size_t i = 0; i < client->live_n; i++) {
        const struct sim_follower *follower =
            client->objects[client->live[i]].follower;

        n += follower != NULL && !follower->end_asked ? 1 : 0;
    }
    return n;
}

/** Draws from this habit's own generator, so that other calls stay the same for a
 *  seed. */
void sim_user_follow(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct ll_random *random = &world->fault_random[SIM_FAULT_FOLLOW];
    struct ll_event event = {.kind = LL_EVENT_FOLLOW};
    struct sim_follower *follower;
    char from[SIM_KEY_SIZE];
    char end[SIM_KEY_SIZE];

    if (followers_n(client) >= FOLLOWERS_MAX) {
        return;
    }
    follower = calloc(1, sizeof(*follower));
    if (follower == NULL) {
        abort();
    }
    follower->id = sim_client_next_id(client);
    follower->range = (unsigned)sim_below(random, (int64_t)world->names_n + 1);
    follower->seen_state = SIM_STATE_NONE;
    client->objects[follower->id].follower = follower;
    client->live[client->live_n++] = follower->id;
    event.id = follower->id;
    sim_followed_bounds(world, follower->range, from, end, &event.follow.from,
                        &event.follow.end);
    world->result->followers++;
    if (sim_client_step(client, &event) != 0) {
        sim_break(world, "statuses", "a follower is refused");
    }
    if (sim_chance(random, 600000)) {
        sim_user_push(client, sim_spread(random, LL_NS_PER_MS, FOLLOWED_MAX_NS),
                      SIM_EVENT_UNFOLLOW, follower->id);
    }
}

void sim_user_unfollow(struct sim_client *client, uint64_t id)
{
    struct sim_follower *follower = sim_follower_find(client, id);
    struct ll_event event = {.kind = LL_EVENT_FOLLOW_END, .id = id};

    if (follower == NULL || follower->end_asked) {
        return;
    }
    follower->end_asked = true;
    if (sim_client_step(client, &event) != 0) {
        sim_break(client->world, "statuses", "the end of follower %llu",
                  (unsigned long long)id);
    }
}
