/* SPDX-License-Identifier: Apache-2.0 */
/* The API while memory is short: whichever allocation fails, calls end cleanly
 * and nothing is left. tests/support/test_memory.h lists the checks of each run
 * and what is not covered; tests/live/test_memory_tickets.c has the tickets;
 * tests/unit/test_core_memory.c does the same to core alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/net.h"
#include "support/test_memory.h"
#include "support/wait.h"

#define NAME "memory/lock"

/** An endpoint without a listener. */
static char closed_endpoint[32];

static void
log_nowhere(enum leaselock_log_level level, const char *message, void *arg)
{
    (void)level;
    (void)message;
    (void)arg;
}

/** Two endpoints, of which the first refuses connections. */
static const char *two_endpoints(const struct test_memory_run *run)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "%s, %s", closed_endpoint,
                   run->etcd->endpoint);
    return text;
}

/** A client without a session. */
static void client(struct test_memory_run *run)
{
    leaselock_client *opened = NULL;

    run->options.log = log_nowhere;
    run->options.log_level = LEASELOCK_LOG_DEBUG;
    run->options.dispatch = 1;
    run->options.namespace_prefix = "space/";
    test_memory_short(run);
    if (test_memory_is(run,
                       leaselock_client_open(two_endpoints(run), &run->options,
                                             &opened, NULL),
                       0)) {
        assert_int_equal(leaselock_client_dispatch(opened), 0);
        assert_int_equal(leaselock_client_close(opened, NULL), 0);
    } else {
        assert_null(opened);
    }
    test_memory_back(run);
}

static struct leaselock_session_options
session_options(struct test_memory_run *run, struct test_call *states)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;

    options.ttl_s = run->ttl_s;
    options.open_timeout_ms = run->call_timeout_ms;
    options.label = "a label";
    options.on_state = test_call_state;
    options.on_state_arg = states;
    return options;
}

/** A session on the second of two endpoints. */
static void session(struct test_memory_run *run)
{
    struct test_call states = TEST_CALL_INIT;
    struct leaselock_session_options options = session_options(run, &states);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_peer peer = {NULL, NULL};
    int status;

    run->options.log = log_nowhere;
    run->options.log_level = LEASELOCK_LOG_DEBUG;
    assert_int_equal(leaselock_client_open(two_endpoints(run), &run->options,
                                           &peer.client, NULL),
                     0);
    test_memory_short(run);
    status =
        leaselock_session_open(peer.client, &options, &peer.session, &error);
    if (test_memory_is(run, status, 0)) {
        (void)test_memory_is(run, leaselock_session_close(peer.session, &error),
                             0);
    } else {
        assert_null(peer.session);
        assert_int_equal(error.code, status);
        assert_true(strlen(error.message) > 0);
        /* No endpoint is marked as failed for a request that was not sent to
         * it. */
        assert_true(strstr(error.message, "out of memory") == NULL ||
                    error.endpoint[0] == '\0');
    }
    test_memory_back(run);
    test_memory_close(run, &peer);
}

static void session_async(struct test_memory_run *run)
{
    struct test_call states = TEST_CALL_INIT;
    struct leaselock_session_options options = session_options(run, &states);
    struct test_call *opened = test_memory_call(run);
    struct test_call *closed = test_memory_call(run);
    struct test_peer peer = {NULL, NULL};

    assert_int_equal(leaselock_client_open(run->etcd->endpoint, &run->options,
                                           &peer.client, NULL),
                     0);
    test_memory_short(run);
    (void)test_memory_begun(run, opened,
                            leaselock_session_open_async(peer.client, &options,
                                                         test_call_done, opened,
                                                         &peer.session, NULL));
    if (test_memory_ended(run, opened, 0) &&
        test_memory_begun(run, closed,
                          leaselock_session_close_async(
                              peer.session, test_call_done, closed, NULL))) {
        (void)test_memory_ended(run, closed, 0);
    }
    test_memory_back(run);
    test_memory_close(run, &peer);
}

