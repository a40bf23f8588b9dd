/* SPDX-License-Identifier: Apache-2.0 */
/* The results of the library's calls in correct use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** A held ticket's getters: the token is the key's create revision in etcd, the
 *  key is NAME/LEASE.NUMBER with the session's lease, and the text getters
 *  refuse a buffer that is too small. */
static void test_ticket_getters(void **state)
{
    static const char name[] = "api/getters";
    struct leaselock_queue_info *queue = NULL;
    struct test_peer peer;
    leaselock_ticket *ticket;
    char key[LEASELOCK_KEY_MAX + 1];
    char got[LEASELOCK_NAME_MAX + 1];
    uint64_t lease = 0;
    uint64_t number = 0;
    int length;

    (void)state;
    test_peer_open(etcd.endpoint, 10, &peer);
    ticket = test_acquire(&peer, name);
    length = leaselock_ticket_key(ticket, key, sizeof(key));
    assert_int_equal(length, strlen(key));
    assert_int_equal(
        sscanf(key, "api/getters/%" SCNx64 ".%" SCNx64, &lease, &number), 2);
    assert_true((int64_t)lease == leaselock_session_lease(peer.session));
    assert_true(number > 0);
    assert_int_equal(leaselock_ticket_name(ticket, got, sizeof(got)),
                     strlen(name));
    assert_string_equal(got, name);
    assert_int_equal(leaselock_ticket_name(ticket, got, strlen(name)),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_ticket_name(ticket, got, strlen(name) + 1),
                     strlen(name));
    assert_int_equal(leaselock_ticket_key(ticket, key, (size_t)length),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_ticket_key(ticket, NULL, 0),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_ticket_state(ticket), LEASELOCK_TICKET_HELD);
    assert_int_equal(leaselock_ticket_position(ticket), 0);
    assert_true(leaselock_ticket_remaining_ms(ticket) > 0);
    assert_true(leaselock_ticket_remaining_ms(ticket) <= 10000);
    assert_true(leaselock_session_remaining_ms(peer.session) <= 10000);
    assert_int_equal(leaselock_queue(peer.client, name, NULL, &queue, NULL), 0);
    assert_int_equal(queue->entries_n, 1);
    assert_string_equal(queue->entries[0].key, key);
    assert_int_equal(queue->entries[0].token, leaselock_ticket_token(ticket));
    assert_true(queue->entries[0].lease ==
                leaselock_session_lease(peer.session));
    leaselock_queue_free(queue);
    test_release(ticket);
    assert_int_equal(leaselock_ticket_name(ticket, got, sizeof(got)),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_key(ticket, key, sizeof(key)),
                     LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_position(ticket), LEASELOCK_E_HANDLE);
    assert_int_equal(leaselock_ticket_remaining_ms(ticket), LEASELOCK_E_HANDLE);
    test_peer_close(&peer);
}

/** The queue lists holder and waiters, with label, host, process and program,
 * oldest first; with_ttl adds the leases' remaining TTLs; a limit shortens the
 * list but not the total; a free lock's queue is empty. */
