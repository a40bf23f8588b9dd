/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in a queue that are not tickets, and keys of other clients. */
#include "live/tool.h"

#include <pthread.h>
#include <stdlib.h>

#include "live/fenced.h"
#include "support/one_etcd.h"
#include "support/wait.h"

#define LEASE_SIZE 24

/** A lease of etcdctl's, in hexadecimal. */
static void grant(char ret_lease[LEASE_SIZE])
{
    char output[256] = "";

    assert_int_equal(test_etcdctl(&etcd, output, sizeof(output), "lease",
                                  "grant", "600", NULL),
                     0);
    assert_int_equal(sscanf(output, "lease %23[0-9a-f] ", ret_lease), 1);
}

static void put_on(const char *key, const char *lease)
{
    char option[LEASE_SIZE + 16];

    (void)snprintf(option, sizeof(option), "--lease=%s", lease);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", option, key, "theirs", NULL), 0);
}

static void put_bare(const char *key)
{
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", key, "data", NULL), 0);
}

static void delete_key(const char *key)
{
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", key, NULL), 0);
}

static void expect_message(const struct leaselock_error *error,
                           const char *one,
                           const char *other)
{
    if (strstr(error->message, one) == NULL ||
        strstr(error->message, other) == NULL) {
        fail_msg("\"%s\" lacks %s or %s", error->message, one, other);
    }
}

/** Goal: a fenced write of any kind cannot put a key into its own lock's queue,
 * and the error names both. Method: each kind, with and without a namespace;
 * names with a common prefix are accepted. */
static void test_fenced_below_own_name(void **state)
{
    static const char *const spaces[] = {"", "space/"};
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_txn txn = LEASELOCK_TXN_INIT;
    struct leaselock_op ops[2] = {{LEASELOCK_OP_PUT, "elsewhere", 9, "x", 1, 0},
                                  {0}};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct test_call call = TEST_CALL_INIT;
        leaselock_ticket *ticket;
        struct test_peer peer;
        char key[64];

        options.namespace_prefix = spaces[i];
        test_peer_open_with(etcd.endpoint, &options, &session, &peer);
        ticket = test_acquire(&peer, "jobs");
        (void)snprintf(key, sizeof(key), "%sjobs/next", spaces[i]);
        assert_int_equal(leaselock_fenced_put(ticket, key, strlen(key), "7", 1,
                                              TEST_WAIT_MS, &error),
                         LEASELOCK_E_NESTED);
        expect_message(&error, key, "\"jobs\"");
        assert_int_equal(leaselock_fenced_delete(ticket, key, strlen(key),
                                                 TEST_WAIT_MS, &error),
                         LEASELOCK_E_NESTED);
        ops[1] = (struct leaselock_op){
            .kind = LEASELOCK_OP_PUT, .key = key, .key_size = strlen(key)};
        txn.ops = ops;
        txn.ops_n = 2;
        assert_int_equal(
            leaselock_fenced_txn(ticket, &txn, TEST_WAIT_MS, &error),
            LEASELOCK_E_NESTED);
        expect_message(&error, key, "prefix");
        assert_int_equal(leaselock_fenced_put_async(
                             ticket, key, strlen(key), "7", 1, TEST_WAIT_MS,
                             test_call_done, &call, &error),
                         LEASELOCK_E_NESTED);
        assert_int_equal(test_keys(&etcd, "elsewhere"), 0);
        assert_int_equal(put(ticket, i == 0 ? "space/jobs/next" : "jobs/next",
                             "another lock's"),
                         0);
        assert_int_equal(put(ticket, "jobsnext", "x"), 0);
        delete_key(i == 0 ? "space/jobs/next" : "jobs/next");
        test_release(ticket);
        test_peer_close(&peer);
    }
}

/** Goal: no ticket waits behind a key that only its owner can delete: acquire,
 * try, several names and the tool report it at once, and leave no key. Method:
 * data below a lock's name, then each; when the key is deleted the lock is
 * free. */
static void test_acquire_names_the_key(void **state)
{
    static const char *const names[] = {"other", "blocked"};
    static const int timeouts_ms[] = {0, TEST_WAIT_MS};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    put_bare("blocked/next");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(leaselock_acquire(peer.session, "blocked", NULL,
                                           timeouts_ms[i], &ticket, &error),
                         LEASELOCK_E_NESTED);
        expect_message(&error, "\"blocked/next\", which is no ticket",
                       "\"blocked\"");
        assert_int_equal(leaselock_acquire_all(peer.session, names, 2, NULL,
                                               timeouts_ms[i], &ticket, &error),
                         LEASELOCK_E_NESTED);
        expect_message(&error, "\"blocked/next\", which is no ticket",
                       "\"blocked\"");
    }
    test_await_keys(&etcd, "blocked/", 1);
    test_await_keys(&etcd, "other/", 0);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "blocked", "true", NULL), 2);
    expect_output(&tool, TEST_STDERR, "blocked/next");
    expect_output(&tool, TEST_STDERR, "which is no ticket");
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "blocked", NULL),
                     0);
    expect_output(&tool, TEST_STDOUT,
                  "blocked by blocked/next, which is no ticket");
    test_process_end(&tool);
    delete_key("blocked/next");
    test_release(test_acquire(&peer, "blocked"));
    test_peer_close(&peer);
}

