/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_NET_H
#define TEST_SUPPORT_NET_H

#include <stddef.h>
#include <stdint.h>

/** The longest body that test_http_get and test_http_post accept. */
#define TEST_HTTP_BODY_MAX (4u << 20)

/**
 * Reserves a free port of 127.0.0.1: the socket is bound but does not listen.
 * Linux lets another socket listen on the port if both have SO_REUSEADDR (Go's
 * listeners and test_port_listen set it), and does not assign the port to a
 * socket that asks for any free port. So a server can restart on its port, and
 * connections to it are refused meanwhile.
 *
 * @param ret_port  the port
 * @return the socket, to be closed when the port is no longer needed, or -1
 */
int test_port_reserve(uint16_t *ret_port);

/** Listens on a port that test_port_reserve keeps: the socket, or -1. */
int test_port_listen(uint16_t port);

/**
 * Connects to 127.0.0.1. The socket does not block.
 *
 * @return the socket, whose connection may still be under way, or -1
 */
int test_port_connect(uint16_t port);

/**
 * Gets a page from 127.0.0.1 over HTTP/1.0.
 *
 * @param path        such as "/metrics"
 * @param timeout_ms  longest wait for the whole answer
 * @param ret_body    the body and a NUL; the caller frees it; set only on
 *                    success
 * @return the HTTP status, or -1 when no complete answer came
 */
int test_http_get(uint16_t port,
                  const char *path,
                  int timeout_ms,
                  char **ret_body);

/** As test_http_get, with a body to send along, such as a JSON object. */
int test_http_post(uint16_t port,
                   const char *path,
                   const char *content,
                   int timeout_ms,
                   char **ret_body);

#endif
