/* SPDX-License-Identifier: Apache-2.0 */
/* The leaselock_error of an acquire that was not granted in time: the lock, its
 * holder and how many were ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leaselock/leaselock.h"
#include "support/etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

static struct test_etcd etcd;
static struct test_peer holder;
static struct test_peer peer;

static int start_etcd(void **state)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;

    (void)state;
    if (test_etcd_start(&etcd) != 0) {
        return -1;
    }
    options.label = "anna";
    options.ttl_s = TEST_TTL_LONG_S;
    test_peer_open_with(etcd.endpoint, NULL, &options, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    return 0;
}

static int stop_etcd(void **state)
{
    (void)state;
    test_peer_close(&peer);
    test_peer_close(&holder);
    test_etcd_stop(&etcd);
    return 0;
}

static void expect(const struct leaselock_error *error, const char *part)
{
    if (strstr(error->message, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, error->message);
    }
}

/** " is held by HOST pid N PROGRAM (anna)" of a lock of this process. */
static const char *held_by(const char *name, char text[256])
{
    char host[64] = "";

    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(text, 256, "%s is held by %s pid %d ", name, host,
                   (int)getpid());
    return text;
}

/** Goal: a try and a wait name the lock, its holder and how many were ahead,
 * within the timeout. Method: a holder with a label; a try; a single waiter
 * behind it, with timeouts below and above the lead of the read; and a wait
 * behind a further one. */
static void test_holder(void **state)
{
    static const int timeouts_ms[] = {0, 100, 600};
    leaselock_ticket *held = test_acquire(&holder, "message");
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *between;
    char text[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int64_t start_ns = test_now_ns();

        assert_int_equal(leaselock_acquire(peer.session, "message", NULL,
                                           timeouts_ms[i], &ticket, &error),
                         LEASELOCK_E_TIMEOUT);
        assert_true(test_now_ns() - start_ns <
                    (timeouts_ms[i] + 500) * TEST_NS_PER_MS);
        expect(&error, held_by("message", text));
        expect(&error, "(anna)");
        if (timeouts_ms[i] > 0) {
            expect(&error, "; 1 ahead in its queue");
        }
    }
    between = test_acquire_async(&peer, "message", &call);
    test_await_place(between);
    assert_int_equal(
        leaselock_acquire(peer.session, "message", NULL, 300, &ticket, &error),
        LEASELOCK_E_TIMEOUT);
    expect(&error, held_by("message", text));
    expect(&error, "(anna); 2 ahead in its queue");
    test_release(between);
    test_release(held);
}

/** Goal: of several locks, the error names the one that another client holds,
 *  and its holder. Method: a try and a wait for three, of which one is held. */
static void test_several(void **state)
{
    static const char *const names[] = {"several/a", "several/b", "several/c"};
    leaselock_ticket *held = test_acquire(&holder, "several/b");
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    char text[256];

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(leaselock_acquire_all(peer.session, names, 3, NULL,
                                               300 * i, &ticket, &error),
                         LEASELOCK_E_TIMEOUT);
        expect(&error, held_by("several/b", text));
        expect(&error, "(anna)");
    }
    test_release(held);
}

/** Goal: a leader is named by its key, another client's key is called foreign.
 *  Method: a leader with a value of its own; a key with a lease that etcdctl
 *  puts there. */
static void test_others(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *leader = NULL;
    leaselock_ticket *ticket = NULL;
    char lease[64];
    char text[256];

    (void)state;
    options.label = "berta";
    assert_int_equal(leaselock_campaign(holder.session, "led", "v", 1, &options,
                                        1000, &leader, NULL),
                     0);
    assert_int_equal(leaselock_campaign(peer.session, "led", "w", 1, NULL, 0,
                                        &ticket, &error),
                     LEASELOCK_E_TIMEOUT);
    expect(&error, held_by("led", text));
    expect(&error, "(berta)");
    test_release(leader);
    (void)snprintf(lease, sizeof(lease), "--lease=%llx",
                   (unsigned long long)leaselock_session_lease(holder.session));
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", lease, "others/key", "x", NULL), 0);
    assert_int_equal(
        leaselock_acquire(peer.session, "others", NULL, 200, &ticket, &error),
        LEASELOCK_E_TIMEOUT);
    expect(&error, "others is held by the foreign key others/key; 1 ahead");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holder),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
