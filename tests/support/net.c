/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/wait.h"

#define REQUEST_SIZE 1024
#define READ_SIZE 16384u

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    return address;
}

/** A socket bound to a port of 127.0.0.1, 0 for any free port. */
static int bound_socket(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int test_port_reserve(uint16_t *ret_port)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof(address);
    int fd = bound_socket(0);

    if (fd < 0) {
        return -1;
    }
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        (void)close(fd);
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int test_port_listen(uint16_t port)
{
    int fd = bound_socket(port);

    if (fd >= 0 && listen(fd, SOMAXCONN) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int test_port_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/** Waits until a socket is ready for these events, or has failed. */
static bool socket_ready(int fd, short events, int64_t deadline_ns)
{
    struct pollfd ready = {.fd = fd, .events = events};

    return poll(&ready, 1, test_left_ms(deadline_ns)) == 1;
}

static bool send_all(int fd, const char *text, size_t size, int64_t deadline_ns)
{
    while (size > 0) {
        ssize_t sent;

        if (!socket_ready(fd, POLLOUT, deadline_ns)) {
            return false;
        }
        sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent < 0) {
            return false;
        }
        text += sent;
        size -= (size_t)sent;
    }
    return true;
}

/** Reads until the peer closes. The caller frees the text; NULL on failure. */
static char *receive_all(int fd, int64_t deadline_ns)
{
    char *text = NULL;
    size_t size = 0;

    for (;;) {
        ssize_t got;
        char *grown;

        if (size > TEST_HTTP_BODY_MAX) {
            break;
        }
        grown = realloc(text, size + READ_SIZE + 1);
        if (grown == NULL) {
            break;
        }
        text = grown;
        if (!socket_ready(fd, POLLIN, deadline_ns)) {
            break;
        }
        got = recv(fd, text + size, READ_SIZE, 0);
        if (got < 0) {
            break;
        }
        size += (size_t)got;
        text[size] = '\0';
        if (got == 0) {
            return text;
        }
    }
    free(text);
    return NULL;
}

/** Sends a request and reads the answer until the connection ends. */
static int http_ask(uint16_t port,
                    const char *request,
                    int64_t deadline_ns,
                    char **ret_body)
{
    char *answer = NULL;
    const char *body;
    int status = -1;
    int fd = test_port_connect(port);

    if (fd < 0) {
        return -1;
    }
    if (!send_all(fd, request, strlen(request), deadline_ns)) {
        goto out;
    }
    answer = receive_all(fd, deadline_ns);
    body = answer == NULL ? NULL : strstr(answer, "\r\n\r\n");
    if (body == NULL || strncmp(answer, "HTTP/1.", 7) != 0 ||
        strlen(answer) < 12) {
        goto out;
    }
    status = (int)strtol(answer + 9, NULL, 10);
    body += 4;
    (void)memmove(answer, body, strlen(body) + 1);
    *ret_body = answer;
    answer = NULL;
out:
    free(answer);
    (void)close(fd);
    return status;
}

int test_http_get(uint16_t port,
                  const char *path,
                  int timeout_ms,
                  char **ret_body)
{
    char request[REQUEST_SIZE];
    int length =
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\n\r\n", path, port);

    if (length < 0 || (size_t)length >= sizeof(request)) {
        return -1;
    }
    return http_ask(port, request, test_deadline_ns(timeout_ms), ret_body);
}

int test_http_post(uint16_t port,
                   const char *path,
                   const char *content,
                   int timeout_ms,
                   char **ret_body)
{
    char request[REQUEST_SIZE];
    int length = snprintf(request, sizeof(request),
                          "POST %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\n"
                          "Content-Length: %zu\r\n\r\n%s",
                          path, port, strlen(content), content);

    if (length < 0 || (size_t)length >= sizeof(request)) {
        return -1;
    }
    return http_ask(port, request, test_deadline_ns(timeout_ms), ret_body);
}
