/* SPDX-License-Identifier: Apache-2.0 */
/* leaselock_lead: a function that runs while its caller leads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Long enough to distinguish suspicion, loss and the server's expiry. */
#define TTL_S 5

/** The reports of on_stop, in order. */
struct stops {
    pthread_mutex_t mutex;
    int n;
    int states[8];
};

static void on_stop(leaselock_ticket *ticket,
                    enum leaselock_lead_state state,
                    const char *why,
                    void *arg)
{
    struct stops *stops = arg;

    (void)pthread_mutex_lock(&stops->mutex);
    if (stops->n < 8 && why[0] != '\0' && leaselock_ticket_token(ticket) != 0) {
        stops->states[stops->n] = (int)state;
    }
    stops->n++;
    (void)pthread_mutex_unlock(&stops->mutex);
}

static int stops_count(struct stops *stops)
{
    int n;

    (void)pthread_mutex_lock(&stops->mutex);
    n = stops->n;
    (void)pthread_mutex_unlock(&stops->mutex);
    return n;
}

/** The input of a leader's function, and its observations. */
struct work {
    struct test_peer *other;
    struct test_proxy *proxy;
    struct stops stops;
    struct test_call call;
    leaselock_ticket *next;
    int calls;
    int seen[4];
    int result;
};

#define WORK_INIT                                                              \
    {                                                                          \
        .stops = {.mutex = PTHREAD_MUTEX_INITIALIZER}, .call = TEST_CALL_INIT  \
    }

static int lead(struct test_peer *peer,
                const char *name,
                leaselock_lead_fn *fn,
                struct work *work)
{
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;

    options.on_stop = on_stop;
    options.on_stop_arg = &work->stops;
    return leaselock_lead(peer->session, name, "me", 2, &options, fn, work,
                          NULL);
}

/** Leads while another candidate waits, and writes. */
static int work_quietly(leaselock_ticket *ticket, void *arg)
{
    struct work *work = arg;

    work->calls++;
    work->next = test_acquire_async(work->other, "lead/quiet", &work->call);
    test_await_place(work->next);
    work->seen[0] = leaselock_lead_wait(ticket, 0);
    work->seen[1] = leaselock_lead_wait(ticket, 50);
    work->seen[2] = put(ticket, "quiet/a", "x");
    work->seen[3] = test_call_count(&work->call);
    return work->result;
}

/** Goal: the function leads, its result is what leaselock_lead returns, and
 *  the next candidate comes after it has returned. Method: one waits. */
static void test_quiet_leader(void **state)
{
    struct test_peer one;
    struct test_peer two;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &one);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &two);
    for (int result = -1; result < 2; result++) {
        struct work work = WORK_INIT;

        work.other = &two;
        work.result = result;
        assert_int_equal(lead(&one, "lead/quiet", work_quietly, &work), result);
        assert_int_equal(work.calls, 1);
        assert_int_equal(work.seen[0], LEASELOCK_LEAD_LEADING);
        assert_int_equal(work.seen[1], LEASELOCK_LEAD_LEADING);
        assert_int_equal(work.seen[2], 0);
        assert_int_equal(work.seen[3], 0);
        assert_int_equal(test_call_await(&work.call), 0);
        assert_int_equal(stops_count(&work.stops), 0);
        test_release(work.next);
    }
    test_peer_close(&one);
    test_peer_close(&two);
}

/** Is cut off, waits to become suspect and for the loss, and runs on for a
 * while. */
static int work_cut_off(leaselock_ticket *ticket, void *arg)
{
    struct work *work = arg;
    int64_t deadline_ns = test_deadline_ns(TEST_WAIT_MS);

    test_proxy_black_hole(work->proxy);
    work->seen[0] = leaselock_lead_wait(ticket, LEASELOCK_FOREVER);
    work->seen[1] = work->seen[0];
    while (work->seen[1] == LEASELOCK_LEAD_SUSPECT &&
           test_now_ns() < deadline_ns) {
        test_pause_step();
        work->seen[1] = leaselock_lead_wait(ticket, 0);
    }
    work->seen[2] = test_keys(&etcd, "lead/cut/");
    work->seen[3] = put(ticket, "cut/a", "x");
    return 0;
}

