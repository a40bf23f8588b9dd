/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns, proclamations, and the leader. The numbers are those of
 * docs/failures.md. */
#include <inttypes.h>
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

static leaselock_ticket *
campaign(struct test_peer *peer, const char *name, const char *value)
{
    leaselock_ticket *ticket = NULL;

    assert_int_equal(leaselock_campaign(peer->session, name, value,
                                        strlen(value), NULL, TEST_WAIT_MS,
                                        &ticket, NULL),
                     0);
    return ticket;
}

static leaselock_ticket *campaign_async(struct test_peer *peer,
                                        const char *name,
                                        const char *value,
                                        struct test_call *call)
{
    leaselock_ticket *ticket = NULL;

    assert_int_equal(leaselock_campaign_async(peer->session, name, value,
                                              strlen(value), NULL,
                                              LEASELOCK_FOREVER, test_call_done,
                                              call, &ticket, NULL),
                     0);
    return ticket;
}

/** Whether the leader's value is this one; NULL: whether there is none. */
static void
check_leader(struct test_peer *peer, const char *name, const char *value)
{
    struct leaselock_leader_info *leader = NULL;
    int status =
        leaselock_leader(peer->client, name, TEST_WAIT_MS, &leader, NULL);

    if (value == NULL) {
        assert_int_equal(status, LEASELOCK_E_NO_LEADER);
        assert_null(leader);
        return;
    }
    assert_int_equal(status, 0);
    assert_int_equal(leader->value_size, strlen(value));
    assert_string_equal(leader->value, value);
    leaselock_leader_free(leader);
}

/** Goal: candidates lead one after the other, in the order of their campaigns,
 * and the leader is reported with its value. Method: three candidates of two
 * sessions; the first resigns, the second withdraws. */
static void test_order_of_leaders(void **state)
{
    struct leaselock_leader_info *leader = NULL;
    struct test_call second_call = TEST_CALL_INIT;
    struct test_call third_call = TEST_CALL_INIT;
    struct test_call asked = TEST_CALL_INIT;
    struct test_peer one;
    struct test_peer two;
    leaselock_ticket *first;
    leaselock_ticket *second;
    leaselock_ticket *third;
    char key[LEASELOCK_KEY_MAX + 1];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &one);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &two);
    check_leader(&one, "order", NULL);
    first = campaign(&one, "order", "alice");
    second = campaign_async(&two, "order", "bob", &second_call);
    test_await_place(second);
    third = campaign_async(&one, "order", "carol", &third_call);
    test_await_place(third);
    assert_int_equal(leaselock_leader_async(two.client, "order", TEST_WAIT_MS,
                                            &leader, test_call_done, &asked,
                                            NULL),
                     0);
    assert_int_equal(test_call_await(&asked), 0);
    assert_true(leaselock_ticket_key(first, key, sizeof(key)) > 0);
    assert_string_equal(leader->key, key);
    assert_string_equal(leader->value, "alice");
    assert_int_equal(leader->token, leaselock_ticket_token(first));
    assert_int_equal(leader->revision, leader->token);
    assert_true(leader->lease == leaselock_session_lease(one.session));
    leaselock_leader_free(leader);
    leaselock_leader_free(NULL);
    test_release(second);
    assert_int_equal(test_call_await(&second_call), LEASELOCK_E_CANCELED);
    check_leader(&two, "order", "alice");
    test_release(first);
    assert_int_equal(test_call_await(&third_call), 0);
    check_leader(&two, "order", "carol");
    test_release(third);
    check_leader(&two, "order", NULL);
    test_peer_close(&one);
    test_peer_close(&two);
}

/** Goal: a leader's proclamations are visible, keep its place and token, and
 * end with its leadership. Method: proclaim, empty and longest values too; then
 * as a waiting candidate and as one whose key was deleted. */
