/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_KEEPS_H
#define SIM_KEEPS_H

#include <stdbool.h>

#include "core/request.h"

struct ll_event;
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
/** The value of a key that may be kept. */
struct ll_bytes sim_keeps_value(void);
/** A client is about to process events of a watch: another session's key may be
 *  among them, which makes its hand-overs in the process count. */
void sim_keeps_see(struct sim_client *client, const struct ll_event *event);
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
/** A ticket's key was put to: in a calm world, an idle one that was asked for goes
 *  soon. */
void sim_keeps_touch(struct sim_world *world,
                     struct sim_ticket *ticket,
                     const struct ll_kv *kv);
/** Some time after each of these. */
void sim_keeps_check(struct sim_client *client,
                     const struct sim_ticket *ticket);

#endif
