/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The exporter's web server, with libmicrohttpd in the exporter's own thread.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/exporter.h"
#include "cli/report.h"

#define BACKLOG 64
#define HOST_SIZE 256

struct ll_exporter_http {
    struct MHD_Daemon *daemon;
    const struct ll_exporter_pages *pages;
    /** The connections that wait for the page of metrics. */
    struct MHD_Connection *waiting[LL_EXPORTER_CONNECTIONS_MAX];
    size_t waiting_n;
};

static const char home[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<title>leaselock exporter</title></head>\n"
    "<body><h1>leaselock exporter</h1>\n"
    "<p><a href=\"/metrics\">/metrics</a>: the locks, for Prometheus</p>\n"
    "<p><a href=\"/healthz\">/healthz</a>: whether they are current</p>\n"
    "</body></html>\n";

static const char html[] = "text/html; charset=utf-8";
static const char plain[] = "text/plain; charset=utf-8";

/** Answers; frees the response. */
static enum MHD_Result answer(struct MHD_Connection *connection,
                              unsigned code,
                              const char *type,
                              struct MHD_Response *response)
{
    enum MHD_Result result;

    if (response == NULL) {
        return MHD_NO; /* closes the connection */
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                      "GET, HEAD");
    }
    result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection,
                                   unsigned code,
                                   const char *type,
                                   const char *text)
{
    return answer(connection, code, type,
                  MHD_create_response_from_buffer(strlen(text),
                                                  (void *)(uintptr_t)text,
                                                  MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result answer_metrics(const struct ll_exporter_http *http,
                                      struct MHD_Connection *connection)
{
    enum ll_exporter_format format =
        ll_exporter_format_of(MHD_lookup_connection_value(
            connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
    size_t size = 0;
    char *page = http->pages->metrics(format, &size, http->pages->arg);

    if (page == NULL) {
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, plain,
                           "out of memory\n");
    }
    return answer(
        connection, MHD_HTTP_OK,
        format == LL_EXPORTER_OPENMETRICS
            ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
            : "text/plain; version=0.0.4; charset=utf-8",
        MHD_create_response_from_buffer(size, page, MHD_RESPMEM_MUST_FREE));
}

/** Called when a request's header is there, and again, with *state set, when it
 *  was resumed. */
static enum MHD_Result on_request(void *arg,
                                  struct MHD_Connection *connection,
                                  const char *url,
                                  const char *method,
                                  const char *version,
                                  const char *upload,
                                  size_t *upload_size,
                                  void **state)
{
    struct ll_exporter_http *http = arg;

    (void)version;
    (void)upload;
    (void)upload_size;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, plain,
                           "only GET and HEAD\n");
    }
    if (strcmp(url, "/metrics") == 0) {
        if (*state == NULL && http->waiting_n < LL_EXPORTER_CONNECTIONS_MAX &&
            http->pages->waits(http->pages->arg)) {
            *state = http;
            http->waiting[http->waiting_n++] = connection;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
        return answer_metrics(http, connection);
    }
    if (strcmp(url, "/healthz") == 0 || strcmp(url, "/-/healthy") == 0) {
        return answer_text(connection, MHD_HTTP_OK, plain,
                           http->pages->health(http->pages->arg));
    }
    if (strcmp(url, "/") == 0) {
        return answer_text(connection, MHD_HTTP_OK, html, home);
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, plain,
                       "there is /metrics and /healthz\n");
}

/** Splits HOST:PORT; the host may be in brackets. */
static int
split(const char *listen, char host[HOST_SIZE], const char **ret_port)
{
    const char *colon = strrchr(listen, ':');
    size_t size = colon != NULL ? (size_t)(colon - listen) : 0;

    if (size == 0 || size >= HOST_SIZE || colon[1] == '\0') {
        return -1;
    }
    if (listen[0] == '[' && listen[size - 1] == ']') {
        listen++;
        size -= 2;
    } else if (memchr(listen, ':', size) != NULL) {
        return -1;
    }
    memcpy(host, listen, size);
    host[size] = '\0';
    *ret_port = colon + 1;
    return 0;
}

int ll_exporter_listen_is_valid(const char *listen)
{
    char host[HOST_SIZE];
    const char *port;

    return split(listen, host, &port) == 0;
}

/** Where a socket listens. */
static void describe(int fd, char ret_address[LL_EXPORTER_ADDRESS_SIZE])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[48] = "?";
    char port[8] = "?";

    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
        (void)getnameinfo((struct sockaddr *)&address, size, host, sizeof(host),
                          port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    }
    (void)snprintf(ret_address, LL_EXPORTER_ADDRESS_SIZE,
                   strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

static int bind_to(const struct addrinfo *to)
{
    int fd = socket(to->ai_family,
                    to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;

    if (fd < 0) {
        return -errno;
    }
    /* An address that only closed connections still use is free. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, to->ai_addr, to->ai_addrlen) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

/** Opens the port; negative after a message. */
static int open_port(const char *listen)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE};
    struct addrinfo *to = NULL;
    const char *port = NULL;
    char host[HOST_SIZE];
    int status;
    int fd;

    (void)split(listen, host, &port);
    status = getaddrinfo(host, port, &hints, &to);
    if (status != 0) {
        ll_say("cannot listen on %s: %s", listen, gai_strerror(status));
        return -1;
    }
    fd = bind_to(to);
    freeaddrinfo(to);
    if (fd < 0) {
        ll_say("cannot listen on %s: %s", listen, strerror(-fd));
    }
    return fd;
}

struct ll_exporter_http *
ll_exporter_http_open(const char *listen,
                      const struct ll_exporter_pages *pages,
                      char ret_address[LL_EXPORTER_ADDRESS_SIZE])
{
    struct ll_exporter_http *http;
    int fd = open_port(listen);

    if (fd < 0) {
        return NULL;
    }
    describe(fd, ret_address);
    http = calloc(1, sizeof(*http));
    if (http != NULL) {
        http->pages = pages;
        http->daemon = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
            http, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)LL_EXPORTER_CONNECTIONS_MAX,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LL_EXPORTER_SILENCE_S,
            MHD_OPTION_END);
    }
    if (http == NULL || http->daemon == NULL) {
        ll_say("cannot start the web server");
        close(fd);
        free(http);
        return NULL;
    }
    return http;
}

int ll_exporter_http_fd(const struct ll_exporter_http *http)
{
    return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)
        ->epoll_fd;
}

int ll_exporter_http_timeout_ms(const struct ll_exporter_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;

    if (MHD_get_timeout(http->daemon, &ms) != MHD_YES) {
        return -1;
    }
    return ms < 1000000 ? (int)ms : 1000000;
}

void ll_exporter_http_run(struct ll_exporter_http *http)
{
    (void)MHD_run(http->daemon);
}

void ll_exporter_http_resume(struct ll_exporter_http *http)
{
    for (size_t i = 0; i < http->waiting_n; i++) {
        MHD_resume_connection(http->waiting[i]);
    }
    http->waiting_n = 0;
}

void ll_exporter_http_close(struct ll_exporter_http *http)
{
    if (http != NULL) {
        ll_exporter_http_resume(http);
        MHD_stop_daemon(http->daemon); /* closes the port */
        free(http);
    }
}
