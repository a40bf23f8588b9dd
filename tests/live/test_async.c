/* SPDX-License-Identifier: Apache-2.0 */
/* The asynchronous calls: on which thread and how often their callbacks are
 * called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/net.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** A call that records the thread of its callback. */
struct threaded {
    struct test_call call;
    pthread_t thread;
    leaselock_ticket *ticket;
    int release_status;
};

static void
threaded_done(int status, const struct leaselock_error *error, void *arg)
{
    struct threaded *threaded = arg;

    threaded->thread = pthread_self();
    test_call_done(status, error, &threaded->call);
}

/** Every asynchronous call does what its blocking form does, with callbacks on
 * one thread that is not the caller's. */
static void test_twins_on_the_background_thread(void **state)
{
    struct threaded calls[6];
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    struct leaselock_ping ping;
    struct leaselock_queue_info *queue = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < 6; i++) {
        calls[i] = (struct threaded){.call = TEST_CALL_INIT};
    }
    assert_int_equal(leaselock_client_open(etcd.endpoint, NULL, &client, NULL),
                     0);
    assert_int_equal(leaselock_client_fd(client), LEASELOCK_E_STATE);
    assert_int_equal(leaselock_client_dispatch(client), LEASELOCK_E_STATE);
    assert_int_equal(leaselock_session_open_async(client, NULL, threaded_done,
                                                  &calls[0], &session, NULL),
                     0);
    assert_int_equal(test_call_await(&calls[0].call), 0);
    assert_int_equal(leaselock_acquire_async(session, "async/twin", NULL,
                                             TEST_WAIT_MS, threaded_done,
                                             &calls[1], &ticket, NULL),
                     0);
    assert_int_equal(test_call_await(&calls[1].call), 0);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_ping_async(client, 0, TEST_WAIT_MS, &ping,
                                          threaded_done, &calls[2], NULL),
                     0);
    assert_int_equal(test_call_await(&calls[2].call), 0);
    assert_string_equal(ping.endpoint, etcd.endpoint);
    assert_true(ping.leader_id != 0 && ping.leader_id == ping.member_id);
    assert_int_equal(leaselock_queue_async(client, "async/twin", NULL, &queue,
                                           threaded_done, &calls[3], NULL),
                     0);
    assert_int_equal(test_call_await(&calls[3].call), 0);
    assert_int_equal(queue->entries_n, 1);
    leaselock_queue_free(queue);
    assert_int_equal(
        leaselock_release_async(ticket, threaded_done, &calls[4], NULL), 0);
    assert_int_equal(test_call_await(&calls[4].call), 0);
    assert_int_equal(test_keys(&etcd, ""), 0);
    assert_int_equal(
        leaselock_session_close_async(session, threaded_done, &calls[5], NULL),
        0);
    assert_int_equal(test_call_await(&calls[5].call), 0);
    assert_int_equal(test_leases(&etcd), 0);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    for (i = 0; i < 6; i++) {
        assert_int_equal(test_call_count(&calls[i].call), 1);
        assert_true(pthread_equal(calls[i].thread, calls[0].thread));
        assert_false(pthread_equal(calls[i].thread, pthread_self()));
    }
}

/** Dispatches events until a call has completed. */
static void dispatch_until(leaselock_client *client, struct test_call *call)
{
    struct pollfd want = {.fd = leaselock_client_fd(client), .events = POLLIN};

    assert_true(want.fd >= 0);
    while (test_call_count(call) == 0) {
        assert_int_equal(poll(&want, 1, TEST_WAIT_MS), 1);
        assert_true(leaselock_client_dispatch(client) >= 0);
    }
}

static void
call_inside(int status, const struct leaselock_error *error, void *arg)
{
    struct threaded *threaded = arg;

    if (status == 0) {
        threaded->release_status = leaselock_release(threaded->ticket, NULL);
    }
    threaded_done(status, error, arg);
}

/** In dispatch mode the descriptor becomes readable when a callback is due; the
 * callback is called once, only in the dispatch call; a blocking call inside it
 * is refused; then the descriptor is not readable any more. */
