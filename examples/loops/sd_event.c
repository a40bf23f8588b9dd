/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock in a program with systemd's sd-event. ^C or SIGTERM gives it back.
 *
 *     sd_event [ENDPOINTS [LOCK]]
 */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "job.h"

static int exit_if_over(const struct job *job, sd_event_source *source)
{
    return job->is_over ? sd_event_exit(sd_event_source_get_event(source), 0)
                        : 0;
}

static int
on_readable(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    (void)fd;
    (void)events;
    job_dispatch(arg);
    return exit_if_over(arg, source);
}

static int on_signal(sd_event_source *source,
                     const struct signalfd_siginfo *info,
                     void *arg)
{
    (void)info;
    job_stop(arg);
    return exit_if_over(arg, source);
}

int main(int argc, char **argv)
{
    sd_event *event = NULL;
    sigset_t signals;
    struct job job;
    int error;

    /* sd-event reads signals from a descriptor: no thread may take them. */
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    error = sd_event_default(&event);
    if (error < 0) {
        fprintf(stderr, "%s\n", strerror(-error));
        return 1;
    }
    job_start(&job, argc, argv);
    if (!job.is_over) {
        (void)sd_event_add_signal(event, NULL, SIGINT, on_signal, &job);
        (void)sd_event_add_signal(event, NULL, SIGTERM, on_signal, &job);
        (void)sd_event_add_io(event, NULL, job_fd(&job), EPOLLIN, on_readable,
                              &job);
        (void)sd_event_loop(event);
    }
    (void)sd_event_unref(event);
    return job_end(&job);
}
