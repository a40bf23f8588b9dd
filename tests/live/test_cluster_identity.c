/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints of two clusters in one list, and a data directory that is replaced
 * by another cluster's. The numbers are those of docs/failures.md. */
#include "live/restored.h"

#include "live/tool.h"

#define LIST_SIZE (2 * TEST_ETCD_ENDPOINT_SIZE)

static struct test_etcd etcds[2];
static char ids[2][32];

static int start_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        if (test_etcd_start(&etcds[i]) != 0) {
            return -1;
        }
        cluster_of(etcds[i].endpoint, ids[i]);
    }
    return 0;
}

static int stop_two(void **state)
{
    (void)state;
    test_etcd_stop(&etcds[0]);
    test_etcd_stop(&etcds[1]);
    return 0;
}

static const char *list_of_both(char list[static LIST_SIZE])
{
    (void)snprintf(list, LIST_SIZE, "%s,%s", etcds[0].endpoint,
                   etcds[1].endpoint);
    return list;
}

static void expect_both_ids(const char *message)
{
    assert_non_null(strstr(message, ids[0]));
    assert_non_null(strstr(message, ids[1]));
}

/** Goal: a client whose list names two clusters opens no session, whichever
 *  endpoint it begins with, and names both (35). Method: ten clients, each of
 *  which begins with an endpoint at random. */
static void test_35_two_clusters(void **state)
{
    struct leaselock_error error;
    char list[LIST_SIZE];

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        leaselock_client *client = NULL;
        leaselock_session *session = NULL;

        assert_int_equal(
            leaselock_client_open(list_of_both(list), NULL, &client, NULL), 0);
        assert_int_equal(leaselock_session_open(client, NULL, &session, &error),
                         LEASELOCK_E_SERVER);
        assert_null(session);
        expect_both_ids(error.message);
        assert_int_equal(leaselock_client_close(client, NULL), 0);
    }
}

/** Goal: `leaselock lock` refuses such a list with both ids, and does not run
 *  its command (35). Method: run it ten times. */
static void test_35_tool(void **state)
{
    char list[LIST_SIZE];

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, list_of_both(list), "lock", "two",
                                  "echo", "granted", NULL),
                         69);
        assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
        expect_both_ids(test_process_output(&tool, TEST_STDERR));
        test_process_end(&tool);
    }
    assert_int_equal(test_keys(&etcds[0], ""), 0);
    assert_int_equal(test_keys(&etcds[1], ""), 0);
}

/** Goal: an endpoint of another cluster that was down when the client was
 * opened is detected when it is up (35). Method: it restarts, and a second
 * session is opened: that fails, and the first one is lost with its lock. */
static void test_35_later(void **state)
{
    leaselock_session *second = NULL;
    struct leaselock_error error;
    struct test_peer peer;
    leaselock_ticket *ticket;
    char list[LIST_SIZE];

    (void)state;
    assert_int_equal(test_etcd_kill(&etcds[1]), 0);
    test_peer_open(list_of_both(list), TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, "later");
    assert_int_equal(test_etcd_restart(&etcds[1]), 0);
    /* The RPC library waits before it reconnects to an address that was
     * down. */
    while (leaselock_session_open(peer.client, NULL, &second, &error) == 0) {
        assert_int_equal(leaselock_session_close(second, NULL), 0);
        test_pause_step();
    }
    assert_int_equal(error.code, LEASELOCK_E_SERVER);
    expect_both_ids(error.message);
    await_ticket(ticket, LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(ticket, NULL), LEASELOCK_E_LOST);
    test_peer_close(&peer);
}

/** Goal: when a data directory is replaced and the cluster has another id, the
 *  holder, the waiter and the observer end with both ids, and the client
 *  continues with the new cluster (34). Method: empty the directory, and start
 *  etcd with another token. */
static void test_34_replaced(void **state)
{
    struct view view = VIEW_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_session *session = NULL;
    struct test_etcd etcd;
    struct test_peer holder;
    struct test_peer waiter;
    leaselock_ticket *held;
    leaselock_ticket *waits;

    (void)state;
    assert_int_equal(test_etcd_start(&etcd), 0);
    cluster_of(etcd.endpoint, ids[0]);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &holder);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &waiter);
    held = test_acquire(&holder, "replaced");
    waits = test_acquire_async(&waiter, "replaced", &call);
    test_await_place(waits);
    (void)observe(waiter.client, "replaced", &view);
    wipe(&etcd);
    come_back(&etcd, true);
    cluster_of(etcd.endpoint, ids[1]);
    assert_string_not_equal(ids[0], ids[1]);
    assert_int_equal(test_call_await(&call), LEASELOCK_E_LOST);
    expect_both_ids(call.error.message);
    assert_int_equal(test_call_await(&view.ended), LEASELOCK_E_SERVER);
    expect_both_ids(view.ended.error.message);
    await_ticket(held, LEASELOCK_TICKET_LOST);
    assert_int_equal(leaselock_release(held, NULL), LEASELOCK_E_LOST);
    assert_int_equal(leaselock_session_close(holder.session, &error),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    expect_both_ids(error.message);
    assert_int_equal(
        leaselock_session_open(holder.client, NULL, &session, NULL), 0);
    holder.session = session;
    test_release(test_acquire(&holder, "replaced"));
    test_peer_close(&holder);
    /* The waiter's session was lost to the new cluster. */
    assert_int_equal(leaselock_client_close(waiter.client, &error),
                     LEASELOCK_E_OUTCOME_UNKNOWN);
    expect_both_ids(error.message);
    test_etcd_stop(&etcd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_35_two_clusters), cmocka_unit_test(test_35_tool),
        cmocka_unit_test(test_35_later), cmocka_unit_test(test_34_replaced)};

    return cmocka_run_group_tests(tests, start_two, stop_two);
}
