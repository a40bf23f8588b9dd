/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads and many requests at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define THREADS 64
#define NAMES 4
#define SESSIONS 4
#define LOAD_MS 3000
#define IN_FLIGHT 2000
#define NAME_SIZE 32

/** The data that a lock protects: only the lock keeps its two halves equal. */
struct protected
{
    long first;
    int64_t token;
    long second;
};

struct load {
    struct test_peer peer;
    leaselock_session *sessions[SESSIONS];
    struct protected counters[NAMES];
    atomic_bool stop;
    atomic_long rounds;
    atomic_int torn;
    atomic_int failed;
};

struct loader {
    struct load *load;
    pthread_t thread;
    unsigned number;
};

/** Uses a counter in a way that requires mutual exclusion. */
static bool count_once(struct protected *counter, int64_t token)
{
    bool whole = counter->first == counter->second && counter->token < token;

    counter->first++;
    counter->token = token;
    (void)sched_yield();
    counter->second++;
    return whole && counter->first == counter->second;
}

static void *loader_main(void *arg)
{
    struct loader *loader = arg;
    struct load *load = loader->load;
    unsigned seed = loader->number;

    while (!atomic_load(&load->stop)) {
        unsigned at = (unsigned)rand_r(&seed) % NAMES;
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        leaselock_ticket *ticket = NULL;
        char name[NAME_SIZE];

        (void)snprintf(name, sizeof(name), "load/%u", at);
        if (leaselock_acquire(load->sessions[loader->number % SESSIONS], name,
                              NULL, TEST_WAIT_MS, &ticket, &error) != 0) {
            (void)fprintf(stderr, "acquire: %s\n", error.message);
            atomic_fetch_add(&load->failed, 1);
            return NULL;
        }
        if (!count_once(&load->counters[at], leaselock_ticket_token(ticket))) {
            atomic_fetch_add(&load->torn, 1);
        }
        atomic_fetch_add(&load->rounds, 1);
        if (leaselock_release(ticket, &error) != 0) {
            (void)fprintf(stderr, "release: %s\n", error.message);
            atomic_fetch_add(&load->failed, 1);
        }
    }
    return NULL;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/** 64 threads on 4 sessions acquire 4 locks in turn for three seconds, each
 * with a counter that two holders would corrupt; the sum of the counters must
 * be the number of acquires. */
static void test_64_threads_on_few_names(void **state)
{
    static struct load load;
    static struct loader loaders[THREADS];
    long sum = 0;
    unsigned i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &load.peer);
    load.sessions[0] = load.peer.session;
    for (i = 1; i < SESSIONS; i++) {
        assert_int_equal(leaselock_session_open(load.peer.client, NULL,
                                                &load.sessions[i], NULL),
                         0);
    }
    for (i = 0; i < THREADS; i++) {
        loaders[i] = (struct loader){.load = &load, .number = i};
        assert_int_equal(
            pthread_create(&loaders[i].thread, NULL, loader_main, &loaders[i]),
            0);
    }
    (void)test_until(LOAD_MS, never, NULL);
    atomic_store(&load.stop, true);
    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(loaders[i].thread, NULL), 0);
    }
    assert_int_equal(atomic_load(&load.failed), 0);
    assert_int_equal(atomic_load(&load.torn), 0);
    for (i = 0; i < NAMES; i++) {
        assert_int_equal(load.counters[i].first, load.counters[i].second);
        sum += load.counters[i].first;
    }
    assert_int_equal(sum, atomic_load(&load.rounds));
    assert_true(sum >= THREADS);
    assert_int_equal(test_keys(&etcd, ""), 0);
    test_peer_close(&load.peer);
    assert_int_equal(test_leases(&etcd), 0);
}

/** Calls that must complete, in any order. */
struct flight {
    atomic_int done;
    atomic_int failed;
};

static void
flight_done(int status, const struct leaselock_error *error, void *arg)
{
    struct flight *flight = arg;

    (void)error;
    if (status != 0) {
        atomic_fetch_add(&flight->failed, 1);
    }
    atomic_fetch_add(&flight->done, 1);
}

static bool flight_is_over(void *arg)
{
    struct flight *flight = arg;

    return atomic_load(&flight->done) == IN_FLIGHT;
}

static void check_flight(struct flight *flight)
{
    assert_true(test_until(TEST_WAIT_MS, flight_is_over, flight));
    assert_int_equal(atomic_load(&flight->failed), 0);
}

/** 2 000 acquires of as many names in flight at once are all granted, and so
 * are their releases; each call completes once, and no key is left. */
