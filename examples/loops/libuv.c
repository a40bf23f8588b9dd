/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock in a program with libuv. ^C or SIGTERM gives it back.
 *
 *     libuv [ENDPOINTS [LOCK]]
 */
#include <signal.h>
#include <stddef.h>
#include <uv.h>

#include "job.h"

static void stop_if_over(const struct job *job, uv_loop_t *loop)
{
    if (job->is_over) {
        uv_stop(loop);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    job_dispatch(poll->data);
    stop_if_over(poll->data, poll->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    job_stop(handle->data);
    stop_if_over(handle->data, handle->loop);
}

static void watch_signal(uv_loop_t *loop, uv_signal_t *handle, int number)
{
    (void)uv_signal_init(loop, handle);
    (void)uv_signal_start(handle, on_signal, number);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    uv_close(handle, NULL);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_signal_t interrupted;
    uv_signal_t terminated;
    uv_poll_t poll;
    struct job job;

    job_start(&job, argc, argv);
    if (!job.is_over) {
        interrupted.data = terminated.data = poll.data = &job;
        watch_signal(loop, &interrupted, SIGINT);
        watch_signal(loop, &terminated, SIGTERM);
        (void)uv_poll_init(loop, &poll, job_fd(&job));
        (void)uv_poll_start(&poll, UV_READABLE, on_readable);
        (void)uv_run(loop, UV_RUN_DEFAULT);
        uv_walk(loop, close_handle, NULL);
        (void)uv_run(loop, UV_RUN_DEFAULT);
    }
    (void)uv_loop_close(loop);
    return job_end(&job);
}
