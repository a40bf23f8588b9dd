/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that their session keeps after a release. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define KEEP_MS 60000
#define THREADS 8
#define TURNS 200

static int acquire_with(struct test_peer *peer,
                        const char *name,
                        int keep_ms,
                        leaselock_ticket **ticket)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;

    options.keep_ms = keep_ms;
    return leaselock_acquire(peer->session, name, &options, TEST_WAIT_MS,
                             ticket, NULL);
}

static leaselock_ticket *acquire_kept(struct test_peer *peer, const char *name)
{
    leaselock_ticket *ticket = NULL;

    assert_int_equal(acquire_with(peer, name, KEEP_MS, &ticket), 0);
    return ticket;
}

static int64_t requests_now(void)
{
    return test_etcd_requests(&etcd, "Txn") +
           test_etcd_requests(&etcd, "DeleteRange") +
           test_etcd_requests(&etcd, "Range");
}

struct kept {
    struct test_peer *peer;
    const char *name;
};

/** Whether a cycle took no request: the lock is kept, and known to be. */
static bool takes_none(void *arg)
{
    const struct kept *kept = arg;
    int64_t before = requests_now();

    test_release(acquire_kept(kept->peer, kept->name));
    return requests_now() == before;
}

/** Keeps a lock, idle, for a peer. */
static void keep(struct test_peer *peer, const char *name)
{
    struct kept kept = {.peer = peer, .name = name};

    assert_true(test_until(TEST_WAIT_MS, takes_none, &kept));
    test_await_settled(&etcd);
    assert_true(test_until(TEST_WAIT_MS, takes_none, &kept));
}

/** While nobody else asks, the session's acquires take no request; they have
 * one token, and are counted. */
static void test_no_request(void **state)
{
    struct test_peer peer;
    leaselock_ticket *ticket;
    int64_t requests;
    int64_t token;
    int64_t hold;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    keep(&peer, "keep/none");
    requests = requests_now();
    ticket = acquire_kept(&peer, "keep/none");
    token = leaselock_ticket_token(ticket);
    hold = leaselock_ticket_hold(ticket);
    assert_true(hold > 1);
    test_release(ticket);
    for (int i = 1; i <= TURNS; i++) {
        ticket = acquire_kept(&peer, "keep/none");
        assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
        assert_int_equal(leaselock_ticket_token(ticket), token);
        assert_int_equal(leaselock_ticket_hold(ticket), hold + i);
        test_release(ticket);
    }
    assert_int_equal(requests_now(), requests);
    test_await_keys(&etcd, "keep/none/", 1);
    test_peer_close(&peer);
    assert_int_equal(test_keys(&etcd, "keep/none/"), 0);
}

/** Another client gets an idle lock at once, and a held one when it is
 * released; the session that kept it queues behind. */
static void test_others_get_it(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_call again = TEST_CALL_INIT;
    struct test_peer keeper;
    struct test_peer other;
    leaselock_ticket *held;
    leaselock_ticket *waiting;
    leaselock_ticket *back;
    int64_t token;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &keeper);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    keep(&keeper, "keep/others");
    test_release(test_acquire(&other, "keep/others"));
    keep(&keeper, "keep/others");
    held = acquire_kept(&keeper, "keep/others");
    token = leaselock_ticket_token(held);
    waiting = test_acquire_async(&other, "keep/others", &call);
    test_await_place(waiting);
    assert_int_equal(test_call_count(&call), 0);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    assert_true(leaselock_ticket_token(waiting) > token);
    back = test_acquire_async(&keeper, "keep/others", &again);
    test_await_place(back);
    assert_int_equal(leaselock_ticket_position(back), 1);
    test_release(waiting);
    assert_int_equal(test_call_await(&again), 0);
    test_release(back);
    test_peer_close(&keeper);
    test_peer_close(&other);
}

static atomic_int inside;
static atomic_int faults;

static void *take_turns(void *arg)
{
    struct test_peer *peer = arg;

    for (int i = 0; i < TURNS; i++) {
        leaselock_ticket *ticket = NULL;

        if (acquire_with(peer, "keep/threads", KEEP_MS, &ticket) != 0) {
            (void)atomic_fetch_add(&faults, 1);
            return NULL;
        }
        if (atomic_fetch_add(&inside, 1) != 0) {
            (void)atomic_fetch_add(&faults, 1);
        }
        (void)atomic_fetch_sub(&inside, 1);
        if (leaselock_release(ticket, NULL) != 0) {
            (void)atomic_fetch_add(&faults, 1);
        }
    }
    return NULL;
}

/** Threads of two sessions take turns on one lock; within a session mostly
 * without a request, and never two at a time. */
static void test_threads(void **state)
{
    struct test_peer peers[2];
    pthread_t threads[THREADS];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[0]);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[1]);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, take_turns, &peers[i % 2]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&faults), 0);
    test_peer_close(&peers[0]);
    test_peer_close(&peers[1]);
}

static bool is_lost(void *arg)
{
    return leaselock_ticket_state(arg) == LEASELOCK_TICKET_LOST;
}

/** An idle key goes when its time is over, when its session acquires without
 * the option, and when a third party deletes it. */
