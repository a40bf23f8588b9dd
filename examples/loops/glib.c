/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock in a program with GLib's main loop, as GTK's programs have it. ^C or
 * SIGTERM gives it back.
 *
 *     glib [ENDPOINTS [LOCK]]
 */
#include <glib-unix.h>
#include <glib.h>
#include <signal.h>

#include "job.h"

struct program {
    struct job job;
    GMainLoop *loop;
};

static gboolean go_on(const struct program *program)
{
    if (program->job.is_over) {
        g_main_loop_quit(program->loop);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer arg)
{
    struct program *program = arg;

    (void)fd;
    (void)condition;
    job_dispatch(&program->job);
    return go_on(program);
}

static gboolean on_signal(gpointer arg)
{
    struct program *program = arg;

    job_stop(&program->job);
    return go_on(program);
}

int main(int argc, char **argv)
{
    struct program program = {.loop = g_main_loop_new(NULL, FALSE)};

    job_start(&program.job, argc, argv);
    if (!program.job.is_over) {
        (void)g_unix_signal_add(SIGINT, on_signal, &program);
        (void)g_unix_signal_add(SIGTERM, on_signal, &program);
        (void)g_unix_fd_add(job_fd(&program.job), G_IO_IN, on_readable,
                            &program);
        g_main_loop_run(program.loop);
    }
    g_main_loop_unref(program.loop);
    return job_end(&program.job);
}
