/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock in a program with libevent. ^C or SIGTERM gives it back.
 *
 *     libevent [ENDPOINTS [LOCK]]
 */
#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "job.h"

struct program {
    struct job job;
    struct event_base *base;
};

static void break_if_over(const struct program *program)
{
    if (program->job.is_over) {
        (void)event_base_loopbreak(program->base);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct program *program = arg;

    (void)fd;
    (void)what;
    job_dispatch(&program->job);
    break_if_over(program);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct program *program = arg;

    (void)number;
    (void)what;
    job_stop(&program->job);
    break_if_over(program);
}

int main(int argc, char **argv)
{
    struct program program = {.base = event_base_new()};
    struct event *events[3] = {NULL, NULL, NULL};

    if (program.base == NULL) {
        fputs("no event base\n", stderr);
        return 1;
    }
    job_start(&program.job, argc, argv);
    if (!program.job.is_over) {
        events[0] = event_new(program.base, job_fd(&program.job),
                              EV_READ | EV_PERSIST, on_readable, &program);
        events[1] = evsignal_new(program.base, SIGINT, on_signal, &program);
        events[2] = evsignal_new(program.base, SIGTERM, on_signal, &program);
        for (size_t i = 0; i < 3; i++) {
            (void)event_add(events[i], NULL);
        }
        (void)event_base_dispatch(program.base);
        for (size_t i = 0; i < 3; i++) {
            event_free(events[i]);
        }
    }
    event_base_free(program.base);
    return job_end(&program.job);
}
