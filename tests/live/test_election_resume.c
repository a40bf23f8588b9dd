/* SPDX-License-Identifier: Apache-2.0 */
/* A process that is restarted and resumes its lease and its tickets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** The data that a process has to store. */
struct place {
    long long lease;
    long long token;
    char key[LEASELOCK_KEY_MAX + 1];
};

/** The process that is killed: campaigns, prints the data that its successor
 * needs, and waits. */
static int predecessor_main(const char *endpoint, const char *name)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    struct test_call call = TEST_CALL_INIT;
    char key[LEASELOCK_KEY_MAX + 1];

    options.ttl_s = TEST_TTL_LONG_S;
    if (leaselock_client_open(endpoint, NULL, &client, NULL) != 0 ||
        leaselock_session_open(client, &options, &session, NULL) != 0 ||
        leaselock_campaign_async(session, name, "first", 5, NULL,
                                 LEASELOCK_FOREVER, test_call_done, &call,
                                 &ticket, NULL) != 0) {
        return 1;
    }
    test_await_place(ticket);
    if (leaselock_ticket_key(ticket, key, sizeof(key)) < 0) {
        return 1;
    }
    printf("%lld %lld %s\n", (long long)leaselock_session_lease(session),
           (long long)leaselock_ticket_token(ticket), key);
    (void)fflush(stdout);
    for (;;) {
        (void)pause(); /* until it is killed */
    }
}

/** Starts such a process and kills it once it has queued. */
static void place_leave(const char *name, struct place *place)
{
    struct test_process process = TEST_PROCESS_INIT;
    char line[LEASELOCK_KEY_MAX + 64];

    test_start_self(&process, "predecessor", etcd.endpoint, name, NULL);
    if (!test_process_line(&process, TEST_STDOUT, TEST_WAIT_MS, line,
                           sizeof(line))) {
        fail_msg("%s", test_process_output(&process, TEST_STDERR));
    }
    assert_int_equal(sscanf(line, "%lld %lld %1313s", &place->lease,
                            &place->token, place->key),
                     3);
    test_process_end(&process);
}

static void place_open(const struct place *place, struct test_peer *peer)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;

    options.lease = place->lease;
    test_peer_open_with(etcd.endpoint, NULL, &options, peer);
    assert_true(leaselock_session_lease(peer->session) == place->lease);
    assert_int_equal(leaselock_session_state(peer->session),
                     LEASELOCK_SESSION_ACTIVE);
}

/** Goal: a restarted process resumes its leadership, with the same lease, key
 * and token; it writes and proclaims, renews the lease, and resigns. Its close
 * revokes the lease. Method: kill the first one. */
static void test_resume_a_leader(void **state)
{
    struct leaselock_leader_info *leader = NULL;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *again = NULL;
    struct test_peer peer;
    struct place place;
    char key[LEASELOCK_KEY_MAX + 1];

    (void)state;
    place_leave("resume/leader", &place);
    place_open(&place, &peer);
    assert_true(leaselock_session_remaining_ms(peer.session) >
                TEST_TTL_LONG_S * 500);
    assert_int_equal(leaselock_resume(peer.session, place.key, place.token,
                                      NULL, TEST_WAIT_MS, &ticket, NULL),
                     0);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_true(leaselock_ticket_token(ticket) == place.token);
    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    assert_string_equal(key, place.key);
    assert_int_equal(leaselock_ticket_name(ticket, key, sizeof(key)), 13);
    assert_string_equal(key, "resume/leader");
    assert_int_equal(leaselock_resume(peer.session, place.key, place.token,
                                      NULL, TEST_WAIT_MS, &again, NULL),
                     LEASELOCK_E_STATE);
    assert_int_equal(put(ticket, "resumed/a", "x"), 0);
    assert_int_equal(
        leaselock_proclaim(ticket, "second", 6, TEST_WAIT_MS, NULL), 0);
    assert_int_equal(leaselock_leader(peer.client, "resume/leader",
                                      TEST_WAIT_MS, &leader, NULL),
                     0);
    assert_string_equal(leader->value, "second");
    assert_true(leader->token == place.token && leader->lease == place.lease);
    leaselock_leader_free(leader);
    test_release(ticket);
    ticket = test_acquire(&peer, "resume/leader");
    assert_true(leaselock_ticket_token(ticket) > place.token);
    test_peer_close(&peer);
    assert_int_equal(test_leases(&etcd), 0);
}