/** A listing of holder and waiter, and a ping. */
static void queries(struct test_memory_run *run)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_ping ping;
    leaselock_ticket *held;
    struct test_peer peer;

    options.timeout_ms = run->call_timeout_ms;
    options.with_ttl = 1;
    test_memory_open(run, &peer);
    held = test_acquire(&peer, NAME);
    test_memory_short(run);
    if (test_memory_is(
            run, leaselock_queue(peer.client, NAME, &options, &queue, NULL),
            0)) {
        assert_int_equal(queue->entries_n, 1);
        assert_non_null(queue->entries[0].key);
        assert_non_null(queue->entries[0].host);
        leaselock_queue_free(queue);
    } else {
        assert_null(queue);
    }
    (void)test_memory_is(
        run, leaselock_ping(peer.client, 0, run->call_timeout_ms, &ping, NULL),
        0);
    test_memory_back(run);
    (void)test_memory_is(run, leaselock_release(held, NULL), 0);
    test_memory_end(run, &peer);
}

static void queries_async(struct test_memory_run *run)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct test_call *listed = test_memory_call(run);
    struct test_call *pinged = test_memory_call(run);
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_ping ping;
    struct test_peer peer;

    options.timeout_ms = run->call_timeout_ms;
    test_memory_open(run, &peer);
    test_memory_short(run);
    (void)test_memory_begun(run, listed,
                            leaselock_queue_async(peer.client, NAME, &options,
                                                  &queue, test_call_done,
                                                  listed, NULL));
    (void)test_memory_begun(run, pinged,
                            leaselock_ping_async(peer.client, 0,
                                                 run->call_timeout_ms, &ping,
                                                 test_call_done, pinged, NULL));
    if (test_memory_ended(run, listed, 0)) {
        assert_int_equal(queue->entries_n, 0);
        leaselock_queue_free(queue);
    }
    (void)test_memory_ended(run, pinged, 0);
    test_memory_end(run, &peer);
}

static void on_yield(leaselock_ticket *ticket,
                     const struct leaselock_yield_request *request,
                     void *arg)
{
    struct test_call *call = arg;

    assert_non_null(ticket);
    assert_non_null(request->who);
    assert_non_null(request->reason);
    pthread_mutex_lock(&call->mutex);
    call->calls++;
    pthread_mutex_unlock(&call->mutex);
}

/** A holder that is asked to let go. Without memory it may not get the request,
 * and gets it once at most. */
static void yield(struct test_memory_run *run)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_yield_options asks = LEASELOCK_YIELD_OPTIONS_INIT;
    struct test_call heard = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    int asked_n = -1;

    options.on_yield = on_yield;
    options.on_yield_arg = &heard;
    asks.timeout_ms = run->call_timeout_ms;
    asks.reason = "a reason";
    test_memory_open(run, &peer);
    test_memory_short(run);
    if (test_memory_is(run,
                       leaselock_acquire(peer.session, NAME, &options,
                                         run->call_timeout_ms, &ticket, NULL),
                       0)) {
        if (test_memory_is(
                run, leaselock_yield(peer.client, NAME, &asks, &asked_n, NULL),
                0)) {
            assert_int_equal(asked_n, 1);
        } else {
            assert_int_equal(asked_n, -1);
        }
        test_memory_back(run);
        (void)test_memory_is(run, leaselock_release(ticket, NULL), 0);
    }
    test_memory_end(run, &peer);
    assert_true(test_call_count(&heard) <= 1);
}

/** Dispatches until a call that has begun has completed. */
static bool dispatch_until_ended(struct test_memory_run *run,
                                 leaselock_client *dispatched,
                                 struct test_call *call,
                                 int expected)
{
    struct pollfd due = {.fd = leaselock_client_fd(dispatched),
                         .events = POLLIN};
    int64_t deadline_ns = test_deadline_ns(TEST_WAIT_MS);

    if (!run->begun[call - run->calls]) {
        return false;
    }
    while (test_call_count(call) == 0 && test_now_ns() < deadline_ns) {
        assert_true(poll(&due, 1, test_left_ms(deadline_ns)) >= 0);
        assert_true(leaselock_client_dispatch(dispatched) >= 0);
    }
    return test_memory_ended(run, call, expected);
}

