/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dining philosophers: each needs the two forks beside its plate, and each
 * fork is a lock.
 *
 *     philosophers ENDPOINTS all N MEALS    takes both forks at once
 *     philosophers ENDPOINTS find N         takes the left one, then the right
 *     philosophers ENDPOINTS one N          the same
 *
 * With "all", every philosopher eats all its meals: multi-locks never deadlock
 * with each other. With "find" and "one", every philosopher holds its left fork
 * before any requests its right one, which is a deadlock. With "find", one
 * acquire fails with that error, and its philosopher puts its fork down. With
 * "one", the program prints the deadlock, and ends it from outside: it deletes
 * one philosopher's place in a queue.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leaselock/admin.h>
#include <leaselock/leaselock.h>

#define PHILOSOPHERS_MAX 50
#define NAME_SIZE 32

struct philosopher {
    int number;
    int meals;
    int find_deadlock;
    char left[NAME_SIZE];
    char right[NAME_SIZE];
    leaselock_session *session;
    pthread_t thread;
    int status;
};

static pthread_barrier_t everybody_has_one;

static int complain(const struct philosopher *who,
                    const struct leaselock_error *error)
{
    fprintf(stderr, "philosopher %d: %s\n", who->number, error->message);
    return error->code;
}

/* Acquires both forks with one ticket, once for each meal. */
static void *eat_with_all(void *arg)
{
    struct philosopher *self = arg;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const char *forks[] = {self->left, self->right};

    for (int i = 0; i < self->meals; i++) {
        leaselock_ticket *both = NULL;

        if (leaselock_acquire_all(self->session, forks, 2, NULL,
                                  LEASELOCK_FOREVER, &both, &error) != 0 ||
            leaselock_release(both, &error) != 0) {
            self->status = complain(self, &error);
            break;
        }
    }
    return NULL;
}

/* Acquires one fork after the other. If the wait for the second one fails, it
 * puts the first one down, and begins again. */
static void *eat_one_by_one(void *arg)
{
    struct philosopher *self = arg;
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int met = 0;

    options.find_deadlock = self->find_deadlock;

    for (;;) {
        leaselock_ticket *left = NULL;
        leaselock_ticket *right = NULL;
        int status;

        if (leaselock_acquire(self->session, self->left, NULL,
                              LEASELOCK_FOREVER, &left, &error) != 0) {
            self->status = complain(self, &error);
            return NULL;
        }
        if (!met) {
            (void)pthread_barrier_wait(&everybody_has_one);
            met = 1;
        }
        status = leaselock_acquire(self->session, self->right, &options,
                                   LEASELOCK_FOREVER, &right, &error);
        if (status == 0) {
            (void)leaselock_release(right, NULL);
        }
        (void)leaselock_release(left, NULL);
        if (status == 0) {
            return NULL;
        }
        if (status != LEASELOCK_E_LOST && status != LEASELOCK_E_DEADLOCK) {
            self->status = complain(self, &error);
            return NULL;
        }
        printf("philosopher %d puts its fork down\n", self->number);
    }
}

/* Waits for the deadlock, prints it, and deletes one of its places. */
static int end_deadlock(leaselock_client *client)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_deadlocks_info *report = NULL;
    const struct leaselock_deadlock *deadlock;
    const struct timespec pause = {0, 20000000};
    int status;

    for (;;) {
        if (leaselock_deadlocks(client, "forks/", NULL, &report, &error) != 0) {
            fprintf(stderr, "%s\n", error.message);
            return error.code;
        }
        if (report->deadlocks_n > 0) {
            break;
        }
        leaselock_deadlocks_free(report);
        (void)nanosleep(&pause, NULL);
    }
    deadlock = &report->deadlocks[0];
    for (size_t i = 0; i < deadlock->members_n; i++) {
        printf("%s has %s, waits for %s\n", deadlock->members[i].waits->label,
               deadlock->members[i].holds_name,
               deadlock->members[i].waits_name);
    }
    status = leaselock_break(client, deadlock->members[0].waits->key,
                             deadlock->members[0].waits->token, NULL, &error);
    if (status != 0) {
        fprintf(stderr, "%s\n", error.message);
    }
    leaselock_deadlocks_free(report);
    return status;
}

static int sit_down(leaselock_client *client,
                    struct philosopher *philosopher,
                    int number,
                    int n)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char label[NAME_SIZE];

    (void)snprintf(label, sizeof(label), "philosopher %d", number);
    (void)snprintf(philosopher->left, NAME_SIZE, "forks/%d", number);
    (void)snprintf(philosopher->right, NAME_SIZE, "forks/%d", (number + 1) % n);
    philosopher->number = number;
    options.label = label;
    if (leaselock_session_open(client, &options, &philosopher->session,
                               &error) != 0) {
        return complain(philosopher, &error);
    }
    return 0;
}

static int
dine(leaselock_client *client, int all, int find_deadlock, int n, int meals)
{
    static struct philosopher philosophers[PHILOSOPHERS_MAX];
    int status = 0;

    for (int i = 0; i < n && status == 0; i++) {
        philosophers[i].meals = meals;
        philosophers[i].find_deadlock = find_deadlock;
        status = sit_down(client, &philosophers[i], i, n);
    }
    if (status != 0) {
        return status;
    }
    (void)pthread_barrier_init(&everybody_has_one, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        if (pthread_create(&philosophers[i].thread, NULL,
                           all ? eat_with_all : eat_one_by_one,
                           &philosophers[i]) != 0) {
            fputs("cannot start a thread\n", stderr);
            exit(1);
        }
    }
    if (!all && !find_deadlock) {
        status = end_deadlock(client);
        if (status != 0) {
            exit(1); /* the threads wait forever */
        }
    }
    for (int i = 0; i < n; i++) {
        (void)pthread_join(philosophers[i].thread, NULL);
        status = philosophers[i].status != 0 ? philosophers[i].status : status;
    }
    (void)pthread_barrier_destroy(&everybody_has_one);
    return status;
}

int main(int argc, char **argv)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    int all = argc > 2 && strcmp(argv[2], "all") == 0;
    int find_deadlock = argc > 2 && strcmp(argv[2], "find") == 0;
    int n = argc > 3 ? atoi(argv[3]) : 0;
    int status;

    if (argc != (all ? 5 : 4) || n < 2 || n > PHILOSOPHERS_MAX ||
        (!all && !find_deadlock && strcmp(argv[2], "one") != 0)) {
        fprintf(stderr, "usage: %s ENDPOINTS (all N MEALS | find N | one N)\n",
                argv[0]);
        return 2;
    }
    if (leaselock_client_open(argv[1], NULL, &client, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    status = dine(client, all, find_deadlock, n, all ? atoi(argv[4]) : 1);
    if (status == 0) {
        puts("everybody has eaten");
    }
    (void)leaselock_client_close(client, NULL);
    return status == 0 ? 0 : 1;
}
