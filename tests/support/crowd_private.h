/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_CROWD_PRIVATE_H
#define TEST_SUPPORT_CROWD_PRIVATE_H

#include <pthread.h>

#include "support/crowd.h"
#include "support/test_live.h"

/* What crowd.c and crowd_check.c share. */

#define CROWD_CLIENTS 6
/** Two on each client: tickets of one queue on one lease take a code path of
 * their own. */
#define CROWD_SESSIONS (2 * CROWD_CLIENTS)
#define CROWD_QUEUES_MAX 53
#define CROWD_CONTENDERS_MAX 568
#define CROWD_NAME_SIZE 64
#define CROWD_FAULT_SIZE 256

struct crowd_queue;

/** One ticket; for a turning name, its tickets one after the other. */
struct crowd_contender {
    struct test_crowd *crowd;
    struct crowd_queue *queue;
    leaselock_session *session;
    leaselock_ticket *ticket; /* while it waits or holds */
    bool waiting;             /* its acquire has not completed */
    bool holding;             /* acquired, and no release has begun */
    int status;               /* of the latest acquire or release */
    int lost_calls;           /* calls of on_lost for this ticket */
    long turns;
    bool superseded; /* another was granted the lock meanwhile */
};

/** The queue of one name. */
struct crowd_queue {
    char name[2 * CROWD_NAME_SIZE];
    struct crowd_contender *contenders;
    int contenders_n;
    bool turning;
    bool draining; /* each new holder releases it */
    int64_t token; /* of the latest holder */
    int64_t entered_ns;
    int64_t longest_pause_ns;
};

struct test_crowd {
    struct test_cluster *cluster;
    char prefix[CROWD_NAME_SIZE];
    struct test_peer peers[CROWD_CLIENTS];
    leaselock_session *sessions[CROWD_SESSIONS];
    struct crowd_queue queues[CROWD_QUEUES_MAX];
    int queues_n;
    int still_n; /* queues[still_n] is the first turning one */
    struct crowd_contender contenders[CROWD_CONTENDERS_MAX];
    int contenders_n;

    /** Guards all that callbacks use: the contenders, the queues and what
     * follows. */
    pthread_mutex_t mutex;
    bool closing; /* contenders do not queue again */
    int releasing;
    int lost;
    int suspected;
    bool revocable; /* superseded holders are allowed */
    int superseded;
    char fault[CROWD_FAULT_SIZE];
};

/** Records a failure; only the first is kept. With the mutex held. */
void crowd_note(struct test_crowd *crowd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Fails the test if a failure was recorded. Without the mutex. */
void crowd_fail_on_fault(struct test_crowd *crowd);

#endif
