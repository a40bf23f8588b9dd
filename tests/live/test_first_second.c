/* SPDX-License-Identifier: Apache-2.0 */
/* A holder whose key is deleted within the first second: the loss is reported
 * at once to the tool, and to callers with the option. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/guarded.h"
#include "live/tool.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** A loss that is detected only after the first second is reported some 900 ms
 * after the deletion here. On a busy machine a round may take as long for other
 * reasons, so one of several rounds must be this fast. */
#define SOON_MS 400
#define ROUNDS 5

enum way {
    WAY_DELETE,
    WAY_REVOKE,
};

/** Deletes a lock's key, or revokes the lease, as a third party. */
static void take_away(enum way way, const char *name, const char *lease)
{
    char prefix[80];

    (void)snprintf(prefix, sizeof(prefix), "%s/", name);
    assert_int_equal(
        way == WAY_DELETE
            ? test_etcdctl(&etcd, NULL, 0, "del", "--prefix", prefix, NULL)
            : test_etcdctl(&etcd, NULL, 0, "lease", "revoke", lease, NULL),
        0);
}

/** Runs a CMD that prints its lease, deletes its lock at once, and waits until
 * CMD has ended.
 *  @return whether that was fast */
static bool lose_early(enum way way,
                       const char *command,
                       const char *option,
                       const char *name,
                       const char *word)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char lease[LINE_SIZE];
    char line[LINE_SIZE];
    pid_t pid;
    bool soon;

    start_tool(&tool, etcd.endpoint, command, option, name, word, "sh", "-c",
               "echo $LEASELOCK_LEASE; echo $$; exec sleep 600", NULL);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, lease, sizeof(lease)));
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    pid = (pid_t)strtol(line, NULL, 10);
    assert_true(pid > 1);
    take_away(way, name, lease);
    soon = test_until(SOON_MS, process_is_gone, &pid);
    assert_true(soon || test_until(WAIT_MS, process_is_gone, &pid));
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 70);
    test_process_end(&tool);
    return soon;
}

/** Repeats it until it was fast. */
static void expect_soon(enum way way,
                        const char *command,
                        const char *option,
                        const char *word)
{
    static int round;
    char name[64];
    bool soon = false;

    for (int i = 0; i < ROUNDS && !soon; i++) {
        (void)snprintf(name, sizeof(name), "early%d", ++round);
        soon = lose_early(way, command, option, name, word);
    }
    assert_true(soon);
}

/** Failures 4, 29 and 38: a lock, or a leadership, that is lost within the
 * first second ends CMD long before that second is over. Method: deletes the
 * key, or revokes the lease, as soon as CMD prints that it runs. */
static void test_lost_commands(void **state)
{
    static const enum way ways[] = {WAY_DELETE, WAY_REVOKE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        expect_soon(ways[i], "lock", "--ttl=60", "--");
        expect_soon(ways[i], "elect", "--ttl=60", "value");
    }
    /* One of several locks. */
    expect_soon(WAY_DELETE, "lock", "--also=other", "--");
}

/** Whether the loss was reported. */
static bool has_come(void *call)
{
    return test_call_count(call) > 0;
}

static struct leaselock_acquire_options options_of(struct test_call *lost)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;

    options.on_lost = test_call_lost;
    options.on_lost_arg = lost;
    options.watch_own_key_ms = LEASELOCK_AT_ONCE;
    return options;
}

/** Deletes a ticket's key, waits for the report of the loss, and releases the
 * ticket.
 *  @return whether that was fast */
static bool lose(leaselock_ticket *ticket, struct test_call *lost)
{
    bool soon;

    test_delete(&etcd, ticket);
    soon = test_until(SOON_MS, has_come, lost);
    (void)test_call_await(lost);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    return soon;
}

