/* SPDX-License-Identifier: Apache-2.0 */
/* Many tickets of two clients in the queue of one name, against a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define NAME "long/one"
/** Several times the length from which on enqueues do not read the queue. */
#define MANY 900
#define FEW 300
#define ALL (MANY + FEW)

struct waiter {
    leaselock_ticket *ticket;
};

struct place {
    int64_t token;
    int64_t position;
};

static struct waiter waiters[ALL];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/** Guarded by the mutex: the tokens as they were granted, and failures. */
static int64_t granted[ALL];
static size_t granted_n;
static size_t released_n;
static size_t failed_n;

static void
on_released(int status, const struct leaselock_error *error, void *arg)
{
    (void)error;
    (void)arg;
    (void)pthread_mutex_lock(&mutex);
    failed_n += status != 0 ? 1 : 0;
    released_n++;
    (void)pthread_mutex_unlock(&mutex);
}

static void
on_granted(int status, const struct leaselock_error *error, void *arg)
{
    struct waiter *waiter = arg;

    (void)error;
    (void)pthread_mutex_lock(&mutex);
    failed_n += status != 0 ? 1 : 0;
    granted[granted_n++] = leaselock_ticket_token(waiter->ticket);
    (void)pthread_mutex_unlock(&mutex);
    if (leaselock_release_async(waiter->ticket, on_released, NULL, NULL) != 0) {
        on_released(LEASELOCK_E_HANDLE, NULL, NULL);
    }
}

static bool all_are_placed(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < ALL; i++) {
        if (leaselock_ticket_position(waiters[i].ticket) < 0) {
            return false;
        }
    }
    return true;
}

static bool all_are_released(void *arg)
{
    bool are;

    (void)arg;
    (void)pthread_mutex_lock(&mutex);
    are = released_n == ALL;
    (void)pthread_mutex_unlock(&mutex);
    return are;
}

static int compare_tokens(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;

    return left->token < right->token ? -1 : left->token > right->token;
}

/** Goal: in a queue that is so long that its clients enqueue without reading it,
 * each ticket has its exact position, and all are granted in the order of
 * their tokens, one at a time. Method: two clients queue behind a third one's
 * lock; a holder releases in its callback. */
static void test_order(void **state)
{
    struct test_peer holder;
    struct test_peer peers[2];
    struct place places[ALL];
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[0]);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[1]);
    held = test_acquire(&holder, NAME);
    for (size_t i = 0; i < ALL; i++) {
        struct test_peer *peer = &peers[i % (ALL / FEW) == 0 ? 1 : 0];

        assert_int_equal(leaselock_acquire_async(
                             peer->session, NAME, NULL, LEASELOCK_FOREVER,
                             on_granted, &waiters[i], &waiters[i].ticket, NULL),
                         0);
    }
    assert_true(test_until(TEST_WAIT_MS, all_are_placed, NULL));
    for (size_t i = 0; i < ALL; i++) {
        places[i].token = leaselock_ticket_token(waiters[i].ticket);
        places[i].position = leaselock_ticket_position(waiters[i].ticket);
    }
    qsort(places, ALL, sizeof(places[0]), compare_tokens);
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(places[i].position, i + 1);
    }
    test_release(held);
    assert_true(test_until(TEST_WAIT_MS, all_are_released, NULL));
    assert_int_equal(failed_n, 0);
    assert_int_equal(granted_n, ALL);
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(granted[i], places[i].token);
    }
    assert_int_equal(test_keys(&etcd, NAME "/"), 0);
    test_peer_close(&peers[0]);
    test_peer_close(&peers[1]);
    test_peer_close(&holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
