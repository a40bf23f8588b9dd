/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock in a program with an event loop: one thread, one poll(), no blocking
 * call. Waits for a lock, holds it until standard input ends or the lock is
 * lost, and releases it.
 *
 *     eventloop [ENDPOINTS [LOCK]]
 *
 * The client is in dispatch mode: all callbacks come from
 * leaselock_client_dispatch(), so nothing here needs a mutex.
 */
#include <leaselock/leaselock.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum step { OPENING, WAITING, HOLDING, RELEASING, DONE };

struct program {
    const char *lock;
    enum step step;
    int failed;
    leaselock_session *session;
    leaselock_ticket *ticket;
};

static void fail(struct program *program, const struct leaselock_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    program->failed = 1;
    program->step = DONE;
}

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    struct program *program = arg;

    if (status != 0) {
        fail(program, error);
    } else {
        puts("released");
        program->step = DONE;
    }
}

/* Releases the lock, or leaves the queue. */
static void leave(struct program *program)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    program->step = RELEASING;
    if (leaselock_release_async(program->ticket, on_released, program,
                                &error) != 0) {
        fail(program, &error);
    }
}

/* Called when the lock is lost: the work that it protects must stop here. */
static void on_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct program *program = arg;

    (void)ticket;
    (void)why; /* the release reports it, too */
    if (program->step == HOLDING) {
        leave(program);
    }
}

static void
on_acquired(int status, const struct leaselock_error *error, void *arg)
{
    struct program *program = arg;

    if (status == 0) {
        program->step = HOLDING;
        printf("held, token %lld\n",
               (long long)leaselock_ticket_token(program->ticket));
    } else if (status != LEASELOCK_E_CANCELED) {
        fail(program, error);
    }
}

static void
on_opened(int status, const struct leaselock_error *error, void *arg)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error own = LEASELOCK_ERROR_INIT;
    struct program *program = arg;

    if (program->step == DONE) {
        return; /* the input ended before the session was open */
    }
    if (status != 0) {
        fail(program, error);
        return;
    }
    program->step = WAITING;
    options.on_lost = on_lost;
    options.on_lost_arg = program;
    if (leaselock_acquire_async(program->session, program->lock, &options,
                                LEASELOCK_FOREVER, on_acquired, program,
                                &program->ticket, &own) != 0) {
        fail(program, &own);
    }
}

/* Ignores all text on standard input; its end ends the program. */
static void read_input(struct program *program)
{
    char text[256];

    if (read(STDIN_FILENO, text, sizeof(text)) > 0) {
        return;
    }
    if (program->step == OPENING) {
        program->step = DONE;
    } else {
        leave(program);
    }
}

static void loop(struct program *program, leaselock_client *client)
{
    struct pollfd fds[2] = {{leaselock_client_fd(client), POLLIN, 0},
                            {STDIN_FILENO, POLLIN, 0}};

    while (program->step != DONE) {
        /* After the end of the input: poll() ignores -1. */
        fds[1].fd = program->step == RELEASING ? -1 : STDIN_FILENO;
        if (poll(fds, 2, -1) < 0) {
            continue; /* interrupted by a signal */
        }
        if (fds[0].revents != 0) {
            (void)leaselock_client_dispatch(client);
        }
        if (fds[1].revents != 0 && program->step < RELEASING) {
            read_input(program);
        }
    }
}

int main(int argc, char **argv)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct program program = {.lock = argc > 2 ? argv[2] : "jobs"};
    leaselock_client *client = NULL;

    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    options.dispatch = 1;
    if (leaselock_client_open(argc > 1 ? argv[1] : NULL, &options, &client,
                              &error) != 0 ||
        leaselock_session_open_async(client, NULL, on_opened, &program,
                                     &program.session, &error) != 0) {
        fail(&program, &error);
    }
    loop(&program, client);
    /* Blocks until etcd answers, at most 2 s. */
    (void)leaselock_client_close(client, NULL);
    return program.failed;
}
