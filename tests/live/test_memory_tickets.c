/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets while memory is short; tests/live/test_memory.c has the rest of the
 * API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/test_memory.h"
#include "support/wait.h"

#define NAME "memory/lock"

/** A free lock, acquired and released. */
static void uncontended(struct test_memory_run *run)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call lost = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    options.label = "a label";
    options.on_lost = test_call_lost;
    options.on_lost_arg = &lost;
    test_memory_open(run, &peer);
    test_memory_short(run);
    if (test_memory_is(run,
                       leaselock_acquire(peer.session, NAME, &options,
                                         run->call_timeout_ms, &ticket, NULL),
                       0)) {
        assert_true(leaselock_ticket_token(ticket) > 0);
        (void)test_memory_is(run, leaselock_release(ticket, NULL), 0);
    } else {
        assert_null(ticket);
    }
    test_memory_end(run, &peer);
    assert_int_equal(test_call_count(&lost), 0);
}

static void uncontended_async(struct test_memory_run *run)
{
    struct test_call *acquired = test_memory_call(run);
    struct test_call *released = test_memory_call(run);
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    test_memory_open(run, &peer);
    test_memory_short(run);
    (void)test_memory_begun(
        run, acquired,
        leaselock_acquire_async(peer.session, NAME, NULL, run->call_timeout_ms,
                                test_call_done, acquired, &ticket, NULL));
    if (test_memory_ended(run, acquired, 0) &&
        test_memory_begun(
            run, released,
            leaselock_release_async(ticket, test_call_done, released, NULL))) {
        (void)test_memory_ended(run, released, 0);
    }
    test_memory_end(run, &peer);
}

/** A ticket that queues again, by a blocking call and by an asynchronous one. If
 * there is no memory for that, the lock has been given back. */
