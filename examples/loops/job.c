/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <stdio.h>

static void fail(struct job *job, const struct leaselock_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    job->failed = 1;
    job->is_over = 1;
}

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    struct job *job = arg;

    if (status != 0) {
        fail(job, error);
    } else {
        puts("released");
        job->is_over = 1;
    }
}

/* The work that the lock protects must stop here. */
static void on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    (void)ticket;
    fprintf(stderr, "lost: %s\n", why);
    job_stop(arg);
}

static void
on_acquired(int status, const struct leaselock_error *error, void *arg)
{
    struct job *job = arg;

    if (status == 0) {
        printf("held, token %lld\n",
               (long long)leaselock_ticket_token(job->ticket));
    } else if (status != LEASELOCK_E_CANCELED) { /* by job_stop */
        fail(job, error);
    }
}

static void
on_opened(int status, const struct leaselock_error *error, void *arg)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error own = LEASELOCK_ERROR_INIT;
    struct job *job = arg;

    if (job->is_over) {
        return; /* stopped before the session was open */
    }
    if (status != 0) {
        fail(job, error);
        return;
    }
    options.on_lost = on_lost;
    options.on_lost_arg = job;
    if (leaselock_acquire_async(job->session, job->lock, &options,
                                LEASELOCK_FOREVER, on_acquired, job,
                                &job->ticket, &own) != 0) {
        fail(job, &own);
    }
}

void job_start(struct job *job, int argc, char **argv)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    *job = (struct job){.lock = argc > 2 ? argv[2] : "jobs"};
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    options.dispatch = 1;
    if (leaselock_client_open(argc > 1 ? argv[1] : NULL, &options, &job->client,
                              &error) != 0 ||
        leaselock_session_open_async(job->client, NULL, on_opened, job,
                                     &job->session, &error) != 0) {
        fail(job, &error);
    }
}

int job_fd(const struct job *job)
{
    return leaselock_client_fd(job->client);
}

void job_dispatch(struct job *job)
{
    (void)leaselock_client_dispatch(job->client);
}

void job_stop(struct job *job)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    if (job->is_leaving) {
        return;
    }
    job->is_leaving = 1;
    if (job->ticket == NULL) {
        job->is_over = 1;
    } else if (leaselock_release_async(job->ticket, on_released, job, &error) !=
               0) {
        fail(job, &error);
    }
}

int job_end(struct job *job)
{
    /* Blocks until etcd answers, at most 2 s. */
    (void)leaselock_client_close(job->client, NULL);
    return job->failed;
}
