/* SPDX-License-Identifier: Apache-2.0 */
/* Failures of a lock by leases, keys and other clients. The numbers are those
 * of docs/failures.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** A holder and a waiter behind it, each with its own client. */
struct line {
    struct test_peer holder;
    struct test_peer waiter;
    struct test_call call;
    leaselock_ticket *held;
    leaselock_ticket *waiting;
};

static void line_open(struct line *line, const char *name)
{
    *line = (struct line){.call = TEST_CALL_INIT};
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &line->holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &line->waiter);
    line->held = test_acquire(&line->holder, name);
    line->waiting = test_acquire_async(&line->waiter, name, &line->call);
    test_await_place(line->waiting);
}

static void line_close(struct line *line)
{
    test_peer_close(&line->holder);
    test_peer_close(&line->waiter);
    assert_int_equal(test_leases(&etcd), 0);
    assert_int_equal(test_keys(&etcd, ""), 0);
}

/** Failure 1: a waiter whose lease is gone never gets the lock. Its lease is
 * revoked with etcdctl; right after that the holder releases. */
static void test_1_waiter_without_lease_never_holds(void **state)
{
    struct line line;

    (void)state;
    line_open(&line, "failure/1");
    test_revoke(&etcd, line.waiter.session);
    test_release(line.held);
    assert_int_equal(test_call_await(&line.call), LEASELOCK_E_LOST);
    assert_int_equal(test_call_count(&line.call), 1);
    line_close(&line);
}

/** Failure 3: the loss of a waiter's lease is reported while the holder stays,
 * long before the next renewal: the TTL's third is 40 s. */
static void test_3_waiter_hears_of_its_lease_at_once(void **state)
{
    struct line line;

    (void)state;
    line_open(&line, "failure/3");
    test_revoke(&etcd, line.waiter.session);
    assert_int_equal(test_call_await(&line.call), LEASELOCK_E_LOST);
    assert_true(line.call.error.message[0] != '\0');
    assert_int_equal(leaselock_ticket_state(line.held), LEASELOCK_TICKET_HELD);
    test_release(line.held);
    line_close(&line);
}

/** Failure 4: a waiter whose key a third party deletes gets LOST at once, and
 *  the holder keeps the lock. */
static void test_4_deleted_key_of_a_waiter(void **state)
{
    struct line line;

    (void)state;
    line_open(&line, "failure/4w");
    test_delete(&etcd, line.waiting);
    assert_int_equal(test_call_await(&line.call), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_ticket_state(line.held), LEASELOCK_TICKET_HELD);
    test_release(line.held);
    line_close(&line);
}

struct messages_wanted {
    int64_t above;
};

static bool watch_was_asked_for(void *arg)
{
    const struct messages_wanted *wanted = arg;

    return test_etcd_messages(&etcd, "Watch") > wanted->above;
}

/** Failure 4: if a third party deletes a holder's key, the loss is reported,
 * once, and its release returns LOST. The holder never waited, so its own watch
 * is created only after a second, for which the test waits. */
