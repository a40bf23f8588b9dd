/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_FOLLOWERS_H
#define SIM_FOLLOWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror.h"

struct ll_effect;
struct ll_event;
struct sim_client;
struct sim_world;

/** A follower, as its reports show it. */
enum sim_follower_state {
    SIM_FOLLOWER_NEW,
    SIM_FOLLOWER_LOADING,
    SIM_FOLLOWER_FAILED, /* loading, and why */
    SIM_FOLLOWER_PAGES,
    SIM_FOLLOWER_LOADED, /* the last page is reported */
    SIM_FOLLOWER_CURRENT,
    SIM_FOLLOWER_LOST,
    SIM_FOLLOWER_OVER,
};

struct sim_follower {
    uint64_t id;
    unsigned range; /* a name's keys; world->names_n: all */
    int seen_state; /* for the coverage */
    enum sim_follower_state state;
    bool end_asked;
    bool load_asked;  /* a report was dropped: it is to begin again */
    int64_t asked_ns; /* when keys were requested last */
    int64_t load_ns;  /* the same, of the first page */
    /** Changes were hidden from it, the last at misled_ns, and no load has begun
     *  and ended since. */
    bool is_misled;
    int64_t misled_ns;
    int64_t revision; /* of the last report */
    int64_t count;    /* of keys, as the reports add up */
    struct sim_mirror mirror;
    struct sim_mirror pages; /* of the load that goes on */
};

/** Draws what the world's answers to followers are limited to. */
void sim_followers_start(struct sim_world *world);
void sim_follower_free(struct sim_follower *follower);
/** The store was restored: what followers have seen may be of the lost
 *  history. */
void sim_followers_restored(struct sim_world *world);
/** A peer's watch event is missed. */
void sim_followers_missed(struct sim_world *world,
                          unsigned peer,
                          const struct ll_event *event,
                          bool is_proxied);
/** A client sends a request. */
void sim_followers_call(struct sim_client *client,
                        const struct ll_effect *effect);
/** Whether an answer with so many keys is too large for a client. */
bool sim_followers_reject(struct sim_world *world,
                          unsigned peer,
                          uint64_t id,
                          size_t keys_n);

void sim_check_followed(struct sim_client *client,
                        const struct ll_effect *effect);
/** A follower that has not reported its range's present content, or NULL. */
const struct sim_follower *sim_follower_behind(struct sim_world *world,
                                               unsigned *ret_client);

#endif
