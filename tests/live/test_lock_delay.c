/* SPDX-License-Identifier: Apache-2.0 */
/* The lock-delay, against a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "leaselock/admin.h"
#include "leaselock/leaselock.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** A delay that is waited for. */
#define DELAY_MS 1000
/** One in which something has to happen, however busy the machine is. */
#define ACTIVE_MS 5000
/** One that a test would not survive. */
#define LONG_MS LEASELOCK_LOCK_DELAY_MAX_MS

static struct test_peer holder;
static struct test_peer waiter;

static int open_peers(void **state)
{
    if (start_etcd(state) != 0) {
        return -1;
    }
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiter);
    return 0;
}

static int close_peers(void **state)
{
    test_peer_close(&holder);
    test_peer_close(&waiter);
    return stop_etcd(state);
}

/** A session of the holder's client, whose end is a part of the test. */
static leaselock_session *open_session(void)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_session *session = NULL;

    options.ttl_s = TEST_TTL_LONG_S;
    assert_int_equal(
        leaselock_session_open(holder.client, &options, &session, NULL), 0);
    return session;
}

static leaselock_ticket *
take_delayed(leaselock_session *session, const char *name, int delay_ms)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    options.lock_delay_ms = delay_ms;
    if (leaselock_acquire(session, name, &options, TEST_WAIT_MS, &ticket,
                          &error) != 0) {
        fail_msg("%s", error.message);
    }
    return ticket;
}

static leaselock_ticket *wait_for(const char *name, struct test_call *call)
{
    leaselock_ticket *ticket = test_acquire_async(&waiter, name, call);

    test_await_place(ticket);
    return ticket;
}

static int64_t now_ms(void)
{
    return ll_clock_now_ns() / LL_NS_PER_MS;
}

/** Awaits the grant; checks that it did not come before the delay was over. */
static void
expect_delayed(struct test_call *call, int64_t since_ms, int delay_ms)
{
    assert_int_equal(test_call_await(call), 0);
    assert_true(now_ms() - since_ms >= delay_ms);
}

/** Goal: after a release the next ticket is granted at once. Method: a release,
 * the close of a session. */
static void test_release_is_prompt(void **state)
{
    leaselock_session *session = open_session();
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = take_delayed(session, "delay/release", LONG_MS);
    leaselock_ticket *next = wait_for("delay/release", &call);

    (void)state;
    test_release(ticket);
    assert_int_equal(test_call_await(&call), 0);
    test_release(next);

    ticket = take_delayed(session, "delay/close", LONG_MS);
    call = (struct test_call)TEST_CALL_INIT;
    next = wait_for("delay/close", &call);
    assert_int_equal(leaselock_session_close(session, NULL), 0);
    assert_int_equal(test_call_await(&call), 0);
    test_release(next);
    leaselock_release(ticket, NULL);
    test_await_keys(&etcd, "delay/", 0);
}

/** Goal: after a crash the next ticket is granted when the delay is over. Method:
 * a third party revokes the holder's lease. */
static void test_crash_is_delayed(void **state)
{
    leaselock_session *session = open_session();
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = take_delayed(session, "delay/crash", DELAY_MS);
    leaselock_ticket *next = wait_for("delay/crash", &call);
    int64_t since_ms;

    (void)state;
    since_ms = now_ms();
    test_revoke(&etcd, session);
    expect_delayed(&call, since_ms, DELAY_MS);
    test_release(next);
    leaselock_release(ticket, NULL);
    leaselock_session_close(session, NULL);
    test_await_keys(&etcd, "delay/", 0);
}

/** Goal: a waiter that gives up during the delay keeps its place until it is
 * over, so that the one behind it waits, too. Method: release it at once after
 * the crash. */
static void test_withdrawal_in_delay(void **state)
{
    leaselock_session *session = open_session();
    struct test_call call = TEST_CALL_INIT;
    struct test_call behind = TEST_CALL_INIT;
    leaselock_ticket *ticket =
        take_delayed(session, "delay/gives-up", ACTIVE_MS);
    leaselock_ticket *next = wait_for("delay/gives-up", &call);
    leaselock_ticket *last =
        test_acquire_async(&holder, "delay/gives-up", &behind);
    int64_t since_ms;

    (void)state;
    test_await_place(last);
    since_ms = now_ms();
    test_revoke(&etcd, session);
    test_await_keys(&etcd, "delay/gives-up/", 2);
    assert_int_equal(leaselock_release_async(next, NULL, NULL, NULL), 0);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_CANCELED);
    expect_delayed(&behind, since_ms, ACTIVE_MS);
    test_release(last);
    leaselock_release(ticket, NULL);
    leaselock_session_close(session, NULL);
    test_await_keys(&etcd, "delay/", 0);
}