static void test_4_deleted_key_of_a_holder(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call lost = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket = NULL;
    struct messages_wanted wanted;

    (void)state;
    options.on_lost = test_call_lost;
    options.on_lost_arg = &lost;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    wanted.above = test_etcd_messages(&etcd, "Watch");
    assert_int_equal(leaselock_acquire(peer.session, "failure/4h", &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    assert_true(test_until(TEST_WAIT_MS, watch_was_asked_for, &wanted));
    test_await_settled(&etcd);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    test_delete(&etcd, ticket);
    assert_int_equal(test_call_await(&lost), LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_ticket_remaining_ms(ticket), 0);
    assert_int_equal(leaselock_session_state(peer.session),
                     LEASELOCK_SESSION_ACTIVE);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_E_HANDLE);
    test_release(test_acquire(&peer, "failure/4h"));
    assert_int_equal(test_call_count(&lost), 1);
    test_peer_close(&peer);
}

/** Failure 4: the key of a holder that has waited is watched from the start: it
 * is deleted right after the grant, and the next waiter gets the lock. */
static void test_4_deleted_key_of_a_holder_that_waited(void **state)
{
    struct test_call next = TEST_CALL_INIT;
    leaselock_ticket *third;
    struct line line;

    (void)state;
    line_open(&line, "failure/4hw");
    third = test_acquire_async(&line.holder, "failure/4hw", &next);
    test_await_place(third);
    test_release(line.held);
    assert_int_equal(test_call_await(&line.call), 0);
    test_delete(&etcd, line.waiting);
    assert_int_equal(test_call_await(&next), 0);
    assert_int_equal(leaselock_release(line.waiting, NULL), LEASELOCK_E_LOST);
    test_release(third);
    line_close(&line);
}

/** Shared by the threads of one session. */
struct crowd {
    leaselock_session *session;
    atomic_int inside;
    atomic_int faults;
    int64_t last_token; /* used by the holder only */
};

enum { CROWD_THREADS = 8, CROWD_ROUNDS = 20 };

static void *crowd_main(void *arg)
{
    struct crowd *crowd = arg;
    int i;

    for (i = 0; i < CROWD_ROUNDS; i++) {
        leaselock_ticket *ticket = NULL;
        int64_t token;

        if (leaselock_acquire(crowd->session, "failure/11", NULL, TEST_WAIT_MS,
                              &ticket, NULL) != 0) {
            atomic_fetch_add(&crowd->faults, 1);
            return NULL;
        }
        if (atomic_fetch_add(&crowd->inside, 1) != 0) {
            atomic_fetch_add(&crowd->faults, 1);
        }
        token = leaselock_ticket_token(ticket);
        if (token <= crowd->last_token) {
            atomic_fetch_add(&crowd->faults, 1);
        }
        crowd->last_token = token;
        atomic_fetch_sub(&crowd->inside, 1);
        if (leaselock_release(ticket, NULL) != 0) {
            atomic_fetch_add(&crowd->faults, 1);
        }
    }
    return NULL;
}

/** Failure 11: threads of one session queue like separate clients: 8 of them
 * acquire a lock 20 times each and count the holders. */
static void test_11_threads_of_one_session_exclude_each_other(void **state)
{
    struct crowd crowd = {.last_token = 0};
    pthread_t threads[CROWD_THREADS];
    struct test_peer peer;
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    crowd.session = peer.session;
    for (i = 0; i < CROWD_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &crowd),
                         0);
    }
    for (i = 0; i < CROWD_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd.faults), 0);
    assert_int_equal(test_keys(&etcd, "failure/11/"), 0);
    test_peer_close(&peer);
}

/** Failure 13: a lock nested below another would block it forever, so the outer
 * one is refused with both names, leaves no key, and the queue marks the nested
 * key. */
static void test_13_nested_lock_is_an_error(void **state)
{
    static const int timeouts_ms[] = {0, TEST_WAIT_MS};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_queue_info *queue = NULL;
    struct test_peer peer;
    leaselock_ticket *inner;
    leaselock_ticket *outer = NULL;
    size_t i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    inner = test_acquire(&peer, "failure/13/inner");
    for (i = 0; i < sizeof(timeouts_ms) / sizeof(timeouts_ms[0]); i++) {
        assert_int_equal(leaselock_acquire(peer.session, "failure/13", NULL,
                                           timeouts_ms[i], &outer, &error),
                         LEASELOCK_E_NESTED);
        assert_int_equal(error.code, LEASELOCK_E_NESTED);
        assert_non_null(strstr(error.message, "\"failure/13\""));
        assert_non_null(strstr(error.message, "\"failure/13/inner/"));
        assert_null(outer);
    }
    test_await_keys(&etcd, "failure/13/", 1);
    assert_int_equal(
        leaselock_queue(peer.client, "failure/13", NULL, &queue, &error), 0);
    assert_int_equal(queue->entries_n, 1);
    assert_true(queue->entries[0].nested);
    assert_int_equal(queue->entries[0].token, leaselock_ticket_token(inner));
    leaselock_queue_free(queue);
    assert_int_equal(
        leaselock_queue(peer.client, "failure/13/inner", NULL, &queue, &error),
        0);
    assert_int_equal(queue->entries_n, 1);
    assert_false(queue->entries[0].nested);
    leaselock_queue_free(queue);
    test_release(inner);
    test_release(test_acquire(&peer, "failure/13"));
    test_peer_close(&peer);
}

