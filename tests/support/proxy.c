/* SPDX-License-Identifier: Apache-2.0 */
#include "support/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/net.h"
#include "support/owner.h"
#include "support/proxy_connection.h"

/** The poll set: the control pipe, the listener, two for each connection. */
#define FIXED_FDS 2u
#define FDS_MAX (FIXED_FDS + TEST_CONNECTION_FDS * TEST_PROXY_CONNECTIONS_MAX)

/** The state that the test requests from the thread. */
struct orders {
    enum test_proxy_mode mode;
    bool refuse;
    bool cut;
    bool quit;
    pid_t shunned; /* 0: none */
    int delay_ms;
};

struct test_proxy {
    char endpoint[32];
    uint16_t port;
    uint16_t server_port;
    /** Reserves the port while nothing listens on it. */
    int reserved_fd;
    /** Wakes the thread: [0] is read, [1] written. */
    int control[2];
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t done;

    /* Under the mutex. */
    struct orders orders;
    /** The numbers of the last request made, and of the last carried out. */
    uint64_t orders_given;
    uint64_t orders_done;
    size_t open_n;
    size_t accepted_n;

    /* Used by the thread alone. */
    int listen_fd;
    enum test_proxy_mode mode;
    pid_t shunned;
    int delay_ms;
    struct test_connection *connections[TEST_PROXY_CONNECTIONS_MAX];
    size_t connections_n;
};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/** Removes the connections that have ended, or all of them. */
static void sweep(struct test_proxy *proxy, bool all)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < proxy->connections_n; i++) {
        struct test_connection *connection = proxy->connections[i];

        if (all || test_connection_is_over(connection)) {
            test_connection_close(connection, all || connection->broken);
        } else {
            proxy->connections[kept++] = connection;
        }
    }
    proxy->connections_n = kept;
}

/** Whether a connection belongs to the process that is cut off. */
static bool is_shunned(const struct test_proxy *proxy,
                       const struct test_connection *connection)
{
    struct sockaddr_in client = {.sin_family = AF_INET};
    socklen_t size = sizeof(client);

    return proxy->shunned != 0 &&
           getpeername(connection->client_fd, (struct sockaddr *)&client,
                       &size) == 0 &&
           test_process_has_connection(proxy->shunned, ntohs(client.sin_port),
                                       proxy->port);
}

/** How a connection's bytes are treated. */
static enum test_proxy_mode mode_of(const struct test_proxy *proxy,
                                    const struct test_connection *connection)
{
    return connection->shunned ? TEST_MODE_BLACK_HOLE : proxy->mode;
}

/** Accepts one connection. */
static void accept_one(struct test_proxy *proxy)
{
    struct test_connection *connection;
    int fd =
        accept4(proxy->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }
    connection = test_connection_open(fd, proxy->server_port);
    if (connection == NULL) {
        return;
    }
    connection->shunned = is_shunned(proxy, connection);
    proxy->connections[proxy->connections_n++] = connection;
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->accepted_n++;
    (void)pthread_mutex_unlock(&proxy->mutex);
}

/** Resets the connections that the kernel has opened and the thread has not
 * accepted. */
static void reset_backlog(int listen_fd)
{
    int fd;

    while (listen_fd >= 0 && (fd = accept(listen_fd, NULL, NULL)) >= 0) {
        test_reset_fd(&fd);
    }
}

/** Carries out the test's request; false if the thread is to end. */
static bool obey(struct test_proxy *proxy)
{
    char wakes[64];
    bool go_on;
    size_t i;

    (void)pthread_mutex_lock(&proxy->mutex);
    while (read(proxy->control[0], wakes, sizeof(wakes)) > 0) {
        /* Of several requests, the last one's state counts. */
    }
    proxy->mode = proxy->orders.mode;
    proxy->shunned = proxy->orders.shunned;
    proxy->delay_ms = proxy->orders.delay_ms;
    for (i = 0; i < proxy->connections_n; i++) {
        struct test_connection *connection = proxy->connections[i];

        connection->shunned = is_shunned(proxy, connection);
        if (proxy->mode == TEST_MODE_PASS && connection->lossy) {
            connection->broken = true;
        }
    }
    if (proxy->orders.refuse) {
        close_fd(&proxy->listen_fd);
    } else if (proxy->listen_fd < 0) {
        proxy->listen_fd = test_port_listen(proxy->port);
    }
    if (proxy->orders.cut) {
        reset_backlog(proxy->listen_fd);
    }
    sweep(proxy, proxy->orders.cut || proxy->orders.quit);
    proxy->orders.cut = false;
    proxy->open_n = proxy->connections_n;
    proxy->orders_done = proxy->orders_given;
    go_on = !proxy->orders.quit;
    (void)pthread_cond_broadcast(&proxy->done);
    (void)pthread_mutex_unlock(&proxy->mutex);
    return go_on;
}

