/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets that give way and queue again in one request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** How often two clients take turns. */
#define TURNS 100
/** Of the client behind the faulty network. */
#define REQUEST_TIMEOUT_MS 500
#define SHORT_MS 100
/** Of the sessions that are to be lost. */
#define TTL_S 2

/** A closed handle: there is nothing to release. */
static void assert_over(leaselock_ticket *ticket)
{
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_HANDLE);
}

/** The lock's queue has one ticket, with this label. */
static void
check_label(const char *name, const struct test_peer *peer, const char *label)
{
    struct leaselock_queue_info *queue = NULL;

    assert_int_equal(leaselock_queue(peer->client, name, NULL, &queue, NULL),
                     0);
    assert_int_equal(queue->entries_n, 1);
    assert_string_equal(queue->entries[0].label, label);
    leaselock_queue_free(queue);
}

/** One client alone: each rejoin is one change of etcd, the lock is held again
 * with a greater token and another key, and what the acquire asked for
 * remains. */
static void test_alone(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    int64_t revision;
    int64_t token;
    char before[LEASELOCK_KEY_MAX + 1];
    char after[LEASELOCK_KEY_MAX + 1];

    (void)state;
    options.label = "a label";
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(leaselock_acquire(peer.session, "rejoin/alone", &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    revision = test_etcd_revision(&etcd);
    for (int i = 1; i <= 10; i++) {
        token = leaselock_ticket_token(ticket);
        assert_true(leaselock_ticket_key(ticket, before, sizeof(before)) > 0);
        assert_int_equal(leaselock_rejoin(ticket, TEST_WAIT_MS, NULL), 0);
        assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
        assert_int_equal(test_etcd_revision(&etcd), revision + i);
        assert_int_equal(leaselock_ticket_token(ticket), revision + i);
        assert_true(leaselock_ticket_token(ticket) > token);
        assert_true(leaselock_ticket_key(ticket, after, sizeof(after)) > 0);
        assert_string_not_equal(before, after);
        check_label("rejoin/alone", &peer, "a label");
        assert_int_equal(
            leaselock_fenced_put(ticket, "data", 4, "x", 1, TEST_WAIT_MS, NULL),
            0);
        revision++;
    }
    test_release(ticket);
    assert_int_equal(test_keys(&etcd, "rejoin/alone/"), 0);
    test_peer_close(&peer);
}

/** Who holds, and how often it has changed. */
struct turns {
    atomic_int inside;
    atomic_int last;
    atomic_int changes;
    atomic_int bad;
};

struct turner {
    pthread_t thread;
    struct turns *turns;
    int number;
    leaselock_ticket *ticket;
};

static void *take_turns(void *arg)
{
    struct turner *turner = arg;
    struct turns *turns = turner->turns;

    for (int i = 0; i < TURNS; i++) {
        if (leaselock_rejoin(turner->ticket, TEST_WAIT_MS, NULL) != 0 ||
            atomic_fetch_add(&turns->inside, 1) != 0) {
            atomic_fetch_add(&turns->bad, 1);
            break;
        }
        if (atomic_exchange(&turns->last, turner->number) != turner->number) {
            atomic_fetch_add(&turns->changes, 1);
        }
        atomic_fetch_sub(&turns->inside, 1);
    }
    (void)leaselock_release(turner->ticket, NULL);
    return NULL;
}

/** Two clients take turns: each new place is behind the other's, so the holder
 * changes every time until one of them has had all of its turns. */
static void test_two_take_turns(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct turns turns = {0};
    struct turner turners[2];
    struct test_peer peers[2];
    leaselock_ticket *tickets[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[i]);
    }
    tickets[0] = test_acquire(&peers[0], "rejoin/turns");
    tickets[1] = test_acquire_async(&peers[1], "rejoin/turns", &call);
    test_await_place(tickets[1]);
    atomic_store(&turns.last, -1);
    turners[0] =
        (struct turner){.turns = &turns, .number = 0, .ticket = tickets[0]};
    assert_int_equal(
        pthread_create(&turners[0].thread, NULL, take_turns, &turners[0]), 0);
    assert_int_equal(test_call_await(&call), 0);
    turners[1] =
        (struct turner){.turns = &turns, .number = 1, .ticket = tickets[1]};
    assert_int_equal(
        pthread_create(&turners[1].thread, NULL, take_turns, &turners[1]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(turners[i].thread, NULL), 0);
    }
    assert_int_equal(atomic_load(&turns.bad), 0);
    assert_true(atomic_load(&turns.changes) >= 2 * TURNS - 2);
    test_await_keys(&etcd, "rejoin/", 0);
    for (int i = 0; i < 2; i++) {
        test_peer_close(&peers[i]);
    }
}

/** A ticket of another client that waits is next: the new place is behind it. */
static void test_etcdctl_between(void **state)
{
    struct test_process lock = TEST_PROCESS_INIT;
    struct test_call again = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;
    char line[LEASELOCK_KEY_MAX + 1];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "rejoin/mixed");
    assert_int_equal(
        test_etcdctl_spawn(&etcd, &lock, "lock", "rejoin/mixed", NULL), 0);
    test_await_keys(&etcd, "rejoin/mixed/", 2);
    assert_int_equal(leaselock_rejoin_async(ticket, LEASELOCK_FOREVER,
                                            test_call_done, &again, NULL),
                     0);
    assert_true(test_process_line(&lock, TEST_STDOUT, TEST_WAIT_MS, line,
                                  sizeof(line)));
    test_await_place(ticket);
    assert_int_equal(test_call_count(&again), 0);
    assert_int_equal(test_process_signal(&lock, SIGTERM), 0);
    assert_int_equal(test_call_await(&again), 0);
    test_process_end(&lock);
    test_release(ticket);
    test_peer_close(&peer);
}