#define SLEEPER_TTL_S 2

/** The process to be stopped: it holds the lock, and reads its state at
 * SIGUSR1. */
static int sleeper(const char *endpoint)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket = NULL;
    sigset_t wake;
    int number;

    (void)sigemptyset(&wake);
    (void)sigaddset(&wake, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &wake, NULL);
    options.ttl_s = SLEEPER_TTL_S;
    if (leaselock_client_open(endpoint, NULL, &peer.client, &error) != 0 ||
        leaselock_session_open(peer.client, &options, &peer.session, &error) !=
            0 ||
        leaselock_acquire(peer.session, "failure/14", NULL, TEST_WAIT_MS,
                          &ticket, &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    (void)printf("%lld\n", (long long)leaselock_ticket_token(ticket));
    (void)fflush(stdout);
    (void)sigwait(&wake, &number);
    (void)printf("%d %lld %d\n", leaselock_ticket_state(ticket),
                 (long long)leaselock_ticket_remaining_ms(ticket),
                 leaselock_session_state(peer.session));
    (void)fflush(stdout);
    if (leaselock_release(ticket, &error) != LEASELOCK_E_LOST) {
        (void)fprintf(stderr, "release: %s\n", error.message);
        return 1;
    }
    return leaselock_client_close(peer.client, &error) == 0 ? 0 : 1;
}

/** Failure 14: a holder that was stopped for longer than its TTL reads LOST at
 * its first check, and the next holder has a greater token. The holder is a
 * process that SIGSTOP stops until the test holds its lock. */
static void test_14_stopped_holder_sees_that_it_is_late(void **state)
{
    struct test_process process;
    struct test_peer peer;
    leaselock_ticket *ticket;
    char line[64];
    int64_t token;
    int seen_state;
    int seen_session;
    long long seen_ms;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    test_start_self(&process, "sleeper", etcd.endpoint, NULL);
    if (!test_process_line(&process, TEST_STDOUT, TEST_WAIT_MS, line,
                           sizeof(line))) {
        fail_msg("%s", test_process_output(&process, TEST_STDERR));
    }
    token = strtoll(line, NULL, 10);
    assert_true(token > 0);
    assert_int_equal(test_process_pause(&process), 0);
    ticket = test_acquire(&peer, "failure/14");
    assert_true(leaselock_ticket_token(ticket) > token);
    assert_int_equal(test_process_signal(&process, SIGUSR1), 0);
    assert_int_equal(test_process_resume(&process), 0);
    assert_true(test_process_line(&process, TEST_STDOUT, TEST_WAIT_MS, line,
                                  sizeof(line)));
    assert_int_equal(
        sscanf(line, "%d %lld %d", &seen_state, &seen_ms, &seen_session), 3);
    assert_int_equal(seen_state, LEASELOCK_TICKET_LOST);
    assert_int_equal(seen_ms, 0);
    assert_int_equal(seen_session, LEASELOCK_SESSION_LOST);
    assert_int_equal(test_process_wait(&process, TEST_WAIT_MS), 0);
    test_process_end(&process);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    test_release(ticket);
    test_peer_close(&peer);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_waiter_without_lease_never_holds),
        cmocka_unit_test(test_3_waiter_hears_of_its_lease_at_once),
        cmocka_unit_test(test_4_deleted_key_of_a_waiter),
        cmocka_unit_test(test_4_deleted_key_of_a_holder),
        cmocka_unit_test(test_4_deleted_key_of_a_holder_that_waited),
        cmocka_unit_test(test_11_threads_of_one_session_exclude_each_other),
        cmocka_unit_test(test_13_nested_lock_is_an_error),
        cmocka_unit_test(test_14_stopped_holder_sees_that_it_is_late),
    };

    if (argc == 3 && strcmp(argv[1], "sleeper") == 0) {
        return sleeper(argv[2]);
    }
    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
