/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/estimate_measure.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "cli/clock.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/report.h"

#define NAME_SIZE 64
#define TTL_S 10
#define MEASURE_NS (2 * NS_PER_S)
#define ROUNDS_MIN 5
#define ROUNDS_MAX 200
/** How long a waiter has waited when the lock is released: its watch stands. */
#define SETTLE_MS 10
#define POLL_MS 1

struct side {
    leaselock_client *client;
    leaselock_session *session;
};

/** The end of the second side's wait. */
struct grant {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    int done;
    int64_t at_ns;
    struct leaselock_error error;
};

static void
on_granted(int status, const struct leaselock_error *error, void *arg)
{
    struct grant *grant = arg;
    int64_t at_ns = now_ns();

    (void)pthread_mutex_lock(&grant->mutex);
    grant->at_ns = at_ns;
    if (error != NULL) {
        grant->error = *error;
    }
    grant->error.code = status;
    grant->done = 1;
    (void)pthread_cond_signal(&grant->changed);
    (void)pthread_mutex_unlock(&grant->mutex);
}

static int is_done(struct grant *grant)
{
    int done;

    (void)pthread_mutex_lock(&grant->mutex);
    done = grant->done;
    (void)pthread_mutex_unlock(&grant->mutex);
    return done;
}

static void await(struct grant *grant)
{
    (void)pthread_mutex_lock(&grant->mutex);
    while (!grant->done) { /* the acquire's timeout limits the wait */
        (void)pthread_cond_wait(&grant->changed, &grant->mutex);
    }
    (void)pthread_mutex_unlock(&grant->mutex);
}

static void pause_ms(int length_ms)
{
    struct timespec length = {0, length_ms * NS_PER_MS};

    (void)nanosleep(&length, NULL);
}

/** Waits until the ticket is in the queue, and for what follows from that. */
static void await_place(leaselock_ticket *ticket, struct grant *grant)
{
    while (!is_done(grant) &&
           leaselock_ticket_position(ticket) == LEASELOCK_E_STATE) {
        pause_ms(POLL_MS);
    }
    if (!is_done(grant)) {
        pause_ms(SETTLE_MS);
    }
}

static int open_side(const struct ll_options *options, struct side *side)
{
    struct leaselock_session_options with = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int code = ll_connect(options, 0, ll_say_log, NULL, &side->client);

    with.ttl_s = TTL_S;
    with.open_timeout_ms = options->timeout_ms;
    if (code == 0 && leaselock_session_open(side->client, &with, &side->session,
                                            &error) != 0) {
        code = ll_say_failure("open a session", &error);
    }
    return code;
}

/** The first side hands the lock to the second one. Returns a status. */
static int hand_over(const struct ll_options *options,
                     const struct side *sides,
                     const char *name,
                     struct ll_estimate_costs *sums,
                     struct leaselock_error *error)
{
    struct grant grant = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER,
                          .error = LEASELOCK_ERROR_INIT};
    leaselock_ticket *first = NULL;
    leaselock_ticket *second = NULL;
    int64_t from_ns = now_ns();
    int status = leaselock_acquire(sides[0].session, name, NULL,
                                   options->timeout_ms, &first, error);

    if (status != 0) {
        return status;
    }
    sums->acquire_s += (double)(now_ns() - from_ns) / NS_PER_S;
    status = leaselock_acquire_async(sides[1].session, name, NULL,
                                     options->timeout_ms, on_granted, &grant,
                                     &second, error);
    if (status != 0) {
        (void)leaselock_release(first, NULL);
        return status;
    }
    await_place(second, &grant);
    from_ns = now_ns();
    status = leaselock_release(first, error);
    await(&grant);
    sums->handover_s += (double)(grant.at_ns - from_ns) / NS_PER_S;
    if (grant.error.code != 0) {
        *error = grant.error;
        return grant.error.code;
    }
    return status != 0 ? status : leaselock_release(second, error);
}

static int take_turns(const struct ll_options *options,
                      const struct side *sides,
                      struct ll_estimate_costs *ret_costs)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct ll_estimate_costs sums = {0, 0, 0};
    struct ll_estimate_costs warm_up = {0, 0, 0};
    int64_t end_ns = now_ns() + MEASURE_NS;
    char name[NAME_SIZE];
    uint64_t number;

    if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        ll_say("no random numbers");
        return LL_EXIT_SYSTEM;
    }
    (void)snprintf(name, sizeof(name), "leaselock-estimate-%016" PRIx64,
                   number);
    if (hand_over(options, sides, name, &warm_up, &error) != 0) {
        return ll_say_failure("measure a hand-over", &error);
    }
    while (sums.rounds < ROUNDS_MIN ||
           (sums.rounds < ROUNDS_MAX && now_ns() < end_ns)) {
        if (hand_over(options, sides, name, &sums, &error) != 0) {
            return ll_say_failure("measure a hand-over", &error);
        }
        sums.rounds++;
    }
    sums.acquire_s /= sums.rounds;
    sums.handover_s /= sums.rounds;
    *ret_costs = sums;
    return 0;
}

int ll_estimate_measure(const struct ll_options *options,
                        struct ll_estimate_costs *ret_costs)
{
    struct ll_options asked = *options; /* with a password that is typed */
    struct side sides[2] = {{NULL, NULL}, {NULL, NULL}};
    int code = ll_connect_ask(&asked);

    for (size_t i = 0; code == 0 && i < 2; i++) {
        code = open_side(&asked, &sides[i]);
    }
    if (code == 0) {
        code = take_turns(&asked, sides, ret_costs);
    }
    for (size_t i = 0; i < 2; i++) {
        (void)leaselock_session_close(sides[i].session, NULL);
        (void)leaselock_client_close(sides[i].client, NULL);
    }
    return code;
}