/** Acquires a free lock and loses it. */
static bool lose_free(struct test_peer *peer)
{
    struct test_call lost = TEST_CALL_INIT;
    struct leaselock_acquire_options options = options_of(&lost);
    leaselock_ticket *ticket = NULL;

    assert_int_equal(leaselock_acquire(peer->session, "free", &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    return lose(ticket, &lost);
}

/** Waits behind two, gets the lock and loses it. */
static bool lose_behind(struct test_peer *peer)
{
    struct test_call lost = TEST_CALL_INIT;
    struct test_call second_done = TEST_CALL_INIT;
    struct test_call done = TEST_CALL_INIT;
    struct leaselock_acquire_options options = options_of(&lost);
    leaselock_ticket *first = test_acquire(peer, "behind");
    leaselock_ticket *second = test_acquire_async(peer, "behind", &second_done);
    leaselock_ticket *third = NULL;

    test_await_place(second);
    assert_int_equal(leaselock_acquire_async(peer->session, "behind", &options,
                                             LEASELOCK_FOREVER, test_call_done,
                                             &done, &third, NULL),
                     0);
    test_await_place(third);
    test_release(second);
    test_release(first);
    assert_int_equal(test_call_await(&done), 0);
    return lose(third, &lost);
}

/** Acquires two locks and loses one of them. */
static bool lose_several(struct test_peer *peer)
{
    static const char *const names[] = {"all.x", "all.y"};
    struct test_call lost = TEST_CALL_INIT;
    struct leaselock_acquire_options options = options_of(&lost);
    leaselock_ticket *ticket = NULL;

    assert_int_equal(leaselock_acquire_all(peer->session, names, 2, &options,
                                           TEST_WAIT_MS, &ticket, NULL),
                     0);
    return lose(ticket, &lost);
}

/** With a short time. */
static bool lose_timed(struct test_peer *peer)
{
    struct test_call lost = TEST_CALL_INIT;
    struct leaselock_acquire_options options = options_of(&lost);
    leaselock_ticket *ticket = NULL;

    options.watch_own_key_ms = 1;
    assert_int_equal(leaselock_acquire(peer->session, "time", &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    return lose(ticket, &lost);
}

/** Failure 38: with LEASELOCK_AT_ONCE, or a short time, a holder's loss is
 * reported at once: of a free lock, of one acquired behind two others, and of
 * two names. An invalid time is refused. */
static void test_option(void **state)
{
    static bool (*const ways[])(struct test_peer *) = {
        lose_free, lose_behind, lose_several, lose_timed};
    struct test_call lost = TEST_CALL_INIT;
    struct leaselock_acquire_options options = options_of(&lost);
    struct test_peer peer;
    leaselock_ticket *ticket = NULL;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        bool soon = false;

        for (int round = 0; round < ROUNDS && !soon; round++) {
            soon = ways[i](&peer);
        }
        assert_true(soon);
    }
    options.watch_own_key_ms = LEASELOCK_AT_ONCE - 1;
    assert_int_equal(
        leaselock_acquire(peer.session, "time", &options, 0, &ticket, NULL),
        LEASELOCK_E_ARGUMENT);
    test_peer_close(&peer);
}

/** The input of a leader's function. */
struct lead {
    struct test_call stopped;
    bool soon;
};

static void on_stop(leaselock_ticket *ticket,
                    enum leaselock_lead_state state,
                    const char *why,
                    void *arg)
{
    struct lead *lead = arg;

    if (state == LEASELOCK_LEAD_LOST) {
        test_call_lost(ticket, why, &lead->stopped);
    }
}

static int run_lead(leaselock_ticket *ticket, void *arg)
{
    struct lead *lead = arg;

    test_delete(&etcd, ticket);
    lead->soon = test_until(SOON_MS, has_come, &lead->stopped);
    return 0;
}

/** Failure 38: the loss of a leader of leaselock_lead is reported at once
 * without any option. */
static void test_lead(void **state)
{
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;
    struct lead lead = {TEST_CALL_INIT, false};
    struct test_peer peer;

    (void)state;
    options.on_stop = on_stop;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (int round = 0; round < ROUNDS && !lead.soon; round++) {
        struct lead fresh = {TEST_CALL_INIT, false};

        lead = fresh;
        options.on_stop_arg = &lead;
        assert_int_equal(leaselock_lead(peer.session, "lead", "v", 1, &options,
                                        run_lead, &lead, NULL),
                         LEASELOCK_E_LOST);
    }
    assert_true(lead.soon);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_commands),
        cmocka_unit_test(test_option),
        cmocka_unit_test(test_lead),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