/** Goal: a leader that is cut off becomes suspect and then lost, reported by
 * leaselock_lead_wait and by on_stop, each once and before its lease expires in
 * etcd; its later writes are not applied; and leaselock_lead returns LOST.
 * Method: a black hole between leader and etcd. */
static void test_leader_cut_off(void **state)
{
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct work work = WORK_INIT;
    struct test_peer peer;

    (void)state;
    session.ttl_s = TTL_S;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &work.proxy),
                     0);
    test_peer_open_with(test_proxy_endpoint(work.proxy), NULL, &session, &peer);
    assert_int_equal(lead(&peer, "lead/cut", work_cut_off, &work),
                     LEASELOCK_E_LOST);
    assert_int_equal(work.seen[0], LEASELOCK_LEAD_SUSPECT);
    assert_int_equal(work.seen[1], LEASELOCK_LEAD_LOST);
    assert_int_equal(work.seen[2], 1);
    assert_int_equal(work.seen[3], LEASELOCK_E_NOT_HELD);
    assert_int_equal(stops_count(&work.stops), 2);
    assert_int_equal(work.stops.states[0], LEASELOCK_LEAD_SUSPECT);
    assert_int_equal(work.stops.states[1], LEASELOCK_LEAD_LOST);
    assert_int_equal(test_keys(&etcd, "cut/"), 0);
    test_proxy_pass(work.proxy);
    (void)leaselock_client_close(peer.client, NULL);
    test_proxy_close(work.proxy);
}

static bool leads_again(void *ticket)
{
    return leaselock_lead_wait(ticket, 0) == LEASELOCK_LEAD_LEADING;
}

/** Becomes suspect, and recovers. */
static int work_in_doubt(leaselock_ticket *ticket, void *arg)
{
    struct work *work = arg;

    test_proxy_black_hole(work->proxy);
    work->seen[0] = leaselock_lead_wait(ticket, LEASELOCK_FOREVER);
    test_proxy_cut(work->proxy);
    test_proxy_pass(work->proxy);
    work->seen[1] = test_until(TEST_WAIT_MS, leads_again, ticket);
    return 7;
}

/** Goal: a suspect leader may recover: this is reported once, and it keeps
 * leading. */
static void test_leader_suspect(void **state)
{
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct work work = WORK_INIT;
    struct test_peer peer;

    (void)state;
    session.ttl_s = 15;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &work.proxy),
                     0);
    test_peer_open_with(test_proxy_endpoint(work.proxy), NULL, &session, &peer);
    assert_int_equal(lead(&peer, "lead/doubt", work_in_doubt, &work), 7);
    assert_int_equal(work.seen[0], LEASELOCK_LEAD_SUSPECT);
    assert_true(work.seen[1]);
    assert_int_equal(stops_count(&work.stops), 1);
    assert_int_equal(work.stops.states[0], LEASELOCK_LEAD_SUSPECT);
    test_peer_close(&peer);
    test_proxy_close(work.proxy);
}

static int work_without_key(leaselock_ticket *ticket, void *arg)
{
    struct work *work = arg;

    test_delete(&etcd, ticket);
    work->seen[0] = leaselock_lead_wait(ticket, TEST_WAIT_MS);
    return 0;
}

/** Goal: a leader whose key is deleted is woken, and the loss is reported
 * once. */
static void test_leader_without_key(void **state)
{
    struct work work = WORK_INIT;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(lead(&peer, "lead/key", work_without_key, &work),
                     LEASELOCK_E_LOST);
    assert_int_equal(work.seen[0], LEASELOCK_LEAD_LOST);
    assert_int_equal(work.stops.states[0], LEASELOCK_LEAD_LOST);
    assert_int_equal(stops_count(&work.stops), 1);
    test_peer_close(&peer);
}

