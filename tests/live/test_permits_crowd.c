/* SPDX-License-Identifier: Apache-2.0 */
/* A thousand tickets of several clients for the permits of one lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "support/crowd.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define NAME "crowd/permits"
#define PEERS 5
#define PERMITS 8
#define WAITERS_MAX 1000
/** Of so many grants in a row one is held for long. */
#define LONG_EVERY 5

struct crowd;

struct waiter {
    struct crowd *crowd;
    leaselock_ticket *ticket;
    int64_t token;
    bool ended;          /* its release has begun */
    struct waiter *next; /* of those that are held for long */
};

/** The waiters, in the order of their calls, and what they have done. */
struct crowd {
    struct test_peer peers[PEERS];
    struct waiter waiters[WAITERS_MAX];
    int waiters_n;
    pthread_mutex_t mutex; /* guards what follows, and the waiters' `ended` */
    struct waiter *long_first;
    struct waiter *long_last;
    int long_n;
    int held;
    int held_most;
    int granted;
    int released;
    char fault[200];
};

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    struct crowd *crowd = ((struct waiter *)arg)->crowd;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->released++;
    if (status != 0) {
        (void)snprintf(crowd->fault, sizeof(crowd->fault), "release: %.150s",
                       error->message);
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
}

static void give(struct waiter *waiter)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    if (leaselock_release_async(waiter->ticket, on_released, waiter, &error) !=
        0) {
        on_released(LEASELOCK_E_ARGUMENT, &error, waiter);
    }
}

/** The rule: fewer than n permits with a smaller token are left. */
static void check_rule(struct crowd *crowd, const struct waiter *waiter)
{
    int ahead = 0;

    for (int i = 0; i < crowd->waiters_n; i++) {
        const struct waiter *other = &crowd->waiters[i];

        ahead += !other->ended && other->token < waiter->token ? 1 : 0;
    }
    if (ahead >= PERMITS) {
        (void)snprintf(crowd->fault, sizeof(crowd->fault),
                       "held with token %lld, and %d are ahead",
                       (long long)waiter->token, ahead);
    }
}

/** Adds a waiter to those that are held for long. @return the one that has been
 *  for longest, if one permit would not be left otherwise; else NULL */
static struct waiter *keep(struct crowd *crowd, struct waiter *waiter)
{
    struct waiter *first;

    if (crowd->long_first == NULL) {
        crowd->long_first = waiter;
    } else {
        crowd->long_last->next = waiter;
    }
    crowd->long_last = waiter;
    if (++crowd->long_n < PERMITS) {
        return NULL;
    }
    first = crowd->long_first;
    crowd->long_first = first->next;
    crowd->long_n--;
    return first;
}

static void on_held(int status, const struct leaselock_error *error, void *arg)
{
    struct waiter *waiter = arg;
    struct crowd *crowd = waiter->crowd;
    struct waiter *ends = waiter;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->granted++;
    if (status != 0) {
        (void)snprintf(crowd->fault, sizeof(crowd->fault), "acquire: %.150s",
                       error->message);
        (void)pthread_mutex_unlock(&crowd->mutex);
        return;
    }
    if (++crowd->held > crowd->held_most) {
        crowd->held_most = crowd->held;
    }
    check_rule(crowd, waiter);
    if (crowd->granted % LONG_EVERY == 0) {
        ends = keep(crowd, waiter);
    }
    if (ends != NULL) {
        ends->ended = true;
        crowd->held--;
    }
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (ends != NULL) {
        give(ends);
    }
}

static bool all_are_granted(void *arg)
{
    struct crowd *crowd = arg;
    bool done;

    (void)pthread_mutex_lock(&crowd->mutex);
    done = crowd->granted == crowd->waiters_n || crowd->fault[0] != '\0';
    (void)pthread_mutex_unlock(&crowd->mutex);
    return done;
}

static bool all_are_released(void *arg)
{
    struct crowd *crowd = arg;
    bool done;

    (void)pthread_mutex_lock(&crowd->mutex);
    done = crowd->released == crowd->waiters_n || crowd->fault[0] != '\0';
    (void)pthread_mutex_unlock(&crowd->mutex);
    return done;
}

/** Waits for a state of all waiters. */
static void await(struct crowd *crowd, test_predicate_fn *predicate)
{
    bool done = test_until(4 * TEST_WAIT_MS, predicate, crowd);

    if (!done || crowd->fault[0] != '\0') {
        fail_msg("%d granted, %d released of %d: %s", crowd->granted,
                 crowd->released, crowd->waiters_n, crowd->fault);
    }
}

/** All queue, in turn from each client; their places are known. */
static void queue_up(struct crowd *crowd)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    options.mode = LEASELOCK_PERMIT;
    options.permits = PERMITS;
    for (int i = 0; i < crowd->waiters_n; i++) {
        struct waiter *waiter = &crowd->waiters[i];

        waiter->crowd = crowd;
        if (leaselock_acquire_async(crowd->peers[i % PEERS].session, NAME,
                                    &options, LEASELOCK_FOREVER, on_held,
                                    waiter, &waiter->ticket, &error) != 0) {
            fail_msg("%s", error.message);
        }
    }
    for (int i = 0; i < crowd->waiters_n; i++) {
        test_await_place(crowd->waiters[i].ticket);
        crowd->waiters[i].token =
            leaselock_ticket_token(crowd->waiters[i].ticket);
    }
}

static int64_t events_now(void)
{
    return test_etcd_metric(&etcd, "etcd_debugging_mvcc_events_total", NULL);
}

static int64_t requests_now(void)
{
    return test_etcd_requests(&etcd, "Txn") +
           test_etcd_requests(&etcd, "DeleteRange");
}

/** Goal: permits are granted in the order of their tokens, never more than
 * there are, whoever keeps one for how long: nobody is left behind by those
 * that keep theirs, and a release wakes at most 2n - 1 tickets. Method: 1 000
 * wait for 8 permits, behind an exclusive holder. Every fifth keeps its permit
 * until seven others do, too; the rest release at once, so most of the time a
 * single permit goes through the line. */
static void test_a_crowd_for_permits(void **state)
{
    static struct crowd crowd = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    leaselock_ticket *writer;
    int64_t events;
    int64_t requests;

    (void)state;
    crowd.waiters_n = test_crowd_is_small() ? 60 : WAITERS_MAX;
    for (int i = 0; i < PEERS; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &crowd.peers[i]);
    }
    writer = test_acquire(&crowd.peers[0], NAME);
    queue_up(&crowd);
    events = events_now();
    requests = requests_now();
    test_release(writer);
    await(&crowd, all_are_granted);
    while (crowd.long_first != NULL) {
        struct waiter *waiter = crowd.long_first;

        crowd.long_first = waiter->next;
        give(waiter);
    }
    await(&crowd, all_are_released);
    events = events_now() - events;
    requests = requests_now() - requests;
    print_message("events a release: %.2f, requests a grant: %.2f\n",
                  (double)events / crowd.waiters_n,
                  (double)requests / crowd.waiters_n);
    assert_int_equal(crowd.held_most, PERMITS);
    /* The deletion of the exclusive key wakes all that wait, and each ticket
     * may watch its own key. */
    assert_in_range(events, crowd.waiters_n,
                    (2 * PERMITS - 1 + 2) * crowd.waiters_n);
    for (int i = 0; i < PEERS; i++) {
        test_peer_close(&crowd.peers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crowd_for_permits)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
