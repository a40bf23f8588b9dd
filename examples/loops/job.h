/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job that runs under a lock, in a program with an event loop. It is the same
 * in all of the programs beside it, which differ in the loop alone: each polls
 * job_fd(), calls job_dispatch() when it is readable, and ends when is_over is
 * set.
 *
 * The client is in dispatch mode, so everything runs on the loop's thread.
 */
#ifndef JOB_H
#define JOB_H

#include <leaselock/leaselock.h>

struct job {
    const char *lock;
    int is_over; /* after job_start, job_dispatch or job_stop: end the loop */
    int failed;
    int is_leaving;
    leaselock_client *client;
    leaselock_session *session;
    leaselock_ticket *ticket;
};

/* Asks for the lock; argv has the program's name, and may have the endpoints and
 * the lock's name. */
void job_start(struct job *job, int argc, char **argv);
/* The descriptor to poll for readability; it closes in job_end. */
int job_fd(const struct job *job);
void job_dispatch(struct job *job);
/* Gives the lock back, or leaves its queue. */
void job_stop(struct job *job);
/* Returns the program's exit status. */
int job_end(struct job *job);

#endif