/** Goal: break counts as a crash; the queue shows the delay. Method: break. */
static void test_break_is_delayed(void **state)
{
    leaselock_session *session = open_session();
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = take_delayed(session, "delay/break", DELAY_MS);
    leaselock_ticket *next = wait_for("delay/break", &call);
    struct leaselock_queue_info *queue = NULL;
    int64_t since_ms;

    (void)state;
    assert_int_equal(
        leaselock_queue(holder.client, "delay/break", NULL, &queue, NULL), 0);
    assert_int_equal(queue->entries_n, 2);
    assert_int_equal(queue->entries[0].lock_delay_ms, DELAY_MS);
    assert_int_equal(queue->entries[0].foreign, 0);
    assert_int_equal(queue->entries[1].lock_delay_ms, 0);
    leaselock_queue_free(queue);
    since_ms = now_ms();
    test_delete(&etcd, ticket);
    expect_delayed(&call, since_ms, DELAY_MS);
    test_release(next);
    leaselock_release(ticket, NULL);
    leaselock_session_close(session, NULL);
}

/** Goal: a fenced release says so as well. Method: a write that releases. */
static void test_fenced_release(void **state)
{
    leaselock_session *session = open_session();
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = take_delayed(session, "delay/fenced", LONG_MS);
    leaselock_ticket *next = wait_for("delay/fenced", &call);
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;

    (void)state;
    txn.release = 1;
    assert_int_equal(leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, NULL), 0);
    assert_int_equal(test_call_await(&call), 0);
    test_release(next);
    assert_int_equal(leaselock_session_close(session, NULL), 0);
    test_await_keys(&etcd, "delay/", 0);
}

/** Goal: options that do not fit are refused with a sentence. Method: each. */
static void test_options(void **state)
{
    static const char *const names[] = {"delay/a", "delay/b"};
    static const struct {
        int mode;
        int permits;
        int delay_ms;
        int foreign_ms;
        const char *text;
    } cases[] = {
        {LEASELOCK_SHARED, 0, 1, 0, "exclusive"},
        {LEASELOCK_PERMIT, 2, 1, 0, "exclusive"},
        {LEASELOCK_EXCLUSIVE, 0, -1, 0, "0 to 600000"},
        {LEASELOCK_EXCLUSIVE, 0, 600001, 0, "0 to 600000"},
        {LEASELOCK_EXCLUSIVE, 0, 0, -1, "0 to 600000"},
    };
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leaselock_acquire_options options =
            LEASELOCK_ACQUIRE_OPTIONS_INIT;

        options.mode = cases[i].mode;
        options.permits = cases[i].permits;
        options.lock_delay_ms = cases[i].delay_ms;
        options.foreign_delay_ms = cases[i].foreign_ms;
        assert_int_equal(leaselock_acquire(holder.session, "delay/a", &options,
                                           0, &ticket, &error),
                         LEASELOCK_E_ARGUMENT);
        assert_non_null(strstr(error.message, cases[i].text));
    }
    for (int foreign = 0; foreign < 2; foreign++) {
        struct leaselock_acquire_options options =
            LEASELOCK_ACQUIRE_OPTIONS_INIT;

        options.lock_delay_ms = foreign ? 0 : 1;
        options.foreign_delay_ms = foreign ? 1 : 0;
        assert_int_equal(leaselock_acquire_all(holder.session, names, 2,
                                               &options, 0, &ticket, &error),
                         LEASELOCK_E_ARGUMENT);
        assert_non_null(strstr(error.message, "one name"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_release_is_prompt),
        cmocka_unit_test(test_crash_is_delayed),
        cmocka_unit_test(test_withdrawal_in_delay),
        cmocka_unit_test(test_break_is_delayed),
        cmocka_unit_test(test_fenced_release),
        cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests(tests, open_peers, close_peers);
}
