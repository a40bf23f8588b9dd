/* SPDX-License-Identifier: Apache-2.0 */
/* Tests the helpers of the live tests with a real etcd: a test is worth nothing
 * if the faults that it relies on do not occur. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/etcd.h"
#include "support/net.h"
#include "support/one_etcd.h"
#include "support/process.h"
#include "support/proxy.h"
#include "support/wait.h"

#define WAIT_MS 10000
/** How long a test checks that an event does not happen. */
#define QUIET_MS 100

/** A wait ends when its condition holds, or shortly after its timeout. */
static bool count_down(void *arg)
{
    int *left = arg;

    return --*left <= 0;
}

static void test_wait_is_bounded(void **state)
{
    int few = 3;
    int many = 1000000;
    int64_t start_ns = test_now_ns();

    (void)state;
    assert_true(test_until(WAIT_MS, count_down, &few));
    assert_false(test_until(20, count_down, &many));
    assert_true(test_now_ns() - start_ns >= 20 * TEST_NS_PER_MS);
    assert_true(test_now_ns() - start_ns < WAIT_MS * TEST_NS_PER_MS);
}

/** A child's lines, both streams and its exit status arrive. */
static void test_process_report_lines_and_status(void **state)
{
    const char *const argv[] = {
        "sh", "-c", "echo one; echo $WORD; echo bad >&2; printf end; exit 7",
        NULL};
    const char *const env[] = {"WORD=two", "HOME", NULL};
    struct test_process process;
    char line[16];

    (void)state;
    assert_int_equal(test_process_start(&process, argv, env), 0);
    assert_true(
        test_process_line(&process, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, "one");
    assert_true(
        test_process_line(&process, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, "two");
    assert_true(
        test_process_line(&process, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, "end");
    assert_false(
        test_process_line(&process, TEST_STDOUT, 1, line, sizeof(line)));
    assert_int_equal(test_process_wait(&process, WAIT_MS), 7);
    assert_string_equal(test_process_output(&process, TEST_STDOUT),
                        "one\ntwo\nend");
    assert_string_equal(test_process_output(&process, TEST_STDERR), "bad\n");
    test_process_end(&process);
}

/** A running child can be waited for, stopped, resumed and killed; a program
 * that does not exist is reported at once. */
static void test_process_obeys_signals(void **state)
{
    const char *const argv[] = {
        "sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done",
        NULL};
    const char *const nothing[] = {"/nonexistent/program", NULL};
    struct test_process process;
    char line[16];

    (void)state;
    assert_int_equal(test_process_start(&process, argv, NULL), 0);
    assert_true(
        test_process_line(&process, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_false(
        test_process_line(&process, TEST_STDOUT, 10, line, sizeof(line)));
    assert_int_equal(test_process_wait(&process, 10), TEST_PROCESS_TIMEOUT);
    assert_int_equal(test_process_pause(&process), 0);
    assert_int_equal(test_process_signal(&process, SIGTERM), 0);
    assert_int_equal(test_process_wait(&process, QUIET_MS),
                     TEST_PROCESS_TIMEOUT);
    assert_int_equal(test_process_resume(&process), 0);
    assert_int_equal(test_process_wait(&process, WAIT_MS), 9);
    test_process_end(&process);

    assert_int_equal(test_process_start(&process, argv, NULL), 0);
    assert_int_equal(test_process_signal(&process, SIGKILL), 0);
    assert_int_equal(test_process_wait(&process, WAIT_MS), 128 + SIGKILL);
    test_process_end(&process);
    assert_int_equal(test_process_start(&process, nothing, NULL), -1);
    test_process_end(&process);
}

/** Each put through etcdctl is one request and one revision. */
static void test_etcd_counts_requests(void **state)
{
    int64_t revision = test_etcd_revision(&etcd);
    int64_t puts = test_etcd_requests(&etcd, "Put");
    int64_t messages = test_etcd_messages(&etcd, "Put");
    char output[64];

    (void)state;
    assert_true(revision >= 1);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", "count", "a", NULL),
                     0);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", "count", "b", NULL),
                     0);
    assert_int_equal(test_etcdctl(&etcd, output, sizeof(output), "get", "count",
                                  "--print-value-only", NULL),
                     0);
    assert_string_equal(output, "b\n");
    assert_int_equal(test_etcd_revision(&etcd), revision + 2);
    assert_int_equal(test_etcd_requests(&etcd, "Put"), puts + 2);
    assert_int_equal(test_etcd_messages(&etcd, "Put"), messages + 2);
    assert_true(test_etcd_metric(&etcd, "grpc_server_handled_total",
                                 "grpc_code=\"OK\",grpc_method=\"Put\"") >= 2);
    assert_int_equal(test_etcd_metric(&etcd, "no_such_metric", NULL), 0);
    assert_true(test_etcdctl(&etcd, NULL, 0, "no-such", NULL) > 0);
}

/** An etcdctl that keeps running: its lines can be read, and it can be ended.
 * Its stream is one request. */
static void test_etcdctl_goes_on(void **state)
{
    struct test_process lock;
    int64_t streams = test_etcd_requests(&etcd, "LeaseKeepAlive");
    char line[128];

    (void)state;
    assert_int_equal(test_etcdctl_spawn(&etcd, &lock, "lock", "goes-on", NULL),
                     0);
    assert_true(
        test_process_line(&lock, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_int_equal(strncmp(line, "goes-on/", 8), 0);
    assert_int_equal(test_etcd_requests(&etcd, "LeaseKeepAlive"), streams + 1);
    assert_int_equal(test_process_signal(&lock, SIGTERM), 0);
    assert_int_equal(test_process_wait(&lock, WAIT_MS), 0);
    test_process_end(&lock);
}

/** A frozen etcd does not answer; a killed one refuses connections; both
 * recover with their data on their ports. */
static void test_etcd_pauses_and_restarts(void **state)
{
    char endpoint[TEST_ETCD_ENDPOINT_SIZE];
    char output[64];
    char *body = NULL;

    (void)state;
    (void)snprintf(endpoint, sizeof(endpoint), "%s", etcd.endpoint);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "put", "stays", "here", NULL),
                     0);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_int_equal(test_http_get(etcd.ports[TEST_ETCD_METRICS], "/health",
                                   QUIET_MS, &body),
                     -1);
    assert_int_equal(test_etcd_resume(&etcd), 0);
    assert_true(test_etcd_is_healthy(&etcd));

    assert_int_equal(test_etcd_kill(&etcd), 0);
    assert_false(test_etcd_is_healthy(&etcd));
    assert_int_equal(test_etcd_revision(&etcd), -1);
    assert_int_equal(test_etcd_restart(&etcd), 0);
    assert_string_equal(etcd.endpoint, endpoint);
    assert_int_equal(test_etcdctl(&etcd, output, sizeof(output), "get", "stays",
                                  "--print-value-only", NULL),
                     0);
    assert_string_equal(output, "here\n");
}

/** Three members form one cluster: a write to one is read from another, and it
 * works without one of them. */
static void test_etcd_cluster_is_one(void **state)
{
    struct test_etcd members[3];
    char output[64];
    size_t i;

    (void)state;
    assert_int_equal(test_etcd_start_cluster(members, 3, NULL), 0);
    assert_int_equal(test_etcdctl(&members[0], NULL, 0, "put", "k", "v", NULL),
                     0);
    assert_int_equal(test_etcd_kill(&members[0]), 0);
    assert_int_equal(test_etcdctl(&members[1], output, sizeof(output), "get",
                                  "k", "--print-value-only", NULL),
                     0);
    assert_string_equal(output, "v\n");
    assert_int_equal(test_etcd_restart(&members[0]), 0);
    for (i = 0; i < 3; i++) {
        test_etcd_stop(&members[i]);
    }
}

/** An etcd that refuses its arguments is a failed start, and leaves nothing. */
static void test_etcd_start_fails_plainly(void **state)
{
    const char *const args[] = {"--no-such-flag", NULL};
    struct test_etcd_options options = {.args = args};
    struct test_etcd broken;

    (void)state;
    assert_int_equal(test_etcd_start_with(&broken, &options), -1);
    test_etcd_stop(&broken);
}

/** A client and a server of the test's own, with the proxy in between. */
struct pair {
    struct test_proxy *proxy;
    int listen_fd;
    int client_fd;
    int server_fd;
};

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd want = {.fd = fd, .events = POLLIN};

    return poll(&want, 1, timeout_ms) == 1;
}

/** Connects a client through the proxy to a socket of the test. */
static void pair_open(struct pair *pair)
{
    pair->client_fd = test_port_connect(test_proxy_port(pair->proxy));
    assert_true(pair->client_fd >= 0);
    assert_true(is_readable(pair->listen_fd, WAIT_MS));
    pair->server_fd = accept(pair->listen_fd, NULL, NULL);
    assert_true(pair->server_fd >= 0);
}

static void pair_close(struct pair *pair)
{
    (void)close(pair->client_fd);
    (void)close(pair->server_fd);
}

static int open_proxy(void **state)
{
    static struct pair pair;
    uint16_t port;
    int reserved = test_port_reserve(&port);

    pair.listen_fd = test_port_listen(port);
    (void)close(reserved);
    if (pair.listen_fd < 0 || test_proxy_open(port, &pair.proxy) != 0) {
        return -1;
    }
    *state = &pair;
    return 0;
}

static int close_proxy(void **state)
{
    struct pair *pair = *state;

    test_proxy_close(pair->proxy);
    (void)close(pair->listen_fd);
    return 0;
}

static void say(int fd, const char *word)
{
    assert_int_equal(send(fd, word, strlen(word), MSG_NOSIGNAL),
                     (int)strlen(word));
}

static void hear(int fd, const char *word)
{
    char heard[16] = "";
    size_t n = 0;

    while (n < strlen(word)) {
        ssize_t got;

        assert_true(is_readable(fd, WAIT_MS));
        got = recv(fd, heard + n, strlen(word) - n, 0);
        assert_true(got > 0);
        n += (size_t)got;
    }
    assert_string_equal(heard, word);
}

static void hear_reset(int fd)
{
    char byte;

    assert_true(is_readable(fd, WAIT_MS));
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

/** Passing: both directions, and the end of one leaves the other open. */
static void test_proxy_passes(void **state)
{
    struct pair *pair = *state;
    char byte;

    pair_open(pair);
    say(pair->client_fd, "ping");
    hear(pair->server_fd, "ping");
    assert_int_equal(test_proxy_accepted(pair->proxy), 1);
    assert_int_equal(shutdown(pair->client_fd, SHUT_WR), 0);
    assert_true(is_readable(pair->server_fd, WAIT_MS));
    assert_int_equal(recv(pair->server_fd, &byte, 1, 0), 0);
    say(pair->server_fd, "pong");
    hear(pair->client_fd, "pong");
    pair_close(pair);
}

/** A megabyte arrives complete, although it is not read for a while. */
static void test_proxy_passes_much(void **state)
{
    enum { MUCH = 1 << 20, STEP = 4096 };
    struct pair *pair = *state;
    static char block[STEP];
    size_t sent = 0;
    size_t got = 0;
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);

    pair_open(pair);
    while (got < MUCH && test_left_ms(deadline_ns) > 0) {
        ssize_t n;
        size_t i;

        for (i = 0; i < STEP; i++) {
            block[i] = (char)((sent + i) % 251);
        }
        n = sent < MUCH ? send(pair->client_fd, block, STEP, MSG_NOSIGNAL) : 0;
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        assert_true(is_readable(pair->server_fd, WAIT_MS));
        n = recv(pair->server_fd, block, STEP, 0);
        assert_true(n > 0);
        for (i = 0; i < (size_t)n; i++) {
            assert_int_equal(block[i], (char)((got + i) % 251));
        }
        got += (size_t)n;
    }
    assert_int_equal(got, MUCH);
    pair_close(pair);
}

/** Black hole: neither data nor the end arrive, until it passes. */
static void test_proxy_black_hole_hides_all(void **state)
{
    struct pair *pair = *state;

    pair_open(pair);
    test_proxy_black_hole(pair->proxy);
    say(pair->client_fd, "up");
    say(pair->server_fd, "down");
    assert_int_equal(shutdown(pair->server_fd, SHUT_WR), 0);
    assert_false(is_readable(pair->server_fd, QUIET_MS));
    assert_false(is_readable(pair->client_fd, QUIET_MS));
    test_proxy_pass(pair->proxy);
    hear(pair->server_fd, "up");
    hear(pair->client_fd, "down");
    pair_close(pair);
}

/** Shunned: this process's connections, old and new, are in a black hole; those
 * of another are not, and all data arrive in the end. */
static void test_proxy_shuns_a_process(void **state)
{
    struct pair *pair = *state;
    struct pair later = *pair;

    pair_open(pair);
    test_proxy_shun(pair->proxy, getppid());
    say(pair->client_fd, "other");
    hear(pair->server_fd, "other");
    test_proxy_shun(pair->proxy, getpid());
    pair_open(&later);
    say(pair->client_fd, "old");
    say(later.client_fd, "new");
    assert_false(is_readable(pair->server_fd, QUIET_MS));
    assert_false(is_readable(later.server_fd, QUIET_MS));
    test_proxy_shun(pair->proxy, 0);
    hear(pair->server_fd, "old");
    hear(later.server_fd, "new");
    pair_close(pair);
    pair_close(&later);
}

/** Held replies: the request arrives, its answer only later. */
static void test_proxy_holds_replies(void **state)
{
    struct pair *pair = *state;

    pair_open(pair);
    test_proxy_hold_replies(pair->proxy);
    say(pair->client_fd, "ask");
    hear(pair->server_fd, "ask");
    say(pair->server_fd, "answer");
    assert_false(is_readable(pair->client_fd, QUIET_MS));
    test_proxy_pass(pair->proxy);
    hear(pair->client_fd, "answer");
    pair_close(pair);
}

/** Held replies and a cut: the answer is lost, both ends are reset, and a new
 * connection works. */
static void test_proxy_cut_loses_held_replies(void **state)
{
    struct pair *pair = *state;

    pair_open(pair);
    test_proxy_hold_replies(pair->proxy);
    say(pair->client_fd, "ask");
    hear(pair->server_fd, "ask");
    say(pair->server_fd, "answer");
    test_proxy_cut(pair->proxy);
    assert_int_equal(test_proxy_connections(pair->proxy), 0);
    hear_reset(pair->client_fd);
    hear_reset(pair->server_fd);
    pair_close(pair);
    test_proxy_pass(pair->proxy);
    pair_open(pair);
    say(pair->server_fd, "well");
    hear(pair->client_fd, "well");
    assert_int_equal(test_proxy_connections(pair->proxy), 1);
    pair_close(pair);
}

/** Dropped replies: none of them arrives, and the connection that lost bytes
 * ends when the proxy passes again; another that lost none continues. */
static void test_proxy_drops_replies(void **state)
{
    struct pair *pair = *state;
    struct pair other = *pair;

    pair_open(pair);
    pair_open(&other);
    test_proxy_drop_replies(pair->proxy);
    say(pair->client_fd, "ask");
    hear(pair->server_fd, "ask");
    say(pair->server_fd, "answer");
    assert_false(is_readable(pair->client_fd, QUIET_MS));
    test_proxy_pass(pair->proxy);
    hear_reset(pair->client_fd);
    say(other.server_fd, "fine");
    hear(other.client_fd, "fine");
    pair_close(pair);
    pair_close(&other);
}

/** Refusing: an open connection continues, a new one is refused. */
static void test_proxy_refuses(void **state)
{
    struct pair *pair = *state;
    struct pollfd want = {.events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof(error);

    pair_open(pair);
    test_proxy_refuse(pair->proxy);
    say(pair->client_fd, "old");
    hear(pair->server_fd, "old");
    want.fd = test_port_connect(test_proxy_port(pair->proxy));
    if (want.fd >= 0) {
        assert_int_equal(poll(&want, 1, WAIT_MS), 1);
        assert_int_equal(
            getsockopt(want.fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
        (void)close(want.fd);
    } else {
        error = errno;
    }
    assert_int_equal(error, ECONNREFUSED);
    pair_close(pair);
    test_proxy_pass(pair->proxy);
    pair_open(pair);
    pair_close(pair);
}

/** Connections above the proxy's limit wait. */
static void test_proxy_is_full(void **state)
{
    struct pair *pair = *state;
    struct pair pairs[TEST_PROXY_CONNECTIONS_MAX];
    struct pair late = *pair;
    size_t i;

    for (i = 0; i < TEST_PROXY_CONNECTIONS_MAX; i++) {
        pairs[i] = *pair;
        pair_open(&pairs[i]);
    }
    late.client_fd = test_port_connect(test_proxy_port(pair->proxy));
    assert_true(late.client_fd >= 0);
    assert_false(is_readable(late.listen_fd, QUIET_MS));
    pair_close(&pairs[0]);
    assert_true(is_readable(late.listen_fd, WAIT_MS));
    late.server_fd = accept(late.listen_fd, NULL, NULL);
    assert_true(late.server_fd >= 0);
    pair_close(&late);
    for (i = 1; i < TEST_PROXY_CONNECTIONS_MAX; i++) {
        pair_close(&pairs[i]);
    }
}

struct rise {
    int64_t above;
};

static bool has_risen(void *arg)
{
    struct rise *rise = arg;

    return test_etcd_revision(&etcd) > rise->above;
}

/** The recipe of proxy.h: etcd commits a put whose answer never arrives. The
 * put uses etcd's JSON gateway over a plain socket. */
static void test_proxy_loses_an_answer_of_etcd(void **state)
{
    /* {"lost": "kept"} in base64. */
    static const char put[] = "POST /v3/kv/put HTTP/1.0\r\n"
                              "Content-Type: application/json\r\n"
                              "Content-Length: 37\r\n\r\n"
                              "{\"key\":\"bG9zdA==\",\"value\":\"a2VwdA==\"}";
    struct rise rise = {.above = test_etcd_revision(&etcd)};
    struct test_proxy *proxy;
    char output[64];
    int fd;

    (void)state;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_proxy_hold_replies(proxy);
    fd = test_port_connect(test_proxy_port(proxy));
    assert_true(fd >= 0);
    say(fd, put);
    assert_true(test_until(WAIT_MS, has_risen, &rise));
    assert_false(is_readable(fd, QUIET_MS));
    test_proxy_cut(proxy);
    hear_reset(fd);
    (void)close(fd);
    test_proxy_close(proxy);
    assert_int_equal(test_etcdctl(&etcd, output, sizeof(output), "get", "lost",
                                  "--print-value-only", NULL),
                     0);
    assert_string_equal(output, "kept\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_is_bounded),
        cmocka_unit_test(test_process_report_lines_and_status),
        cmocka_unit_test(test_process_obeys_signals),
        cmocka_unit_test_setup_teardown(test_proxy_passes, open_proxy,
                                        close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_passes_much, open_proxy,
                                        close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_black_hole_hides_all,
                                        open_proxy, close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_shuns_a_process, open_proxy,
                                        close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_holds_replies, open_proxy,
                                        close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_cut_loses_held_replies,
                                        open_proxy, close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_drops_replies, open_proxy,
                                        close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_refuses, open_proxy,
                                        close_proxy),
        cmocka_unit_test_setup_teardown(test_proxy_is_full, open_proxy,
                                        close_proxy),
        cmocka_unit_test(test_etcd_counts_requests),
        cmocka_unit_test(test_etcdctl_goes_on),
        cmocka_unit_test(test_proxy_loses_an_answer_of_etcd),
        cmocka_unit_test(test_etcd_pauses_and_restarts),
        cmocka_unit_test(test_etcd_cluster_is_one),
        cmocka_unit_test(test_etcd_start_fails_plainly),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