static void test_idle_ends(void **state)
{
    struct test_peer peer;
    leaselock_ticket *ticket = NULL;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(acquire_with(&peer, "keep/ends", 300, &ticket), 0);
    test_release(ticket);
    test_await_keys(&etcd, "keep/ends/", 0);
    keep(&peer, "keep/plain");
    test_release(test_acquire(&peer, "keep/plain"));
    test_await_keys(&etcd, "keep/plain/", 0);
    keep(&peer, "keep/broken");
    ticket = acquire_kept(&peer, "keep/broken");
    test_delete(&etcd, ticket);
    assert_true(test_until(TEST_WAIT_MS, is_lost, ticket));
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    test_release(acquire_kept(&peer, "keep/broken"));
    test_peer_close(&peer);
}

/** A chain of callbacks: each acquires the lock, or releases it. */
struct chain {
    leaselock_client *client; /* in dispatch mode */
    leaselock_session *session;
    const char *name;
    leaselock_ticket *ticket;
    atomic_int cycles;
    atomic_bool is_ending;
    atomic_bool has_ended;
};

static void
chain_released(int status, const struct leaselock_error *error, void *arg);

static void
chain_acquired(int status, const struct leaselock_error *error, void *arg)
{
    struct chain *chain = arg;

    (void)error;
    if (status != 0 || leaselock_release_async(chain->ticket, chain_released,
                                               chain, NULL) != 0) {
        atomic_store(&chain->has_ended, true);
    }
}

static void chain_go_on(struct chain *chain)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;

    options.keep_ms = KEEP_MS;
    if (atomic_load(&chain->is_ending) ||
        leaselock_acquire_async(chain->session, chain->name, &options,
                                LEASELOCK_FOREVER, chain_acquired, chain,
                                &chain->ticket, NULL) != 0) {
        atomic_store(&chain->has_ended, true);
    }
}

static void
chain_released(int status, const struct leaselock_error *error, void *arg)
{
    struct chain *chain = arg;

    (void)error;
    (void)status;
    (void)atomic_fetch_add(&chain->cycles, 1);
    chain_go_on(chain);
}

static bool turns(void *arg)
{
    struct chain *chain = arg;

    return atomic_load(&chain->cycles) > TURNS ||
           atomic_load(&chain->has_ended);
}

static bool has_ended(void *arg)
{
    struct chain *chain = arg;

    return atomic_load(&chain->has_ended);
}

/** A program whose callbacks acquire and release a kept lock without an end
 * still processes what etcd sends: another client gets the lock soon, and the
 * session is renewed. */
static void test_chain(void **state)
{
    struct test_peer keeper;
    struct test_peer other;
    struct chain chain = {.name = "keep/chain"};

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &keeper);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    keep(&keeper, chain.name);
    chain.session = keeper.session;
    chain_go_on(&chain);
    assert_true(test_until(TEST_WAIT_MS, turns, &chain));
    test_release(test_acquire(&other, chain.name));
    atomic_store(&chain.is_ending, true);
    assert_true(test_until(TEST_WAIT_MS, has_ended, &chain));
    test_peer_close(&keeper);
    test_peer_close(&other);
}

/** Dispatches the callbacks that are due, and checks that those that they make
 * due are left for the next time. */
static bool turns_in_dispatch(void *arg)
{
    struct chain *chain = arg;
    struct pollfd fd = {leaselock_client_fd(chain->client), POLLIN, 0};

    if (poll(&fd, 1, TEST_WAIT_MS) == 1) {
        assert_in_range(leaselock_client_dispatch(chain->client), 1, 2);
    }
    return turns(chain);
}

/** In dispatch mode such a chain does not keep the program's loop. */
static void test_chain_in_dispatch(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct chain chain = {.name = "keep/dispatch"};
    struct test_peer peer;

    (void)state;
    options.dispatch = 1;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    keep(&peer, chain.name);
    chain.client = peer.client;
    chain.session = peer.session;
    chain_go_on(&chain);
    assert_true(test_until(TEST_WAIT_MS, turns_in_dispatch, &chain));
    atomic_store(&chain.is_ending, true);
    assert_int_equal(leaselock_client_dispatch(chain.client), 1);
    test_peer_close(&peer);
}

static int try_option(struct test_peer *peer,
                      const struct leaselock_acquire_options *options)
{
    leaselock_ticket *ticket = NULL;
    int status = leaselock_acquire(peer->session, "keep/options", options, 0,
                                   &ticket, NULL);

    assert_null(ticket);
    return status;
}

static void on_yield(leaselock_ticket *ticket,
                     const struct leaselock_yield_request *request,
                     void *arg)
{
    (void)ticket;
    (void)request;
    (void)arg;
}

/** What does not go together is refused. */
static void test_refused(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_acquire_options plain;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    options.keep_ms = -1;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options.keep_ms = LEASELOCK_KEEP_MAX_MS + 1;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options.keep_ms = KEEP_MS;
    plain = options;
    options.mode = LEASELOCK_SHARED;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options = plain;
    options.find_deadlock = 1;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options = plain;
    options.lock_delay_ms = 100;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options = plain;
    options.foreign_delay_ms = 100;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options = plain;
    options.on_yield = on_yield;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options = plain;
    options.local_passes = -1;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options.local_passes = LEASELOCK_LOCAL_PASSES_MAX + 1;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    options.local_passes = 1;
    options.keep_ms = 0;
    assert_int_equal(try_option(&peer, &options), LEASELOCK_E_ARGUMENT);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_request),
        cmocka_unit_test(test_others_get_it),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_idle_ends),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_chain_in_dispatch),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
