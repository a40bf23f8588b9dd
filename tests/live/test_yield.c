/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to let go of a lock, against a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define PEERS 2
#define TEXT_SIZE 512

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

/** The requests that a ticket has reported. */
struct heard {
    pthread_mutex_t mutex;
    int n;
    leaselock_ticket *ticket;
    char who[TEXT_SIZE];
    char reason[TEXT_SIZE];
    int64_t at_unix_s;
};

#define HEARD_INIT                                                             \
    {                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER                                     \
    }

static void on_yield(leaselock_ticket *ticket,
                     const struct leaselock_yield_request *request,
                     void *arg)
{
    struct heard *heard = arg;

    pthread_mutex_lock(&heard->mutex);
    heard->n++;
    heard->ticket = ticket;
    (void)snprintf(heard->who, TEXT_SIZE, "%s", request->who);
    (void)snprintf(heard->reason, TEXT_SIZE, "%s", request->reason);
    heard->at_unix_s = request->at_unix_s;
    pthread_mutex_unlock(&heard->mutex);
}

static int heard_n(struct heard *heard)
{
    int n;

    pthread_mutex_lock(&heard->mutex);
    n = heard->n;
    pthread_mutex_unlock(&heard->mutex);
    return n;
}

struct expectation {
    struct heard *heard;
    int n;
};

static bool is_heard(void *arg)
{
    const struct expectation *expectation = arg;

    return heard_n(expectation->heard) >= expectation->n;
}

/** Waits for the nth request, which must have this reason. */
static void await_heard(struct heard *heard, int n, const char *reason)
{
    struct expectation expectation = {heard, n};

    assert_true(test_until(TEST_WAIT_MS, is_heard, &expectation));
    assert_int_equal(heard_n(heard), n);
    assert_string_equal(heard->reason, reason);
}

static struct leaselock_acquire_options options_of(struct heard *heard,
                                                   int mode)
{
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;

    options.mode = mode;
    options.permits = mode == LEASELOCK_PERMIT ? 3 : 0;
    options.on_yield = on_yield;
    options.on_yield_arg = heard;
    return options;
}