/** The answer is lost after the commit: the rejoin finds its own new key. */
static void test_lost_answer(void **state)
{
    struct leaselock_client_options client = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_proxy *proxy;
    struct test_peer peer;
    leaselock_ticket *ticket;
    int64_t revision;

    (void)state;
    client.request_timeout_ms = REQUEST_TIMEOUT_MS;
    options.ttl_s = TEST_TTL_LONG_S;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_peer_open_with(test_proxy_endpoint(proxy), &client, &options, &peer);
    ticket = test_acquire(&peer, "rejoin/lost");
    revision = test_etcd_revision(&etcd);
    test_proxy_hold_replies(proxy);
    assert_int_equal(leaselock_rejoin_async(ticket, LEASELOCK_FOREVER,
                                            test_call_done, &call, NULL),
                     0);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_WAITING);
    test_await_revision(&etcd, revision);
    test_proxy_cut(proxy);
    test_proxy_pass(proxy);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(leaselock_ticket_token(ticket), revision + 1);
    assert_int_equal(test_etcd_revision(&etcd), revision + 1);
    assert_int_equal(test_keys(&etcd, "rejoin/lost/"), 1);
    test_release(ticket);
    test_await_keys(&etcd, "rejoin/", 0);
    test_peer_close(&peer);
    test_proxy_close(proxy);
}

/** Others have deleted the holder's key: no new place is taken. So it is if the
 * loss is known before. */
static void test_broken(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call lost = TEST_CALL_INIT;
    struct test_call done = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "rejoin/broken");
    test_delete(&etcd, ticket);
    assert_int_equal(leaselock_rejoin(ticket, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_LOST);
    assert_over(ticket);
    assert_int_equal(test_keys(&etcd, "rejoin/"), 0);
    options.on_lost = test_call_lost;
    options.on_lost_arg = &lost;
    options.watch_own_key_ms = LEASELOCK_AT_ONCE;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(leaselock_acquire(peer.session, "rejoin/broken",
                                           &options, TEST_WAIT_MS, &ticket,
                                           NULL),
                         0);
        lost.calls = 0;
        test_delete(&etcd, ticket);
        assert_int_equal(test_call_await(&lost), LEASELOCK_TICKET_LOST);
        if (i == 0) {
            assert_int_equal(leaselock_rejoin(ticket, TEST_WAIT_MS, NULL),
                             LEASELOCK_E_LOST);
        } else {
            assert_int_equal(leaselock_rejoin_async(ticket, TEST_WAIT_MS,
                                                    test_call_done, &done,
                                                    NULL),
                             0);
            assert_int_equal(test_call_await(&done), LEASELOCK_E_LOST);
        }
        assert_over(ticket);
    }
    assert_int_equal(test_keys(&etcd, "rejoin/"), 0);
    test_peer_close(&peer);
}

/** Somebody else is next and keeps the lock: the wait ends at its timeout, at a
 * release, or when the session is closed, and the lock is given back. */
