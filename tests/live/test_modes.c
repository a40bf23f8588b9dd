/* SPDX-License-Identifier: Apache-2.0 */
/* Shared tickets and permits beside exclusive ones, against a real etcd. */
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

#define PEERS 3
/** The TTL of a session that is to be lost. */
#define TTL_S 2

static struct test_peer peers[PEERS];

static int open_peers(void **state)
{
    if (start_etcd(state) != 0) {
        return -1;
    }
    for (size_t i = 0; i < PEERS; i++) {
        test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peers[i]);
    }
    return 0;
}

static int close_peers(void **state)
{
    for (size_t i = 0; i < PEERS; i++) {
        test_peer_close(&peers[i]);
    }
    return stop_etcd(state);
}

static struct leaselock_acquire_options of_mode(int mode)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;

    options.mode = mode;
    options.permits = mode == LEASELOCK_PERMIT ? 2 : 0;
    return options;
}

/** Acquires a lock of peer `at`, which must be granted. */
static leaselock_ticket *take(size_t at, const char *name, int mode)
{
    struct leaselock_acquire_options options = of_mode(mode);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire(peers[at].session, name, &options, TEST_WAIT_MS,
                          &ticket, &error) != 0) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_ticket_mode(ticket), mode);
    assert_int_equal(leaselock_ticket_permits(ticket),
                     mode == LEASELOCK_PERMIT ? 2 : 0);
    return ticket;
}

/** Queues for a lock, and waits until the place is known. */
static leaselock_ticket *
queue_up(size_t at, const char *name, int mode, struct test_call *call)
{
    struct leaselock_acquire_options options = of_mode(mode);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire_async(peers[at].session, name, &options,
                                LEASELOCK_FOREVER, test_call_done, call,
                                &ticket, &error) != 0) {
        fail_msg("%s", error.message);
    }
    test_await_place(ticket);
    return ticket;
}

/** Checks that a try of peer `at` finds the lock taken and writes nothing. */
static void
expect_taken(size_t at, const char *name, int mode, const char *message)
{
    struct leaselock_acquire_options options = of_mode(mode);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int64_t revision = test_etcd_revision(&etcd);
    leaselock_ticket *ticket = NULL;

    assert_int_equal(leaselock_acquire(peers[at].session, name, &options, 0,
                                       &ticket, &error),
                     LEASELOCK_E_TIMEOUT);
    assert_int_equal(test_etcd_revision(&etcd), revision);
    if (strstr(error.message, message) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", message, error.message);
    }
}

static void try_and_release(size_t at, const char *name, int mode)
{
    struct leaselock_acquire_options options = of_mode(mode);
    leaselock_ticket *ticket = NULL;

    assert_int_equal(
        leaselock_acquire(peers[at].session, name, &options, 0, &ticket, NULL),
        0);
    test_release(ticket);
}

/** The modes and holders of a queue, such as "Sh Sh E.": a letter for each
 * mode, and whether it holds. */
static void expect_queue(const char *name, const char *expected)
{
    struct leaselock_queue_info *queue = NULL;
    char found[64] = "";
    size_t at = 0;

    assert_int_equal(leaselock_queue(peers[0].client, name, NULL, &queue, NULL),
                     0);
    for (size_t i = 0; i < queue->entries_n && at + 4 < sizeof(found); i++) {
        at += (size_t)snprintf(found + at, sizeof(found) - at, "%s%c%c",
                               i > 0 ? " " : "", "ESP"[queue->entries[i].mode],
                               queue -> entries[i].holds ? 'h' : '.');
        assert_int_equal(queue->entries[i].permits,
                         queue->entries[i].mode == LEASELOCK_PERMIT ? 2 : 0);
        assert_int_equal(queue->entries[i].candidate, 0);
    }
    leaselock_queue_free(queue);
    assert_string_equal(found, expected);
}

/** Goal: readers hold together; a writer waits for all of them and blocks those
 * that come later, which then hold together again. Method: two readers of two
 * sessions and one of each, a writer, and a reader behind it. */
