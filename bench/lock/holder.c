/* SPDX-License-Identifier: Apache-2.0 */
/* A process that holds locks. */
#include "holder.h"
#include "crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NUMBER_SIZE 16
/** The maximum life of a holder, whatever happens to its parent. */
#define HOLDER_LIFE_S 600

/* The holder's process: reports when it holds, and holds until it is killed or
 * its parent has ended. */
int bench_hold(const struct bench_options *options, struct bench_result *result)
{
    struct bench_sessions sessions = {0};
    struct crowd crowd = {0};
    int64_t end_ns = bench_now_ns() + options->seconds * INT64_C(1000000000);
    pid_t parent = getppid();
    int status = 1;

    if (crowd_new(options->tickets, &crowd) == 0 &&
        bench_sessions_open(options, 1, 1, &sessions) == 0 &&
        crowd_acquire(&crowd, sessions.sessions[0], options->name,
                      options->tickets) == 0 &&
        crowd_wait_held(&crowd, end_ns) == options->tickets) {
        puts("held");
        status = fflush(stdout) != 0;
    }
    while (status == 0 && !crowd_failed(&crowd) && getppid() == parent &&
           bench_now_ns() < end_ns) {
        bench_sleep_us(100000);
    }
    crowd_ending(&crowd);
    bench_sessions_close(&sessions);
    crowd_free(&crowd);
    bench_result_int(result, "tickets", options->tickets);
    return status;
}

/* The child inherits only the output's pipe: all else is closed on exec. */
static int spawn(char *const *argv, struct holder *holder)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    int status;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        fprintf(stderr, "lockbench: pipe: %s\n", strerror(errno));
        return 1;
    }
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    status = posix_spawn(&holder->pid, argv[0], &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (status != 0) {
        fprintf(stderr, "lockbench: a holder: %s\n", strerror(status));
        (void)close(ends[0]);
        holder->pid = 0;
        return 1;
    }
    holder->out = ends[0];
    return 0;
}

int holder_start(const struct bench_options *options,
                 const char *name,
                 int tickets,
                 struct holder *holder)
{
    char program[] = "/proc/self/exe";
    char scenario[] = "hold";
    char endpoints[1024];
    char own_name[CROWD_NAME_SIZE + NUMBER_SIZE];
    char own_tickets[NUMBER_SIZE + 16];
    char ttl[NUMBER_SIZE + 8];
    char seconds[NUMBER_SIZE + 16];
    char guardian[1024];
    char *argv[] = {program, scenario, endpoints, own_name, own_tickets,
                    ttl,     seconds,  NULL,      NULL};

    if ((size_t)snprintf(endpoints, sizeof(endpoints), "--endpoints=%s",
                         options->endpoints) >= sizeof(endpoints)) {
        fprintf(stderr, "lockbench: too many endpoints\n");
        return 1;
    }
    if (options->guardian != NULL) {
        (void)snprintf(guardian, sizeof(guardian), "--guardian=%s",
                       options->guardian);
        argv[sizeof(argv) / sizeof(argv[0]) - 2] = guardian; /* its place */
    }
    (void)snprintf(own_name, sizeof(own_name), "--name=%s", name);
    (void)snprintf(own_tickets, sizeof(own_tickets), "--tickets=%d", tickets);
    (void)snprintf(ttl, sizeof(ttl), "--ttl=%d", options->ttl_s);
    (void)snprintf(seconds, sizeof(seconds), "--seconds=%d", HOLDER_LIFE_S);
    return spawn(argv, holder);
}

void holder_kill(struct holder *holder)
{
    if (holder->pid <= 0) {
        return;
    }
    (void)kill(holder->pid, SIGKILL);
    holder->killed_ns = bench_now_ns();
    while (waitpid(holder->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    (void)close(holder->out);
    holder->pid = 0;
}

int holder_wait_held(const struct holder *holder)
{
    char first = '\0';
    ssize_t n;

    do {
        n = read(holder->out, &first, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1) {
        return 0;
    }
    fprintf(stderr, "lockbench: a holder ended before it held\n");
    return 1;
}
