/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the queue among processes, and mutual exclusion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define LOCK_NAME "fifo/one"
#define WORKERS 20
#define ROUNDS 10
#define WORKER_TIMEOUT_MS 60000
#define PATH_SIZE (TEST_ETCD_PATH_SIZE + 16)

/** Prints a worker's failure and returns its exit status. */
static int complain(const char *what, const struct leaselock_error *error)
{
    (void)fprintf(stderr, "%d: %s: %s\n", (int)getpid(), what,
                  error != NULL ? error->message : "");
    return 1;
}

static void note(int fd, int64_t token, const char *what)
{
    char line[64];
    int size = snprintf(line, sizeof(line), "%d %lld %s\n", (int)getpid(),
                        (long long)token, what);

    if (write(fd, line, (size_t)size) != size) {
        _exit(complain("cannot write", NULL));
    }
}

/** Whether this process is the first of the queue in etcd, too. */
static bool is_first(leaselock_client *client, int64_t token)
{
    struct leaselock_queue_options options = LEASELOCK_QUEUE_OPTIONS_INIT;
    struct leaselock_queue_info *queue = NULL;
    bool first;

    options.limit = 1;
    if (leaselock_queue(client, LOCK_NAME, &options, &queue, NULL) != 0) {
        return false;
    }
    first = queue->entries_n == 1 && queue->entries[0].token == token &&
            queue->entries[0].pid == getpid();
    leaselock_queue_free(queue);
    return first;
}

/** Uses the lock once. The kernel's lock on the file proves that no other
 * process holds it. */
static int
worker_round(leaselock_client *client, leaselock_session *session, int fd)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_ticket *ticket = NULL;
    int64_t token;

    if (leaselock_acquire(session, LOCK_NAME, NULL, WORKER_TIMEOUT_MS, &ticket,
                          &error) != 0) {
        return complain("acquire", &error);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return complain("there are two holders", NULL);
    }
    token = leaselock_ticket_token(ticket);
    note(fd, token, "enter");
    if (!is_first(client, token)) {
        return complain("not the first of the queue", NULL);
    }
    note(fd, token, "exit");
    (void)flock(fd, LOCK_UN);
    if (leaselock_release(ticket, &error) != 0) {
        return complain("release", &error);
    }
    return 0;
}

/** A worker process: the arguments are etcd's endpoint and the log's path. */
static int worker(const char *endpoint, const char *path)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_session_options options = LEASELOCK_SESSION_OPTIONS_INIT;
    leaselock_client *client = NULL;
    leaselock_session *session = NULL;
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    int result = 0;
    int i;

    options.ttl_s = TEST_TTL_LONG_S;
    options.open_timeout_ms = WORKER_TIMEOUT_MS;
    if (fd < 0 || leaselock_client_open(endpoint, NULL, &client, &error) != 0 ||
        leaselock_session_open(client, &options, &session, &error) != 0) {
        return complain("cannot start", &error);
    }
    for (i = 0; i < ROUNDS && result == 0; i++) {
        result = worker_round(client, session, fd);
    }
    if (result == 0 && leaselock_client_close(client, &error) != 0) {
        result = complain("cannot close", &error);
    }
    (void)close(fd);
    return result;
}

/** Reads the log: entries and exits alternate, tokens increase. */
static void check_log(const char *path, int64_t first_token)
{
    FILE *log = fopen(path, "re");
    int64_t last = first_token;
    long long token;
    long long token_out;
    int pid;
    int pid_out;
    char in[8];
    char out[8];
    int grants = 0;

    assert_non_null(log);
    while (fscanf(log, "%d %lld %7s %d %lld %7s", &pid, &token, in, &pid_out,
                  &token_out, out) == 6) {
        assert_string_equal(in, "enter");
        assert_string_equal(out, "exit");
        assert_int_equal(pid, pid_out);
        assert_int_equal(token, token_out);
        assert_true(token > last);
        last = token;
        grants++;
    }
    assert_int_equal(grants, WORKERS * ROUNDS);
    (void)fclose(log);
}

struct queue_wanted {
    struct test_peer *peer;
    int64_t total;
};

static bool queue_has(void *arg)
{
    const struct queue_wanted *wanted = arg;
    struct leaselock_queue_info *queue = NULL;
    int64_t total;

    assert_int_equal(
        leaselock_queue(wanted->peer->client, LOCK_NAME, NULL, &queue, NULL),
        0);
    total = queue->total;
    leaselock_queue_free(queue);
    return total == wanted->total;
}