static void test_order(void **state)
{
    static const char name[] = "modes/order";
    struct test_call writes = TEST_CALL_INIT;
    struct test_call reads[2] = {TEST_CALL_INIT, TEST_CALL_INIT};
    leaselock_ticket *readers[3];
    leaselock_ticket *writer;
    leaselock_ticket *late[2];

    (void)state;
    readers[0] = take(0, name, LEASELOCK_SHARED);
    readers[1] = take(1, name, LEASELOCK_SHARED);
    readers[2] = take(1, name, LEASELOCK_SHARED); /* of the same session */
    writer = queue_up(2, name, LEASELOCK_EXCLUSIVE, &writes);
    late[0] = queue_up(0, name, LEASELOCK_SHARED, &reads[0]);
    late[1] = queue_up(1, name, LEASELOCK_SHARED, &reads[1]);
    assert_int_equal(leaselock_ticket_position(writer), 3);
    assert_int_equal(leaselock_ticket_position(late[0]), 1);
    assert_int_equal(leaselock_ticket_position(late[1]), 1);
    expect_queue(name, "Sh Sh Sh E. S. S.");
    test_release(readers[1]);
    test_release(readers[0]);
    expect_queue(name, "Sh E. S. S.");
    assert_int_equal(test_call_count(&writes), 0);
    test_release(readers[2]);
    assert_int_equal(test_call_await(&writes), 0);
    assert_int_equal(test_call_count(&reads[0]) + test_call_count(&reads[1]),
                     0);
    expect_queue(name, "Eh S. S.");
    test_release(writer);
    assert_int_equal(test_call_await(&reads[0]), 0);
    assert_int_equal(test_call_await(&reads[1]), 0);
    expect_queue(name, "Sh Sh");
    test_release(late[0]);
    test_release(late[1]);
    test_await_keys(&etcd, name, 0);
}

/** Goal: a try of each mode succeeds exactly if nothing blocks it, and writes
 * nothing if it fails. Method: a reader; a reader and a waiting writer; a
 * writer. */
static void test_try(void **state)
{
    static const char name[] = "modes/try";
    struct test_call writes = TEST_CALL_INIT;
    leaselock_ticket *reader = take(0, name, LEASELOCK_SHARED);
    leaselock_ticket *writer;

    (void)state;
    try_and_release(1, name, LEASELOCK_SHARED);
    expect_taken(1, name, LEASELOCK_EXCLUSIVE, "modes/try is held by ");
    expect_taken(1, name, LEASELOCK_EXCLUSIVE, ", shared");
    writer = queue_up(2, name, LEASELOCK_EXCLUSIVE, &writes);
    expect_taken(1, name, LEASELOCK_SHARED, "modes/try is held or awaited by ");
    test_release(reader);
    assert_int_equal(test_call_await(&writes), 0);
    expect_taken(0, name, LEASELOCK_SHARED, "modes/try is held or awaited by ");
    expect_taken(0, name, LEASELOCK_EXCLUSIVE, "modes/try is held by ");
    test_release(writer);
    try_and_release(0, name, LEASELOCK_EXCLUSIVE);
    test_await_keys(&etcd, name, 0);
}

/** Goal: as many permits are held as the lock has, in order, beside readers,
 * and never beside a writer. Method: two permits for four tickets; a reader; a
 * writer behind them, and a permit behind the writer. */