static int work_and_commit(leaselock_ticket *ticket, void *arg)
{
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;

    (void)arg;
    txn.release = 1;
    return leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL) == 0
               ? 42
               : LEASELOCK_E_STATE;
}

static int work_not_at_all(leaselock_ticket *ticket, void *arg)
{
    (void)ticket;
    ((struct work *)arg)->calls++;
    return 0;
}

/** Goal: the function may release the ticket itself; a campaign that fails does
 * not call it; options have limits. */
static void test_ends_of_a_lead(void **state)
{
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;
    struct work work = WORK_INIT;
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(lead(&peer, "lead/end", work_and_commit, &work), 42);
    assert_int_equal(test_keys(&etcd, "lead/end/"), 0);
    held = test_acquire(&peer, "lead/end");
    options.timeout_ms = 50;
    assert_int_equal(leaselock_lead(peer.session, "lead/end", "x", 1, &options,
                                    work_not_at_all, &work, NULL),
                     LEASELOCK_E_TIMEOUT);
    assert_int_equal(leaselock_lead(peer.session, "lead/end", "x", 1, &options,
                                    NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_lead(peer.session, "lead/end", NULL, 1, NULL,
                                    work_not_at_all, &work, NULL),
                     LEASELOCK_E_ARGUMENT);
    options.struct_size = 1;
    assert_int_equal(leaselock_lead(peer.session, "lead/end", "x", 1, &options,
                                    work_not_at_all, &work, NULL),
                     LEASELOCK_E_ARGUMENT);
    test_release(held);
    test_peer_close(&peer);
    assert_int_equal(lead(&peer, "lead/end", work_not_at_all, &work),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(work.calls, 0);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/** Most likely while the other thread waits; the result does not depend on
 * it. */
static void *release_later(void *arg)
{
    (void)test_until(50, never, NULL);
    (void)leaselock_release(arg, NULL);
    return NULL;
}

struct inside {
    struct test_call call;
    leaselock_ticket *ticket;
    int looked;
    int waited;
};

static void
wait_inside(int status, const struct leaselock_error *error, void *arg)
{
    struct inside *inside = arg;

    inside->looked = leaselock_lead_wait(inside->ticket, 0);
    inside->waited = leaselock_lead_wait(inside->ticket, 1);
    test_call_done(status, error, &inside->call);
}

/** Goal: leaselock_lead_wait refuses a waiting ticket, is woken by a release of
 * the ticket, and may be polled in a callback. */
static void test_lead_wait(void **state)
{
    struct inside inside = {.call = TEST_CALL_INIT};
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;
    leaselock_ticket *waiting;
    pthread_t thread;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "lead/wait");
    waiting = test_acquire_async(&peer, "lead/wait", &call);
    assert_int_equal(leaselock_lead_wait(waiting, 0), LEASELOCK_E_STATE);
    assert_int_equal(leaselock_lead_wait(ticket, -2), LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_lead_wait(NULL, 0), LEASELOCK_E_HANDLE);
    inside.ticket = ticket;
    assert_int_equal(leaselock_fenced_put_async(ticket, "wait/a", 6, "x", 1,
                                                TEST_WAIT_MS, wait_inside,
                                                &inside, NULL),
                     0);
    assert_int_equal(test_call_await(&inside.call), 0);
    assert_int_equal(inside.looked, LEASELOCK_LEAD_LEADING);
    assert_int_equal(inside.waited, LEASELOCK_E_DEADLOCK);
    assert_int_equal(pthread_create(&thread, NULL, release_later, ticket), 0);
    assert_int_equal(leaselock_lead_wait(ticket, LEASELOCK_FOREVER),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_session_close(peer.session, NULL), 0);
    assert_int_equal(leaselock_lead_wait(waiting, LEASELOCK_FOREVER),
                     LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_leader),
        cmocka_unit_test(test_leader_cut_off),
        cmocka_unit_test(test_leader_suspect),
        cmocka_unit_test(test_leader_without_key),
        cmocka_unit_test(test_ends_of_a_lead),
        cmocka_unit_test(test_lead_wait),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