/** The shorter of two timeouts; -1 stands for none. */
static int sooner(int a_ms, int b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static void *proxy_main(void *arg)
{
    struct test_proxy *proxy = arg;

    while (obey(proxy)) {
        struct pollfd fds[FDS_MAX];
        size_t n = proxy->connections_n;
        bool accepts = n < TEST_PROXY_CONNECTIONS_MAX &&
                       proxy->mode != TEST_MODE_BLACK_HOLE;
        int timeout_ms = -1;
        size_t i;

        fds[0] = test_poll_entry(proxy->control[0], true, false);
        fds[1] = test_poll_entry(proxy->listen_fd, accepts, false);
        for (i = 0; i < n; i++) {
            test_connection_wants(proxy->connections[i],
                                  mode_of(proxy, proxy->connections[i]),
                                  &fds[FIXED_FDS + TEST_CONNECTION_FDS * i]);
            timeout_ms = sooner(timeout_ms,
                                test_connection_due_ms(proxy->connections[i]));
        }
        if (poll(fds, FIXED_FDS + TEST_CONNECTION_FDS * n, timeout_ms) <= 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            /* After a request, readiness is polled again under the new mode, so
             * that no byte passes after a control has returned. */
            continue;
        }
        for (i = 0; i < n; i++) {
            test_connection_serve(
                proxy->connections[i], mode_of(proxy, proxy->connections[i]),
                proxy->delay_ms, &fds[FIXED_FDS + TEST_CONNECTION_FDS * i]);
        }
        if (fds[1].fd >= 0 && fds[1].revents != 0) {
            accept_one(proxy);
        }
    }
    return NULL;
}

int test_proxy_open(uint16_t server_port, struct test_proxy **ret_proxy)
{
    struct test_proxy *proxy = calloc(1, sizeof(*proxy));
    int number = ENOMEM;

    if (proxy == NULL) {
        errno = number;
        return -1;
    }
    proxy->server_port = server_port;
    proxy->control[0] = -1;
    proxy->control[1] = -1;
    proxy->listen_fd = -1;
    (void)pthread_mutex_init(&proxy->mutex, NULL);
    (void)pthread_cond_init(&proxy->done, NULL);
    proxy->reserved_fd = test_port_reserve(&proxy->port);
    if (proxy->reserved_fd < 0 ||
        pipe2(proxy->control, O_CLOEXEC | O_NONBLOCK) != 0) {
        number = errno;
        goto failed;
    }
    proxy->listen_fd = test_port_listen(proxy->port);
    if (proxy->listen_fd < 0) {
        number = errno;
        goto failed;
    }
    (void)snprintf(proxy->endpoint, sizeof(proxy->endpoint), "127.0.0.1:%u",
                   proxy->port);
    number = pthread_create(&proxy->thread, NULL, proxy_main, proxy);
    if (number != 0) {
        goto failed;
    }
    *ret_proxy = proxy;
    return 0;
failed:
    close_fd(&proxy->listen_fd);
    close_fd(&proxy->control[0]);
    close_fd(&proxy->control[1]);
    close_fd(&proxy->reserved_fd);
    (void)pthread_cond_destroy(&proxy->done);
    (void)pthread_mutex_destroy(&proxy->mutex);
    free(proxy);
    errno = number;
    return -1;
}

/** Wakes the thread for a new request, waits until it is carried out, and
 * unlocks the mutex. */
static void carry_out(struct test_proxy *proxy)
{
    uint64_t number = ++proxy->orders_given;

    if (write(proxy->control[1], "!", 1) < 0) {
        /* The pipe is full of wake-ups; one of those is enough. */
        errno = 0;
    }
    while (proxy->orders_done < number) {
        (void)pthread_cond_wait(&proxy->done, &proxy->mutex);
    }
    (void)pthread_mutex_unlock(&proxy->mutex);
}

static void set_mode(struct test_proxy *proxy, enum test_proxy_mode mode)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->orders.mode = mode;
    if (mode == TEST_MODE_PASS) {
        proxy->orders.refuse = false;
    }
    carry_out(proxy);
}

void test_proxy_close(struct test_proxy *proxy)
{
    if (proxy == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->orders.quit = true;
    carry_out(proxy);
    (void)pthread_join(proxy->thread, NULL);
    close_fd(&proxy->listen_fd);
    close_fd(&proxy->control[0]);
    close_fd(&proxy->control[1]);
    close_fd(&proxy->reserved_fd);
    (void)pthread_cond_destroy(&proxy->done);
    (void)pthread_mutex_destroy(&proxy->mutex);
    free(proxy);
}

const char *test_proxy_endpoint(const struct test_proxy *proxy)
{
    return proxy->endpoint;
}

uint16_t test_proxy_port(const struct test_proxy *proxy)
{
    return proxy->port;
}

void test_proxy_pass(struct test_proxy *proxy)
{
    set_mode(proxy, TEST_MODE_PASS);
}

void test_proxy_black_hole(struct test_proxy *proxy)
{
    set_mode(proxy, TEST_MODE_BLACK_HOLE);
}

void test_proxy_hold_replies(struct test_proxy *proxy)
{
    set_mode(proxy, TEST_MODE_HOLD_REPLIES);
}

void test_proxy_drop_replies(struct test_proxy *proxy)
{
    set_mode(proxy, TEST_MODE_DROP_REPLIES);
}

void test_proxy_refuse(struct test_proxy *proxy)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->orders.refuse = true;
    carry_out(proxy);
}

void test_proxy_shun(struct test_proxy *proxy, pid_t client)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->orders.shunned = client;
    carry_out(proxy);
}

void test_proxy_delay(struct test_proxy *proxy, int delay_ms)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->orders.delay_ms = delay_ms;
    carry_out(proxy);
}

void test_proxy_cut(struct test_proxy *proxy)
{
    (void)pthread_mutex_lock(&proxy->mutex);
    proxy->orders.cut = true;
    carry_out(proxy);
}

size_t test_proxy_connections(struct test_proxy *proxy)
{
    size_t n;

    (void)pthread_mutex_lock(&proxy->mutex);
    n = proxy->open_n;
    (void)pthread_mutex_unlock(&proxy->mutex);
    return n;
}

size_t test_proxy_accepted(struct test_proxy *proxy)
{
    size_t n;

    (void)pthread_mutex_lock(&proxy->mutex);
    n = proxy->accepted_n;
    (void)pthread_mutex_unlock(&proxy->mutex);
    return n;
}