static void test_permits(void **state)
{
    static const char name[] = "modes/permits";
    struct test_call calls[4] = {TEST_CALL_INIT, TEST_CALL_INIT, TEST_CALL_INIT,
                                 TEST_CALL_INIT};
    leaselock_ticket *held[2];
    leaselock_ticket *waits[4];
    leaselock_ticket *reader;

    (void)state;
    held[0] = take(0, name, LEASELOCK_PERMIT);
    held[1] = take(0, name, LEASELOCK_PERMIT); /* of the same session */
    waits[0] = queue_up(1, name, LEASELOCK_PERMIT, &calls[0]);
    waits[1] = queue_up(2, name, LEASELOCK_PERMIT, &calls[1]);
    reader = take(1, name, LEASELOCK_SHARED);
    waits[2] = queue_up(2, name, LEASELOCK_EXCLUSIVE, &calls[2]);
    waits[3] = queue_up(0, name, LEASELOCK_PERMIT, &calls[3]);
    expect_queue(name, "Ph Ph P. P. Sh E. P.");
    assert_int_equal(leaselock_ticket_position(waits[0]), 2);
    test_release(held[1]);
    assert_int_equal(test_call_await(&calls[0]), 0);
    expect_queue(name, "Ph Ph P. Sh E. P.");
    test_release(held[0]);
    assert_int_equal(test_call_await(&calls[1]), 0);
    test_release(waits[0]);
    test_release(waits[1]);
    assert_int_equal(test_call_count(&calls[2]), 0);
    test_release(reader);
    assert_int_equal(test_call_await(&calls[2]), 0);
    assert_int_equal(test_call_count(&calls[3]), 0);
    expect_queue(name, "Eh P.");
    test_release(waits[2]);
    assert_int_equal(test_call_await(&calls[3]), 0);
    test_release(waits[3]);
    test_await_keys(&etcd, name, 0);
}

/** Goal: a try for a permit takes one that is free and else leaves no trace;
 * another number of permits is refused, to a try and to a wait, until the last
 * one of the old number is gone. Method: two permits; then three. */
static void test_permit_try(void **state)
{
    static const char name[] = "modes/permit-try";
    struct leaselock_acquire_options options = of_mode(LEASELOCK_PERMIT);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *held[2];
    leaselock_ticket *ticket = NULL;
    char key[LEASELOCK_KEY_MAX + 1];
    int64_t revision;

    (void)state;
    held[0] = take(0, name, LEASELOCK_PERMIT);
    try_and_release(1, name, LEASELOCK_PERMIT);
    held[1] = take(1, name, LEASELOCK_PERMIT);
    expect_taken(2, name, LEASELOCK_PERMIT, ", one of 2 permits");
    expect_taken(2, name, LEASELOCK_EXCLUSIVE, ", one of 2 permits");
    try_and_release(2, name, LEASELOCK_SHARED);
    options.permits = 3;
    revision = test_etcd_revision(&etcd);
    for (int wait = 0; wait < 2; wait++) {
        assert_int_equal(leaselock_acquire(peers[2].session, name, &options,
                                           wait * TEST_WAIT_MS, &ticket,
                                           &error),
                         LEASELOCK_E_MODE);
        assert_non_null(strstr(error.message, "2 permits"));
        assert_non_null(strstr(error.message, "and not 3"));
        assert_non_null(strstr(error.message, "modes/permit-try/~.p2."));
    }
    assert_int_equal(test_etcd_revision(&etcd), revision);
    test_release(held[0]);
    test_release(held[1]);
    assert_int_equal(
        leaselock_acquire(peers[2].session, name, &options, 0, &ticket, NULL),
        0);
    assert_int_equal(leaselock_ticket_permits(ticket), 3);
    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    assert_int_equal(strncmp(key, "modes/permit-try/~.p3.", 22), 0);
    test_release(ticket);
    test_await_keys(&etcd, name, 0);
}

/** Goal: the message of a reader that waited in vain names the holder and the
 * writers ahead. Method: a reader, a writer that waits, and a reader with a
 * timeout. */
static void test_timeout(void **state)
{
    static const char name[] = "modes/timeout";
    struct leaselock_acquire_options options = of_mode(LEASELOCK_SHARED);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_call writes = TEST_CALL_INIT;
    leaselock_ticket *reader = take(0, name, LEASELOCK_SHARED);
    leaselock_ticket *writer = queue_up(2, name, LEASELOCK_EXCLUSIVE, &writes);
    leaselock_ticket *ticket = NULL;

    (void)state;
    assert_int_equal(leaselock_acquire(peers[1].session, name, &options, 300,
                                       &ticket, &error),
                     LEASELOCK_E_TIMEOUT);
    if (strstr(error.message, ", shared; 1 exclusive ahead") == NULL) {
        fail_msg("%s", error.message);
    }
    test_release(writer);
    test_release(reader);
    test_await_keys(&etcd, name, 0);
}