static void test_queue_shows_who_waits(void **state)
{
    struct leaselock_session_options session_options =
        LEASELOCK_SESSION_OPTIONS_INIT;
    struct leaselock_acquire_options acquire = LEASELOCK_ACQUIRE_OPTIONS_INIT;
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_queue_info *queue = NULL;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *held;
    leaselock_ticket *waiting = NULL;
    char host[256] = "";
    int64_t start_s = (int64_t)time(NULL);

    (void)state;
    session_options.ttl_s = 60;
    session_options.label = "the session's";
    acquire.label = "its own \xe2\x9c\x93";
    test_peer_open_with(etcd.endpoint, NULL, &session_options, &peer);
    held = test_acquire(&peer, "api/queue");
    assert_int_equal(leaselock_acquire_async(
                         peer.session, "api/queue", &acquire, LEASELOCK_FOREVER,
                         test_call_done, &call, &waiting, NULL),
                     0);
    test_await_place(waiting);
    assert_int_equal(leaselock_ticket_position(waiting), 1);
    assert_int_equal(leaselock_ticket_remaining_ms(waiting), 0);
    options.with_ttl = 1;
    assert_int_equal(
        leaselock_queue(peer.client, "api/queue", &options, &queue, NULL), 0);
    assert_int_equal(queue->total, 2);
    assert_int_equal(queue->entries_n, 2);
    assert_true(queue->revision >= leaselock_ticket_token(waiting));
    assert_int_equal(queue->entries[0].token, leaselock_ticket_token(held));
    assert_int_equal(queue->entries[1].token, leaselock_ticket_token(waiting));
    assert_string_equal(queue->entries[0].label, "the session's");
    assert_string_equal(queue->entries[1].label, "its own \xe2\x9c\x93");
    (void)gethostname(host, sizeof(host) - 1);
    assert_string_equal(queue->entries[1].host, host);
    assert_string_equal(queue->entries[1].program,
                        program_invocation_short_name);
    assert_int_equal(queue->entries[1].pid, getpid());
    assert_true(queue->entries[1].since_unix_s >= start_s);
    assert_true(queue->entries[1].since_unix_s <= (int64_t)time(NULL));
    assert_true(queue->entries[0].ttl_s > 0 && queue->entries[0].ttl_s <= 60);
    assert_true(queue->entries[1].ttl_s > 0 && queue->entries[1].ttl_s <= 60);
    leaselock_queue_free(queue);
    options.with_ttl = 0;
    options.limit = 1;
    assert_int_equal(
        leaselock_queue(peer.client, "api/queue", &options, &queue, NULL), 0);
    assert_int_equal(queue->total, 2);
    assert_int_equal(queue->entries_n, 1);
    assert_int_equal(queue->entries[0].ttl_s, -1);
    leaselock_queue_free(queue);
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waiting);
    assert_int_equal(
        leaselock_queue(peer.client, "api/queue", NULL, &queue, NULL), 0);
    assert_int_equal(queue->total, 0);
    assert_int_equal(queue->entries_n, 0);
    leaselock_queue_free(queue);
    test_peer_close(&peer);
}

/** Keys of other programs: a value of another format, without a lease, is shown
 * as it is. */
static void test_queue_shows_foreign_keys(void **state)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_queue_info *queue = NULL;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", "api/foreign/x", "{nonsense", NULL),
        0);
    options.with_ttl = 1;
    assert_int_equal(
        leaselock_queue(peer.client, "api/foreign", &options, &queue, NULL), 0);
    assert_int_equal(queue->entries_n, 1);
    assert_string_equal(queue->entries[0].key, "api/foreign/x");
    assert_string_equal(queue->entries[0].value, "{nonsense");
    assert_int_equal(queue->entries[0].lease, 0);
    assert_int_equal(queue->entries[0].ttl_s, -1);
    assert_string_equal(queue->entries[0].host, "");
    assert_string_equal(queue->entries[0].label, "");
    assert_int_equal(queue->entries[0].pid, 0);
    assert_true(queue->entries[0].foreign);
    leaselock_queue_free(queue);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", "api/foreign/x", NULL),
                     0);
    test_peer_close(&peer);
}

/** Invalid endpoints are refused with a sentence that names them. */
static void test_bad_endpoints(void **state)
{
    static const char *const bad[] = {
        "",          ",",       "a:1,",  "127.0.0.1:0", "a:65536",
        "ftp://a:1", "http://", "a b:1", "[::1:2379",   "https://a:2379/x"};
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = (struct leaselock_error)LEASELOCK_ERROR_INIT;
        assert_int_equal(leaselock_client_open(bad[i], NULL, &client, &error),
                         LEASELOCK_E_ARGUMENT);
        assert_int_equal(error.code, LEASELOCK_E_ARGUMENT);
        assert_true(strlen(error.message) > 20);
        assert_null(client);
    }
    assert_non_null(strstr(error.message, "https://a:2379/x"));
}

