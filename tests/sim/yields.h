/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_YIELDS_H
#define SIM_YIELDS_H

#include <stdbool.h>
#include <stdint.h>

struct ll_effect;
struct ll_kv;
struct sim_client;
struct sim_ticket;
struct sim_world;

/** The requests to a ticket that are remembered. */
#define SIM_REQUESTS_MAX 32

/** What third parties have put to a ticket's key (core/yield.h). */
struct sim_requests {
    unsigned n;                          /* ever, */
    int64_t revisions[SIM_REQUESTS_MAX]; /* of the newest ones, */
    int64_t newest_ns;                   /* and when the last one was made */
    int64_t told;                        /* up to this revision, by effects */
};

/** Draws whether a ticket reports requests. */
void sim_yields_draw(struct sim_world *world, struct sim_ticket *ticket);
/** Requests after the storm, to holders that keep their locks for long. */
void sim_yields_heal(struct sim_world *world);
/** A ticket's key was put; world->is_asked: by a third party. */
void sim_yields_note(struct sim_world *world,
                     struct sim_ticket *ticket,
                     const struct ll_kv *kv);
/** LL_EFFECT_ASKED: the ticket is held, and if it is certain that others made a
 *  request, they did, and it is reported for the first time. */
void sim_yields_told(struct sim_client *client, const struct ll_effect *effect);
/** Some time after a request: it is reported, if the ticket is still held. */
void sim_yields_check(struct sim_client *client, uint64_t id);

#endif