/** Goal: an acquire of several names has a mode for each. Method: two tickets
 * that share one name and exclude each other at another; a try of all. */
static void test_several(void **state)
{
    static const char *const names[] = {"modes/all/a", "modes/all/b"};
    static const int modes[] = {LEASELOCK_SHARED, LEASELOCK_EXCLUSIVE};
    struct leaselock_acquire_options options = of_mode(0);
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *other = NULL;
    leaselock_ticket *reader;
    int64_t revision;

    (void)state;
    options.modes = modes;
    reader = take(2, names[0], LEASELOCK_SHARED);
    assert_int_equal(leaselock_acquire_all(peers[0].session, names, 2, &options,
                                           0, &ticket, NULL),
                     0);
    assert_int_equal(leaselock_ticket_mode(ticket), LEASELOCK_SHARED);
    assert_int_equal(leaselock_ticket_mode_at(ticket, 0), LEASELOCK_SHARED);
    assert_int_equal(leaselock_ticket_mode_at(ticket, 1), LEASELOCK_EXCLUSIVE);
    assert_int_equal(leaselock_ticket_mode_at(ticket, 2), LEASELOCK_E_ARGUMENT);
    expect_queue(names[0], "Sh Sh");
    expect_queue(names[1], "Eh");
    revision = test_etcd_revision(&etcd);
    assert_int_equal(leaselock_acquire_all(peers[1].session, names, 2, &options,
                                           0, &other, NULL),
                     LEASELOCK_E_TIMEOUT);
    assert_int_equal(test_etcd_revision(&etcd), revision);
    assert_int_equal(leaselock_acquire_all_async(peers[1].session, names, 2,
                                                 &options, LEASELOCK_FOREVER,
                                                 test_call_done, &call, &other,
                                                 NULL),
                     0);
    test_await_place(other);
    expect_queue(names[0], "Sh Sh Sh");
    expect_queue(names[1], "Eh E.");
    test_release(ticket);
    assert_int_equal(test_call_await(&call), 0);
    test_release(other);
    /* `mode` is that of all names; a single name is an ordinary lock. */
    options = of_mode(LEASELOCK_SHARED);
    assert_int_equal(leaselock_acquire_all(peers[0].session, names, 2, &options,
                                           TEST_WAIT_MS, &ticket, NULL),
                     0);
    expect_queue(names[1], "Sh");
    test_release(ticket);
    options = of_mode(0);
    options.modes = modes;
    assert_int_equal(leaselock_acquire_all(peers[0].session, names, 1, &options,
                                           TEST_WAIT_MS, &ticket, NULL),
                     0);
    expect_queue(names[0], "Sh Sh");
    test_release(ticket);
    test_release(reader);
    test_await_keys(&etcd, "modes/all/", 0);
}

/** Goal: as many shared names as the documented rule allows fit into one
 * request, and one more is refused. Method: 40 and 41, waiting and as a try. */
static void test_size(void **state)
{
    struct leaselock_acquire_options options = of_mode(LEASELOCK_SHARED);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    const char *names[41];
    char texts[41][32];
    leaselock_ticket *ticket = NULL;

    (void)state;
    for (size_t i = 0; i < 41; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "modes/size/%zu", i);
        names[i] = texts[i];
    }
    for (int wait = 0; wait < 2; wait++) {
        assert_int_equal(leaselock_acquire_all(peers[0].session, names, 40,
                                               &options, wait * TEST_WAIT_MS,
                                               &ticket, NULL),
                         0);
        test_release(ticket);
        assert_int_equal(leaselock_acquire_all(peers[0].session, names, 41,
                                               &options, wait * TEST_WAIT_MS,
                                               &ticket, &error),
                         LEASELOCK_E_LIMIT);
        assert_non_null(strstr(error.message, "three for a shared one"));
    }
    test_await_keys(&etcd, "modes/size/", 0);
}

