/* SPDX-License-Identifier: Apache-2.0 */
/* Users whose role changes or covers some names only, with a real etcd: the
 * refusal of one session or request does not affect any other (failures 39 and
 * 40). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/tool.h"
#include "support/etcd_auth.h"
#include "support/test_live.h"
#include "support/wait.h"

#define PASSWORD "correct-horse"

static struct test_etcd etcd;

static void open_as_ann(int ttl_s, struct test_peer *peer)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;

    options.user = "ann";
    options.password = PASSWORD;
    session.ttl_s = ttl_s;
    test_peer_open_with(etcd.endpoint, &options, &session, peer);
}

/** Whether a prefix has no key, read as root. */
static bool is_empty(const char *prefix)
{
    char left[256];

    assert_int_equal(test_etcdctl(&etcd, left, sizeof(left), TEST_AUTH_ROOT,
                                  "get", "--prefix", "--keys-only", prefix,
                                  NULL),
                     0);
    return left[0] == '\0';
}

/**
 * Goal: failure 39: if etcd refuses the renewals of one of a client's two
 * sessions, the other is renewed for longer than its TTL. Method: revoke the
 * permission for the first one's key. Servers before 3.5.28 renew both. */
static void test_one_refused(void **state)
{
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_session *second = NULL;
    leaselock_ticket *taken = NULL;
    leaselock_ticket *kept = NULL;
    struct test_peer peer;
    int64_t until_ns;

    (void)state;
    test_auth_permit(&etcd, true, "ann", "readwrite", "brief/");
    open_as_ann(3, &peer);
    options.ttl_s = 3;
    assert_int_equal(
        leaselock_session_open(peer.client, &options, &second, &error), 0);
    assert_int_equal(leaselock_acquire(peer.session, "brief/lock", NULL, 5000,
                                       &taken, &error),
                     0);
    assert_int_equal(
        leaselock_acquire(second, "ann/lock", NULL, 5000, &kept, &error), 0);
    test_auth_permit(&etcd, true, "ann", NULL, "brief/");
    until_ns = test_deadline_ns(6500);
    while (test_now_ns() < until_ns) {
        assert_int_equal(leaselock_session_state(second),
                         LEASELOCK_SESSION_ACTIVE);
        assert_int_equal(leaselock_ticket_state(kept), LEASELOCK_TICKET_HELD);
        test_pause_step();
    }
    assert_int_equal(leaselock_release(kept, &error), 0);
    test_auth_permit(&etcd, true, "ann", "readwrite", "brief/");
    (void)leaselock_release(taken, &error);
    assert_int_equal(leaselock_session_close(second, &error), 0);
    test_peer_close(&peer);
}

enum { TICKETS = 64 };

/** A prefix that the user may lock, and others: outside the role, and with read
 * or write permission only. */
static const char *const prefixes[] = {"other", "ann", "ann",   "look",
                                       "ann",   "ann", "blind", "ann"};

static bool is_permitted(size_t i)
{
    return strcmp(prefixes[i % 8], "ann") == 0;
}

/** How many writes etcd has answered. */
static int64_t writes_now(void)
{
    return test_etcd_requests(&etcd, "Txn") +
           test_etcd_requests(&etcd, "DeleteRange");
}

/** Acquires and releases TICKETS names, all at once or one after another, and
 * lists each one's status.
 *  @return the writes that etcd answered meanwhile */
static int64_t acquire_many(struct test_peer *peer, bool at_once, int *ret_how)
{
    static struct test_call calls[TICKETS];
    leaselock_ticket *tickets[TICKETS];
    int64_t writes = -writes_now();
    char name[32];

    for (size_t i = 0; i < TICKETS; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        (void)snprintf(name, sizeof(name), "%s/%zu", prefixes[i % 8], i);
        tickets[i] = test_acquire_async(peer, name, &calls[i]);
        if (!at_once) {
            (void)test_call_await(&calls[i]);
        }
    }
    for (size_t i = 0; i < TICKETS; i++) {
        ret_how[i] = test_call_await(&calls[i]);
    }
    for (size_t i = 0; i < TICKETS; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        if (ret_how[i] == 0) {
            assert_int_equal(leaselock_release_async(tickets[i], test_call_done,
                                                     &calls[i], NULL),
                             0);
        }
        if (ret_how[i] == 0 && !at_once) {
            assert_int_equal(test_call_await(&calls[i]), 0);
        }
    }
    for (size_t i = 0; i < TICKETS; i++) {
        if (ret_how[i] == 0) {
            assert_int_equal(test_call_await(&calls[i]), 0);
        }
    }
    return writes + writes_now();
}

/**
 * Goal: failure 40: requests are refused alike whether or not they share a
 * batch: of many acquires those that the role does not permit, and no others.
 * The session closes successfully and leaves no key. Method: one after another,
 * then all at once, where fewer writes than requests prove the batches; the keys
 * are read as root. */
static void test_some_names(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_peer peer;
    int how[TICKETS];

    (void)state;
    test_auth_permit(&etcd, true, "ann", "read", "look/");
    test_auth_permit(&etcd, true, "ann", "write", "blind/");
    for (int at_once = 0; at_once < 2; at_once++) {
        int64_t writes;

        open_as_ann(TEST_TTL_LONG_S, &peer);
        writes = acquire_many(&peer, at_once != 0, how);
        for (size_t i = 0; i < TICKETS; i++) {
            assert_int_equal(how[i], is_permitted(i) ? 0 : LEASELOCK_E_REFUSED);
        }
        assert_int_equal(leaselock_session_close(peer.session, &error), 0);
        assert_int_equal(leaselock_client_close(peer.client, &error), 0);
        assert_true(is_empty("other/") && is_empty("ann/"));
        assert_true(is_empty("look/") && is_empty("blind/"));
        /* A batch with a name outside the role is sent again as single
         * requests, so the releases save most. */
        assert_true(at_once != 0 ? writes < 90 : writes >= 104);
    }
}