static void test_wait_ends(void **state)
{
    struct test_call waits = TEST_CALL_INIT;
    struct test_call done = TEST_CALL_INIT;
    struct test_call closed = TEST_CALL_INIT;
    struct test_peer peers[2];
    leaselock_ticket *tickets[2];
    int64_t token;

    (void)state;
    for (int i = 0; i < 2; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[i]);
    }
    tickets[0] = test_acquire(&peers[0], "rejoin/wait");
    tickets[1] = test_acquire_async(&peers[1], "rejoin/wait", &waits);
    test_await_place(tickets[1]);
    assert_int_equal(leaselock_rejoin(tickets[0], SHORT_MS, NULL),
                     LEASELOCK_E_TIMEOUT);
    assert_over(tickets[0]);
    assert_int_equal(test_call_await(&waits), 0);
    test_await_keys(&etcd, "rejoin/wait/", 1);
    test_release(tickets[1]);
    tickets[0] = test_acquire(&peers[0], "rejoin/wait");
    waits.calls = 0;
    tickets[1] = test_acquire_async(&peers[1], "rejoin/wait", &waits);
    test_await_place(tickets[1]);
    token = leaselock_ticket_token(tickets[0]);
    assert_int_equal(leaselock_rejoin_async(tickets[0], LEASELOCK_FOREVER,
                                            test_call_done, &done, NULL),
                     0);
    assert_int_equal(test_call_await(&waits), 0);
    test_await_place(tickets[0]);
    assert_true(leaselock_ticket_token(tickets[0]) > token);
    assert_int_equal(leaselock_rejoin(tickets[0], TEST_WAIT_MS, NULL),
                     LEASELOCK_E_STATE);
    test_release(tickets[0]);
    assert_int_equal(test_call_await(&done), LEASELOCK_E_CANCELED);
    assert_int_equal(test_keys(&etcd, "rejoin/wait/"), 1);
    waits.calls = 0;
    tickets[0] = test_acquire_async(&peers[0], "rejoin/wait", &waits);
    test_await_place(tickets[0]);
    assert_int_equal(leaselock_rejoin_async(tickets[1], LEASELOCK_FOREVER,
                                            test_call_done, &closed, NULL),
                     0);
    assert_int_equal(test_call_await(&waits), 0);
    assert_int_equal(leaselock_session_close(peers[1].session, NULL), 0);
    assert_int_equal(test_call_await(&closed), LEASELOCK_E_CLOSED);
    assert_over(tickets[1]);
    assert_int_equal(test_keys(&etcd, "rejoin/wait/"), 1);
    test_release(tickets[0]);
    for (int i = 0; i < 2; i++) {
        test_peer_close(&peers[i]);
    }
}

static bool is_lost(void *session)
{
    return leaselock_session_state(session) == LEASELOCK_SESSION_LOST;
}

/** etcd is silent for longer than the TTL while the new place waits: it queues
 * again on another session, as `requeue` says, and the ticket can rejoin
 * there. */