/** A client in dispatch mode, with all calls asynchronous. */
static void dispatch(struct test_memory_run *run)
{
    struct test_call states = TEST_CALL_INIT;
    struct leaselock_session_options options = session_options(run, &states);
    struct test_call *opened = test_memory_call(run);
    struct test_call *acquired = test_memory_call(run);
    struct test_call *released = test_memory_call(run);
    leaselock_ticket *ticket = NULL;
    struct test_peer peer = {NULL, NULL};

    run->options.dispatch = 1;
    run->options.log = log_nowhere;
    run->options.log_level = LEASELOCK_LOG_DEBUG;
    assert_int_equal(leaselock_client_open(run->etcd->endpoint, &run->options,
                                           &peer.client, NULL),
                     0);
    test_memory_short(run);
    (void)test_memory_begun(run, opened,
                            leaselock_session_open_async(peer.client, &options,
                                                         test_call_done, opened,
                                                         &peer.session, NULL));
    if (dispatch_until_ended(run, peer.client, opened, 0)) {
        (void)test_memory_begun(
            run, acquired,
            leaselock_acquire_async(peer.session, NAME, NULL,
                                    run->call_timeout_ms, test_call_done,
                                    acquired, &ticket, NULL));
    }
    if (dispatch_until_ended(run, peer.client, acquired, 0) &&
        test_memory_begun(
            run, released,
            leaselock_release_async(ticket, test_call_done, released, NULL))) {
        (void)dispatch_until_ended(run, peer.client, released, 0);
    }
    test_memory_back(run);
    test_memory_close(run, &peer);
}

/** A client that is closed while all kinds of calls are in flight. */
static void close_all(struct test_memory_run *run)
{
    struct test_call states = TEST_CALL_INIT;
    struct leaselock_session_options options = session_options(run, &states);
    struct test_call *opened = test_memory_call(run);
    struct test_call *acquired = test_memory_call(run);
    struct test_call *waiting = test_memory_call(run);
    struct test_call *released = test_memory_call(run);
    struct test_call *pinged = test_memory_call(run);
    leaselock_session *second = NULL;
    leaselock_ticket *ticket = NULL;
    struct leaselock_ping ping;
    struct test_peer peer;

    test_memory_open(run, &peer);
    test_memory_short(run);
    (void)test_memory_begun(run, opened,
                            leaselock_session_open_async(peer.client, &options,
                                                         test_call_done, opened,
                                                         &second, NULL));
    if (test_memory_begun(
            run, acquired,
            leaselock_acquire_async(peer.session, NAME, NULL, LEASELOCK_FOREVER,
                                    test_call_done, acquired, &ticket, NULL))) {
        (void)test_memory_withdrawn(run, ticket, acquired, released);
    }
    (void)test_memory_begun(
        run, waiting,
        leaselock_acquire_async(peer.session, NAME, NULL, LEASELOCK_FOREVER,
                                test_call_done, waiting, &ticket, NULL));
    (void)test_memory_begun(run, pinged,
                            leaselock_ping_async(peer.client, 0,
                                                 run->call_timeout_ms, &ping,
                                                 test_call_done, pinged, NULL));
    if (run->lasting) {
        /* Otherwise the leases stay until they expire. */
        test_memory_back(run);
    }
    (void)test_memory_is(run, leaselock_client_close(peer.client, NULL), 0);
    if (!run->lasting) {
        test_memory_back(run);
    }
}

int main(void)
{
    static const struct test_memory_scenario scenarios[] = {
        {"client", client},
        {"session", session},
        {"session, asynchronous", session_async},
        {"queries", queries},
        {"queries, asynchronous", queries_async},
        {"yield", yield},
        {"dispatch", dispatch},
        {"close with everything open", close_all},
    };
    uint16_t port;

    if (test_port_reserve(&port) < 0) {
        return EXIT_FAILURE;
    }
    (void)snprintf(closed_endpoint, sizeof(closed_endpoint), "127.0.0.1:%u",
                   port);
    return test_memory_main("API without memory", scenarios,
                            sizeof(scenarios) / sizeof(scenarios[0]));
}
