/* SPDX-License-Identifier: Apache-2.0 */
/* Closing sessions and clients ends the waits and leaves etcd empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define WAITERS 6
/** Of the client without answers from etcd. */
#define REQUEST_TIMEOUT_MS 300
/** Of a session that is never opened. */
#define OPEN_TIMEOUT_MS 200

static void check_empty(void)
{
    assert_int_equal(test_keys(&etcd, ""), 0);
    assert_int_equal(test_leases(&etcd), 0);
}

/** A thread whose wait for a lock is not served. */
struct waiter {
    pthread_t thread;
    leaselock_session *session;
    const char *name;
    leaselock_ticket *ticket;
    struct leaselock_error error;
    int status;
};

static void *waiter_main(void *arg)
{
    struct waiter *waiter = arg;

    waiter->status =
        leaselock_acquire(waiter->session, waiter->name, NULL,
                          LEASELOCK_FOREVER, &waiter->ticket, &waiter->error);
    return NULL;
}

static void start_waiters(struct waiter *waiters,
                          leaselock_session *session,
                          const char *name)
{
    int i;

    for (i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){.session = session, .name = name};
        assert_int_equal(
            pthread_create(&waiters[i].thread, NULL, waiter_main, &waiters[i]),
            0);
    }
}

/** The waits must have ended with CLOSED. */
static void join_waiters(struct waiter *waiters)
{
    int i;

    for (i = 0; i < WAITERS; i++) {
        assert_int_equal(pthread_join(waiters[i].thread, NULL), 0);
        assert_int_equal(waiters[i].status, LEASELOCK_E_CLOSED);
        assert_int_equal(waiters[i].error.code, LEASELOCK_E_CLOSED);
        assert_null(waiters[i].ticket);
    }
}

/** Closing a session ends its waits with CLOSED and removes its keys and lease
 * from etcd; the holder in another session keeps its lock. */
static void test_session_close_ends_waits(void **state)
{
    static struct waiter waiters[WAITERS];
    struct test_peer holder;
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&holder, "close/session");
    start_waiters(waiters, peer.session, "close/session");
    test_await_keys(&etcd, "close/session/", 1 + WAITERS);
    assert_int_equal(leaselock_session_close(peer.session, NULL), 0);
    join_waiters(waiters);
    assert_int_equal(test_keys(&etcd, ""), 1);
    assert_int_equal(test_leases(&etcd), 1);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_session_state(peer.session), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_session_close(peer.session, NULL),
                     LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
    test_peer_close(&holder);
    check_empty();
}

/** Closing a client does the same for all of its sessions, holders too. */
static void test_client_close_ends_waits(void **state)
{
    static struct waiter waiters[WAITERS];
    static struct waiter others[WAITERS];
    leaselock_session *second = NULL;
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(leaselock_session_open(peer.client, NULL, &second, NULL),
                     0);
    held = test_acquire(&peer, "close/client");
    start_waiters(waiters, peer.session, "close/client");
    start_waiters(others, second, "close/client");
    test_await_keys(&etcd, "close/client/", 1 + 2 * WAITERS);
    test_peer_close(&peer);
    join_waiters(waiters);
    join_waiters(others);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_session_state(second), LEASELOCK_E_HANDLE);
    check_empty();
}

/** A client that is closed while acquires, releases and session openings of
 * many threads have just begun leaves nothing either. */
static void test_client_close_in_the_middle(void **state)
{
    enum { ROUNDS = 20 };
    static struct waiter waiters[WAITERS];
    int round;
    int i;

    (void)state;
    for (round = 0; round < ROUNDS; round++) {
        struct test_peer peer;

        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
        start_waiters(waiters, peer.session, "close/middle");
        test_peer_close(&peer);
        for (i = 0; i < WAITERS; i++) {
            int status;

            assert_int_equal(pthread_join(waiters[i].thread, NULL), 0);
            status = waiters[i].status;
            assert_true(status == 0 || status == LEASELOCK_E_CLOSED ||
                        status == LEASELOCK_E_HANDLE);
        }
    }
    check_empty();
}

/** Closing a session that holds locks releases them: the next waiters get them,
 * no loss is reported, and the handles are closed. */
static void test_session_close_frees_locks(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call lost = TEST_CALL_INIT;
    struct test_call next = TEST_CALL_INIT;
    struct test_peer holder;
    struct test_peer peer;
    leaselock_ticket *held = NULL;
    leaselock_ticket *waiting;

    (void)state;
    options.on_lost = test_call_lost;
    options.on_lost_arg = &lost;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(leaselock_acquire(holder.session, "close/held", &options,
                                       TEST_WAIT_MS, &held, NULL),
                     0);
    waiting = test_acquire_async(&peer, "close/held", &next);
    test_await_place(waiting);
    assert_int_equal(leaselock_session_close(holder.session, NULL), 0);
    assert_int_equal(test_call_await(&next), 0);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_release(held, NULL), LEASELOCK_E_HANDLE);
    test_peer_close(&holder);
    assert_int_equal(test_call_count(&lost), 0);
    test_release(waiting);
    test_peer_close(&peer);
    check_empty();
}

/** The pending calls of a client that closes. */
struct pending {
    struct test_call acquires[WAITERS];
    struct test_call releases[WAITERS];
    struct test_call open;
    struct test_call ping;
    struct test_call queue;
    struct leaselock_ping ping_answer;
    struct leaselock_queue_info *queue_answer;
};

