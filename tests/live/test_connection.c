/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: pings that detect a dead peer and do not disturb a living one
 * (failure 27), limits of messages, sockets in the file system. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/net.h"
#include "support/test_live.h"
#include "support/wait.h"

/** The minimum: etcd closes connections that ping more often than every 5 s, at
 * the third ping. */
#define PING_INTERVAL_MS 5000
#define PING_TIMEOUT_MS 1000
/** Time for four pings. */
#define IDLE_MS 22000

static struct test_etcd etcd;

/** Set once the log reports an unanswered ping. */
static atomic_bool given_up;

static void
on_log(enum leaselock_log_level level, const char *message, void *arg)
{
    (void)level;
    (void)arg;
    if (strstr(message, "did not answer a ping within 1000 ms") != NULL) {
        atomic_store(&given_up, true);
    }
}

static bool is_given_up(void *arg)
{
    (void)arg;
    return atomic_load(&given_up);
}

/**
 * Goal: failure 27: a connection with pings only persists, and one whose other
 * end became silent is detected by a ping and closed. Method: hold a lock with
 * a long lease, so that only pings are sent; then a black hole. */
static void test_pings(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_session_options session = LEASELOCK_SESSION_OPTIONS_INIT;
    struct test_proxy *proxy = NULL;
    struct test_peer peer;
    leaselock_ticket *held;
    int64_t until_ns;

    (void)state;
    options.ping_interval_ms = PING_INTERVAL_MS;
    options.ping_timeout_ms = PING_TIMEOUT_MS;
    options.log = on_log;
    options.log_level = LEASELOCK_LOG_INFO;
    session.ttl_s = 600;
    assert_int_equal(test_proxy_open(etcd.ports[TEST_ETCD_CLIENT], &proxy), 0);
    test_peer_open_with(test_proxy_endpoint(proxy), &options, &session, &peer);
    held = test_acquire(&peer, "idle");
    until_ns = test_deadline_ns(IDLE_MS);
    while (test_now_ns() < until_ns) {
        assert_int_equal(test_proxy_accepted(proxy), 1);
        test_pause_step();
    }
    assert_false(atomic_load(&given_up));
    test_proxy_black_hole(proxy);
    /* One ping's interval and its timeout, and ample time on a busy machine; a
     * keep-alive is not due for minutes. */
    assert_true(
        test_until(2 * PING_INTERVAL_MS + PING_TIMEOUT_MS, is_given_up, NULL));
    test_proxy_pass(proxy);
    assert_int_equal(leaselock_ticket_state(held), LEASELOCK_TICKET_HELD);
    test_release(held);
    test_peer_close(&peer);
    test_proxy_close(proxy);
}

/** Goal: a message that is too long to be sent is the caller's error, and after
 * one that is too long to be received, the outcome is unknown. */
static void test_limits(void **state)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    struct leaselock_ping ping;
    leaselock_client *client = NULL;
    leaselock_ticket *ticket = NULL;
    struct test_peer peer;
    char name[800];

    (void)state;
    (void)memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    options.send_bytes_max = 700;
    test_peer_open_with(etcd.endpoint, &options, NULL, &peer);
    assert_int_equal(
        leaselock_acquire(peer.session, name, NULL, 5000, &ticket, &error),
        LEASELOCK_E_SERVER);
    assert_non_null(strstr(error.message, "larger than max"));
    test_release(test_acquire(&peer, "short"));
    test_peer_close(&peer);

    options.send_bytes_max = 0;
    options.receive_bytes_max = 10;
    assert_int_equal(
        leaselock_client_open(etcd.endpoint, &options, &client, NULL), 0);
    assert_int_equal(leaselock_ping(client, 0, 5000, &ping, &error),
                     LEASELOCK_E_UNAVAILABLE);
    assert_non_null(strstr(error.message, "larger than max"));
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

/** A socket in the file system whose connections are forwarded to etcd's
 * port. */
struct forwarder {
    int listener;
    uint16_t port;
    pthread_t thread;
    atomic_bool stop;
};

#define FORWARDS_MAX 4

static bool forward(int from, int to)
{
    char bytes[16384];
    ssize_t size = read(from, bytes, sizeof(bytes));
    ssize_t at = 0;

    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    while (at < size) {
        ssize_t sent = send(to, bytes + at, (size_t)(size - at), MSG_NOSIGNAL);
        struct pollfd writable = {.fd = to, .events = POLLOUT};

        if (sent < 0 && errno == EAGAIN) {
            (void)poll(&writable, 1, 1000);
        } else if (sent < 0) {
            return false;
        } else {
            at += sent;
        }
    }
    return size > 0;
}

static void *forwarder_main(void *arg)
{
    struct forwarder *forwarder = arg;
    struct pollfd fds[1 + 2 * FORWARDS_MAX] = {
        {.fd = forwarder->listener, .events = POLLIN}};
    size_t n = 1;

    while (!atomic_load(&forwarder->stop)) {
        (void)poll(fds, n, 20);
        for (size_t i = 1; i < n; i++) {
            size_t other = i % 2 == 1 ? i + 1 : i - 1;

            if (fds[i].revents != 0 && !forward(fds[i].fd, fds[other].fd)) {
                fds[i].fd = -1 - fds[i].fd; /* poll ignores it */
            }
        }
        if (fds[0].revents != 0 && n + 2 <= sizeof(fds) / sizeof(fds[0])) {
            fds[n] =
                (struct pollfd){.fd = accept(forwarder->listener, NULL, NULL),
                                .events = POLLIN};
            fds[n + 1] = (struct pollfd){
                .fd = test_port_connect(forwarder->port), .events = POLLIN};
            n += 2;
        }
    }
    for (size_t i = 1; i < n; i++) {
        (void)close(fds[i].fd < 0 ? -1 - fds[i].fd : fds[i].fd);
    }
    return NULL;
}

/** Goal: an endpoint may be a socket in the file system, whatever bytes its
 *  path has. */
static void test_unix(void **state)
{
    static const char *const names[] = {"socket", "a b%41?c#d[e]", "\xc3\xa4%",
                                        "%2f:1: x"};
    char folder[] = "/tmp/leaselock-unix-XXXXXX";
    size_t i = 0;

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct forwarder forwarder = {
            .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
            .port = etcd.ports[TEST_ETCD_CLIENT]};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct test_peer peer;
        char endpoint[200];

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
                       folder, names[i]);
        assert_int_equal(bind(forwarder.listener,
                              (const struct sockaddr *)&address,
                              sizeof(address)),
                         0);
        assert_int_equal(listen(forwarder.listener, 8), 0);
        assert_int_equal(
            pthread_create(&forwarder.thread, NULL, forwarder_main, &forwarder),
            0);
        (void)snprintf(endpoint, sizeof(endpoint), "unix:%s%s",
                       i % 2 == 0 ? "" : "//", address.sun_path);
        test_peer_open(endpoint, TEST_TTL_LONG_S, &peer);
        test_release(test_acquire(&peer, "unix"));
        test_peer_close(&peer);
        atomic_store(&forwarder.stop, true);
        assert_int_equal(pthread_join(forwarder.thread, NULL), 0);
        (void)close(forwarder.listener);
        assert_int_equal(unlink(address.sun_path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

static int set_up(void **state)
{
    (void)state;
    return test_etcd_start(&etcd);
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
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_unix),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