/** Two clients of one process are independent: one waits for a lock that the
 * other holds, and closing one does not affect the other. */
static void test_two_clients(void **state)
{
    struct test_call call = TEST_CALL_INIT;
    struct test_peer one;
    struct test_peer two;
    leaselock_ticket *waiting;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &one);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &two);
    assert_true(leaselock_session_lease(one.session) !=
                leaselock_session_lease(two.session));
    (void)test_acquire(&one, "api/two");
    waiting = test_acquire_async(&two, "api/two", &call);
    test_await_place(waiting);
    test_peer_close(&one);
    assert_int_equal(test_call_await(&call), 0);
    test_release(waiting);
    test_peer_close(&two);
}

/** The lines of a log. */
struct log {
    pthread_mutex_t mutex;
    int lines[LEASELOCK_LOG_DEBUG + 1];
    int ends;
};

static void
take_line(enum leaselock_log_level level, const char *message, void *arg)
{
    struct log *log = arg;

    (void)pthread_mutex_lock(&log->mutex);
    log->lines[level]++;
    log->ends += strchr(message, '\n') != NULL;
    (void)pthread_mutex_unlock(&log->mutex);
}

static int use_with_log(struct log *log, enum leaselock_log_level level)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct test_peer peer;

    *log = (struct log){.mutex = PTHREAD_MUTEX_INITIALIZER};
    options.log = take_line;
    options.log_arg = log;
    options.log_level = level;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    test_release(test_acquire(&peer, "api/log"));
    test_peer_close(&peer);
    return log->lines[0] + log->lines[1] + log->lines[2] + log->lines[3];
}

/** The log is empty unless a level is set, and then has that level and the ones
 * before it, a line each; nothing is printed to the standard streams, which the
 * test has redirected to a file meanwhile. */
static void test_log(void **state)
{
    char path[TEST_ETCD_PATH_SIZE + 16];
    struct log log;
    int kept[2];
    int fd;
    int i;
    off_t size;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/printed", etcd.folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)fflush(stdout);
    for (i = 0; i < 2; i++) {
        kept[i] = dup(i + 1);
        (void)dup2(fd, i + 1);
    }
    assert_int_equal(use_with_log(&log, LEASELOCK_LOG_OFF), 0);
    assert_true(use_with_log(&log, LEASELOCK_LOG_DEBUG) > 0);
    (void)fflush(stdout);
    for (i = 0; i < 2; i++) {
        (void)dup2(kept[i], i + 1);
        (void)close(kept[i]);
    }
    size = lseek(fd, 0, SEEK_END);
    (void)close(fd);
    assert_int_equal(size, 0);
    assert_true(log.lines[LEASELOCK_LOG_DEBUG] > 0);
    assert_int_equal(log.ends, 0);
}

/** Statuses have names and sentences, and the version is that of the header. */
static void test_words(void **state)
{
    (void)state;
    assert_string_equal(leaselock_version(), LEASELOCK_VERSION);
    assert_string_equal(leaselock_status_name(0), "LEASELOCK_OK");
    assert_string_equal(leaselock_status_name(LEASELOCK_E_TIMEOUT),
                        "LEASELOCK_E_TIMEOUT");
    assert_string_equal(leaselock_status_name(1), "LEASELOCK_E_?");
    assert_string_equal(leaselock_status_text(-1000), "unknown status");
    assert_true(leaselock_status_is_retriable(LEASELOCK_E_UNAVAILABLE));
    assert_false(leaselock_status_is_retriable(LEASELOCK_E_LOST));
    assert_false(leaselock_status_is_retriable(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticket_getters),
        cmocka_unit_test(test_queue_shows_who_waits),
        cmocka_unit_test(test_queue_shows_foreign_keys),
        cmocka_unit_test(test_bad_endpoints),
        cmocka_unit_test(test_two_clients),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
