/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "world.h"

/** Shared by the network's two files: calls and streams. */

enum {
    SIM_GRPC_CANCELLED = 1,
    SIM_GRPC_DEADLINE_EXCEEDED = 4,
    SIM_GRPC_RESOURCE_EXHAUSTED = 8,
    SIM_GRPC_UNAVAILABLE = 14,
};

int64_t sim_net_delay_ns(struct sim_world *world);
/** That of one between a peer and a member, with their distance. */
int64_t sim_net_way_ns(struct sim_world *world, unsigned peer, unsigned member);
bool sim_net_is_cut(const struct sim_world *world,
                    unsigned peer,
                    unsigned member);
bool sim_net_is_refused(const struct sim_world *world,
                        unsigned peer,
                        unsigned member);
/** Delivers a message to its peer, or keeps it until the end of a pause. */
void sim_net_deliver(struct sim_world *world,
                     unsigned number,
                     struct sim_message *message);

/** net_stream.c */
void sim_stream_forth(struct sim_world *world, uint64_t id);
void sim_stream_back(struct sim_world *world, uint64_t id);
/** A proxy forwards a message. */
void sim_stream_proxied(struct sim_world *world, const struct sim_event *event);
void sim_stream_ping(struct sim_world *world, uint64_t id);
/** Ends the streams between a peer and a member on the peer's side; the member
 * receives the end later. */
void sim_streams_break(struct sim_world *world,
                       unsigned peer,
                       unsigned member,
                       const char *why);
void sim_stream_hooks(struct sim_etcd_hooks *ret_hooks);
void sim_streams_free(struct sim_world *world);

#endif
