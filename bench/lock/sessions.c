/* SPDX-License-Identifier: Apache-2.0 */
#include "lockbench.h"

#include <stdio.h>
#include <stdlib.h>

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

static int open_all(const struct bench_options *options,
                    int clients_n,
                    int sessions_n,
                    struct bench_sessions *opened)
{
    struct leaselock_client_options client = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options with = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    client.guardian = options->guardian != NULL;
    client.guardian_path = options->guardian;
    client.user = options->user;
    client.log = opened->log;
    client.log_arg = opened->log_arg;
    client.log_level =
        opened->log != NULL ? LEASELOCK_LOG_DEBUG : LEASELOCK_LOG_OFF;
    with.ttl_s = options->ttl_s;
    while (opened->clients_n < clients_n) {
        if (leaselock_client_open(options->endpoints, &client,
                                  &opened->clients[opened->clients_n],
                                  &error) != 0) {
            return bench_fail("client", &error);
        }
        opened->clients_n++;
    }
    while (opened->sessions_n < sessions_n) {
        int at = opened->sessions_n;

        if (leaselock_session_open(opened->clients[at % clients_n], &with,
                                   &opened->sessions[at], &error) != 0) {
            return bench_fail("session", &error);
        }
        opened->sessions_n++;
    }
    return 0;
}

int bench_sessions_open(const struct bench_options *options,
                        int clients_n,
                        int sessions_n,
                        struct bench_sessions *sessions)
{
    int status;

    sessions->clients = calloc((size_t)clients_n, sizeof(*sessions->clients));
    sessions->sessions =
        calloc((size_t)sessions_n, sizeof(*sessions->sessions));
    if (sessions->clients == NULL || sessions->sessions == NULL) {
        status = bench_no_memory();
    } else {
        status = open_all(options, clients_n, sessions_n, sessions);
    }
    if (status != 0) {
        bench_sessions_close(sessions);
    }
    return status;
}
