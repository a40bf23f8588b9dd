/* SPDX-License-Identifier: Apache-2.0 */
/* Kept locks, and others that want them: waiters behind a keeper that is stopped,
 * tries, whoever looks at the queue, and tickets of the keeper's process.
 *
 *     live.keep_others                       all of it
 *     live.keep_others keeper ENDPOINT NAME  a process that keeps a lock */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/kept.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** The stopped keeper's lease: renewed each third of it; etcd looks for those that
 *  have ended every half a second. */
#define STOP_TTL_S 3
#define STOP_LEAST_MS 1500
#define STOP_MOST_MS 8000

/* The keeper's process. */

static int say(const char *word, int64_t number)
{
    (void)printf("%s %" PRId64 "\n", word, number);
    return fflush(stdout) == 0 ? 0 : -1;
}

/** Keeps a lock, idle, and prints its token. At SIGUSR1 acquires it at once by the
 * same session, prints the status, and acquires it by a new one: prints which of
 * the holds with its token that is, and the token. */
static int keeper_main(const char *endpoint, const char *name)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_session *again = NULL;
    leaselock_ticket *ticket = NULL;
    int64_t token;
    sigset_t signals;
    int number;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    options.ttl_s = STOP_TTL_S;
    if (leaselock_client_open(endpoint, NULL, &client, NULL) != 0 ||
        leaselock_session_open(client, &options, &session, NULL) != 0) {
        return 1;
    }
    token = kept_keep(session, name);
    if (token <= 0 || say("kept", token) != 0 ||
        sigwait(&signals, &number) != 0) {
        return 1;
    }
    if (say("old", kept_acquire(session, name, TEST_WAIT_MS, &ticket)) != 0 ||
        leaselock_session_open(client, &options, &again, NULL) != 0 ||
        kept_acquire(again, name, TEST_WAIT_MS, &ticket) != 0 ||
        say("hold", leaselock_ticket_hold(ticket)) != 0 ||
        say("token", leaselock_ticket_token(ticket)) != 0 ||
        leaselock_release(ticket, NULL) != 0) {
        return 1;
    }
    (void)leaselock_client_close(client, NULL);
    return 0;
}

/** The number that the keeper's next line has behind a word. */
static int64_t read_number(struct test_process *process, const char *word)
{
    char line[64];

    assert_true(test_process_line(process, TEST_STDOUT, TEST_WAIT_MS, line,
                                  sizeof(line)));
    assert_memory_equal(line, word, strlen(word));
    return strtoll(line + strlen(word), NULL, 10);
}

/** A keeper's process is stopped while it keeps a lock, idle: another process
 * gets the lock when the keeper's lease has ended, not before, and soon after. The
 * keeper, continued, does not take its key for its own, not even at first; its
 * next session queues behind. */
static void test_stopped(void **state)
{
    struct test_process process = TEST_PROCESS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer other;
    leaselock_ticket *waiting;
    int64_t stopped_ns;
    int64_t token;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    test_start_self(&process, "keeper", etcd.endpoint, "keep/stopped", NULL);
    token = read_number(&process, "kept ");
    stopped_ns = test_now_ns();
    assert_int_equal(test_process_pause(&process), 0);
    test_await_keys(&etcd, "keep/stopped/", 1);
    waiting = test_acquire_async(&other, "keep/stopped", &call);
    test_await_place(waiting);
    assert_int_equal(leaselock_ticket_position(waiting), 1);
    assert_int_equal(test_call_await(&call), 0);
    assert_true(call.at_ns - stopped_ns > STOP_LEAST_MS * TEST_NS_PER_MS);
    assert_true(call.at_ns - stopped_ns < STOP_MOST_MS * TEST_NS_PER_MS);
    assert_true(leaselock_ticket_token(waiting) > token);
    assert_int_equal(test_leases(&etcd), 1); /* the keeper's has ended */
    /* The signal waits for it, and is what it finds first. */
    assert_int_equal(test_process_signal(&process, SIGUSR1), 0);
    assert_int_equal(test_process_resume(&process), 0);
    assert_int_equal(read_number(&process, "old "), LEASELOCK_E_LOST);
    test_await_keys(&etcd, "keep/stopped/", 2);
    assert_int_equal(leaselock_ticket_state(waiting), LEASELOCK_TICKET_HELD);
    token = leaselock_ticket_token(waiting);
    test_release(waiting);
    assert_int_equal(read_number(&process, "hold "), 1);
    assert_true(read_number(&process, "token ") > token);
    assert_int_equal(test_process_wait(&process, TEST_WAIT_MS), 0);
    test_process_end(&process);
    test_peer_close(&other);
}

struct tries {
    struct test_peer *peer;
    const char *name;
    int mode;
};

/** Whether a try succeeds. */
static bool try_succeeds(void *arg)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    const struct tries *tries = arg;
    leaselock_ticket *ticket = NULL;
    int status;

    options.mode = tries->mode;
    options.permits = tries->mode == LEASELOCK_PERMIT ? 2 : 0;
    status = leaselock_acquire(tries->peer->session, tries->name, &options, 0,
                               &ticket, NULL);
    if (status == 0) {
        test_release(ticket);
    } else {
        assert_int_equal(status, LEASELOCK_E_TIMEOUT);
    }
    return status == 0;
}