static leaselock_ticket *
take(size_t at, const char *name, struct heard *heard, int mode)
{
    struct leaselock_acquire_options options = options_of(heard, mode);
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;

    if (leaselock_acquire(peers[at].session, name, &options, TEST_WAIT_MS,
                          &ticket, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return ticket;
}

/** Asks, as peer 1; @return how many holders were asked. */
static int ask(const char *name, const char *reason)
{
    struct leaselock_yield_options options = LEASELOCK_YIELD_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    int asked_n = -1;

    options.reason = reason;
    if (leaselock_yield(peers[1].client, name, &options, &asked_n, &error) !=
        0) {
        fail_msg("%s", error.message);
    }
    return asked_n;
}

/** Goal: a holder gets each request once, with its texts; the queue shows it;
 * and the key keeps its create revision and its lease. Method: two requests,
 * the second with a reason of the greatest length. */
static void test_exclusive(void **state)
{
    static const char name[] = "yield/exclusive";
    char reason[LEASELOCK_REASON_MAX + 1];
    char expected[TEXT_SIZE];
    struct heard heard = HEARD_INIT;
    struct leaselock_queue_info *queue = NULL;
    leaselock_ticket *ticket = take(0, name, &heard, LEASELOCK_EXCLUSIVE);
    const struct leaselock_queue_entry *entry;

    (void)state;
    memset(reason, 'r', LEASELOCK_REASON_MAX);
    reason[LEASELOCK_REASON_MAX] = '\0';
    assert_int_equal(ask(name, "a backup"), 1);
    await_heard(&heard, 1, "a backup");
    assert_ptr_equal(heard.ticket, ticket);
    (void)snprintf(expected, sizeof(expected), " pid %d ", (int)getpid());
    assert_non_null(strstr(heard.who, expected));
    assert_true(heard.at_unix_s > 1600000000);
    assert_int_equal(ask(name, reason), 1);
    await_heard(&heard, 2, reason);

    assert_int_equal(leaselock_queue(peers[1].client, name, NULL, &queue, NULL),
                     0);
    assert_int_equal(queue->entries_n, 1);
    entry = &queue->entries[0];
    assert_int_equal(entry->token, leaselock_ticket_token(ticket));
    assert_int_equal(entry->lease, leaselock_ticket_lease(ticket));
    assert_int_equal(entry->pid, getpid());
    assert_non_null(entry->asked);
    assert_string_equal(entry->asked->reason, reason);
    assert_string_equal(entry->asked->who, heard.who);
    assert_int_equal(entry->asked->at_unix_s, heard.at_unix_s);
    leaselock_queue_free(queue);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    test_release(ticket);
    assert_int_equal(ask(name, NULL), 0);
    assert_int_equal(heard_n(&heard), 2);
}

/** Goal: nothing is written where nobody holds a lock: a free one, one that is
 * blocked by a key that is no ticket. */
static void test_nobody(void **state)
{
    int64_t revision;

    (void)state;
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", "yield/blocked/data", "d", NULL),
        0);
    revision = test_etcd_revision(&etcd);
    assert_int_equal(ask("yield/free", "r"), 0);
    assert_int_equal(ask("yield/blocked", "r"), 0);
    assert_int_equal(test_etcd_revision(&etcd), revision);
}

/** Goal: shared holders and those of permits are all asked, and those that wait
 * are not, until they hold. */
static void test_modes(void **state)
{
    static const char shared[] = "yield/shared";
    static const char permits[] = "yield/permits";
    struct heard heard[3] = {HEARD_INIT, HEARD_INIT, HEARD_INIT};
    struct leaselock_acquire_options options;
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *tickets[3];

    (void)state;
    tickets[0] = take(0, shared, &heard[0], LEASELOCK_SHARED);
    tickets[1] = take(1, shared, &heard[1], LEASELOCK_SHARED);
    options = options_of(&heard[2], LEASELOCK_EXCLUSIVE);
    assert_int_equal(leaselock_acquire_async(peers[0].session, shared, &options,
                                             LEASELOCK_FOREVER, test_call_done,
                                             &call, &tickets[2], NULL),
                     0);
    test_await_place(tickets[2]);
    assert_int_equal(ask(shared, "readers"), 2);
    await_heard(&heard[0], 1, "readers");
    await_heard(&heard[1], 1, "readers");
    test_release(tickets[0]);
    test_release(tickets[1]);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(ask(shared, "the writer"), 1);
    await_heard(&heard[2], 1, "the writer");
    test_release(tickets[2]);
    for (size_t i = 0; i < 2; i++) {
        tickets[i] = take(i, permits, &heard[i], LEASELOCK_PERMIT);
    }
    assert_int_equal(ask(permits, "a permit"), 2);
    for (size_t i = 0; i < 2; i++) {
        await_heard(&heard[i], 2, "a permit");
        test_release(tickets[i]);
    }
    assert_int_equal(heard_n(&heard[2]), 1);
}

/** Goal: each member of a multi-lock can be asked. */
static void test_several(void **state)
{
    static const char *const names[] = {"yield/several/a", "yield/several/b"};
    struct heard heard = HEARD_INIT;
    struct leaselock_acquire_options options =
        options_of(&heard, LEASELOCK_EXCLUSIVE);
    leaselock_ticket *ticket = NULL;

    (void)state;
    assert_int_equal(leaselock_acquire_all(peers[0].session, names, 2, &options,
                                           TEST_WAIT_MS, &ticket, NULL),
                     0);
    assert_int_equal(ask(names[1], "b"), 1);
    await_heard(&heard, 1, "b");
    assert_ptr_equal(heard.ticket, ticket);
    assert_int_equal(ask(names[0], "a"), 1);
    await_heard(&heard, 2, "a");
    test_release(ticket);
}

/** Goal: fenced writes continue between requests, and are no requests
 * themselves, neither those of a lock nor those of a candidate, whose requests
 * have no text. Method: writes and requests in turn; the last request is
 * reported as the one whose number it has. */
static void test_writes(void **state)
{
    static const char lock[] = "yield/writes";
    static const char election[] = "yield/election";
    /* As the value of a lock's ticket begins. */
    static const char value[] =
        "{\"host\": \"me\", \"pid\": 7, \"since\": 1700000000, \"port\": 1}";
    enum { ROUNDS = 20 };
    struct heard heard[2] = {HEARD_INIT, HEARD_INIT};
    struct leaselock_acquire_options options =
        options_of(&heard[1], LEASELOCK_EXCLUSIVE);
    leaselock_ticket *tickets[2];
    struct leaselock_leader_info *leader = NULL;

    (void)state;
    tickets[0] = take(0, lock, &heard[0], LEASELOCK_EXCLUSIVE);
    assert_int_equal(leaselock_campaign(peers[0].session, election, value,
                                        strlen(value), &options, TEST_WAIT_MS,
                                        &tickets[1], NULL),
                     0);
    for (int i = 1; i <= ROUNDS; i++) {
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(put(tickets[j], "yield/data", "d"), 0);
            assert_int_equal(put(tickets[j], "yield/data", "e"), 0);
        }
        assert_int_equal(ask(lock, "next"), 1);
        assert_int_equal(ask(election, "not kept"), 1);
        assert_int_equal(put(tickets[0], "yield/data", "f"), 0);
        assert_int_equal(leaselock_proclaim(tickets[1], value, strlen(value),
                                            TEST_WAIT_MS, NULL),
                         0);
        await_heard(&heard[0], i, "next");
        await_heard(&heard[1], i, "");
    }
    assert_string_equal(heard[1].who, "");
    assert_int_equal(ask(election, "not kept"), 1);
    assert_int_equal(leaselock_leader(peers[1].client, election, TEST_WAIT_MS,
                                      &leader, NULL),
                     0);
    assert_int_equal(leader->value_size, strlen(value));
    assert_memory_equal(leader->value, value, strlen(value));
    leaselock_leader_free(leader);
    await_heard(&heard[1], ROUNDS + 1, "");
    assert_int_equal(leaselock_ticket_state(tickets[0]), LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_ticket_state(tickets[1]), LEASELOCK_TICKET_HELD);
    test_release(tickets[0]);
    test_release(tickets[1]);
    assert_int_equal(heard_n(&heard[0]), ROUNDS);
    assert_int_equal(heard_n(&heard[1]), ROUNDS + 1);
}

