/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_ETCD_PROGRAM_H
#define SIM_ETCD_PROGRAM_H

#include "etcd/messages.h"
#include "sim/etcd.h"
#include "sim/etcd_memory.h"

/**
 * Random programs of requests for etcd and its model, on few keys and leases,
 * so that requests conflict. All is determined by the seed and the model's
 * state. */
struct sim_program {
    uint64_t random;
    const struct sim_etcd *model;
    int64_t compacted;
    /** Of the current step. */
    struct sim_arena arena;
    int64_t watch_id_next;
    /** A lease to be revoked at once; 0: none. Its TTL is short. */
    int64_t brief_lease;
    /** The present Txn deletes keys and does not put any, or the other way
     *  round: servers of 3.5 end when they read what a Txn that deleted a key
     *  and put it again has left at a compacted revision. */
    bool deletes;
};

/** So few that Go sorts all keys by insertion, which is stable. */
#define SIM_PROGRAM_KEYS 11
#define SIM_PROGRAM_LEASES 6

enum sim_step_kind {
    SIM_STEP_CALL,
    SIM_STEP_KEEPALIVE,
    SIM_STEP_WATCH,
    SIM_STEP_WATCH_CANCEL,
    SIM_STEP_COMPACT,
};

/** Valid until the next one. */
struct sim_step {
    enum sim_step_kind kind;
    struct ll_request request;
    struct sim_watch_request watch;
    int64_t id; /* of the lease or watch, or the revision to compact to */
};

void sim_program_next(struct sim_program *program, struct sim_step *ret_step);
void sim_program_free(struct sim_program *program);

/** Encodes a watch's request into an emptied buffer. (The library's own encoder
 * has no start revision and no range end.) */
void sim_watch_encode(const struct sim_watch_request *watch,
                      struct ll_buffer *out);

/** Prints an answer, except the remaining TTL and the member's id; the caller
 * frees it. */
char *sim_print_answer(const struct ll_answer *answer);
/** Prints a message of a watch, except the member's id. */
char *sim_print_watch(const struct ll_event *event);
/** Prints a step's request. */
char *sim_print_step(const struct sim_step *step);

#endif