/** The process that is killed: holds a shared ticket, prints the data that its
 * successor needs, and waits. */
static int predecessor_main(const char *endpoint, const char *name)
{
    struct leaselock_acquire_options options = of_mode(LEASELOCK_SHARED);
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    leaselock_ticket *ticket = NULL;
    char key[LEASELOCK_KEY_MAX + 1];

    if (leaselock_client_open(endpoint, NULL, &client, NULL) != 0 ||
        leaselock_session_open(client, NULL, &session, NULL) != 0 ||
        leaselock_acquire(session, name, &options, TEST_WAIT_MS, &ticket,
                          NULL) != 0 ||
        leaselock_ticket_key(ticket, key, sizeof(key)) < 0) {
        return 1;
    }
    printf("%lld %lld %s\n", (long long)leaselock_session_lease(session),
           (long long)leaselock_ticket_token(ticket), key);
    (void)fflush(stdout);
    for (;;) {
        (void)pause(); /* until it is killed */
    }
}

/** Goal: another process takes over a shared place, whatever mode its options
 * name, and others share the lock with it. Method: kill the first one. */
static void test_resume(void **state)
{
    static const char name[] = "modes/resume";
    struct leaselock_session_options session_options =
        LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_acquire_options options = of_mode(LEASELOCK_EXCLUSIVE);
    struct test_process process = TEST_PROCESS_INIT;
    leaselock_ticket *ticket = NULL;
    leaselock_ticket *reader;
    struct test_peer peer;
    long long lease;
    long long token;
    char line[LEASELOCK_KEY_MAX + 64];
    char key[LEASELOCK_KEY_MAX + 1];

    (void)state;
    reader = take(0, name, LEASELOCK_SHARED);
    test_start_self(&process, "predecessor", etcd.endpoint, name, NULL);
    if (!test_process_line(&process, TEST_STDOUT, TEST_WAIT_MS, line,
                           sizeof(line))) {
        fail_msg("%s", test_process_output(&process, TEST_STDERR));
    }
    assert_int_equal(sscanf(line, "%lld %lld %1313s", &lease, &token, key), 3);
    test_process_end(&process);
    session_options.lease = lease;
    test_peer_open_with(etcd.endpoint, NULL, &session_options, &peer);
    assert_int_equal(leaselock_resume(peer.session, key, token, &options,
                                      TEST_WAIT_MS, &ticket, NULL),
                     0);
    assert_int_equal(leaselock_ticket_mode(ticket), LEASELOCK_SHARED);
    assert_int_equal(leaselock_ticket_token(ticket), token);
    expect_queue(name, "Sh Sh");
    expect_taken(1, name, LEASELOCK_EXCLUSIVE, "held by ");
    try_and_release(1, name, LEASELOCK_SHARED);
    test_release(ticket);
    test_release(reader);
    test_peer_close(&peer);
    test_await_keys(&etcd, name, 0);
}

/** Goal: a fenced write under a shared ticket is applied while the ticket
 * stands, beside other readers, and not afterwards. Method: two readers write;
 * a third party deletes the key of one. */
static void test_fenced(void **state)
{
    static const char name[] = "modes/fenced";
    leaselock_ticket *one = take(0, name, LEASELOCK_SHARED);
    leaselock_ticket *other = take(1, name, LEASELOCK_SHARED);
    int status;

    (void)state;
    assert_int_equal(put(one, "data/shared", "1"), 0);
    assert_int_equal(put(other, "data/shared", "2"), 0);
    assert_int_equal(put(one, "data/shared", "3"), 0);
    assert_string_equal(test_value(&etcd, "data/shared"), "3");
    test_delete(&etcd, one);
    status = put(one, "data/shared", "4");
    assert_true(status == LEASELOCK_E_LOST || status == LEASELOCK_E_NOT_HELD);
    assert_string_equal(test_value(&etcd, "data/shared"), "3");
    assert_int_equal(put(other, "data/shared", "5"), 0);
    assert_int_equal(leaselock_release(one, NULL), LEASELOCK_E_LOST);
    test_release(other);
}