/** Waits until no key has this prefix. */
static void await_empty(const char *prefix)
{
    int64_t deadline_ns = test_deadline_ns(15000);

    while (!is_empty(prefix)) {
        assert_true(test_now_ns() < deadline_ns);
        test_pause_step();
    }
}

/**
 * Goal: a session whose user may no longer write one of its locks' keys is
 * closed at once. Every writable key is then gone, of a held lock and of a
 * wait; the error names the one that stays and until when; it disappears when
 * its lease expires. Method: revoke the permission for one of the locks, then
 * close. */
static void test_close_refused(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *kept;
    struct test_peer other;
    struct test_peer peer;
    int64_t began_ns;

    (void)state;
    test_auth_permit(&etcd, true, "ann", "readwrite", "brief/");
    open_as_ann(TEST_TTL_LONG_S, &other);
    kept = test_acquire(&other, "ann/other");
    open_as_ann(3, &peer);
    (void)test_acquire(&peer, "brief/lock");
    (void)test_acquire(&peer, "ann/lock");
    test_await_place(test_acquire_async(&peer, "ann/other", &call));
    test_auth_permit(&etcd, true, "ann", NULL, "brief/");
    began_ns = test_now_ns();
    assert_int_equal(leaselock_session_close(peer.session, &error),
                     LEASELOCK_E_REFUSED);
    assert_true(test_now_ns() - began_ns < 2500 * TEST_NS_PER_MS);
    assert_true(is_empty("ann/lock/"));
    assert_int_equal(test_call_await(&call), LEASELOCK_E_CLOSED);
    if (strstr(error.message, "may no longer write brief/lock/") == NULL ||
        strstr(error.message, "stays until the lease ends, in about ") ==
            NULL ||
        strstr(error.message, "ann/") != NULL) {
        fail_msg("%s", error.message);
    }
    test_release(kept);
    assert_true(is_empty("ann/"));
    assert_int_equal(leaselock_client_close(peer.client, &error), 0);
    await_empty("brief/");
    test_peer_close(&other);
}

/** Goal: a client's close reports it as well, and so does the tool, whose exit
 * status is still its command's. Method: revoke the permission for a lock that
 * each holds. */
static void test_close_of_client_refused(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    char directory[] = "/tmp/leaselock-roles-XXXXXX";
    char done[sizeof(directory) + 8];
    char line[LINE_SIZE];
    struct test_peer peer;
    const char *said;
    FILE *file;

    (void)state;
    test_auth_permit(&etcd, true, "ann", "readwrite", "brief/");
    open_as_ann(3, &peer);
    (void)test_acquire(&peer, "brief/lock");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(done, sizeof(done), "%s/done", directory);
    start_tool(&tool, etcd.endpoint, "lock", "--user", "ann:" PASSWORD, "--ttl",
               "3", "brief/tool", "sh", "-c",
               "echo begun; until [ -e \"$0\" ]; do sleep 0.02; done; exit 3",
               done, NULL);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    test_auth_permit(&etcd, true, "ann", NULL, "brief/");
    assert_int_equal(leaselock_client_close(peer.client, &error),
                     LEASELOCK_E_REFUSED);
    if (strstr(error.message, "may no longer write brief/lock/") == NULL) {
        fail_msg("%s", error.message);
    }
    file = fopen(done, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 3);
    said = test_process_output(&tool, TEST_STDERR);
    if (strstr(said, "brief/tool is not released: ") == NULL ||
        strstr(said, "stays until the lease ends") == NULL) {
        fail_msg("%s", said);
    }
    test_process_end(&tool);
    assert_int_equal(unlink(done), 0);
    assert_int_equal(rmdir(directory), 0);
    await_empty("brief/");
}

/**
 * Goal: a key of the program's own on the session's lease, which its user may
 * no longer write, does not keep the locks' keys; the error reports that one
 * stays. Method: a fenced put on the lease, then its permission is revoked.
 * */
static void test_close_with_own_key(void **state)
{
    struct leaselock_op op = {LEASELOCK_OP_PUT, "brief/own", 9, "x", 1, 0};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct test_peer peer;

    (void)state;
    test_auth_permit(&etcd, true, "ann", "readwrite", "brief/");
    open_as_ann(3, &peer);
    op.lease = leaselock_session_lease(peer.session);
    txn.ops = &op;
    txn.ops_n = 1;
    assert_int_equal(leaselock_fenced_txn(test_acquire(&peer, "ann/lock"), &txn,
                                          TEST_WAIT_MS, &error),
                     0);
    test_auth_permit(&etcd, true, "ann", NULL, "brief/");
    assert_int_equal(leaselock_session_close(peer.session, &error),
                     LEASELOCK_E_REFUSED);
    assert_true(is_empty("ann/"));
    if (strstr(error.message, "a key of the session") == NULL) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(leaselock_client_close(peer.client, &error), 0);
    await_empty("brief/");
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(test_etcd_start(&etcd), 0);
    test_auth_user(&etcd, false, "ann", PASSWORD, "ann/");
    test_auth_enable(&etcd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_etcd_stop(&etcd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_refused),
        cmocka_unit_test(test_some_names),
        cmocka_unit_test(test_close_refused),
        cmocka_unit_test(test_close_of_client_refused),
        cmocka_unit_test(test_close_with_own_key),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
