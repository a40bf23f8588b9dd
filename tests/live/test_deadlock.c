/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets that end when they are in a deadlock, against a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define RING 4

/** Acquires locks, with or without the option to end with DEADLOCK. */
static leaselock_ticket *ask(struct test_peer *peer,
                             const char *const *names,
                             size_t names_n,
                             bool find_deadlock,
                             struct test_call *call)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    options.find_deadlock = find_deadlock;
    if (leaselock_acquire_all_async(peer->session, names, names_n, &options,
                                    TEST_WAIT_MS, test_call_done, call, &ticket,
                                    &error) != 0) {
        fail_msg("%s", error.message);
    }
    test_await_place(ticket);
    return ticket;
}

/** Calls, the first of which to complete is awaited. */
struct race {
    struct test_call *calls;
    size_t n;
    size_t first;
};

static bool one_came(void *arg)
{
    struct race *race = arg;

    for (size_t i = 0; i < race->n; i++) {
        if (test_call_count(&race->calls[i]) > 0) {
            race->first = i;
            return true;
        }
    }
    return false;
}

/** Goal: in a ring of sessions, each of which holds one lock and waits for the
 * next one's, exactly one wait ends with DEADLOCK; when that session has
 * released its lock, all others are served. */
static void test_exactly_one(void **state)
{
    static const char *const names[RING] = {"ring/a", "ring/b", "ring/c",
                                            "ring/d"};
    struct test_call calls[RING];
    struct race race = {calls, RING, 0};
    struct test_peer peers[RING];
    leaselock_ticket *held[RING];
    leaselock_ticket *waiting[RING];

    (void)state;
    for (size_t i = 0; i < RING; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[i]);
        held[i] = test_acquire(&peers[i], names[i]);
    }
    for (size_t i = 0; i < RING; i++) {
        waiting[i] = ask(&peers[i], &names[(i + 1) % RING], 1, true, &calls[i]);
    }
    assert_true(test_until(TEST_WAIT_MS, one_came, &race));
    assert_int_equal(test_call_status(&calls[race.first]),
                     LEASELOCK_E_DEADLOCK);
    assert_non_null(strstr(calls[race.first].error.message,
                           names[(race.first + 1) % RING]));
    test_release(held[race.first]);
    for (size_t n = 1; n < RING; n++) {
        size_t i = (race.first + RING - n) % RING;

        assert_int_equal(test_call_await(&calls[i]), 0);
        test_release(waiting[i]);
        test_release(held[i]);
    }
    for (size_t i = 0; i < RING; i++) {
        test_peer_close(&peers[i]);
    }
    assert_int_equal(test_keys(&etcd, "ring/"), 0);
}

/** Goal: a deadlock completed by a wait without the option ends too, for the
 * ticket that has it, here one of two names; a wait in a chain without a cycle
 * continues, though it searches for one as often. */
static void test_closed_by_another(void **state)
{
    static const char *const wanted[] = {"mixed/b", "mixed/c"};
    struct test_call calls[3] = {TEST_CALL_INIT, TEST_CALL_INIT,
                                 TEST_CALL_INIT};
    struct test_peer peers[3];
    leaselock_ticket *held[2];
    leaselock_ticket *in_line;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[i]);
    }
    held[0] = test_acquire(&peers[0], "mixed/a");
    held[1] = test_acquire(&peers[1], "mixed/b");
    in_line = ask(&peers[2], &wanted[0], 1, true, &calls[2]);
    (void)ask(&peers[0], wanted, 2, true, &calls[0]);
    (void)test_acquire_async(&peers[1], "mixed/a", &calls[1]);
    assert_int_equal(test_call_await(&calls[0]), LEASELOCK_E_DEADLOCK);
    test_await_keys(&etcd, "mixed/c", 0);
    assert_int_equal(test_call_count(&calls[1]), 0);
    test_release(held[0]);
    assert_int_equal(test_call_await(&calls[1]), 0);
    assert_int_equal(test_call_count(&calls[2]), 0);
    test_release(held[1]);
    assert_int_equal(test_call_await(&calls[2]), 0);
    test_release(in_line);
    for (size_t i = 0; i < 3; i++) {
        test_peer_close(&peers[i]);
    }
    assert_int_equal(test_keys(&etcd, "mixed/"), 0);
}

/** Goal: a session that acquires a lock that it holds itself gets DEADLOCK, and
 * only with the option; a blocking call likewise. */
static void test_own(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    leaselock_ticket *again = NULL;
    leaselock_ticket *held;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "own");
    assert_int_equal(
        leaselock_acquire(peer.session, "own", &options, 1500, &again, NULL),
        LEASELOCK_E_TIMEOUT);
    options.find_deadlock = 1;
    assert_int_equal(leaselock_acquire(peer.session, "own", &options,
                                       TEST_WAIT_MS, &again, NULL),
                     LEASELOCK_E_DEADLOCK);
    assert_int_equal(
        leaselock_acquire(peer.session, "own", &options, 0, &again, NULL),
        LEASELOCK_E_TIMEOUT);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
    test_release(held);
    again = test_acquire(&peer, "own");
    test_release(again);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_one),
        cmocka_unit_test(test_closed_by_another),
        cmocka_unit_test(test_own),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
