/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTBENCH_SCENE_H
#define FAULTBENCH_SCENE_H

#include <pthread.h>

#include "faultbench.h"
#include "support/cluster_client.h"

/** A client that has not recovered by then is taken to have failed. */
#define FAULT_PATIENCE_MS 30000

/** The participants; each is a client of its own. */
enum part {
    PART_HOLDER,
    PART_WAITER,
    PART_OBSERVER,
    PART_TAKER,
    /** On another member, as are those below. */
    PART_AHEAD,
    PART_OTHER_TAKER,
    PARTS_N
};

#define TAKERS_N 2

struct scene;

/** One of two that hand a lock over to each other. */
struct taker {
    struct scene *scene;
    enum part part;
    leaselock_ticket *ticket;
};

/** All of them, on one cluster. */
struct scene {
    struct test_cluster *cluster;
    struct test_peer peers[PARTS_N];
    leaselock_ticket *held;
    leaselock_ticket *ahead;
    leaselock_ticket *waiting;
    struct taker takers[TAKERS_N];
    struct leaselock_queue_info *queue;

    /** Callbacks write what follows. */
    pthread_mutex_t mutex;
    struct fault_figures figures;
    bool ending;
    bool asking;        /* a listing is in flight */
    int busy;           /* calls in flight that begin the next */
    int64_t began_ns;   /* the fault; 0 before */
    int64_t granted_ns; /* the waiter's */
    int64_t turn_ns;    /* the latest handover */
    int64_t asked_ns;   /* start of the latest listing */
    enum part turn_of;
    bool is_lost[PARTS_N]; /* its ticket */
    const char *failure;
};

/** Opens all clients, those of the first kind on one member and the others on
 * another, and starts their work. 0, or -1. */
int scene_open(struct scene *scene, size_t near, size_t far);

/** Ends all work, and closes the clients. 0, or -1. */
int scene_close(struct scene *scene);

/** Begins a listing. With the mutex. */
void scene_list(struct scene *scene);

/** Records a failure that no fault explains. With the mutex. */
void scene_fail(struct scene *scene, const char *what);

/** The maximum of a time so far and another. */
int64_t longer_ms(int64_t most_ms, int64_t from_ns, int64_t to_ns);

#endif
