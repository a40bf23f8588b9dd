#ifndef TEST_SUPPORT_NET_H
#define TEST_SUPPORT_NET_H

#include <stddef.h>
#include <stdint.h>

/** Longest body that test_http_get and test_http_post take. */
#define TEST_HTTP_BODY_MAX (4u << 20)

/**
 * Takes a free port of 127.0.0.1 and keeps it: the socket is bound but does
 * not listen. Linux lets another socket listen on the port as long as both
 * have SO_REUSEADDR (Go's listeners and test_port_listen have), and gives
 * the port to nobody who asks for any free one. So a server can end and come
 * back on its port, and meanwhile connections to it are refused.
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