/** Goal: a ticket for which such a key becomes the predecessor later does not
 * wait either. Method: data, an earlier holder, and a waiter. */
static void test_found_later(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *holder;
    char lease[LEASE_SIZE];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    holder = test_acquire(&peer, "later");
    put_bare("later/next");
    grant(lease);
    put_on("later/theirs", lease);
    test_await_place(test_acquire_async(&peer, "later", &call));
    delete_key("later/theirs");
    assert_int_equal(test_call_await(&call), LEASELOCK_E_NESTED);
    test_release(holder);
    test_await_keys(&etcd, "later/", 1);
    delete_key("later/next");
    test_peer_close(&peer);
}

/** Goal: break does not delete a key that is not a ticket, and reports it; with
 *  force it does; a foreign key on a lease is broken as usual. Method: the
 *  library and the tool on data, then on a key put by hand with a lease. */
static void test_break(void **state)
{
    struct leaselock_break_options options = LEASELOCK_BREAK_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_queue_info *queue = NULL;
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_peer peer;
    char lease[LEASE_SIZE];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    put_bare("spared/next");
    assert_int_equal(leaselock_queue(peer.client, "spared", NULL, &queue, NULL),
                     0);
    assert_int_equal(leaselock_break(peer.client, "spared/next",
                                     queue->entries[0].token, NULL, &error),
                     LEASELOCK_E_NESTED);
    expect_message(&error, "no lease", "force");
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "break", "--yes", "spared", NULL), 2);
    expect_output(&tool, TEST_STDERR, "spared/next, which is no ticket");
    expect_output(&tool, TEST_STDERR, "--force");
    test_process_end(&tool);
    assert_int_equal(test_keys(&etcd, "spared/"), 1);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "break", "--yes", "--force",
                              "spared", NULL),
                     0);
    test_process_end(&tool);
    assert_int_equal(test_keys(&etcd, "spared/"), 0);
    options.force = 1;
    assert_int_equal(leaselock_break(peer.client, "spared/next",
                                     queue->entries[0].token, &options, &error),
                     LEASELOCK_E_COMPARE);
    leaselock_queue_free(queue);
    grant(lease);
    put_on("spared/theirs", lease);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "break", "spared", NULL),
                     2);
    expect_output(&tool, TEST_STDERR, "spared/theirs (foreign)");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "break", "--yes", "spared", NULL), 0);
    test_process_end(&tool);
    assert_int_equal(test_keys(&etcd, "spared/"), 0);
    test_peer_close(&peer);
}

/** Checks the single lock below a prefix: its name, keys, and holder. */
static void expect_lock(struct test_peer *peer,
                        const char *prefix,
                        size_t places_n,
                        const char *holder,
                        int is_foreign)
{
    struct leaselock_locks_info *locks = NULL;

    assert_int_equal(leaselock_locks(peer->client, prefix, NULL, &locks, NULL),
                     0);
    assert_int_equal(locks->locks_n, 1);
    assert_string_equal(locks->locks[0].name, prefix);
    assert_int_equal(locks->locks[0].places_n, places_n);
    assert_string_equal(locks->locks[0].holder->key, holder);
    assert_int_equal(locks->locks[0].holder->foreign, is_foreign);
    leaselock_locks_free(locks);
}

/** Goal: in the list the oldest key is the holder, whichever client wrote it,
 * and is marked; data alone is not a lock. Method: keys with a lease in the
 * format of Go's clients, of npm's etcd3 and of etcdctl, and data, ahead of a
 * waiter and alone. */