/** Goal: the lists show a lock with several holders as one, and such a lock has
 * no leader. Method: two readers and a candidate behind them. */
static void test_lists(void **state)
{
    static const char name[] = "modes/lists";
    struct leaselock_locks_info *locks = NULL;
    struct leaselock_leader_info *leader = NULL;
    struct leaselock_queue_info *queue = NULL;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *candidate = NULL;
    leaselock_ticket *one = take(0, name, LEASELOCK_SHARED);
    leaselock_ticket *other = take(1, name, LEASELOCK_SHARED);

    (void)state;
    assert_int_equal(leaselock_campaign_async(peers[2].session, name, "v", 1,
                                              NULL, LEASELOCK_FOREVER,
                                              test_call_done, &call, &candidate,
                                              NULL),
                     0);
    test_await_place(candidate);
    assert_int_equal(leaselock_locks(peers[0].client, name, NULL, &locks, NULL),
                     0);
    assert_int_equal(locks->locks_n, 1);
    assert_string_equal(locks->locks[0].name, name);
    assert_int_equal(locks->locks[0].places_n, 3);
    assert_int_equal(locks->locks[0].holders_n, 2);
    assert_int_equal(locks->locks[0].holder->token,
                     leaselock_ticket_token(one));
    assert_int_equal(locks->locks[0].holder->mode, LEASELOCK_SHARED);
    assert_int_equal(locks->locks[0].holder->holds, 1);
    leaselock_locks_free(locks);
    assert_int_equal(
        leaselock_leader(peers[0].client, name, TEST_WAIT_MS, &leader, &error),
        LEASELOCK_E_NO_LEADER);
    assert_non_null(strstr(error.message, "no exclusive ticket"));
    assert_int_equal(leaselock_queue(peers[0].client, name, NULL, &queue, NULL),
                     0);
    assert_int_equal(queue->entries_n, 3);
    assert_int_equal(queue->entries[1].foreign, 0);
    assert_int_equal(queue->entries[2].candidate, 1);
    assert_int_equal(queue->entries[2].holds, 0);
    leaselock_queue_free(queue);
    test_release(one);
    test_release(other);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(
        leaselock_leader(peers[0].client, name, TEST_WAIT_MS, &leader, NULL),
        0);
    assert_string_equal(leader->value, "v");
    leaselock_leader_free(leader);
    test_release(candidate);
}

/** Goal: readers form no deadlock, one of readers and writers is found. Method:
 * two sessions that read two locks in opposite order; then each asks to write
 * what the other one reads. */
static void test_deadlocks(void **state)
{
    struct leaselock_deadlocks_info *report = NULL;
    struct test_call calls[2] = {TEST_CALL_INIT, TEST_CALL_INIT};
    leaselock_ticket *waits[2];
    leaselock_ticket *reads[4];

    (void)state;
    reads[0] = take(0, "modes/dead/a", LEASELOCK_SHARED);
    reads[1] = take(1, "modes/dead/b", LEASELOCK_SHARED);
    reads[2] = take(1, "modes/dead/a", LEASELOCK_SHARED);
    reads[3] = take(0, "modes/dead/b", LEASELOCK_SHARED);
    assert_int_equal(leaselock_deadlocks(peers[2].client, "modes/dead/", NULL,
                                         &report, NULL),
                     0);
    assert_int_equal(report->deadlocks_n, 0);
    leaselock_deadlocks_free(report);
    test_release(reads[2]);
    test_release(reads[3]);
    waits[0] = queue_up(0, "modes/dead/b", LEASELOCK_EXCLUSIVE, &calls[0]);
    waits[1] = queue_up(1, "modes/dead/a", LEASELOCK_EXCLUSIVE, &calls[1]);
    assert_int_equal(leaselock_deadlocks(peers[2].client, "modes/dead/", NULL,
                                         &report, NULL),
                     0);
    assert_int_equal(report->deadlocks_n, 1);
    assert_int_equal(report->deadlocks[0].members_n, 2);
    assert_int_equal(report->deadlocks[0].members[0].holds->mode,
                     LEASELOCK_SHARED);
    assert_int_equal(report->deadlocks[0].members[0].holds->holds, 1);
    assert_int_equal(report->deadlocks[0].members[0].waits->holds, 0);
    leaselock_deadlocks_free(report);
    test_release(waits[0]);
    test_release(waits[1]);
    test_release(reads[0]);
    test_release(reads[1]);
}

