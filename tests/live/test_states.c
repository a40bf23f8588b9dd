/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of a session and its tickets when etcd does not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Long enough that the margin before the server's expiry is half a second. */
#define TTL_S 5

/** A loss, with etcd's revision at that moment, unless etcd will be frozen. */
struct witness {
    struct test_call call;
    bool etcd_freezes;
    int64_t revision;
};

static void witness_state(leaselock_session *session,
                          enum leaselock_session_state state,
                          const char *why,
                          void *arg)
{
    struct witness *witness = arg;

    if (state == LEASELOCK_SESSION_LOST && !witness->etcd_freezes) {
        witness->revision = test_etcd_revision(&etcd);
    }
    test_call_state(session, state, why, &witness->call);
}

/** A session and its held lock, both with callbacks. */
struct watched {
    struct test_peer peer;
    struct witness session;
    struct test_call ticket;
    leaselock_ticket *held;
};

static void watched_open(struct watched *watched,
                         const char *endpoint,
                         const char *name,
                         bool etcd_freezes)
{
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;

    *watched = (struct watched){.session.call = TEST_CALL_INIT,
                                .ticket = TEST_CALL_INIT};
    watched->session.etcd_freezes = etcd_freezes;
    session.ttl_s = TTL_S;
    session.on_state = witness_state;
    session.on_state_arg = &watched->session;
    acquire.on_lost = test_call_lost;
    acquire.on_lost_arg = &watched->ticket;
    test_peer_open_with(endpoint, NULL, &session, &watched->peer);
    assert_int_equal(leaselock_acquire(watched->peer.session, name, &acquire,
                                       TEST_WAIT_MS, &watched->held, NULL),
                     0);
}

/** Checks the reported states, in order and no others. */
static void check_states(struct test_call *call, const int *states, int n)
{
    int i;

    assert_int_equal(test_call_count(call), n);
    for (i = 0; i < n; i++) {
        assert_int_equal(call->states[i], states[i]);
    }
}

/** Failure 15: the loss of a holder that is cut off from etcd is reported
 * before etcd can grant the lock to another: at that time etcd's revision,
 * which the test reads past the black hole, is still that of the held lock.
 * Every callback is called once. */
static void test_15_loss_is_reported_before_the_server_expires(void **state)
{
    static const int states[] = {LEASELOCK_SESSION_ACTIVE,
                                 LEASELOCK_SESSION_SUSPECT,
                                 LEASELOCK_SESSION_LOST};
    struct watched watched;
    struct test_proxy *proxy;
    struct test_call done = TEST_CALL_INIT;
    leaselock_ticket *none = NULL;
    int64_t revision;

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    watched_open(&watched, test_proxy_endpoint(proxy), "state/15", false);
    revision = test_etcd_revision(&etcd);
    test_proxy_black_hole(proxy);
    test_call_await_state(&watched.session.call, LEASELOCK_SESSION_SUSPECT);
    assert_int_equal(leaselock_ticket_state(watched.held),
                     LEASELOCK_TICKET_HELD);
    assert_int_equal(test_call_await(&watched.ticket), LEASELOCK_TICKET_LOST);
    test_call_await_state(&watched.session.call, LEASELOCK_SESSION_LOST);
    assert_int_equal(watched.session.revision, revision);
    assert_int_equal(leaselock_session_state(watched.peer.session),
                     LEASELOCK_SESSION_LOST);
    assert_int_equal(leaselock_session_remaining_ms(watched.peer.session), 0);
    assert_int_equal(leaselock_acquire(watched.peer.session, "state/15", NULL,
                                       0, &none, NULL),
                     LEASELOCK_E_LOST);
    assert_int_equal(leaselock_acquire_async(watched.peer.session, "state/15",
                                             NULL, 0, test_call_done, &done,
                                             &none, NULL),
                     LEASELOCK_E_LOST);
    test_proxy_pass(proxy);
    assert_int_equal(leaselock_release(watched.held, NULL), LEASELOCK_E_LOST);
    (void)leaselock_client_close(watched.peer.client, NULL);
    test_await_keys(&etcd, "", 0);
    check_states(&watched.session.call, states, 3);
    assert_int_equal(test_call_count(&watched.ticket), 1);
    assert_int_equal(test_call_count(&done), 0);
    test_proxy_close(proxy);
}

