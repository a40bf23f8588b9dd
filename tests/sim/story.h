#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "world.h"

/** Lines of the story: what a client's core is told, and what it does. */
void sim_story_event(const struct sim_client *client,
                     const struct ll_event *event);
void sim_story_effect(const struct sim_client *client,
                      const struct ll_effect *effect);

#endif
