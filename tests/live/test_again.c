/* SPDX-License-Identifier: Apache-2.0 */
/* Permanent leadership: leaselock_lead with `again`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define TTL_S 2

struct story {
    int terms;
    int changes[4];
    int64_t tokens[3];
    bool closes;
    leaselock_client *client;
    pthread_t closer;
};

/** The first term ends with an outage of etcd, the second with its key's
 * deletion; the third ends the call. */
static int work(leaselock_ticket *ticket, void *arg)
{
    struct story *story = arg;
    int term = story->terms++;

    story->tokens[term] = leaselock_ticket_token(ticket);
    if (term == 2) {
        return 0;
    }
    if (term == 0) {
        assert_int_equal(test_etcd_kill(&etcd), 0);
    } else {
        test_delete(&etcd, ticket);
    }
    while (leaselock_lead_wait(ticket, LEASELOCK_FOREVER) !=
           LEASELOCK_LEAD_LOST) {
        test_pause_step();
    }
    return 0;
}

static void *close_client(void *arg)
{
    (void)leaselock_client_close(arg, NULL);
    return NULL;
}

static int on_change(enum leaselock_lead_change change,
                     const struct leaselock_error *error,
                     void *arg)
{
    struct story *story = arg;

    story->changes[change]++;
    assert_int_equal(error != NULL, change >= LEASELOCK_CHANGE_LOST);
    if (change == LEASELOCK_CHANGE_UNREACHABLE && story->closes) {
        assert_int_equal(
            pthread_create(&story->closer, NULL, close_client, story->client),
            0);
    } else if (change == LEASELOCK_CHANGE_UNREACHABLE) {
        assert_int_equal(test_etcd_restart(&etcd), 0);
    }
    return 0;
}

static int lead(struct story *story, leaselock_session *session)
{
    struct leaselock_session_options again = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_lead_options options = LEASELOCK_LEAD_OPTIONS_INIT;

    again.ttl_s = TTL_S;
    again.open_timeout_ms = 1000;
    options.again = &again;
    options.on_change = on_change;
    options.on_change_arg = story;
    return leaselock_lead(session, "again", "me", 2, &options, work, story,
                          NULL);
}

/** Goal: a leader leads again after each loss, with a greater token, until its
 *  function ends undisturbed. Method: etcd is killed until the session is lost
 *  and etcd reported unreachable, and restarts; then the key is deleted. */
static void test_for_good(void **state)
{
    struct story story = {0};
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TTL_S, &peer);
    assert_int_equal(lead(&story, peer.session), 0);
    assert_int_equal(story.terms, 3);
    assert_true(story.tokens[0] < story.tokens[1]);
    assert_true(story.tokens[1] < story.tokens[2]);
    assert_int_equal(story.changes[LEASELOCK_CHANGE_CAMPAIGNING], 3);
    assert_int_equal(story.changes[LEASELOCK_CHANGE_LEADING], 3);
    assert_int_equal(story.changes[LEASELOCK_CHANGE_LOST], 2);
    assert_int_equal(story.changes[LEASELOCK_CHANGE_UNREACHABLE], 1);
    (void)leaselock_client_close(peer.client, NULL);
}

/** Goal: closing the client ends it while it tries to reach etcd. */
static void test_closed(void **state)
{
    struct story story = {.closes = true};
    struct test_peer peer;
    int status;

    (void)state;
    test_peer_open(etcd.endpoint, TTL_S, &peer);
    story.client = peer.client;
    status = lead(&story, peer.session);
    assert_true(status == LEASELOCK_E_CLOSED || status == LEASELOCK_E_HANDLE);
    assert_int_equal(story.terms, 1);
    assert_int_equal(pthread_join(story.closer, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_for_good),
                                       cmocka_unit_test(test_closed)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