static void test_dispatch_mode(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct threaded held = {.call = TEST_CALL_INIT};
    struct test_call released = TEST_CALL_INIT;
    struct test_peer peer;
    struct pollfd want = {.events = POLLIN};

    (void)state;
    options.dispatch = 1;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    want.fd = leaselock_client_fd(peer.client);
    assert_true(want.fd >= 0);
    assert_int_equal(leaselock_client_dispatch(peer.client), 0);
    assert_int_equal(poll(&want, 1, 0), 0);
    assert_int_equal(leaselock_acquire_async(peer.session, "async/dispatch",
                                             NULL, TEST_WAIT_MS, call_inside,
                                             &held, &held.ticket, NULL),
                     0);
    assert_int_equal(poll(&want, 1, TEST_WAIT_MS), 1);
    assert_int_equal(test_call_count(&held.call), 0);
    assert_int_equal(leaselock_ticket_state(held.ticket),
                     LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_client_dispatch(peer.client), 1);
    assert_int_equal(test_call_count(&held.call), 1);
    assert_int_equal(test_call_status(&held.call), 0);
    assert_true(pthread_equal(held.thread, pthread_self()));
    assert_int_equal(held.release_status, LEASELOCK_E_DEADLOCK);
    assert_int_equal(poll(&want, 1, 0), 0);
    assert_int_equal(leaselock_client_dispatch(peer.client), 0);
    assert_int_equal(
        leaselock_release_async(held.ticket, test_call_done, &released, NULL),
        0);
    dispatch_until(peer.client, &released);
    assert_int_equal(test_call_status(&released), 0);
    test_peer_close(&peer);
    assert_int_equal(leaselock_client_dispatch(peer.client),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(test_call_count(&held.call), 1);
    assert_int_equal(test_call_count(&released), 1);
}

/** Callbacks that are due on a client in dispatch mode are called in its close,
 * and none afterwards. */
static void test_dispatch_mode_close_calls_back(void **state)
{
    enum { CALLS = 8 };
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    static struct threaded calls[CALLS];
    struct test_peer peer;
    struct pollfd want = {.events = POLLIN};
    int i;

    (void)state;
    options.dispatch = 1;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    want.fd = leaselock_client_fd(peer.client);
    for (i = 0; i < CALLS; i++) {
        calls[i] = (struct threaded){.call = TEST_CALL_INIT};
        assert_int_equal(leaselock_acquire_async(peer.session, "async/close",
                                                 NULL, LEASELOCK_FOREVER,
                                                 threaded_done, &calls[i],
                                                 &calls[i].ticket, NULL),
                         0);
    }
    test_await_keys(&etcd, "async/close/", CALLS);
    assert_int_equal(poll(&want, 1, TEST_WAIT_MS), 1);
    for (i = 0; i < CALLS; i++) {
        assert_int_equal(test_call_count(&calls[i].call), 0);
    }
    test_peer_close(&peer);
    for (i = 0; i < CALLS; i++) {
        assert_int_equal(test_call_count(&calls[i].call), 1);
        assert_true(pthread_equal(calls[i].thread, pthread_self()));
        /* Also the ticket that was held, whose grant was not reported in
         * time. */
        assert_int_equal(test_call_status(&calls[i].call), LEASELOCK_E_CLOSED);
    }
    assert_int_equal(test_keys(&etcd, ""), 0);
}

/** A ticket that is released while it waits ends with CANCELED, once, and
 * leaves the queue: its successor is next. */
static void test_release_cancels_a_wait(void **state)
{
    struct test_call canceled = TEST_CALL_INIT;
    struct test_call behind = TEST_CALL_INIT;
    struct test_call released = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *held;
    leaselock_ticket *waiting;
    leaselock_ticket *last;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "async/cancel");
    waiting = test_acquire_async(&peer, "async/cancel", &canceled);
    last = test_acquire_async(&peer, "async/cancel", &behind);
    test_await_place(last);
    assert_int_equal(
        leaselock_release_async(waiting, test_call_done, &released, NULL), 0);
    assert_int_equal(leaselock_ticket_state(waiting), LEASELOCK_E_HANDLE);
    assert_int_equal(test_call_await(&canceled), LEASELOCK_E_CANCELED);
    assert_int_equal(test_call_await(&released), 0);
    assert_int_equal(test_keys(&etcd, "async/cancel/"), 2);
    test_release(held);
    assert_int_equal(test_call_await(&behind), 0);
    test_release(last);
    assert_int_equal(test_call_count(&canceled), 1);
    assert_int_equal(test_keys(&etcd, ""), 0);
    test_peer_close(&peer);
}