/** 20 processes hand a lock over 200 times in the order in which etcd committed
 * their requests, never two at a time: all of them queue behind the test, then
 * each acquires it 10 times, and the holders' log must show increasing tokens
 * (create revisions) and no entry before the last exit. */
static void test_processes_are_served_in_order(void **state)
{
    static struct test_process workers[WORKERS];
    struct test_peer peer;
    struct queue_wanted wanted = {&peer, WORKERS + 1};
    leaselock_ticket *ticket;
    char path[PATH_SIZE];
    int64_t token;
    int i;
    int fd;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/grants", etcd.folder);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    ticket = test_acquire(&peer, LOCK_NAME);
    token = leaselock_ticket_token(ticket);
    for (i = 0; i < WORKERS; i++) {
        test_start_self(&workers[i], "worker", etcd.endpoint, path, NULL);
    }
    assert_true(test_until(WORKER_TIMEOUT_MS, queue_has, &wanted));
    test_release(ticket);
    for (i = 0; i < WORKERS; i++) {
        int status = test_process_wait(&workers[i], WORKER_TIMEOUT_MS);

        if (status != 0) {
            print_error("%s", test_process_output(&workers[i], TEST_STDERR));
        }
        assert_int_equal(status, 0);
        test_process_end(&workers[i]);
    }
    check_log(path, token);
    assert_int_equal(test_keys(&etcd, ""), 0);
    test_peer_close(&peer);
    assert_int_equal(test_leases(&etcd), 0);
}

/** Waiters of one process are served in the order of their requests too, each
 *  exactly when the one before it has released: 20 asynchronous acquires are
 *  started one after the other and released in turn. */
static void test_waiters_of_one_session_are_served_in_order(void **state)
{
    static struct test_call calls[WORKERS];
    leaselock_ticket *tickets[WORKERS];
    struct test_peer peer;
    int64_t token = 0;
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    for (i = 0; i < WORKERS; i++) {
        calls[i] = (struct test_call)TEST_CALL_INIT;
        tickets[i] = test_acquire_async(&peer, "fifo/two", &calls[i]);
        test_await_place(tickets[i]);
        assert_int_equal(leaselock_ticket_position(tickets[i]), i);
        assert_true(leaselock_ticket_token(tickets[i]) > token);
        token = leaselock_ticket_token(tickets[i]);
    }
    for (i = 0; i < WORKERS; i++) {
        assert_int_equal(test_call_await(&calls[i]), 0);
        assert_int_equal(leaselock_ticket_state(tickets[i]),
                         LEASELOCK_TICKET_HELD);
        if (i + 1 < WORKERS) {
            assert_int_equal(test_call_count(&calls[i + 1]), 0);
        }
        test_release(tickets[i]);
    }
    test_peer_close(&peer);
}

/** A waiter that leaves the middle of the queue does not change the order: of
 * four tickets the second withdraws, and the third is served only when the
 * first is released. */
static void test_withdrawal_serves_nobody_early(void **state)
{
    struct test_call calls[3] = {TEST_CALL_INIT, TEST_CALL_INIT,
                                 TEST_CALL_INIT};
    leaselock_ticket *tickets[3];
    struct test_peer peer;
    leaselock_ticket *holder;
    int i;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    holder = test_acquire(&peer, "fifo/three");
    for (i = 0; i < 3; i++) {
        tickets[i] = test_acquire_async(&peer, "fifo/three", &calls[i]);
        test_await_place(tickets[i]);
    }
    test_release(tickets[0]);
    assert_int_equal(test_call_await(&calls[0]), LEASELOCK_E_CANCELED);
    test_await_settled(&etcd);
    assert_int_equal(test_call_count(&calls[1]), 0);
    assert_int_equal(leaselock_ticket_state(tickets[1]),
                     LEASELOCK_TICKET_WAITING);
    assert_int_equal(leaselock_ticket_position(tickets[1]), 1);
    test_release(holder);
    assert_int_equal(test_call_await(&calls[1]), 0);
    assert_int_equal(test_call_count(&calls[2]), 0);
    test_release(tickets[1]);
    assert_int_equal(test_call_await(&calls[2]), 0);
    test_release(tickets[2]);
    test_peer_close(&peer);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes_are_served_in_order),
        cmocka_unit_test(test_waiters_of_one_session_are_served_in_order),
        cmocka_unit_test(test_withdrawal_serves_nobody_early),
    };

    if (argc == 4 && strcmp(argv[1], "worker") == 0) {
        return worker(argv[2], argv[3]);
    }
    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