static void rejoined(struct test_memory_run *run)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call *again = test_memory_call(run);
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    options.label = "a label";
    options.requeue = 1;
    test_memory_open(run, &peer);
    assert_int_equal(leaselock_acquire(peer.session, NAME, &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    test_memory_short(run);
    if (test_memory_is(
            run, leaselock_rejoin(ticket, run->call_timeout_ms, NULL), 0) &&
        test_memory_begun(run, again,
                          leaselock_rejoin_async(ticket, run->call_timeout_ms,
                                                 test_call_done, again,
                                                 NULL)) &&
        test_memory_ended(run, again, 0)) {
        (void)test_memory_is(run, leaselock_release(ticket, NULL), 0);
    }
    test_memory_end(run, &peer);
}

struct both {
    struct test_call **calls;
    bool done[2];
};

static bool one_ended(void *arg)
{
    const struct both *both = arg;

    return (!both->done[0] && test_call_count(both->calls[0]) > 0) ||
           (!both->done[1] && test_call_count(both->calls[1]) > 0);
}

/** Two waiters, which get the lock one after the other, in either order, as one
 * of the requests may be sent again. */
static void hand_over(struct test_memory_run *run)
{
    struct test_call *acquired[] = {test_memory_call(run),
                                    test_memory_call(run)};
    struct both both = {acquired, {false, false}};
    leaselock_ticket *waiting[2] = {NULL, NULL};
    leaselock_ticket *held;
    struct test_peer peer;

    test_memory_open(run, &peer);
    held = test_acquire(&peer, NAME);
    test_memory_short(run);
    for (int i = 0; i < 2; i++) {
        int status = leaselock_acquire_async(
            peer.session, NAME, NULL, run->call_timeout_ms, test_call_done,
            acquired[i], &waiting[i], NULL);

        both.done[i] = !test_memory_begun(run, acquired[i], status);
    }
    (void)test_memory_is(run, leaselock_release(held, NULL), 0);
    while (!both.done[0] || !both.done[1]) {
        int i;

        assert_true(test_until(TEST_WAIT_MS, one_ended, &both));
        i = !both.done[0] && test_call_count(acquired[0]) > 0 ? 0 : 1;
        both.done[i] = true;
        if (test_memory_ended(run, acquired[i], 0)) {
            (void)test_memory_is(run, leaselock_release(waiting[i], NULL), 0);
        }
    }
    test_memory_end(run, &peer);
}

/** A held lock: a try, a timeout, and a cancellation. */
static void in_vain(struct test_memory_run *run)
{
    struct test_call *given_up = test_memory_call(run);
    struct test_call *released = test_memory_call(run);
    leaselock_ticket *waiting = NULL;
    leaselock_ticket *none = NULL;
    leaselock_ticket *held;
    struct test_peer peer;
    int status;

    test_memory_open(run, &peer);
    held = test_acquire(&peer, NAME);
    test_memory_short(run);
    (void)test_memory_is(
        run, leaselock_acquire(peer.session, NAME, NULL, 0, &none, NULL),
        LEASELOCK_E_TIMEOUT);
    /* Without a place in the queue, if all of the time was a pause. */
    status = leaselock_acquire(peer.session, NAME, NULL, 5, &none, NULL);
    if (run->nth == 0 || status != LEASELOCK_E_UNAVAILABLE) {
        (void)test_memory_is(run, status, LEASELOCK_E_TIMEOUT);
    }
    if (test_memory_begun(run, given_up,
                          leaselock_acquire_async(
                              peer.session, NAME, NULL, LEASELOCK_FOREVER,
                              test_call_done, given_up, &waiting, NULL)) &&
        test_memory_withdrawn(run, waiting, given_up, released)) {
        /* After an answer that could not be read, it is unknown whether there
         * is a key; if so, it is deleted in the background. */
        if (run->nth == 0 ||
            test_call_await(released) != LEASELOCK_E_OUTCOME_UNKNOWN) {
            (void)test_memory_ended(run, released, 0);
        }
        (void)test_memory_ended(run, given_up, LEASELOCK_E_CANCELED);
    }
    assert_null(none);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
    (void)test_memory_is(run, leaselock_release(held, NULL), 0);
    test_memory_end(run, &peer);
}

struct place {
    leaselock_ticket *ticket;
    struct test_call *acquired;
};

static bool has_place_or_ended(void *arg)
{
    const struct place *place = arg;

    return leaselock_ticket_position(place->ticket) > 0 ||
           test_call_count(place->acquired) > 0;
}

/** A wait that is given up once the ticket has its place in the queue, unless
 * memory has ended it. No place is left in either case. */
static void given_up_in_queue(struct test_memory_run *run)
{
    struct test_call *acquired = test_memory_call(run);
    struct test_call *released = test_memory_call(run);
    struct place place = {NULL, acquired};
    leaselock_ticket *held;
    struct test_peer peer;

    test_memory_open(run, &peer);
    held = test_acquire(&peer, NAME);
    test_memory_short(run);
    if (test_memory_begun(run, acquired,
                          leaselock_acquire_async(
                              peer.session, NAME, NULL, LEASELOCK_FOREVER,
                              test_call_done, acquired, &place.ticket, NULL))) {
        if (!run->lasting) {
            assert_true(test_until(TEST_WAIT_MS, has_place_or_ended, &place));
        }
        if (test_memory_withdrawn(run, place.ticket, acquired, released)) {
            (void)test_memory_ended(run, released, 0);
            (void)test_memory_ended(run, acquired, LEASELOCK_E_CANCELED);
        }
    }
    (void)test_memory_is(run, leaselock_release(held, NULL), 0);
    test_memory_end(run, &peer);
}

/** A try that finds the lock free. */
static void try_free(struct test_memory_run *run)
{
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    test_memory_open(run, &peer);
    test_memory_short(run);
    if (test_memory_is(
            run, leaselock_acquire(peer.session, NAME, NULL, 0, &ticket, NULL),
            0)) {
        (void)test_memory_is(run, leaselock_release(ticket, NULL), 0);
    }
    test_memory_end(run, &peer);
}

/** A lease that a third party revokes: the loss is reported to its holder and
 * its waiter. */
static void lost(struct test_memory_run *run)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call *held = test_memory_call(run);
    struct test_call *waiting = test_memory_call(run);
    struct test_call told = TEST_CALL_INIT;
    leaselock_ticket *tickets[2] = {NULL, NULL};
    leaselock_ticket *first;
    struct test_peer peer;

    options.on_lost = test_call_lost;
    options.on_lost_arg = &told;
    test_memory_open(run, &peer);
    /* A ticket that has waited has a watch on its own key already. */
    first = test_acquire(&peer, NAME);
    (void)test_memory_begun(
        run, held,
        leaselock_acquire_async(peer.session, NAME, &options, LEASELOCK_FOREVER,
                                test_call_done, held, &tickets[0], NULL));
    test_await_place(tickets[0]);
    (void)test_memory_begun(
        run, waiting,
        leaselock_acquire_async(peer.session, NAME, NULL, LEASELOCK_FOREVER,
                                test_call_done, waiting, &tickets[1], NULL));
    test_await_place(tickets[1]);
    (void)test_memory_is(run, leaselock_release(first, NULL), 0);
    assert_int_equal(test_call_await(held), 0);
    test_memory_short(run);
    test_memory_revoke(peer.session);
    if (run->lasting) {
        /* The watch may be missing while memory is short: the loss is reported
         * after that. */
        test_memory_back(run);
    }
    assert_int_equal(test_call_await(waiting), LEASELOCK_E_LOST);
    assert_int_equal(test_call_await(&told), LEASELOCK_TICKET_LOST);
    (void)test_memory_is(run, leaselock_release(tickets[0], NULL),
                         LEASELOCK_E_LOST);
    if (!run->lasting) {
        test_memory_back(run);
    }
    test_memory_close(run, &peer);
    assert_int_equal(test_call_count(&told), 1);
}

int main(void)
{
    static const struct test_memory_scenario scenarios[] = {
        {"uncontended", uncontended},
        {"uncontended, asynchronous", uncontended_async},
        {"rejoined", rejoined},
        {"hand-over", hand_over},
        {"in vain", in_vain},
        {"given up in the queue", given_up_in_queue},
        {"try", try_free},
        {"lost", lost},
    };

    return test_memory_main("tickets without memory", scenarios,
                            sizeof(scenarios) / sizeof(scenarios[0]));
}
