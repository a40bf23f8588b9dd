#ifndef SIM_ETCD_PROGRAM_H
#define SIM_ETCD_PROGRAM_H

#include "etcd/messages.h"
#include "sim/etcd.h"
#include "sim/etcd_memory.h"

/**
 * Random programs of requests for etcd and its model: on few keys and leases,
 * so that they meet. Everything comes from the seed and from what the model
 * holds.
 */
struct sim_program {
    uint64_t random;
    const struct sim_etcd *model;
    int64_t compacted;
    /** Of the step at hand. */
    struct sim_arena arena;
    int64_t watch_id_next;
    /** A lease that is to be revoked at once; 0: none. Its TTL is short. */
    int64_t brief_lease;
};

/** So few that a sort of all keys is one by insertion in Go, which keeps the
 *  order of those that are equal. */
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
    int64_t id; /* the lease's, the watch's, or the revision to compact to */
};

void sim_program_next(struct sim_program *program, struct sim_step *ret_step);
void sim_program_free(struct sim_program *program);

/** Writes a watch's request as etcd reads it into an emptied buffer: the
 *  library's own watches start at no revision and have no end. */
void sim_watch_encode(const struct sim_watch_request *watch,
                      struct ll_buffer *out);

/** Prints an answer, all of it but what is left of a TTL and who answered; the
 *  caller frees it. */
char *sim_print_answer(const struct ll_answer *answer);
/** Prints a message of a watch, all of it but who sent it. */
char *sim_print_watch(const struct ll_event *event);
/** Prints what a step asks. */
char *sim_print_step(const struct sim_step *step);

#endif
