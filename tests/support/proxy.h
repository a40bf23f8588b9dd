#ifndef TEST_SUPPORT_PROXY_H
#define TEST_SUPPORT_PROXY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Most connections at a time; more wait in the listener's backlog. */
#define TEST_PROXY_CONNECTIONS_MAX 64

/**
 * A TCP proxy in a thread, between a client and one server of 127.0.0.1,
 * that can be told to be a bad network. Each control has taken effect when it
 * returns, and any thread may use it.
 *
 * To lose an answer after its commit: test_proxy_hold_replies, send the
 * request, wait until the server has it (etcd's revision rises),
 * test_proxy_cut, test_proxy_pass.
 */
struct test_proxy;

/**
 * Starts a proxy that passes everything.
 *
 * @param server_port  where it connects to, for each connection that it gets;
 *                     a client whose server refuses is reset
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

/** Forwards both ways and accepts connections. What was held back goes on
 *  its way; a connection that lost bytes to test_proxy_drop_replies is cut,
 *  since nothing sensible can follow on it. */
void test_proxy_pass(struct test_proxy *proxy);

/** Forwards nothing, not even the end of a connection; new connections are
 *  opened by the kernel and hear nothing. */
void test_proxy_black_hole(struct test_proxy *proxy);

/** Forwards to the server, and keeps what it answers until test_proxy_pass or
 *  test_proxy_cut. */
void test_proxy_hold_replies(struct test_proxy *proxy);

/** Forwards to the server, and throws away what it answers. */
void test_proxy_drop_replies(struct test_proxy *proxy);

/** Refuses new connections until test_proxy_pass; the others go on. */
void test_proxy_refuse(struct test_proxy *proxy);

/** Treats what a process connects as test_proxy_black_hole would, the
 *  connections that it has and those that come, and leaves the others alone;
 *  0 ends it, and what was held back goes on its way. A process that is started
 *  anew is another. */
void test_proxy_shun(struct test_proxy *proxy, pid_t client);

/** Resets all connections, with what was on its way; new ones are treated as
 *  the mode says. */
void test_proxy_cut(struct test_proxy *proxy);

/** How many connections there are now. */
size_t test_proxy_connections(struct test_proxy *proxy);

/** How many connections there ever were. */
size_t test_proxy_accepted(struct test_proxy *proxy);

#endif