/** Goal: a put without a request, which a script can make, is one as well; one
 * that repeats a request is not. Method: etcdctl puts to the key. */
static void test_put_by_hand(void **state)
{
    static const char name[] = "yield/by-hand";
    char key[LEASELOCK_KEY_MAX + 1];
    struct heard heard = HEARD_INIT;
    leaselock_ticket *ticket = take(0, name, &heard, LEASELOCK_EXCLUSIVE);

    (void)state;
    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", "--ignore-lease",
                                  "--ignore-value", key, NULL),
                     0);
    await_heard(&heard, 1, "");
    assert_int_equal(ask(name, "r"), 1);
    await_heard(&heard, 2, "r");
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", "--ignore-lease",
                                  "--ignore-value", key, NULL),
                     0);
    assert_int_equal(ask(name, "s"), 1);
    await_heard(&heard, 3, "s");
    test_release(ticket);
}

/** Goal: a request that was made before the ticket is resumed is reported to
 * the process that resumes it. Method: a session is abandoned by its client and
 * resumed by another one. */
static void test_resumed(void **state)
{
    static const char name[] = "yield/resumed";
    struct leaselock_session_options session_options =
        LEASELOCK_SESSION_OPTIONS_INIT;
    struct heard heard = HEARD_INIT;
    struct leaselock_acquire_options options =
        options_of(&heard, LEASELOCK_EXCLUSIVE);
    char key[LEASELOCK_KEY_MAX + 1];
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    char lease[32];

    (void)state;
    assert_int_equal(test_etcdctl(&etcd, lease, sizeof(lease), "lease", "grant",
                                  "100", NULL),
                     0);
    session_options.lease =
        (int64_t)strtoull(lease + strlen("lease "), NULL, 16);
    (void)snprintf(key, sizeof(key), "%s/%llx.1", name,
                   (unsigned long long)session_options.lease);
    (void)snprintf(lease, sizeof(lease), "--lease=%llx",
                   (unsigned long long)session_options.lease);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", lease, key,
                                  "{\"host\":\"h\",\"pid\":1,\"program\":\"p\","
                                  "\"label\":\"\",\"since\":1}",
                                  NULL),
                     0);
    assert_int_equal(ask(name, "before"), 1);
    test_peer_open_with(etcd.endpoint, NULL, &session_options, &peer);
    assert_int_equal(leaselock_resume(peer.session, key, 0, &options,
                                      TEST_WAIT_MS, &ticket, NULL),
                     0);
    await_heard(&heard, 1, "before");
    assert_int_equal(ask(name, "after"), 1);
    await_heard(&heard, 2, "after");
    test_release(ticket);
    test_peer_close(&peer);
}

static void release_at_once(leaselock_ticket *ticket,
                            const struct leaselock_yield_request *request,
                            void *arg)
{
    (void)request;
    assert_int_equal(leaselock_release_async(ticket, test_call_done, arg, NULL),
                     0);
}

/** Goal: a holder that is asked by another process lets go in its callback, and
 * the next one gets the lock. */