/** Goal: a place that is queued again keeps its modes. Method: two readers wait
 * behind a writer, one of them for a further name exclusively; etcd is frozen
 * for longer than their TTL. */
static void test_requeue(void **state)
{
    static const char *const names[] = {"modes/again", "modes/again-2"};
    static const int modes[] = {LEASELOCK_SHARED, LEASELOCK_EXCLUSIVE};
    struct leaselock_acquire_options options = of_mode(0);
    struct test_call requeued[3] = {TEST_CALL_INIT, TEST_CALL_INIT,
                                    TEST_CALL_INIT};
    struct test_call calls[3] = {TEST_CALL_INIT, TEST_CALL_INIT,
                                 TEST_CALL_INIT};
    leaselock_ticket *waits[3] = {NULL, NULL, NULL};
    leaselock_ticket *writer = take(0, names[0], LEASELOCK_EXCLUSIVE);
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TTL_S, &peer);
    options.requeue = 1;
    options.on_requeue = test_call_lost;
    for (size_t i = 0; i < 3; i++) {
        options.mode = i == 0   ? LEASELOCK_SHARED
                       : i == 1 ? 0
                                : LEASELOCK_PERMIT;
        options.permits = i == 2 ? 2 : 0;
        options.modes = i == 1 ? modes : NULL;
        options.on_requeue_arg = &requeued[i];
        assert_int_equal(leaselock_acquire_all_async(
                             peer.session, names, i == 1 ? 2 : 1, &options,
                             LEASELOCK_FOREVER, test_call_done, &calls[i],
                             &waits[i], NULL),
                         0);
        test_await_place(waits[i]);
    }
    expect_queue(names[0], "Eh S. S. P.");
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_int_equal(test_call_await(&requeued[0]), 0);
    assert_int_equal(test_call_await(&requeued[1]), 0);
    assert_int_equal(test_call_await(&requeued[2]), 0);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    test_release(writer);
    assert_int_equal(test_call_await(&calls[0]), 0);
    assert_int_equal(test_call_await(&calls[1]), 0);
    assert_int_equal(test_call_await(&calls[2]), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(leaselock_ticket_requeues(waits[i]), 1);
        assert_int_equal(leaselock_ticket_mode(waits[i]),
                         i == 2 ? LEASELOCK_PERMIT : LEASELOCK_SHARED);
    }
    assert_int_equal(leaselock_ticket_permits(waits[2]), 2);
    assert_int_equal(leaselock_ticket_mode_at(waits[1], 1),
                     LEASELOCK_EXCLUSIVE);
    expect_queue(names[1], "Eh");
    test_release(waits[0]);
    test_release(waits[1]);
    test_release(waits[2]);
    test_peer_close(&peer);
    test_await_keys(&etcd, names[0], 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),     cmocka_unit_test(test_try),
        cmocka_unit_test(test_permits),   cmocka_unit_test(test_permit_try),
        cmocka_unit_test(test_timeout),   cmocka_unit_test(test_several),
        cmocka_unit_test(test_size),      cmocka_unit_test(test_resume),
        cmocka_unit_test(test_fenced),    cmocka_unit_test(test_lists),
        cmocka_unit_test(test_deadlocks), cmocka_unit_test(test_requeue),
    };

    if (argc == 4 && strcmp(argv[1], "predecessor") == 0) {
        return predecessor_main(argv[2], argv[3]);
    }
    return cmocka_run_group_tests(tests, open_peers, close_peers);
}
