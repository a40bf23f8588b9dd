/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct sim_client;
struct ll_core;

/**
 * The transitions of core's state machines: how often each occurred, and with
 * which event. States are compared before and after each step, and after its
 * effects were drawn. */

enum sim_machine {
    SIM_MACHINE_SESSION,
    SIM_MACHINE_TICKET,
    SIM_MACHINE_WATCH,
    SIM_MACHINE_STREAM,
    SIM_MACHINE_BEATS,
    SIM_MACHINE_ENDPOINT,
    SIM_MACHINE_WRITE,
    SIM_MACHINE_MULTI,
    SIM_MACHINE_OBSERVER,
    SIM_MACHINE_RESUMED,  /* a ticket that another process resumed */
    SIM_MACHINE_DEADLOCK, /* for a deadlock that a ticket is in */
    SIM_MACHINE_RENEWAL,  /* of a session: see keepalive.h */
    SIM_MACHINE_SHARED,   /* a ticket of that mode */
    SIM_MACHINE_PERMIT,
    SIM_MACHINE_NEAREST,
    SIM_MACHINE_SERVER,
    SIM_MACHINE_FOLLOWER,
    SIM_MACHINES,
};

/** core's 22 events, and the drawing of its effects. */
#define SIM_EVENTS 23
#define SIM_EVENT_DRAW 22
/** The limit of states, with one for a missing object. */
#define SIM_STATES 10
#define SIM_STATE_NONE 9

struct sim_coverage {
    uint64_t n[SIM_MACHINES][SIM_STATES][SIM_EVENTS][SIM_STATES];
};

/** Compares the objects of a client's core with their last seen states. */
void sim_coverage_look(struct sim_client *client, unsigned event);

void sim_coverage_add(struct sim_coverage *sum,
                      const struct sim_coverage *part);
void sim_coverage_print(const struct sim_coverage *coverage, FILE *file);
/** Prints the lines of a file of transitions that were not visited.
 *  @return their number; -1: the file cannot be read */
int sim_coverage_check(const struct sim_coverage *coverage,
                       const char *path,
                       FILE *file);

#endif
