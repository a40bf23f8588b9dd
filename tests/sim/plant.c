/* SPDX-License-Identifier: Apache-2.0 */
#include "plant.h"

/**
 * Bugs between the world and core, to check that the invariants detect them.
 * */

void sim_plant_pretend(struct sim_client *client, uint64_t id, int64_t lease)
{
    struct sim_world *world = client->world;
    struct sim_message *message =
        sim_message_new(&world->pool, SIM_MESSAGE_BEAT_ANSWER, id);

    message->beat.lease = lease;
    message->beat.ttl_s = client->ttl_s;
    sim_heap_push(&world->heap,
                  (struct sim_event){.at_ns = world->now_ns + 1,
                                     .kind = SIM_EVENT_BACK,
                                     .number = client->peer.number,
                                     .id = id,
                                     .message = message});
}

bool sim_plant_tamper(struct sim_client *client, struct sim_message *message)
{
    switch (client->world->options->plant) {
    case SIM_PLANT_DEAF:
        /* The lowest bit of a watch's id distinguishes the two uses. */
        return message->kind != SIM_MESSAGE_WATCH_EVENT ||
               message->event.kind != LL_EVENT_WATCH_CHANGED ||
               (message->event.watch.watch_id & 1) != 0;
    case SIM_PLANT_HOPEFUL:
        if (message->kind == SIM_MESSAGE_ANSWER &&
            message->answer.outcome == LL_OUTCOME_LOST) {
            message->answer.outcome = LL_OUTCOME_AGAIN;
        }
        return true;
    case SIM_PLANT_NONE:
    case SIM_PLANT_ETERNAL:
    case SIM_PLANT_BLIND:
    case SIM_PLANTS:
        break;
    }
    return true;
}
