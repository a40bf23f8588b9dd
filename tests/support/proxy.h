/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_PROXY_H
#define TEST_SUPPORT_PROXY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** The limit of connections at a time; more wait in the listener's backlog. */
#define TEST_PROXY_CONNECTIONS_MAX 64

/**
 * A TCP proxy in a thread, between a client and one server of 127.0.0.1, that
 * can behave as a faulty network. Each control has taken effect when it
 * returns, and any thread may use it.
 *
 * To drop an answer after its commit: test_proxy_hold_replies, send the
 * request, wait until the server has it (etcd's revision rises),
 * test_proxy_cut, test_proxy_pass. */
struct test_proxy;

/**
 * Starts a proxy that forwards everything.
 *
 * @param server_port  the port to connect to for each client; if the server
 *                     refuses, the client is reset
 * @param ret_proxy    the caller closes it
 * @return 0, or -1 with errno
 */
int test_proxy_open(uint16_t server_port, struct test_proxy **ret_proxy);

/** Cuts all connections and ends the thread; NULL does nothing. */
void test_proxy_close(struct test_proxy *proxy);

/** "127.0.0.1:PORT"; valid until the proxy is closed. */
const char *test_proxy_endpoint(const struct test_proxy *proxy);

/** The port alone. */
uint16_t test_proxy_port(const struct test_proxy *proxy);

/** Forwards both ways and accepts connections. Data that were held back are
 * sent; a connection that lost bytes to test_proxy_drop_replies is cut, since
 * its stream has a gap. */
void test_proxy_pass(struct test_proxy *proxy);

/** Forwards nothing, not even the end of a connection; the kernel opens new
 * connections, which receive nothing. */
void test_proxy_black_hole(struct test_proxy *proxy);

/** Forwards to the server, and holds its answers back until test_proxy_pass or
 * test_proxy_cut. */
void test_proxy_hold_replies(struct test_proxy *proxy);

/** Forwards to the server, and drops its answers. */
void test_proxy_drop_replies(struct test_proxy *proxy);

/** Refuses new connections until test_proxy_pass; open ones continue. */
void test_proxy_refuse(struct test_proxy *proxy);

/** Treats one process's connections, the open and the new ones, as
 * test_proxy_black_hole does, and no others. 0 ends it, and the data held back
 * are sent. A process that is restarted is another one. */
void test_proxy_shun(struct test_proxy *proxy, pid_t client);

/** Delays what the server sends by this time, as on a longer way: what comes
 * while something is delayed goes with it. 0 ends it. */
void test_proxy_delay(struct test_proxy *proxy, int delay_ms);

/** Resets all connections and drops the data in flight; new ones are treated
 * according to the mode. */
void test_proxy_cut(struct test_proxy *proxy);

/** The number of connections at present. */
size_t test_proxy_connections(struct test_proxy *proxy);

/** The number of connections since the start. */
size_t test_proxy_accepted(struct test_proxy *proxy);

#endif