/** Another client's try gets a lock that is kept idle, in each mode: a keeper is
 * slow at times, so a try may fail, but it would for minutes if it did not ask. A
 * lock in use stays with its holder, which writes and keeps it as before. */
static void test_tries(void **state)
{
    struct test_peer keeper;
    struct test_peer other;
    struct tries tries = {.peer = &other, .name = "keep/tries"};
    leaselock_ticket *held = NULL;
    int64_t token;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &keeper);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    for (tries.mode = LEASELOCK_EXCLUSIVE; tries.mode <= LEASELOCK_PERMIT;
         tries.mode++) {
        assert_true(kept_keep(keeper.session, tries.name) > 0);
        assert_true(test_until(TEST_WAIT_MS, try_succeeds, &tries));
    }
    tries.mode = LEASELOCK_EXCLUSIVE;
    tries.name = "keep/used";
    token = kept_keep(keeper.session, tries.name);
    assert_true(token > 0);
    assert_int_equal(
        kept_acquire(keeper.session, tries.name, TEST_WAIT_MS, &held), 0);
    for (int i = 0; i < 3; i++) {
        assert_false(try_succeeds(&tries));
    }
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
    assert_int_equal(
        leaselock_fenced_put(held, "keep-data", 9, "x", 1, TEST_WAIT_MS, NULL),
        0);
    assert_int_equal(leaselock_ticket_token(held), token);
    test_release(held);
    assert_true(test_until(TEST_WAIT_MS, try_succeeds, &tries));
    test_peer_close(&keeper);
    test_peer_close(&other);
}

/** The queue says which keys may be kept, whether they are idle or not, and for
 * how long. */
static void test_queue_shows_it(void **state)
{
    struct leaselock_queue_info *queue = NULL;
    struct test_peer peer;
    leaselock_ticket *held = NULL;
    leaselock_ticket *plain;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_true(kept_keep(peer.session, "keep/shown") > 0);
    for (int i = 0; i < 2; i++) {
        if (i == 1) {
            assert_int_equal(
                kept_acquire(peer.session, "keep/shown", TEST_WAIT_MS, &held),
                0);
        }
        assert_int_equal(
            leaselock_queue(peer.client, "keep/shown", NULL, &queue, NULL), 0);
        assert_int_equal(queue->entries_n, 1);
        assert_int_equal(queue->entries[0].keep_ms, KEPT_MS);
        assert_true(queue->entries[0].holds);
        leaselock_queue_free(queue);
    }
    test_release(held);
    plain = test_acquire(&peer, "keep/shown");
    assert_int_equal(
        leaselock_queue(peer.client, "keep/shown", NULL, &queue, NULL), 0);
    assert_int_equal(queue->entries_n, 1);
    assert_int_equal(queue->entries[0].keep_ms, 0);
    leaselock_queue_free(queue);
    test_release(plain);
    test_peer_close(&peer);
}

static leaselock_ticket *begin_kept(struct test_peer *peer,
                                    const char *name,
                                    int passes,
                                    struct test_call *call)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    leaselock_ticket *ticket = NULL;

    options.keep_ms = KEPT_MS;
    options.local_passes = passes;
    assert_int_equal(leaselock_acquire_async(peer->session, name, &options,
                                             LEASELOCK_FOREVER, test_call_done,
                                             call, &ticket, NULL),
                     0);
    return ticket;
}

/** With one local pass, one of two that wait in the process gets the lock before
 * another client that waits, and the other one after it. */
static void test_local_passes(void **state)
{
    static const char name[] = "keep/passes";
    struct test_call calls[4] = {TEST_CALL_INIT, TEST_CALL_INIT, TEST_CALL_INIT,
                                 TEST_CALL_INIT};
    struct test_peer keeper;
    struct test_peer other;
    leaselock_ticket *tickets[4];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &keeper);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &other);
    assert_true(kept_keep(keeper.session, name) > 0);
    for (int i = 0; i < 3; i++) {
        tickets[i] = begin_kept(&keeper, name, 1, &calls[i]);
    }
    assert_int_equal(test_call_await(&calls[0]), 0);
    tickets[3] = test_acquire_async(&other, name, &calls[3]);
    test_await_keys(&etcd, "keep/passes/", 3); /* the last one's, too */
    test_release(tickets[0]);
    assert_int_equal(test_call_await(&calls[1]), 0);
    assert_int_equal(leaselock_ticket_hold(tickets[1]) > 1, 1);
    assert_int_equal(test_call_count(&calls[3]), 0);
    test_release(tickets[1]);
    assert_int_equal(test_call_await(&calls[3]), 0);
    assert_int_equal(test_call_count(&calls[2]), 0);
    test_release(tickets[3]);
    assert_int_equal(test_call_await(&calls[2]), 0);
    test_release(tickets[2]);
    test_peer_close(&keeper);
    test_peer_close(&other);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_tries),
        cmocka_unit_test(test_queue_shows_it),
        cmocka_unit_test(test_local_passes),
    };

    if (argc == 4 && strcmp(argv[1], "keeper") == 0) {
        return keeper_main(argv[2], argv[3]);
    }
    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