static void test_list(void **state)
{
    struct leaselock_locks_info *locks = NULL;
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_call call = TEST_CALL_INIT;
    leaselock_ticket *ticket;
    struct test_peer peer;
    char lease[LEASE_SIZE];
    char key[64];
    long long id;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    put_bare("seen/data");
    assert_int_equal(leaselock_locks(peer.client, "seen", NULL, &locks, NULL),
                     0);
    assert_int_equal(locks->locks_n, 0);
    leaselock_locks_free(locks);
    delete_key("seen/data");
    grant(lease);
    /* etcdctl writes leading zeros; the clients do not. */
    id = strtoll(lease, NULL, 16);
    put_on("seen/theirs", lease);
    ticket = test_acquire_async(&peer, "seen", &call);
    test_await_place(ticket);
    expect_lock(&peer, "seen", 2, "seen/theirs", 1);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "ls", "seen", NULL), 0);
    expect_output(&tool, TEST_STDOUT, "foreign (seen/theirs)");
    test_process_end(&tool);
    delete_key("seen/theirs");
    assert_int_equal(test_call_await(&call), 0);
    assert_true(leaselock_ticket_key(ticket, key, sizeof(key)) > 0);
    put_bare("seen/data");
    expect_lock(&peer, "seen", 2, key, 0);
    test_release(ticket);
    delete_key("seen/data");
    (void)snprintf(key, sizeof(key), "seen/%llx", (unsigned long long)id);
    put_on(key, lease);
    expect_lock(&peer, "seen", 1, key, 1);
    delete_key(key);
    (void)snprintf(key, sizeof(key), "seen/%lld", id);
    put_on(key, lease);
    expect_lock(&peer, "seen", 1, key, 1);
    delete_key(key);
    put_bare("seen/data");
    (void)snprintf(key, sizeof(key), "seen/%llx", (unsigned long long)id);
    put_on(key, lease);
    expect_lock(&peer, "seen", 2, "seen/data", 1);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "ls", "seen", NULL), 0);
    expect_output(&tool, TEST_STDOUT,
                  "blocked by seen/data, which is no ticket");
    test_process_end(&tool);
    delete_key(key);
    delete_key("seen/data");
    test_peer_close(&peer);
}

struct seen {
    pthread_mutex_t mutex;
    char leaders[128]; /* their values, with a comma behind each */
};

static void on_leader(leaselock_observer *observer,
                      const struct leaselock_leader_info *leader,
                      void *arg)
{
    struct seen *seen = arg;
    size_t n;

    (void)observer;
    (void)pthread_mutex_lock(&seen->mutex);
    n = strlen(seen->leaders);
    (void)snprintf(seen->leaders + n, sizeof(seen->leaders) - n, "%s,",
                   leader != NULL ? leader->value : "-");
    (void)pthread_mutex_unlock(&seen->mutex);
}

static void on_end(int status, const struct leaselock_error *error, void *arg)
{
    struct seen *seen = arg;

    (void)status;
    (void)error;
    (void)pthread_mutex_lock(&seen->mutex);
    (void)strncat(seen->leaders, "end,", 5);
    (void)pthread_mutex_unlock(&seen->mutex);
}

struct wanted {
    struct seen *seen;
    const char *leaders;
};

static bool has_seen(void *arg)
{
    const struct wanted *wanted = arg;
    bool has;

    (void)pthread_mutex_lock(&wanted->seen->mutex);
    has = strcmp(wanted->seen->leaders, wanted->leaders) == 0;
    (void)pthread_mutex_unlock(&wanted->seen->mutex);
    return has;
}

static void await_seen(struct seen *seen, const char *leaders)
{
    struct wanted wanted = {seen, leaders};

    if (!test_until(TEST_WAIT_MS, has_seen, &wanted)) {
        fail_msg("seen %s, wanted %s", seen->leaders, leaders);
    }
}

/** Goal: data below the name is not a leader, for the library, the tool and an
 * observer: there is no leader while it is the oldest key, and the error names
 * it; behind a candidate it has no effect. Method: data before and behind
 * another client's key. */
static void test_leader(void **state)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_leader_info *leader = NULL;
    struct seen seen = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct test_process tool = TEST_PROCESS_INIT;
    leaselock_observer *observer = NULL;
    struct test_peer peer;
    char lease[LEASE_SIZE];

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    put_bare("led/data");
    assert_int_equal(leaselock_observe(peer.client, "led", on_leader, on_end,
                                       &seen, &observer, NULL),
                     0);
    await_seen(&seen, "-,");
    grant(lease);
    put_on("led/theirs", lease);
    assert_int_equal(
        leaselock_leader(peer.client, "led", TEST_WAIT_MS, &leader, &error),
        LEASELOCK_E_NO_LEADER);
    expect_message(&error, "led/data", "which is no ticket");
    assert_int_equal(run_tool(&tool, etcd.endpoint, "leader", "led", NULL), 1);
    expect_output(&tool, TEST_STDERR,
                  "blocked by led/data, which is no ticket");
    test_process_end(&tool);
    delete_key("led/data");
    await_seen(&seen, "-,theirs,");
    put_bare("led/data");
    assert_int_equal(
        leaselock_leader(peer.client, "led", TEST_WAIT_MS, &leader, &error), 0);
    assert_string_equal(leader->key, "led/theirs");
    leaselock_leader_free(leader);
    delete_key("led/theirs");
    await_seen(&seen, "-,theirs,-,");
    delete_key("led/data");
    assert_int_equal(leaselock_observer_close(observer), 0);
    test_peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fenced_below_own_name),
        cmocka_unit_test(test_acquire_names_the_key),
        cmocka_unit_test(test_found_later),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_leader),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
