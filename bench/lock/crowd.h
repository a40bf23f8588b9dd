/* SPDX-License-Identifier: Apache-2.0 */
/** Many tickets at once, whose results are reported in callbacks. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "lockbench.h"

#include <pthread.h>

#define CROWD_NAME_SIZE 128

struct crowd;

struct crowd_member {
    struct crowd *crowd;
    leaselock_ticket *ticket;
    int64_t held_ns; /* guarded by the crowd's mutex; 0: not yet */
};

struct crowd {
    struct crowd_member *members;
    int members_n;
    bool release; /* each is released when it is held */
    struct leaselock_acquire_options how;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    int held;
    int released;
    bool failed;
    bool ending; /* failures from now on are ignored */
};

/** @return 0, or 1 with the reason on stderr */
int crowd_new(int members_n, struct crowd *ret_crowd);
/** Call it once no callback can follow: its client is closed. */
void crowd_free(struct crowd *crowd);

/** Begins to acquire a ticket for each member.
 *  @param names_n  1: all queue for `name`; else they are spread over
 *                  "name-0", "name-1" and so on */
int crowd_acquire(struct crowd *crowd,
                  leaselock_session *session,
                  const char *name,
                  int names_n);

/** Waits until each member's request has been answered, so that its key is in
 *  etcd. @return how many are, at `end_ns` or when all of them are */
int crowd_wait_queued(const struct crowd *crowd, int64_t end_ns);

/** Waits until as many members as there are have been held (or, with
 *  `release`, released), a failure or end_ns. @return how many */
int crowd_wait_held(struct crowd *crowd, int64_t end_ns);
bool crowd_failed(struct crowd *crowd);
/** From now on the loss of a ticket is not a failure. Ignores a crowd that was
 * not created, as crowd_free does. */
void crowd_ending(struct crowd *crowd);

/** Waits until etcd's number of watches has not changed for a while: then every
 * waiter has its watch. Ends after the options' seconds.
 *  @param ret_settled_ns  when it last changed; start_ns if etcd's metrics
 *                         cannot be read
 *  @return the number of watches */
double crowd_settle(const struct bench_options *options,
                    int64_t start_ns,
                    int64_t *ret_settled_ns);

/** Waits until etcd has n watches, its metrics cannot be read, or the options'
 * seconds are over. */
void crowd_wait_watchers(const struct bench_options *options, int n);

#endif
