/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that acquires a lock repeatedly. Start several with the same lock:
 * they take turns in the order of their requests.
 *
 *     turns ENDPOINTS LOCK LABEL ROUNDS HOLD_MS [BOARD]
 *
 * BOARD is a file to which a holder writes when it releases, so that the next
 * one can measure the hand-over. The lock protects it: only the holder accesses
 * it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <leaselock/leaselock.h>

struct worker {
    const char *label;
    const char *lock;
    const char *board;
    int rounds;
    int hold_ms;
    leaselock_session *session;
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void say(const struct worker *worker, const char *text)
{
    int64_t now_ms = clock_ns(CLOCK_REALTIME) / 1000000;
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm local;
    char clock[16];

    (void)localtime_r(&now_s, &local);
    (void)strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    printf("%s.%03d  %-10s %s\n", clock, (int)(now_ms % 1000), worker->label,
           text);
    (void)fflush(stdout);
}

/* Acquires the lock, and prints a line if it has to wait. */
static int take(const struct worker *worker, leaselock_ticket **ret_ticket)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int status = leaselock_acquire(worker->session, worker->lock, NULL, 0,
                                   ret_ticket, &error);

    if (status == LEASELOCK_E_TIMEOUT) {
        say(worker, "waits");
        status = leaselock_acquire(worker->session, worker->lock, NULL,
                                   LEASELOCK_FOREVER, ret_ticket, &error);
    }
    if (status != 0) {
        fprintf(stderr, "%s: %s\n", worker->label, error.message);
    }
    return status;
}

static void report_holding(const struct worker *worker,
                           leaselock_ticket *ticket)
{
    int64_t now_ns = clock_ns(CLOCK_BOOTTIME);
    long long released_ns = 0;
    char text[128];
    FILE *board = worker->board != NULL ? fopen(worker->board, "r") : NULL;

    if (board != NULL) {
        if (fscanf(board, "%lld", &released_ns) != 1) {
            released_ns = 0;
        }
        (void)fclose(board);
    }
    if (released_ns > 0) {
        (void)snprintf(text, sizeof(text),
                       "holds, token %lld, %.1f ms after the release",
                       (long long)leaselock_ticket_token(ticket),
                       (double)(now_ns - released_ns) / 1e6);
    } else {
        (void)snprintf(text, sizeof(text), "holds, token %lld",
                       (long long)leaselock_ticket_token(ticket));
    }
    say(worker, text);
}

static void write_board(const struct worker *worker, int64_t released_ns)
{
    FILE *board = worker->board != NULL ? fopen(worker->board, "w") : NULL;

    if (board != NULL) {
        fprintf(board, "%lld\n", (long long)released_ns);
        (void)fclose(board);
    }
}

static int work(const struct worker *worker)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct timespec hold = {worker->hold_ms / 1000,
                            worker->hold_ms % 1000 * 1000000L};

    for (int round = 0; round < worker->rounds; round++) {
        leaselock_ticket *ticket = NULL;

        if (take(worker, &ticket) != 0) {
            return 1;
        }
        report_holding(worker, ticket);
        write_board(worker, 0); /* a crash from here on is no release */
        while (nanosleep(&hold, &hold) != 0 && errno == EINTR) {
        }
        hold.tv_sec = worker->hold_ms / 1000;
        hold.tv_nsec = worker->hold_ms % 1000 * 1000000L;
        if (leaselock_ticket_state(ticket) != LEASELOCK_TICKET_HELD) {
            say(worker, "has lost the lock");
        }
        say(worker, "releases");
        write_board(worker, clock_ns(CLOCK_BOOTTIME));
        if (leaselock_release(ticket, &error) != 0) {
            fprintf(stderr, "%s: %s\n", worker->label, error.message);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    struct worker worker;
    int status = 1;

    if (argc != 6 && argc != 7) {
        fprintf(stderr,
                "usage: %s ENDPOINTS LOCK LABEL ROUNDS HOLD_MS [BOARD]\n",
                argv[0]);
        return 2;
    }
    worker.lock = argv[2];
    worker.label = argv[3];
    worker.rounds = atoi(argv[4]);
    worker.hold_ms = atoi(argv[5]);
    worker.board = argv[6];
    options.ttl_s = 2;
    options.label = worker.label;
    if (leaselock_client_open(argv[1], NULL, &client, &error) == 0 &&
        leaselock_session_open(client, &options, &worker.session, &error) ==
            0) {
        status = work(&worker);
    } else {
        fprintf(stderr, "%s: %s\n", worker.label, error.message);
    }
    (void)leaselock_client_close(client, NULL);
    return status;
}