/** A session survives an etcd that is stopped for less than its TTL: it is
 * reported as suspect and then as active again, and the lock stays held. etcd
 * is stopped until the session is suspect. */
static void test_short_freeze_is_survived(void **state)
{
    static const int states[] = {LEASELOCK_SESSION_ACTIVE,
                                 LEASELOCK_SESSION_SUSPECT,
                                 LEASELOCK_SESSION_ACTIVE};
    struct watched watched;

    (void)state;
    watched_open(&watched, etcd.endpoint, "state/freeze", true);
    test_call_await_state(&watched.session.call, LEASELOCK_SESSION_ACTIVE);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    test_call_await_state(&watched.session.call, LEASELOCK_SESSION_SUSPECT);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    test_call_await_state(&watched.session.call, LEASELOCK_SESSION_ACTIVE);
    assert_int_equal(leaselock_ticket_state(watched.held),
                     LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_session_state(watched.peer.session),
                     LEASELOCK_SESSION_ACTIVE);
    test_release(watched.held);
    test_peer_close(&watched.peer);
    check_states(&watched.session.call, states, 3);
    assert_int_equal(test_call_count(&watched.ticket), 0);
}

/** If etcd is stopped for longer, the session is lost: SUSPECT, then LOST
 * within the TTL, for the waiter and for the holder, while etcd is frozen and
 * sends nothing. */
static void test_long_freeze_loses_all(void **state)
{
    static const int states[] = {LEASELOCK_SESSION_ACTIVE,
                                 LEASELOCK_SESSION_SUSPECT,
                                 LEASELOCK_SESSION_LOST};
    struct test_call waiting = TEST_CALL_INIT;
    struct watched watched;
    int64_t start_ns;

    (void)state;
    watched_open(&watched, etcd.endpoint, "state/long", true);
    test_await_place(test_acquire_async(&watched.peer, "state/long", &waiting));
    start_ns = test_now_ns();
    assert_int_equal(test_etcd_pause(&etcd), 0);
    test_call_await_state(&watched.session.call, LEASELOCK_SESSION_LOST);
    assert_true(watched.session.call.at_ns - start_ns <
                TTL_S * 1000 * TEST_NS_PER_MS);
    assert_int_equal(test_call_await(&watched.ticket), LEASELOCK_TICKET_LOST);
    assert_int_equal(test_call_await(&waiting), LEASELOCK_E_LOST);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    assert_int_equal(leaselock_release(watched.held, NULL), LEASELOCK_E_LOST);
    test_peer_close(&watched.peer);
    assert_int_equal(test_keys(&etcd, ""), 0);
    check_states(&watched.session.call, states, 3);
    assert_int_equal(test_call_count(&watched.ticket), 1);
    assert_int_equal(test_call_count(&waiting), 1);
}

/** If a third party revokes the lease, the session is lost at the next
 * keep-alive or sooner, with one callback for the session and one for the
 * ticket. */
static void test_revoked_lease_is_reported_once(void **state)
{
    static const int states[] = {LEASELOCK_SESSION_ACTIVE,
                                 LEASELOCK_SESSION_LOST};
    struct watched watched;

    (void)state;
    watched_open(&watched, etcd.endpoint, "state/revoked", false);
    test_revoke(&etcd, watched.peer.session);
    test_call_await_state(&watched.session.call, LEASELOCK_SESSION_LOST);
    assert_int_equal(test_call_await(&watched.ticket), LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(watched.held, NULL), LEASELOCK_E_LOST);
    test_peer_close(&watched.peer);
    check_states(&watched.session.call, states, 2);
    assert_int_equal(test_call_count(&watched.ticket), 1);
}

/** After a restart of etcd with its data nothing is lost: the lock stays held,
 * and a waiter is served afterwards. */
static void test_restart_of_etcd_is_survived(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *held;
    leaselock_ticket *waiting;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "state/restart");
    waiting = test_acquire_async(&peer, "state/restart", &call);
    test_await_place(waiting);
    assert_int_equal(test_etcd_restart(&etcd), 0);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waiting);
    test_peer_close(&peer);
    assert_int_equal(test_keys(&etcd, ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_15_loss_is_reported_before_the_server_expires),
        cmocka_unit_test(test_short_freeze_is_survived),
        cmocka_unit_test(test_long_freeze_loses_all),
        cmocka_unit_test(test_revoked_lease_is_reported_once),
        cmocka_unit_test(test_restart_of_etcd_is_survived),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
