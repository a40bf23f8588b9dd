/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "world.h"

/** Lines of the story: a client's inputs to core, and core's effects. */
void sim_story_event(const struct sim_client *client,
                     const struct ll_event *event);
void sim_story_effect(const struct sim_client *client,
                      const struct ll_effect *effect);

#endif
