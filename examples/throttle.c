/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At most N jobs at a time, over all processes and machines: a permit for each.
 * Start as many of these as you like:
 *
 *     throttle ENDPOINTS LOCK N JOBS WORK_MS
 *
 * Each job is served in the order of the requests. If a process dies, its permit
 * is free when its lease expires. Every process must name the same N: to change
 * it, stop all of them, or use another lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <leaselock/leaselock.h>

/* One line in one write, so that lines of several processes do not mix. */
static void say(const char *what, int job)
{
    char line[64];
    int size =
        snprintf(line, sizeof(line), "%s %d.%d\n", what, (int)getpid(), job);

    if (write(STDOUT_FILENO, line, (size_t)size) != size) {
        _exit(1);
    }
}

static void work(int ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000L};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int run(leaselock_session *session, char **argv)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    options.mode = LEASELOCK_PERMIT;
    options.permits = atoi(argv[3]);
    for (int job = 0; job < atoi(argv[4]); job++) {
        leaselock_ticket *ticket = NULL;

        if (leaselock_acquire(session, argv[2], &options, LEASELOCK_FOREVER,
                              &ticket, &error) != 0) {
            /* LEASELOCK_E_MODE: another process has named another N. */
            fprintf(stderr, "%s\n", error.message);
            return 1;
        }
        say("begins", job);
        work(atoi(argv[5]));
        say("ends", job);
        if (leaselock_release(ticket, &error) != 0) {
            fprintf(stderr, "%s\n", error.message);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    int code = 1;

    if (argc != 6) {
        fprintf(stderr, "usage: %s ENDPOINTS LOCK N JOBS WORK_MS\n", argv[0]);
        return 2;
    }
    if (leaselock_client_open(argv[1], NULL, &client, &error) == 0 &&
        leaselock_session_open(client, NULL, &session, &error) == 0) {
        code = run(session, argv);
    } else {
        fprintf(stderr, "%s\n", error.message);
    }
    (void)leaselock_client_close(client, NULL);
    return code;
}
