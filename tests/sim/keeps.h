/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_KEEPS_H
#define SIM_KEEPS_H

#include <stdbool.h>

struct ll_event;
struct ll_kv;
struct sim_client;
struct sim_ticket;
struct sim_world;

/** Draws the world's settings, after those of its modes. */
void sim_keeps_draw_world(struct sim_world *world);
/** The lock of an acquire: in some worlds, mostly one that others seldom want. */
unsigned sim_keeps_draw_name(struct sim_client *client);
/** Draws whether an acquire keeps its key (core/keep.h): then it is exclusive,
 *  and has no further option. */
void sim_keeps_draw(struct sim_client *client,
                    struct sim_ticket *ticket,
                    struct ll_event *event,
                    bool has_option);
/** A ticket has been granted: it may have another one's key now. */
void sim_keeps_take(struct sim_client *client, struct sim_ticket *ticket);
/** Whether a released ticket's key is kept, or another ticket has it. */
bool sim_keeps_key(struct sim_client *client, const struct sim_ticket *ticket);
/** A key was made: in a calm world, an idle one of another session goes soon. */
void sim_keeps_note(struct sim_world *world,
                    unsigned name,
                    const struct ll_kv *kv);
/** A release was reported: in a calm world, an idle key for which somebody waits
 *  already goes soon. */
void sim_keeps_idle(struct sim_client *client, struct sim_ticket *ticket);
/** Some time after either. */
void sim_keeps_check(struct sim_client *client,
                     const struct sim_ticket *ticket);

#endif
