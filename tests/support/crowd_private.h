#ifndef TEST_SUPPORT_CROWD_PRIVATE_H
#define TEST_SUPPORT_CROWD_PRIVATE_H

#include <pthread.h>

#include "support/crowd.h"
#include "support/test_live.h"

/* What crowd.c and crowd_check.c share. */

#define CROWD_CLIENTS 6
/** Several tickets of a queue on one lease take another way than strangers. */
#define CROWD_SESSIONS (2 * CROWD_CLIENTS)
#define CROWD_ROWS_MAX 53
#define CROWD_SEATS_MAX 568
#define CROWD_NAME_SIZE 64
#define CROWD_FAULT_SIZE 256

struct crowd_row;

/** One ticket, or a taker's one after the other. */
struct crowd_seat {
    struct test_crowd *crowd;
    struct crowd_row *row;
    leaselock_session *session;
    leaselock_ticket *ticket; /* of those who wait or hold */
    bool waiting;             /* its done is to come */
    bool holding;             /* it came with 0, and no release has begun */
    int status;               /* of the newest acquire or release */
    int lost_calls;           /* of on_lost, for this ticket */
    long turns;
    bool overtaken; /* by the next, while it held */
};

/** One name. */
struct crowd_row {
    char name[2 * CROWD_NAME_SIZE];
    struct crowd_seat *seats;
    int seats_n;
    bool turning;
    bool draining; /* whoever gets it releases it */
    int64_t token; /* of the newest holder */
    int64_t entered_ns;
    int64_t longest_pause_ns;
};

struct test_crowd {
    struct test_cluster *cluster;
    char prefix[CROWD_NAME_SIZE];
    struct test_peer peers[CROWD_CLIENTS];
    leaselock_session *sessions[CROWD_SESSIONS];
    struct crowd_row rows[CROWD_ROWS_MAX];
    int rows_n;
    int still_n; /* rows[still_n] is the first that turns */
    struct crowd_seat seats[CROWD_SEATS_MAX];
    int seats_n;

    /** Over all that callbacks touch: the seats, the rows and what follows. */
    pthread_mutex_t mutex;
    bool closing; /* takers queue no more */
    int releasing;
    int lost;
    int suspected;
    bool revocable; /* to be overtaken is no fault */
    int overtaken;
    char fault[CROWD_FAULT_SIZE];
};

/** Keeps what went wrong, the first only. With the mutex. */
void crowd_note(struct test_crowd *crowd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Fails the test if something went wrong. Without the mutex. */
void crowd_fail_on_fault(struct test_crowd *crowd);

#endif
