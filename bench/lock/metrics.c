/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd's own counters, from the page of metrics that every member serves over
 * HTTP at its client address.
 */
#include "lockbench.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/** A page has some 100 KiB; a longer response than this is refused. */
#define PAGE_MAX (16 * 1024 * 1024)
#define TIMEOUT_S 30
#define ENDPOINT_SIZE 256

static int fail(const char *endpoint, const char *why)
{
    fprintf(stderr, "lockbench: metrics of %s: %s\n", endpoint, why);
    return -1;
}

/** @return a connected socket, or -1 with the reason on stderr */
static int connect_to(const char *endpoint)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[ENDPOINT_SIZE];
    char *colon;
    int fd = -1;
    int status;

    (void)snprintf(host, sizeof(host), "%s", endpoint);
    colon = strrchr(host, ':');
    if (colon == NULL) {
        return fail(endpoint, "not host:port");
    }
    *colon = '\0';
    status = getaddrinfo(host, colon + 1, &hints, &found);
    if (status != 0) {
        return fail(endpoint, gai_strerror(status));
    }
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            status = errno;
            (void)close(fd);
            errno = status;
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd < 0) {
        return fail(endpoint, strerror(errno));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    return fd;
}

/** Reads until the server closes. @return the page, to be freed, or NULL */
static char *read_page(int fd)
{
    size_t capacity = 256 * 1024;
    size_t size = 0;
    char *page = malloc(capacity);

    while (page != NULL) {
        ssize_t n = recv(fd, page + size, capacity - size - 1, 0);

        if (n == 0) {
            page[size] = '\0';
            return page;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 || capacity > PAGE_MAX) {
            break;
        }
        size += (size_t)n;
        if (size + 1 == capacity) {
            char *more = realloc(page, capacity *= 2);

            if (more == NULL) {
                break;
            }
            page = more;
        }
    }
    free(page);
    return NULL;
}

/** The number after a line's beginning; 0 if there is no such line. */
static double value_of(const char *page, const char *beginning)
{
    const char *line = page;

    while ((line = strstr(line, beginning)) != NULL) {
        if (line > page && line[-1] == '\n') {
            const char *end = strchr(line, '\n');
            const char *space = memchr(line, ' ', strcspn(line, "\n"));

            return end != NULL && space != NULL ? strtod(space, NULL) : 0;
        }
        line++;
    }
    return 0;
}

/* etcd counts a message for a unary request, too. */
static double messages(const char *page, const char *method)
{
    char beginning[128];

    (void)snprintf(beginning, sizeof(beginning),
                   "grpc_server_msg_received_total{grpc_method=\"%s\","
                   "grpc_service=\"etcdserverpb.",
                   method);
    return value_of(page, beginning);
}

static bool read_member(const char *endpoint, struct bench_server *server)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    char *page = NULL;
    double proposals;
    double ranges;
    int fd = connect_to(endpoint);

    if (fd < 0) {
        return false;
    }
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) ==
        (ssize_t)strlen(request)) {
        page = read_page(fd);
    }
    (void)close(fd);
    if (page == NULL || strstr(page, "\ngrpc_server_msg_received") == NULL) {
        free(page);
        return fail(endpoint, "no page of metrics") == 0;
    }
    ranges = messages(page, "Range");
    server->cpu_s += value_of(page, "process_cpu_seconds_total");
    server->ranges += ranges;
    server->requests +=
        ranges + messages(page, "Txn") + messages(page, "DeleteRange");
    /* Each member counts every one of them. */
    proposals = value_of(page, "etcd_server_proposals_committed_total");
    if (proposals > server->proposals) {
        server->proposals = proposals;
    }
    server->watch_messages += messages(page, "Watch");
    server->watch_events += value_of(page, "etcd_debugging_mvcc_events_total");
    server->watchers += value_of(page, "etcd_debugging_mvcc_watcher_total");
    free(page);
    return true;
}

bool bench_metrics(const char *endpoints, struct bench_server *ret_server)
{
    struct bench_server server = {0};
    const char *at = endpoints;

    while (*at != '\0') {
        char endpoint[ENDPOINT_SIZE];
        size_t length = strcspn(at, ",");

        if (strncmp(at, "http://", 7) == 0) {
            at += 7;
            length -= 7;
        }
        (void)snprintf(endpoint, sizeof(endpoint), "%.*s", (int)length, at);
        if (!read_member(endpoint, &server)) {
            return false;
        }
        at += length;
        at += *at == ',';
    }
    *ret_server = server;
    return true;
}