static void test_2000_acquires_in_flight(void **state)
{
    static leaselock_ticket *tickets[IN_FLIGHT];
    struct flight acquires = {0};
    struct flight releases = {0};
    struct test_peer peer;
    char name[NAME_SIZE];
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (i = 0; i < IN_FLIGHT; i++) {
        (void)snprintf(name, sizeof(name), "flight/%d", i);
        assert_int_equal(leaselock_acquire_async(peer.session, name, NULL,
                                                 LEASELOCK_FOREVER, flight_done,
                                                 &acquires, &tickets[i], NULL),
                         0);
    }
    check_flight(&acquires);
    assert_int_equal(test_keys(&etcd, "flight/"), IN_FLIGHT);
    for (i = 0; i < IN_FLIGHT; i++) {
        assert_int_equal(leaselock_ticket_state(tickets[i]),
                         LEASELOCK_TICKET_HELD);
        assert_int_equal(
            leaselock_release_async(tickets[i], flight_done, &releases, NULL),
            0);
    }
    check_flight(&releases);
    assert_int_equal(test_keys(&etcd, ""), 0);
    test_peer_close(&peer);
    assert_int_equal(atomic_load(&acquires.done), IN_FLIGHT);
    assert_int_equal(atomic_load(&releases.done), IN_FLIGHT);
}

/** 2 000 tickets of one session wait, each for a name that another client's
 * session holds, which is then closed: its keys are deleted in one revision,
 * and each ticket is held, with a key of its own and no other key left. */
static void test_2000_released_at_once(void **state)
{
    static leaselock_ticket *tickets[IN_FLIGHT];
    struct flight holds = {0};
    struct flight waits = {0};
    struct test_peer holder;
    struct test_peer waiter;
    char name[NAME_SIZE];
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiter);
    for (i = 0; i < IN_FLIGHT; i++) {
        (void)snprintf(name, sizeof(name), "many/%d", i);
        assert_int_equal(leaselock_acquire_async(holder.session, name, NULL,
                                                 LEASELOCK_FOREVER, flight_done,
                                                 &holds, &tickets[i], NULL),
                         0);
    }
    check_flight(&holds);
    for (i = 0; i < IN_FLIGHT; i++) {
        (void)snprintf(name, sizeof(name), "many/%d", i);
        assert_int_equal(leaselock_acquire_async(waiter.session, name, NULL,
                                                 LEASELOCK_FOREVER, flight_done,
                                                 &waits, &tickets[i], NULL),
                         0);
    }
    test_await_keys(&etcd, "many/", 2 * IN_FLIGHT);
    assert_int_equal(atomic_load(&waits.done), 0);
    assert_int_equal(leaselock_session_close(holder.session, NULL), 0);
    check_flight(&waits);
    for (i = 0; i < IN_FLIGHT; i++) {
        assert_int_equal(leaselock_ticket_state(tickets[i]),
                         LEASELOCK_TICKET_HELD);
    }
    assert_int_equal(test_keys(&etcd, "many/"), IN_FLIGHT);
    test_peer_close(&holder);
    test_peer_close(&waiter);
}

/** A queue whose tickets hand the lock over in their callbacks. */
struct chain {
    leaselock_ticket *tickets[IN_FLIGHT / 4];
    int64_t token; /* of the last one granted */
    atomic_int done;
    atomic_int failed;
};

struct chain_link {
    struct chain *chain;
    int number;
};

static void
chain_done(int status, const struct leaselock_error *error, void *arg)
{
    struct chain_link *link = arg;
    struct chain *chain = link->chain;
    leaselock_ticket *ticket = chain->tickets[link->number];
    int64_t token = leaselock_ticket_token(ticket);

    (void)error;
    if (status != 0 || token <= chain->token ||
        leaselock_release_async(ticket, NULL, NULL, NULL) != 0) {
        atomic_fetch_add(&chain->failed, 1);
    }
    chain->token = token;
    atomic_fetch_add(&chain->done, 1);
}

static bool chain_is_over(void *arg)
{
    struct chain *chain = arg;

    return atomic_load(&chain->done) == IN_FLIGHT / 4;
}

/** 500 waiters in one queue, all of one session, are served in the order of
 *  their tokens: each releases in its own callback. */
static void test_500_waiters_in_one_queue(void **state)
{
    static struct chain chain;
    static struct chain_link links[IN_FLIGHT / 4];
    struct test_peer peer;
    leaselock_ticket *first;
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    first = test_acquire(&peer, "chain");
    for (i = 0; i < IN_FLIGHT / 4; i++) {
        links[i] = (struct chain_link){&chain, i};
        assert_int_equal(leaselock_acquire_async(
                             peer.session, "chain", NULL, LEASELOCK_FOREVER,
                             chain_done, &links[i], &chain.tickets[i], NULL),
                         0);
    }
    test_await_keys(&etcd, "chain/", 1 + IN_FLIGHT / 4);
    test_release(first);
    assert_true(test_until(TEST_WAIT_MS, chain_is_over, &chain));
    assert_int_equal(atomic_load(&chain.failed), 0);
    test_await_keys(&etcd, "", 0);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64_threads_on_few_names),
        cmocka_unit_test(test_2000_acquires_in_flight),
        cmocka_unit_test(test_2000_released_at_once),
        cmocka_unit_test(test_500_waiters_in_one_queue),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