static void test_proclaim(void **state)
{
    static char longest[LEASELOCK_VALUE_MAX + 2];
    struct leaselock_leader_info *leader = NULL;
    struct test_call call = TEST_CALL_INIT;
    struct test_call proclaimed = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket;
    leaselock_ticket *next;
    int64_t token;

    (void)state;
    memset(longest, 'x', LEASELOCK_VALUE_MAX + 1);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = campaign(&peer, "proclaim", "");
    token = leaselock_ticket_token(ticket);
    check_leader(&peer, "proclaim", "");
    assert_int_equal(leaselock_proclaim(ticket, "new", 3, TEST_WAIT_MS, NULL),
                     0);
    check_leader(&peer, "proclaim", "new");
    assert_int_equal(leaselock_proclaim_async(ticket, "newer", 5, TEST_WAIT_MS,
                                              test_call_done, &proclaimed,
                                              NULL),
                     0);
    assert_int_equal(test_call_await(&proclaimed), 0);
    check_leader(&peer, "proclaim", "newer");
    assert_int_equal(leaselock_proclaim(ticket, longest, LEASELOCK_VALUE_MAX,
                                        TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(leaselock_proclaim(ticket, longest,
                                        LEASELOCK_VALUE_MAX + 1, TEST_WAIT_MS,
                                        NULL),
                     LEASELOCK_E_LIMIT);
    assert_int_equal(leaselock_proclaim(ticket, NULL, 1, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_proclaim(ticket, NULL, 0, TEST_WAIT_MS, NULL),
                     0);
    assert_int_equal(
        leaselock_leader(peer.client, "proclaim", TEST_WAIT_MS, &leader, NULL),
        0);
    assert_int_equal(leader->value_size, 0);
    assert_int_equal(leader->token, token);
    assert_true(leader->revision > token);
    assert_true(leader->lease == leaselock_session_lease(peer.session));
    leaselock_leader_free(leader);
    next = campaign_async(&peer, "proclaim", "next", &call);
    test_await_place(next);
    assert_int_equal(leaselock_proclaim(next, "me", 2, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_NOT_HELD);
    test_delete(&etcd, ticket);
    assert_int_equal(leaselock_proclaim(ticket, "me", 2, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_NOT_HELD);
    assert_int_equal(test_call_await(&call), 0);
    check_leader(&peer, "proclaim", "next");
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    test_release(next);
    test_peer_close(&peer);
}

/** Goal: a try leaves no key and does not wait. */
static void test_try(void **state)
{
    struct test_peer peer;
    leaselock_ticket *ticket;
    leaselock_ticket *other = NULL;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = campaign(&peer, "try", "a");
    assert_int_equal(
        leaselock_campaign(peer.session, "try", "b", 1, NULL, 0, &other, NULL),
        LEASELOCK_E_TIMEOUT);
    assert_int_equal(test_keys(&etcd, "try/"), 1);
    test_release(ticket);
    assert_int_equal(
        leaselock_campaign(peer.session, "try", "b", 1, NULL, 0, &other, NULL),
        0);
    check_leader(&peer, "try", "b");
    test_release(other);
    test_peer_close(&peer);
}

/** Failure 12: a lock and an election of one name share a queue and have keys
 * of their own, also in one session: each waits for its predecessor. */
static void test_12_lock_and_election_of_one_name(void **state)
{
    struct test_call campaign_call = TEST_CALL_INIT;
    struct test_call lock_call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *lock;
    leaselock_ticket *candidate;
    leaselock_ticket *last;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    lock = test_acquire(&peer, "both");
    candidate = campaign_async(&peer, "both", "c", &campaign_call);
    test_await_place(candidate);
    last = test_acquire_async(&peer, "both", &lock_call);
    test_await_place(last);
    assert_int_equal(test_keys(&etcd, "both/"), 3);
    assert_int_equal(leaselock_ticket_position(candidate), 1);
    assert_int_equal(leaselock_ticket_position(last), 2);
    test_release(lock);
    assert_int_equal(test_call_await(&campaign_call), 0);
    assert_int_equal(test_call_count(&lock_call), 0);
    check_leader(&peer, "both", "c");
    test_release(candidate);
    assert_int_equal(test_call_await(&lock_call), 0);
    test_release(last);
    test_peer_close(&peer);
}

/** Failure 2: a candidate whose key or lease is gone never becomes leader,
 * though its predecessor resigns afterwards: its campaign ends with LOST. */
static void test_2_no_leader_without_a_key(void **state)
{
    struct test_call key_call = TEST_CALL_INIT;
    struct test_call lease_call = TEST_CALL_INIT;
    struct test_peer one;
    struct test_peer two;
    leaselock_ticket *leader;
    leaselock_ticket *no_key;
    leaselock_ticket *no_lease;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &one);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &two);
    leader = campaign(&one, "fail/2", "leader");
    no_key = campaign_async(&one, "fail/2", "no key", &key_call);
    test_await_place(no_key);
    no_lease = campaign_async(&two, "fail/2", "no lease", &lease_call);
    test_await_place(no_lease);
    test_delete(&etcd, no_key);
    test_revoke(&etcd, two.session);
    test_release(leader);
    assert_int_equal(test_call_await(&key_call), LEASELOCK_E_LOST);
    assert_int_equal(test_call_await(&lease_call), LEASELOCK_E_LOST);
    check_leader(&one, "fail/2", NULL);
    test_peer_close(&one);
    test_peer_close(&two);
    assert_int_equal(test_call_count(&key_call), 1);
    assert_int_equal(test_call_count(&lease_call), 1);
}

/** An election's two callbacks, in the order of their calls. */
struct notices {
    pthread_mutex_t mutex;
    int elected;
    int failed;
    int lost;
    int lost_first;
};

static void
notice_elected(int status, const struct leaselock_error *error, void *arg)
{
    struct notices *notices = arg;

    (void)error;
    (void)pthread_mutex_lock(&notices->mutex);
    notices->elected += status == 0;
    notices->failed += status != 0;
    (void)pthread_mutex_unlock(&notices->mutex);
}

static void notice_lost(leaselock_ticket *ticket, const char *why, void *arg)
{
    struct notices *notices = arg;

    (void)ticket;
    (void)why;
    (void)pthread_mutex_lock(&notices->mutex);
    notices->lost++;
    notices->lost_first += notices->elected == 0;
    (void)pthread_mutex_unlock(&notices->mutex);
}

static bool notices_ended(void *arg)
{
    struct notices *notices = arg;
    bool ended;

    (void)pthread_mutex_lock(&notices->mutex);
    ended = notices->failed > 0 || notices->lost > 0;
    (void)pthread_mutex_unlock(&notices->mutex);
    return ended;
}

/** Goal: on_lost is called after done has reported the election and never
 * without it, however fast the loss follows. Method: 60 candidates whose key is
 * deleted when their predecessor resigns, a little before that and a little
 * after. */
static void test_never_lost_before_elected(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_peer peer;
    int elected = 0;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (int i = 0; i < 60; i++) {
        struct notices notices = {.mutex = PTHREAD_MUTEX_INITIALIZER};
        leaselock_ticket *leader = campaign(&peer, "fast", "leader");
        leaselock_ticket *ticket = NULL;
        leaselock_ticket *helper = NULL;
        char key[LEASELOCK_KEY_MAX + 1];

        options.on_lost = notice_lost;
        options.on_lost_arg = &notices;
        assert_int_equal(leaselock_campaign_async(peer.session, "fast", "x", 1,
                                                  &options, LEASELOCK_FOREVER,
                                                  notice_elected, &notices,
                                                  &ticket, NULL),
                         0);
        test_await_place(ticket);
        assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
        helper = test_acquire(&peer, "fast-helper");
        if (i % 3 == 0) {
            assert_int_equal(leaselock_fenced_delete(helper, key, strlen(key),
                                                     TEST_WAIT_MS, NULL),
                             0);
            test_release(leader);
        } else if (i % 3 == 1) {
            assert_int_equal(leaselock_release_async(leader, NULL, NULL, NULL),
                             0);
            assert_int_equal(leaselock_fenced_delete(helper, key, strlen(key),
                                                     TEST_WAIT_MS, NULL),
                             0);
        } else {
            test_release(leader);
            assert_int_equal(leaselock_fenced_delete(helper, key, strlen(key),
                                                     TEST_WAIT_MS, NULL),
                             0);
        }
        assert_true(test_until(TEST_WAIT_MS, notices_ended, &notices));
        (void)leaselock_release(ticket, NULL);
        assert_int_equal(notices.elected + notices.failed, 1);
        assert_int_equal(notices.lost_first, 0);
        assert_int_equal(notices.lost, notices.elected);
        elected += notices.elected;
        test_release(helper);
    }
    print_message("%d of 60 were elected before they were lost\n", elected);
    assert_true(elected > 0);
    test_peer_close(&peer);
}

/** Goal: keys of a nested lock are not candidates, and invalid arguments are
 * refused. */
static void test_leader_misuse(void **state)
{
    struct leaselock_leader_info *leader = NULL;
    struct test_peer peer;
    char option[40];
    leaselock_ticket *ticket = NULL;
    struct test_call call = TEST_CALL_INIT;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    (void)test_acquire(&peer, "outer/inner");
    check_leader(&peer, "outer", NULL);
    (void)snprintf(option, sizeof(option), "--lease=%" PRIx64,
                   (uint64_t)leaselock_session_lease(peer.session));
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", option, "outer/x", "y", NULL), 0);
    check_leader(&peer, "outer", "y");
    assert_int_equal(leaselock_leader(peer.client, "a//b", 1, &leader, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_leader(peer.client, "a", 0, &leader, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_leader(peer.client, "a", 1, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_leader_async(peer.client, "a", 1, &leader, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_campaign(peer.session, "a", NULL, 1, NULL, 0, &ticket, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_campaign(peer.session, "a", "x",
                                        LEASELOCK_VALUE_MAX + 1, NULL, 0,
                                        &ticket, NULL),
                     LEASELOCK_E_LIMIT);
    assert_int_equal(
        leaselock_campaign(peer.session, "/a", "x", 1, NULL, 0, &ticket, NULL),
        LEASELOCK_E_NAME);
    assert_int_equal(leaselock_campaign_async(peer.session, "a", "x", 1, NULL,
                                              0, NULL, &call, &ticket, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_proclaim(NULL, "x", 1, TEST_WAIT_MS, NULL),
                     LEASELOCK_E_HANDLE);
    assert_null(ticket);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_leaders),
        cmocka_unit_test(test_proclaim),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_12_lock_and_election_of_one_name),
        cmocka_unit_test(test_2_no_leader_without_a_key),
        cmocka_unit_test(test_never_lost_before_elected),
        cmocka_unit_test(test_leader_misuse),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
