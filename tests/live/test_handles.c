/* SPDX-License-Identifier: Apache-2.0 */
/* An invalid handle, or one in a wrong context, gives an error code, never a
 * crash and never a hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test_live.h"

static struct test_etcd etcd;
static struct test_peer peer;

static int start_etcd(void **state)
{
    (void)state;
    if (test_etcd_start(&etcd) != 0) {
        return -1;
    }
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    return 0;
}

static int stop_etcd(void **state)
{
    (void)state;
    test_peer_close(&peer);
    test_etcd_stop(&etcd);
    return 0;
}

/** Handles of another kind, and numbers that are no handle at all. */
static void test_handles_of_another_kind(void **state)
{
    leaselock_ticket *ticket = test_acquire(&peer, "handle/kind");
    int garbage = 0;
    void *const wrong[] = {&garbage, (void *)-1, (void *)1000000};
    size_t i;

    (void)state;
    assert_int_equal(leaselock_client_close((leaselock_client *)ticket, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_release((leaselock_ticket *)peer.session, NULL),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(
        leaselock_session_close((leaselock_session *)peer.client, NULL),
        LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_session_state((leaselock_session *)ticket),
                     LEASELOCK_E_HANDLE);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(leaselock_release(wrong[i], NULL), LEASELOCK_E_HANDLE);
        assert_int_equal(leaselock_session_close(wrong[i], NULL),
                         LEASELOCK_E_HANDLE);
        assert_int_equal(leaselock_client_close(wrong[i], NULL),
                         LEASELOCK_E_HANDLE);
    }
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    test_release(ticket);
}

struct racer {
    pthread_t thread;
    pthread_barrier_t *start;
    leaselock_ticket *ticket;
    int status;
};

static void *racer_main(void *arg)
{
    struct racer *racer = arg;

    (void)pthread_barrier_wait(racer->start);
    racer->status = leaselock_release(racer->ticket, NULL);
    return NULL;
}

/** Two threads that release one ticket at once: one succeeds, one gets HANDLE,
 *  each of 50 times; afterwards its getters say HANDLE. */
static void test_two_releases_of_one_ticket(void **state)
{
    enum { ROUNDS = 50 };
    struct racer racers[2];
    pthread_barrier_t start;
    int round;
    int i;

    (void)state;
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    for (round = 0; round < ROUNDS; round++) {
        leaselock_ticket *ticket = test_acquire(&peer, "handle/twice");

        for (i = 0; i < 2; i++) {
            racers[i] = (struct racer){.start = &start, .ticket = ticket};
            assert_int_equal(
                pthread_create(&racers[i].thread, NULL, racer_main, &racers[i]),
                0);
        }
        for (i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        }
        assert_int_equal(racers[0].status + racers[1].status,
                         LEASELOCK_E_HANDLE);
        assert_true(racers[0].status == 0 || racers[1].status == 0);
        assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_E_HANDLE);
        assert_int_equal(leaselock_ticket_token(ticket), LEASELOCK_E_HANDLE);
    }
    (void)pthread_barrier_destroy(&start);
}

/** The results of the blocking calls inside a callback. */
struct inside {
    struct test_call call;
    leaselock_ticket *ticket;
    int deadlocks;
};

static void
block_inside(int status, const struct leaselock_error *error, void *arg)
{
    struct inside *inside = arg;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_ping ping;
    const int got[] = {
        leaselock_client_close(peer.client, NULL),
        leaselock_client_dispatch(peer.client),
        leaselock_ping(peer.client, 0, 1000, &ping, NULL),
        leaselock_session_open(peer.client, NULL, &session, NULL),
        leaselock_session_close(peer.session, NULL),
        leaselock_acquire(peer.session, "a", NULL, 0, &ticket, NULL),
        leaselock_release(inside->ticket, NULL),
        leaselock_queue(peer.client, "a", NULL, &queue, NULL)};
    size_t i;

    for (i = 0; i < sizeof(got) / sizeof(got[0]); i++) {
        inside->deadlocks += got[i] == LEASELOCK_E_DEADLOCK;
    }
    test_call_done(status, error, &inside->call);
}

/** Every blocking call inside a callback is refused, and has no effect. */
static void test_blocking_inside_a_callback(void **state)
{
    struct inside inside = {.call = TEST_CALL_INIT};

    (void)state;
    assert_int_equal(leaselock_acquire_async(peer.session, "handle/inside",
                                             NULL, TEST_WAIT_MS, block_inside,
                                             &inside, &inside.ticket, NULL),
                     0);
    assert_int_equal(test_call_await(&inside.call), 0);
    assert_int_equal(inside.deadlocks, 8);
    assert_int_equal(leaselock_ticket_state(inside.ticket),
                     LEASELOCK_TICKET_HELD);
    test_release(inside.ticket);
}

/** Checks all calls in a child of fork(); 0 if the results are as expected. */
static int look_in_child(leaselock_ticket *ticket)
{
    leaselock_client *client = NULL;
    leaselock_ticket *another = NULL;
    int wrong = 0;

    wrong += leaselock_ticket_state(ticket) != LEASELOCK_E_FORKED;
    wrong += leaselock_ticket_token(ticket) != LEASELOCK_E_FORKED;
    wrong += leaselock_release(ticket, NULL) != LEASELOCK_E_FORKED;
    wrong += leaselock_session_state(peer.session) != LEASELOCK_E_FORKED;
    wrong += leaselock_acquire(peer.session, "a", NULL, 0, &another, NULL) !=
             LEASELOCK_E_FORKED;
    wrong += leaselock_session_close(peer.session, NULL) != LEASELOCK_E_FORKED;
    wrong += leaselock_client_close(peer.client, NULL) != LEASELOCK_E_FORKED;
    wrong += leaselock_client_open(etcd.endpoint, NULL, &client, NULL) !=
             LEASELOCK_E_FORKED;
    return wrong;
}

/** Failure 26: handles do not survive fork(): the child gets FORKED from all
 * calls, which have no effect, and the parent's lock stays. */
static void test_26_fork(void **state)
{
    leaselock_ticket *ticket = test_acquire(&peer, "handle/fork");
    int status = -1;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        _exit(look_in_child(ticket));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    test_release(ticket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles_of_another_kind),
        cmocka_unit_test(test_two_releases_of_one_ticket),
        cmocka_unit_test(test_blocking_inside_a_callback),
        cmocka_unit_test(test_26_fork),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
