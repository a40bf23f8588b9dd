/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_PLANT_H
#define SIM_PLANT_H

#include "world.h"

/** ETERNAL: answers a renewal without sending it to etcd. */
void sim_plant_pretend(struct sim_client *client,
                       uint64_t stream,
                       int64_t lease);
/** Changes a message on its way to core; false: it is dropped. */
bool sim_plant_tamper(struct sim_client *client, struct sim_message *message);

#endif