/** A ticket that is released before etcd has answered its request leaves no
 * key, in whichever order the two arrive. */
static void test_release_crosses_the_request(void **state)
{
    enum { CALLS = 50 };
    static struct test_call calls[CALLS];
    struct test_peer peer;
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (i = 0; i < CALLS; i++) {
        leaselock_ticket *ticket;

        calls[i] = (struct test_call)TEST_CALL_INIT;
        ticket = test_acquire_async(&peer, "async/cross", &calls[i]);
        assert_int_equal(leaselock_release_async(ticket, NULL, NULL, NULL), 0);
    }
    for (i = 0; i < CALLS; i++) {
        int status = test_call_await(&calls[i]);

        assert_true(status == 0 || status == LEASELOCK_E_CANCELED);
    }
    test_await_keys(&etcd, "", 0);
    for (i = 0; i < CALLS; i++) {
        assert_int_equal(test_call_count(&calls[i]), 1);
    }
    test_peer_close(&peer);
}

/** An acquire with a timeout on a held lock ends with TIMEOUT, not early, and
 * leaves no key. */
static void test_timeout_leaves_no_key(void **state)
{
    enum { TIMEOUT_MS = 200 };
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_peer peer;
    leaselock_ticket *held;
    leaselock_ticket *none = NULL;
    int64_t start_ns;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "async/timeout");
    start_ns = test_now_ns();
    assert_int_equal(leaselock_acquire(peer.session, "async/timeout", NULL,
                                       TIMEOUT_MS, &none, &error),
                     LEASELOCK_E_TIMEOUT);
    assert_true(test_now_ns() - start_ns >= TIMEOUT_MS * TEST_NS_PER_MS);
    assert_null(none);
    assert_int_equal(error.code, LEASELOCK_E_TIMEOUT);
    test_await_keys(&etcd, "async/timeout/", 1);
    test_release(held);
    assert_int_equal(test_keys(&etcd, ""), 0);
    test_peer_close(&peer);
}

/** An endpoint without a listener gives UNAVAILABLE with its name, in bounded
 * time, and has no effect beside a healthy one. */
static void test_dead_endpoint(void **state)
{
    enum { OPEN_TIMEOUT_MS = 500 };
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    struct leaselock_ping ping;
    struct test_peer peer;
    char endpoints[2 * TEST_ETCD_ENDPOINT_SIZE];
    char dead[TEST_ETCD_ENDPOINT_SIZE];
    uint16_t port = 0;
    int reserved = test_port_reserve(&port);
    int64_t start_ns = test_now_ns();

    (void)state;
    assert_true(reserved >= 0);
    (void)snprintf(dead, sizeof(dead), "127.0.0.1:%u", port);
    options.open_timeout_ms = OPEN_TIMEOUT_MS;
    assert_int_equal(leaselock_client_open(dead, NULL, &client, NULL), 0);
    assert_int_equal(leaselock_session_open(client, &options, &session, &error),
                     LEASELOCK_E_UNAVAILABLE);
    assert_null(session);
    assert_string_equal(error.endpoint, dead);
    assert_non_null(strstr(error.message, dead));
    assert_int_equal(leaselock_ping(client, 0, OPEN_TIMEOUT_MS, &ping, &error),
                     LEASELOCK_E_UNAVAILABLE);
    assert_string_equal(error.endpoint, dead);
    (void)leaselock_client_close(client, NULL);
    assert_true(test_now_ns() - start_ns < TEST_WAIT_MS * TEST_NS_PER_MS);

    (void)snprintf(endpoints, sizeof(endpoints), "%s,%s", dead, etcd.endpoint);
    test_peer_open(endpoints, TEST_TTL_LONG_S, &peer);
    test_release(test_acquire(&peer, "async/second"));
    assert_int_equal(leaselock_ping(peer.client, 1, TEST_WAIT_MS, &ping, NULL),
                     0);
    assert_string_equal(ping.endpoint, etcd.endpoint);
    test_peer_close(&peer);
    (void)close(reserved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twins_on_the_background_thread),
        cmocka_unit_test(test_dispatch_mode),
        cmocka_unit_test(test_dispatch_mode_close_calls_back),
        cmocka_unit_test(test_release_cancels_a_wait),
        cmocka_unit_test(test_release_crosses_the_request),
        cmocka_unit_test(test_timeout_leaves_no_key),
        cmocka_unit_test(test_dead_endpoint),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
