#include "lockbench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bench_fail(const char *what, const struct leaselock_error *error)
{
    fprintf(stderr, "lockbench: %s: %s\n", what, error->message);
    return 1;
}

void bench_sessions_close(struct bench_sessions *sessions)
{
    for (int i = 0; i < sessions->sessions_n; i++) {
        (void)leaselock_session_close(sessions->sessions[i], NULL);
    }
    for (int i = 0; i < sessions->clients_n; i++) {
        (void)leaselock_client_close(sessions->clients[i], NULL);
    }
    free(sessions->sessions);
    free(sessions->clients);
    *sessions = (struct bench_sessions){0};
}

int bench_sessions_open(const char *endpoints,
                        int clients_n,
                        int sessions_n,
                        struct bench_sessions *ret_sessions)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct bench_sessions opened = {0};
    int status = 0;

    opened.clients = calloc((size_t)clients_n, sizeof(*opened.clients));
    opened.sessions = calloc((size_t)sessions_n, sizeof(*opened.sessions));
    if (opened.clients == NULL || opened.sessions == NULL) {
        fprintf(stderr, "lockbench: out of memory\n");
        status = 1;
        goto out;
    }
    while (opened.clients_n < clients_n) {
        if (leaselock_client_open(endpoints, NULL,
                                  &opened.clients[opened.clients_n],
                                  &error) != 0) {
            status = bench_fail("client", &error);
            goto out;
        }
        opened.clients_n++;
    }
    while (opened.sessions_n < sessions_n) {
        int at = opened.sessions_n;

        if (leaselock_session_open(opened.clients[at % clients_n], NULL,
                                   &opened.sessions[at], &error) != 0) {
            status = bench_fail("session", &error);
            goto out;
        }
        opened.sessions_n++;
    }
    *ret_sessions = opened;
out:
    if (status != 0) {
        bench_sessions_close(&opened);
    }
    return status;
}

struct thread {
    pthread_t id;
    struct bench_worker worker;
    bench_worker_fn *run;
    int status;
};

static void *thread_main(void *arg)
{
    struct thread *thread = arg;

    thread->status = thread->run(&thread->worker);
    return NULL;
}

int bench_in_parallel(const struct bench_sessions *sessions,
                      bench_worker_fn *run,
                      void *shared)
{
    struct thread *threads;
    int started = 0;
    int status = 0;

    threads = calloc((size_t)sessions->sessions_n, sizeof(*threads));
    if (threads == NULL) {
        fprintf(stderr, "lockbench: out of memory\n");
        return 1;
    }
    while (started < sessions->sessions_n) {
        struct thread *thread = &threads[started];
        int failure;

        thread->run = run;
        thread->worker =
            (struct bench_worker){started, sessions->sessions[started], shared};
        failure = pthread_create(&thread->id, NULL, thread_main, thread);
        if (failure != 0) {
            fprintf(stderr, "lockbench: thread: %s\n", strerror(failure));
            status = 1;
            break;
        }
        started++;
    }
    for (int i = 0; i < started; i++) {
        (void)pthread_join(threads[i].id, NULL);
        status |= threads[i].status;
    }
    free(threads);
    return status;
}
