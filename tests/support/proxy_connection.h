/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_PROXY_CONNECTION_H
#define TEST_SUPPORT_PROXY_CONNECTION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The proxy's connections; for proxy.c alone. */

/** The limit of data in flight in one direction. */
#define TEST_FLOW_SIZE 65536u
/** The sockets of a connection, as poll sees them. */
#define TEST_CONNECTION_FDS 2u

/** How the proxy treats bytes; see the controls in proxy.h. */
enum test_proxy_mode {
    TEST_MODE_PASS,
    TEST_MODE_BLACK_HOLE,
    TEST_MODE_HOLD_REPLIES,
    TEST_MODE_DROP_REPLIES
};

/** Data in flight in one direction. */
struct test_flow {
    char bytes[TEST_FLOW_SIZE];
    size_t start;
    size_t end;
    /** The source has ended; its end has been forwarded. */
    bool ended;
    bool end_reported;
};

/** A client and the server, with the proxy in between. */
struct test_connection {
    int client_fd;
    int server_fd;
    /** Bytes from the server were dropped. */
    bool lossy;
    /** An error was detected: to be reset. */
    bool broken;
    /** It is in the black hole. */
    bool shunned;
    struct test_flow up;
    struct test_flow down;
    /** What came from the server is kept until then. */
    int64_t due_ns;
};

/**
 * Takes over a client's socket and connects it to the server's port.
 *
 * @return the connection, or NULL: then the client is reset
 */
struct test_connection *test_connection_open(int client_fd,
                                             uint16_t server_port);

/** Closes a connection and frees it.
 *
 * @param reset  with a reset on both sides in place of an orderly end */
void test_connection_close(struct test_connection *connection, bool reset);

/** Whether both sides have ended, or one of them broke. */
bool test_connection_is_over(const struct test_connection *connection);

/** Fills in the events to poll for: TEST_CONNECTION_FDS entries. */
void test_connection_wants(const struct test_connection *connection,
                           enum test_proxy_mode mode,
                           struct pollfd *fds);

/** The time until data that are delayed are due; -1: there are none. */
int test_connection_due_ms(const struct test_connection *connection);

/** Reads and writes as the entries of test_connection_wants are ready.
 *
 * @param delay_ms  of what comes from the server now */
void test_connection_serve(struct test_connection *connection,
                           enum test_proxy_mode mode,
                           int delay_ms,
                           const struct pollfd *fds);

/** The events to poll for on a socket: none at all (-1) if nothing may pass,
 * since poll always reports a hang-up, and would do so again at once. */
struct pollfd test_poll_entry(int fd, bool in, bool out);

/** Closes a socket with a reset in place of an orderly end. */
void test_reset_fd(int *fd);

#endif