static void test_requeued(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call requeued = TEST_CALL_INIT;
    struct test_call waits = TEST_CALL_INIT;
    struct test_call again = TEST_CALL_INIT;
    struct test_peer peers[2];
    leaselock_ticket *tickets[2];
    int64_t token;

    (void)state;
    options.requeue = 1;
    options.on_requeue = test_call_lost;
    options.on_requeue_arg = &requeued;
    for (int i = 0; i < 2; i++) {
        test_peer_open(etcd.endpoint, TTL_S, &peers[i]);
    }
    assert_int_equal(leaselock_acquire(peers[0].session, "rejoin/silence",
                                       &options, TEST_WAIT_MS, &tickets[0],
                                       NULL),
                     0);
    assert_int_equal(leaselock_rejoin(tickets[0], TEST_WAIT_MS, NULL), 0);
    tickets[1] = test_acquire_async(&peers[1], "rejoin/silence", &waits);
    test_await_place(tickets[1]);
    assert_int_equal(leaselock_rejoin_async(tickets[0], LEASELOCK_FOREVER,
                                            test_call_done, &again, NULL),
                     0);
    assert_int_equal(test_call_await(&waits), 0);
    test_await_place(tickets[0]);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_int_equal(test_call_await(&requeued), 0);
    assert_int_equal(leaselock_ticket_requeues(tickets[0]), 1);
    assert_true(test_until(TEST_WAIT_MS, is_lost, peers[1].session));
    assert_int_equal(test_etcd_resume(&etcd), 0);
    assert_int_equal(test_call_await(&again), 0);
    assert_int_equal(leaselock_ticket_state(tickets[0]), LEASELOCK_TICKET_HELD);
    assert_true(leaselock_ticket_lease(tickets[0]) !=
                leaselock_session_lease(peers[0].session));
    token = leaselock_ticket_token(tickets[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(leaselock_rejoin(tickets[0], TEST_WAIT_MS, NULL), 0);
        assert_true(leaselock_ticket_token(tickets[0]) > token);
    }
    test_release(tickets[0]);
    assert_int_equal(leaselock_release(tickets[1], NULL), LEASELOCK_E_LOST);
    test_await_keys(&etcd, "rejoin/silence/", 0);
    for (int i = 0; i < 2; i++) {
        test_peer_close(&peers[i]);
    }
}

/** What cannot rejoin is held as before, and the error says why. */
static void refused(leaselock_ticket *ticket, int timeout_ms, const char *word)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    assert_int_equal(leaselock_rejoin(ticket, timeout_ms, &error),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(error.code, LEASELOCK_E_ARGUMENT);
    assert_non_null(strstr(error.message, word));
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    test_release(ticket);
}

static void test_refused(void **state)
{
    static const char *const names[] = {"rejoin/a", "rejoin/b"};
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    refused(test_acquire(&peer, "rejoin/a"), 0, "timeout");
    refused(test_acquire(&peer, "rejoin/a"), -2, "timeout");
    assert_int_equal(leaselock_acquire_all(peer.session, names, 2, NULL,
                                           TEST_WAIT_MS, &ticket, NULL),
                     0);
    refused(ticket, TEST_WAIT_MS, "several names");
    assert_int_equal(leaselock_campaign(peer.session, "rejoin/a", "x", 1, NULL,
                                        TEST_WAIT_MS, &ticket, NULL),
                     0);
    refused(ticket, TEST_WAIT_MS, "candidate");
    options.lock_delay_ms = 500;
    assert_int_equal(leaselock_acquire(peer.session, "rejoin/a", &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    refused(ticket, TEST_WAIT_MS, "lock-delay");
    assert_int_equal(leaselock_rejoin(ticket, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_HANDLE);
    ticket = test_acquire(&peer, "rejoin/a");
    assert_int_equal(
        leaselock_rejoin_async(ticket, TEST_WAIT_MS, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    test_release(ticket);
    test_peer_close(&peer);
}

/** Shared tickets and permits: the new place has the mode of the old one. A
 * writer that waits is let in between. */
static void test_modes(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call writes = TEST_CALL_INIT;
    struct test_call again = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *writer;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (int mode = LEASELOCK_SHARED; mode <= LEASELOCK_PERMIT; mode++) {
        options.mode = mode;
        options.permits = mode == LEASELOCK_PERMIT ? 2 : 0;
        assert_int_equal(leaselock_acquire(peer.session, "rejoin/modes",
                                           &options, TEST_WAIT_MS, &ticket,
                                           NULL),
                         0);
        writes.calls = 0;
        again.calls = 0;
        assert_int_equal(leaselock_rejoin(ticket, TEST_WAIT_MS, NULL), 0);
        writer = test_acquire_async(&peer, "rejoin/modes", &writes);
        test_await_place(writer);
        assert_int_equal(leaselock_rejoin_async(ticket, LEASELOCK_FOREVER,
                                                test_call_done, &again, NULL),
                         0);
        assert_int_equal(test_call_await(&writes), 0);
        test_await_place(ticket);
        assert_int_equal(leaselock_ticket_mode(ticket), mode);
        assert_int_equal(leaselock_ticket_permits(ticket), options.permits);
        assert_int_equal(test_call_count(&again), 0);
        test_release(writer);
        assert_int_equal(test_call_await(&again), 0);
        test_release(ticket);
    }
    test_peer_close(&peer);
}

/** Rejoins again and again from its own callback. */
struct chain {
    struct test_call over;
    leaselock_ticket *ticket;
    int left;
};

static void
chain_done(int status, const struct leaselock_error *error, void *arg)
{
    struct chain *chain = arg;

    if (status == 0 && chain->left-- > 0) {
        /* A blocking call would never end. */
        if (leaselock_rejoin(chain->ticket, TEST_WAIT_MS, NULL) ==
            LEASELOCK_E_DEADLOCK) {
            status = leaselock_rejoin_async(chain->ticket, LEASELOCK_FOREVER,
                                            chain_done, chain, NULL);
        }
        if (status == 0) {
            return;
        }
    }
    test_call_done(status, error, &chain->over);
}

static void test_from_callbacks(void **state)
{
    struct chain chain = {.over = TEST_CALL_INIT, .left = TURNS};
    struct test_peer peer;
    int64_t token;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    chain.ticket = test_acquire(&peer, "rejoin/chain");
    token = leaselock_ticket_token(chain.ticket);
    assert_int_equal(leaselock_rejoin_async(chain.ticket, LEASELOCK_FOREVER,
                                            chain_done, &chain, NULL),
                     0);
    assert_int_equal(test_call_await(&chain.over), 0);
    assert_int_equal(leaselock_ticket_token(chain.ticket), token + TURNS + 1);
    test_release(chain.ticket);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_two_take_turns),
        cmocka_unit_test(test_etcdctl_between),
        cmocka_unit_test(test_lost_answer),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_wait_ends),
        cmocka_unit_test(test_requeued),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_from_callbacks),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