/** Goal: a waiting ticket is resumed as well, keeps its place, and its loss is
 * reported. Method: the killed process waits behind a lock. */
static void test_resume_a_place(void **state)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_call lost = TEST_CALL_INIT;
    struct test_call resumed = TEST_CALL_INIT;
    struct test_call later_call = TEST_CALL_INIT;
    leaselock_ticket *holder;
    leaselock_ticket *later;
    leaselock_ticket *ticket = NULL;
    struct test_peer near;
    struct test_peer peer;
    struct place place;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &near);
    holder = test_acquire(&near, "resume/place");
    place_leave("resume/place", &place);
    later = test_acquire_async(&near, "resume/place", &later_call);
    test_await_place(later);
    place_open(&place, &peer);
    options.on_lost = test_call_lost;
    options.on_lost_arg = &lost;
    assert_int_equal(leaselock_resume_async(peer.session, place.key, 0,
                                            &options, LEASELOCK_FOREVER,
                                            test_call_done, &resumed, &ticket,
                                            NULL),
                     0);
    test_await_place(ticket);
    assert_int_equal(leaselock_ticket_position(ticket), 1);
    assert_int_equal(test_call_count(&resumed), 0);
    test_release(holder);
    assert_int_equal(test_call_await(&resumed), 0);
    assert_true(leaselock_ticket_token(ticket) == place.token);
    assert_int_equal(test_call_count(&later_call), 0);
    test_delete(&etcd, ticket);
    assert_int_equal(test_call_await(&lost), LEASELOCK_TICKET_LOST);
    assert_int_equal(test_call_await(&later_call), 0);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    test_release(later);
    test_peer_close(&peer);
    test_peer_close(&near);
}

/** Goal: a ticket that is gone, or not the session's, cannot be resumed.
 * Method: a key that was deleted, one with another token, keys of other leases
 * and of none, an expired lease, one that the client uses. */
static void test_nothing_to_resume(void **state)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *own;
    struct test_peer peer;
    struct place place;
    char key[LEASELOCK_KEY_MAX + 1];

    (void)state;
    place_leave("resume/none", &place);
    place_open(&place, &peer);
    assert_int_equal(leaselock_resume(peer.session, place.key, place.token + 1,
                                      NULL, TEST_WAIT_MS, &ticket, NULL),
                     LEASELOCK_E_LOST);
    assert_int_equal(test_keys(&etcd, "resume/none/"), 1);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", place.key, NULL), 0);
    assert_int_equal(leaselock_resume(peer.session, place.key, place.token,
                                      NULL, TEST_WAIT_MS, &ticket, NULL),
                     LEASELOCK_E_LOST);
    assert_int_equal(leaselock_resume(peer.session, "resume/none/1.1", 0, NULL,
                                      TEST_WAIT_MS, &ticket, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_resume(peer.session, "x", 0, NULL, TEST_WAIT_MS,
                                      &ticket, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_resume(peer.session, NULL, 0, NULL, TEST_WAIT_MS,
                                      &ticket, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_resume(peer.session, place.key, 0, NULL, 0, &ticket, NULL),
        LEASELOCK_E_ARGUMENT);
    own = test_acquire(&peer, "resume/none");
    assert_true(leaselock_ticket_key(own, key, sizeof(key)) > 0);
    assert_int_equal(leaselock_resume(peer.session, key, 0, NULL, TEST_WAIT_MS,
                                      &ticket, NULL),
                     LEASELOCK_E_STATE);
    options.lease = place.lease;
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &session, NULL),
        LEASELOCK_E_STATE);
    assert_int_equal(leaselock_session_state(peer.session),
                     LEASELOCK_SESSION_ACTIVE);
    options.lease = -1;
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &session, NULL),
        LEASELOCK_E_ARGUMENT);
    options.lease = 4711;
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &session, NULL),
        LEASELOCK_E_LOST);
    test_peer_close(&peer);
    assert_null(ticket);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_a_leader),
        cmocka_unit_test(test_resume_a_place),
        cmocka_unit_test(test_nothing_to_resume),
    };

    if (argc == 4 && strcmp(argv[1], "predecessor") == 0) {
        return predecessor_main(argv[2], argv[3]);
    }
    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
