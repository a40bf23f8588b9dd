/* SPDX-License-Identifier: Apache-2.0 */
/* A server that allows few streams on a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/test_live.h"

/** Goal: with etcd --max-concurrent-streams=2 the watches and the renewals use
 * all streams of a connection, and calls still work. Method: a holder whose key
 * is watched, a waiter of another client, releases, and a handover. */
static void test_two_streams(void **state)
{
    static const char *const args[] = {"--max-concurrent-streams=2", NULL};
    struct test_etcd_options options = {.args = args};
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call done = TEST_CALL_INIT;
    struct test_etcd etcd;
    struct test_peer first;
    struct test_peer second;
    leaselock_ticket *held = NULL;
    leaselock_ticket *waits;

    (void)state;
    assert_int_equal(test_etcd_start_with(&etcd, &options), 0);
    acquire.watch_own_key_ms = LEASELOCK_AT_ONCE;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &first);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &second);
    assert_int_equal(leaselock_acquire(first.session, "few", &acquire,
                                       TEST_WAIT_MS, &held, NULL),
                     0);
    waits = test_acquire_async(&second, "few", &done);
    test_await_place(waits);
    assert_int_equal(leaselock_release(held, NULL), 0);
    assert_int_equal(test_call_await(&done), 0);
    test_release(waits);
    assert_int_equal(test_keys(&etcd, "few/"), 0);
    test_peer_close(&first);
    test_peer_close(&second);
    test_etcd_stop(&etcd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