/** Begins one of each asynchronous call. */
static void begin_all(struct test_peer *peer, struct pending *pending)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    int i;

    options.ttl_s = 2;
    *pending = (struct pending){.open = TEST_CALL_INIT,
                                .ping = TEST_CALL_INIT,
                                .queue = TEST_CALL_INIT};
    for (i = 0; i < WAITERS; i++) {
        pending->releases[i] = (struct test_call)TEST_CALL_INIT;
        pending->acquires[i] = (struct test_call)TEST_CALL_INIT;
        ticket = test_acquire(peer, "close/release");
        assert_int_equal(leaselock_release_async(ticket, test_call_done,
                                                 &pending->releases[i], NULL),
                         0);
    }
    for (i = 0; i < WAITERS; i++) {
        (void)test_acquire_async(peer, "close/pending", &pending->acquires[i]);
    }
    assert_int_equal(
        leaselock_session_open_async(peer->client, &options, test_call_done,
                                     &pending->open, &session, NULL),
        0);
    assert_int_equal(leaselock_ping_async(peer->client, 0, TEST_WAIT_MS,
                                          &pending->ping_answer, test_call_done,
                                          &pending->ping, NULL),
                     0);
    assert_int_equal(leaselock_queue_async(peer->client, "close/pending", NULL,
                                           &pending->queue_answer,
                                           test_call_done, &pending->queue,
                                           NULL),
                     0);
}

/** The callback was called once, with a status that fits a close. */
static void check_once(struct test_call *call, const char *what)
{
    int status = test_call_status(call);

    assert_int_equal(test_call_count(call), 1);
    if (status != 0 && status != LEASELOCK_E_CLOSED &&
        status != LEASELOCK_E_OUTCOME_UNKNOWN) {
        fail_msg("%s: %s", what, call->error.message);
    }
}

static void check_all_once(struct pending *pending)
{
    int i;

    for (i = 0; i < WAITERS; i++) {
        check_once(&pending->acquires[i], "acquire");
        check_once(&pending->releases[i], "release");
    }
    check_once(&pending->open, "open");
    check_once(&pending->ping, "ping");
    check_once(&pending->queue, "queue");
    if (test_call_status(&pending->queue) == 0) {
        leaselock_queue_free(pending->queue_answer);
        pending->queue_answer = NULL;
    }
}

/** Each pending asynchronous call has exactly one callback when its client is
 * closed, in both modes, and none after the close. */
static void test_client_close_calls_back_once(void **state)
{
    static struct pending pending;
    int dispatch;

    (void)state;
    for (dispatch = 0; dispatch <= 1; dispatch++) {
        struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
        struct test_peer peer;

        options.dispatch = dispatch;
        test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
        begin_all(&peer, &pending);
        test_peer_close(&peer);
        check_all_once(&pending);
        check_empty();
        check_all_once(&pending);
    }
}

/** A session that failed to open may still have a lease. A client that is
 * closed right after that revokes the lease. Method: etcd is frozen until the
 * opening has timed out, and then receives the grant. */
static void test_client_close_revokes_late_grant(void **state)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_session *session = NULL;
    leaselock_client *client = NULL;
    struct leaselock_ping ping;

    (void)state;
    options.open_timeout_ms = OPEN_TIMEOUT_MS;
    options.ttl_s = TEST_TTL_LONG_S;
    assert_int_equal(leaselock_client_open(etcd.endpoint, NULL, &client, NULL),
                     0);
    /* With a connection, so that the grant is sent at once. */
    assert_int_equal(leaselock_ping(client, 0, TEST_WAIT_MS, &ping, NULL), 0);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_int_equal(leaselock_session_open(client, &options, &session, NULL),
                     LEASELOCK_E_UNAVAILABLE);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
    check_empty();
}

/** Failure 8: closing does not hang if etcd does not answer: with a black hole,
 * a session's and a client's close return OUTCOME_UNKNOWN, the waits end, and
 * etcd deletes the keys when the lease expires. */
static void test_8_close_in_a_black_hole(void **state)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    static struct waiter waiters[WAITERS];
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_session *second = NULL;
    struct test_proxy *proxy;
    struct test_peer peer;
    int64_t start_ns;

    (void)state;
    client_options.request_timeout_ms = REQUEST_TIMEOUT_MS;
    options.ttl_s = 3;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_peer_open_with(test_proxy_endpoint(proxy), &client_options, &options,
                        &peer);
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &second, NULL), 0);
    (void)test_acquire(&peer, "close/hole");
    start_waiters(waiters, second, "close/hole");
    test_await_keys(&etcd, "close/hole/", 1 + WAITERS);
    test_proxy_black_hole(proxy);
    start_ns = test_now_ns();
    assert_int_equal(leaselock_session_close(second, &error),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(error.code, LEASELOCK_E_OUTCOME_UNKNOWN);
    join_waiters(waiters);
    error.code = 0;
    assert_int_equal(leaselock_client_close(peer.client, &error),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_int_equal(error.code, LEASELOCK_E_OUTCOME_UNKNOWN);
    assert_true(test_now_ns() - start_ns < TEST_WAIT_MS * TEST_NS_PER_MS / 2);
    assert_int_equal(leaselock_session_state(peer.session), LEASELOCK_E_HANDLE);
    test_proxy_close(proxy);
    test_await_keys(&etcd, "", 0);
    check_empty();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_close_ends_waits),
        cmocka_unit_test(test_client_close_ends_waits),
        cmocka_unit_test(test_client_close_in_the_middle),
        cmocka_unit_test(test_session_close_frees_locks),
        cmocka_unit_test(test_client_close_calls_back_once),
        cmocka_unit_test(test_client_close_revokes_late_grant),
        cmocka_unit_test(test_8_close_in_a_black_hole),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
