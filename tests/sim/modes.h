/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_MODES_H
#define SIM_MODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/key.h"

struct ll_event;
struct sim_client;
struct sim_ticket;
struct sim_world;

#define SIM_KEY_SIZE 64

/** Draws the world's settings. */
void sim_modes_draw(struct sim_world *world);
/** Draws the mode of an acquire. */
struct ll_mode sim_mode_draw(struct sim_client *client, unsigned name);
/** The same for a member of a multi-lock, which is no permit. */
struct ll_mode sim_mode_draw_member(struct sim_client *client, unsigned name);

/** Draws the lock-delays of an acquire whose mode is drawn. */
void sim_delays_draw(struct sim_client *client,
                     struct sim_ticket *ticket,
                     struct ll_event *event);
/** A ticket's key was deleted, which had a value. Those that waited for it are
 *  not granted before its lock-delay is over, unless it was released. */
void sim_delay_note(struct sim_world *world,
                    const struct sim_ticket *gone,
                    struct ll_bytes value);

/** The mode of a key behind its queue's prefix. */
struct ll_mode sim_mode_of(struct ll_bytes key, size_t prefix_size);
/** Whether a key of a mode waits for each older one of another; a permit also
 *  waits for some of the older permits. */
bool sim_mode_blocks(struct ll_mode mode, struct ll_mode older);

/** Whether a ticket may be held, by the keys in its queue. */
struct sim_rule {
    struct ll_mode mode;
    int64_t created;
    size_t prefix_size;
    uint32_t permits; /* with a lower create revision */
    uint32_t least;   /* of their n and the own one */
    bool is_blocked;
    char key[SIM_KEY_SIZE]; /* one that blocks it */
};

/** Evaluates the rule on the newest committed store. */
struct sim_rule sim_rule_of(struct sim_world *world,
                            const struct sim_ticket *ticket);
/** As if a further key existed. */
void sim_rule_add(struct sim_rule *rule,
                  struct ll_bytes key,
                  struct ll_mode mode,
                  int64_t created);

/** The holds of one queue at one time. */
struct sim_holds {
    const struct sim_ticket *exclusive;
    const struct sim_ticket *any;
    uint32_t permits;
    uint32_t least; /* of their n */
};

/** Adds a hold; the ones before it must permit it. */
void sim_hold_add(struct sim_world *world,
                  struct sim_holds *holds,
                  const struct sim_ticket *ticket);

/** The greatest token in a queue of a grant or a write, by an exclusive ticket
 *  and by any. */
struct sim_tokens {
    int64_t exclusive;
    int64_t any;
};

void sim_tokens_raise(struct sim_tokens *tokens,
                      struct ll_mode mode,
                      int64_t token);
/** The greatest token that was granted or has written before a ticket of a
 *  mode can. */
int64_t sim_tokens_least(const struct sim_tokens *tokens, struct ll_mode mode);

/** The last key that was made in a queue. */
struct sim_made {
    int64_t revision;
    bool is_shared;
};

/** A key was made. In its queue only shared ones share a create revision, and all
 *  permits have one number. */
void sim_check_made(struct sim_world *world, const struct ll_kv *kv);

#endif