static void test_hand_over(void **state)
{
    static const char name[] = "yield/hand-over";
    struct test_call released = TEST_CALL_INIT;
    struct test_call acquired = TEST_CALL_INIT;
    struct leaselock_acquire_options options = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct test_process other = TEST_PROCESS_INIT;
    leaselock_ticket *holder = NULL;
    leaselock_ticket *waiter;

    (void)state;
    options.on_yield = release_at_once;
    options.on_yield_arg = &released;
    assert_int_equal(leaselock_acquire(peers[0].session, name, &options,
                                       TEST_WAIT_MS, &holder, NULL),
                     0);
    waiter = test_acquire_async(&peers[1], name, &acquired);
    test_await_place(waiter);
    test_start_self(&other, "ask", etcd.endpoint, name, NULL);
    assert_int_equal(test_process_wait(&other, TEST_WAIT_MS), 0);
    test_process_end(&other);
    assert_int_equal(test_call_await(&acquired), 0);
    assert_int_equal(test_call_await(&released), 0);
    assert_int_equal(test_call_count(&released), 1);
    test_release(waiter);
}

/** The other process of test_hand_over. */
static int run_ask(char **argv)
{
    leaselock_client *client = NULL;
    int asked_n = 0;
    int status = leaselock_client_open(argv[0], NULL, &client, NULL);

    if (status == 0) {
        status = leaselock_yield(client, argv[1], NULL, &asked_n, NULL);
    }
    leaselock_client_close(client, NULL);
    return status == 0 && asked_n == 1 ? 0 : 1;
}

/** Goal: a namespace goes before the name, as for every call. */
static void test_namespace(void **state)
{
    struct leaselock_client_options client_options =
        LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session_options =
        LEASELOCK_SESSION_OPTIONS_INIT;
    struct heard heard = HEARD_INIT;
    struct leaselock_acquire_options options =
        options_of(&heard, LEASELOCK_EXCLUSIVE);
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    int asked_n = -1;

    (void)state;
    client_options.namespace_prefix = "space/";
    test_peer_open_with(etcd.endpoint, &client_options, &session_options,
                        &peer);
    assert_int_equal(leaselock_acquire(peer.session, "yield/n", &options,
                                       TEST_WAIT_MS, &ticket, NULL),
                     0);
    assert_int_equal(ask("yield/n", NULL), 0);
    assert_int_equal(
        leaselock_yield(peer.client, "yield/n", NULL, &asked_n, NULL), 0);
    assert_int_equal(asked_n, 1);
    await_heard(&heard, 1, "");
    assert_int_equal(ask("space/yield/n", "other"), 1);
    await_heard(&heard, 2, "other");
    test_release(ticket);
    test_peer_close(&peer);
}

/** Goal: wrong arguments are refused before anything is sent; the asynchronous
 * call reports as the blocking one does. */
static void test_arguments(void **state)
{
    struct leaselock_yield_options options = LEASELOCK_YIELD_OPTIONS_INIT;
    struct test_call call = TEST_CALL_INIT;
    leaselock_client *client = peers[0].client;
    char reason[LEASELOCK_REASON_MAX + 2];
    leaselock_ticket *ticket = test_acquire(&peers[0], "yield/arguments");
    int asked_n = -1;

    (void)state;
    memset(reason, 'r', sizeof(reason));
    reason[sizeof(reason) - 1] = '\0';
    options.reason = reason;
    assert_int_equal(leaselock_yield(client, "a", &options, &asked_n, NULL),
                     LEASELOCK_E_ARGUMENT);
    options.reason = "a\nb";
    assert_int_equal(leaselock_yield(client, "a", &options, &asked_n, NULL),
                     LEASELOCK_E_ARGUMENT);
    options.reason = NULL;
    options.timeout_ms = -1;
    assert_int_equal(leaselock_yield(client, "a", &options, &asked_n, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_yield(client, "a//b", NULL, &asked_n, NULL),
                     LEASELOCK_E_NAME);
    assert_int_equal(leaselock_yield(client, "a", NULL, NULL, NULL),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(
        leaselock_yield_async(client, "a", NULL, &asked_n, NULL, NULL, NULL),
        LEASELOCK_E_ARGUMENT);
    assert_int_equal(asked_n, -1);
    assert_int_equal(leaselock_yield_async(client, "yield/arguments", NULL,
                                           &asked_n, test_call_done, &call,
                                           NULL),
                     0);
    assert_int_equal(test_call_await(&call), 0);
    assert_int_equal(asked_n, 1);
    test_release(ticket);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclusive), cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_modes),     cmocka_unit_test(test_several),
        cmocka_unit_test(test_writes),    cmocka_unit_test(test_put_by_hand),
        cmocka_unit_test(test_resumed),   cmocka_unit_test(test_hand_over),
        cmocka_unit_test(test_namespace), cmocka_unit_test(test_arguments),
    };

    if (argc == 4 && strcmp(argv[1], "ask") == 0) {
        return run_ask(argv + 2);
    }
    return cmocka_run_group_tests(tests, open_peers, close_peers);
}
