/* SPDX-License-Identifier: Apache-2.0 */
#include "support/proxy_connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/net.h"
#include "support/wait.h"

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void test_reset_fd(int *fd)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (*fd >= 0) {
        (void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close_fd(fd);
    }
}

bool test_connection_is_over(const struct test_connection *connection)
{
    return connection->broken ||
           (connection->up.end_reported && connection->down.end_reported);
}

struct test_connection *test_connection_open(int client_fd,
                                             uint16_t server_port)
{
    struct test_connection *connection = calloc(1, sizeof(*connection));
    int one = 1;

    if (connection == NULL) {
        test_reset_fd(&client_fd);
        return NULL;
    }
    (void)setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    connection->client_fd = client_fd;
    connection->server_fd = test_port_connect(server_port);
    connection->broken = connection->server_fd < 0;
    return connection;
}

void test_connection_close(struct test_connection *connection, bool reset)
{
    if (reset) {
        test_reset_fd(&connection->client_fd);
        test_reset_fd(&connection->server_fd);
    }
    close_fd(&connection->client_fd);
    close_fd(&connection->server_fd);
    free(connection);
}

static bool passes_up(enum test_proxy_mode mode)
{
    return mode != TEST_MODE_BLACK_HOLE;
}

static bool reads_down(enum test_proxy_mode mode)
{
    return mode == TEST_MODE_PASS || mode == TEST_MODE_DROP_REPLIES;
}

static bool is_only_busy(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/** Reads what fits; false if the connection is broken. */
static bool flow_read(struct test_flow *flow, int fd)
{
    ssize_t got;

    if (flow->start == flow->end) {
        flow->start = 0;
        flow->end = 0;
    }
    if (flow->end == TEST_FLOW_SIZE || flow->ended) {
        return true;
    }
    got = recv(fd, flow->bytes + flow->end, TEST_FLOW_SIZE - flow->end, 0);
    if (got < 0) {
        return is_only_busy();
    }
    flow->ended = got == 0;
    flow->end += (size_t)got;
    return true;
}

/** Writes the data, and forwards the end; false if broken. */
static bool flow_write(struct test_flow *flow, int fd)
{
    if (flow->start < flow->end) {
        ssize_t sent = send(fd, flow->bytes + flow->start,
                            flow->end - flow->start, MSG_NOSIGNAL);

        if (sent < 0) {
            return is_only_busy();
        }
        flow->start += (size_t)sent;
    }
    if (flow->ended && !flow->end_reported && flow->start == flow->end) {
        flow->end_reported = true;
        return shutdown(fd, SHUT_WR) == 0;
    }
    return true;
}

static bool flow_has_room(const struct test_flow *flow)
{
    return !flow->ended &&
           (flow->start == flow->end || flow->end < TEST_FLOW_SIZE);
}

static bool flow_has_work(const struct test_flow *flow)
{
    return flow->start < flow->end || (flow->ended && !flow->end_reported);
}

struct pollfd test_poll_entry(int fd, bool in, bool out)
{
    struct pollfd want = {.fd = in || out ? fd : -1};

    want.events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
    return want;
}

static bool is_delayed(const struct test_connection *connection)
{
    return flow_has_work(&connection->down) &&
           test_now_ns() < connection->due_ns;
}

int test_connection_due_ms(const struct test_connection *connection)
{
    int64_t left_ns = connection->due_ns - test_now_ns();

    return is_delayed(connection) ? (int)(left_ns / TEST_NS_PER_MS) + 1 : -1;
}

void test_connection_wants(const struct test_connection *connection,
                           enum test_proxy_mode mode,
                           struct pollfd *fds)
{
    fds[0] = test_poll_entry(connection->client_fd,
                             passes_up(mode) && flow_has_room(&connection->up),
                             mode == TEST_MODE_PASS &&
                                 flow_has_work(&connection->down) &&
                                 !is_delayed(connection));
    fds[1] =
        test_poll_entry(connection->server_fd,
                        reads_down(mode) && flow_has_room(&connection->down),
                        passes_up(mode) && flow_has_work(&connection->up));
}

/** Drops what came from the server. */
static void connection_drop(struct test_connection *connection)
{
    connection->lossy = connection->lossy || flow_has_work(&connection->down);
    connection->down.start = connection->down.end;
}

void test_connection_serve(struct test_connection *connection,
                           enum test_proxy_mode mode,
                           int delay_ms,
                           const struct pollfd *fds)
{
    /* The requested read or write reports an error or a hang-up. */
    bool client = fds[0].fd >= 0 && fds[0].revents != 0;
    bool server = fds[1].fd >= 0 && fds[1].revents != 0;
    bool well = true;

    if (client && (fds[0].events & POLLIN) != 0) {
        well = flow_read(&connection->up, connection->client_fd) && well;
    }
    if (server && (fds[1].events & POLLOUT) != 0) {
        well = flow_write(&connection->up, connection->server_fd) && well;
    }
    if (server && (fds[1].events & POLLIN) != 0) {
        if (!flow_has_work(&connection->down)) {
            connection->due_ns = test_now_ns() + delay_ms * TEST_NS_PER_MS;
        }
        well = flow_read(&connection->down, connection->server_fd) && well;
    }
    if (client && (fds[0].events & POLLOUT) != 0) {
        well = flow_write(&connection->down, connection->client_fd) && well;
    }
    if (mode == TEST_MODE_DROP_REPLIES) {
        connection_drop(connection);
    }
    connection->broken = connection->broken || !well;
}
