/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwards TCP connections of loopback and delays what they carry, so that
 * servers of one machine are as far apart as it says. Both directions of a
 * connection are delayed by the same time, whatever their load; the rate is not
 * limited.
 *
 * Each direction has two threads: one reads and notes when, the other one
 * writes what is old enough. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_SIZE 65536
#define BACKLOG 64
#define DELAY_MAX_US 10000000L
#define NS_PER_S 1000000000L

static long delay_us;

/** What was read at one time; of size 0: the end. */
struct chunk {
    struct chunk *next;
    struct timespec due;
    size_t size;
    char data[];
};

/** One direction of a connection. */
struct flow {
    int from;
    int to;
    struct connection *connection;
    pthread_mutex_t mutex;
    pthread_cond_t added;
    struct chunk *first;
    struct chunk **last;
};

struct connection {
    int sockets[2];
    struct flow flows[2];
    pthread_mutex_t mutex;
    int threads; /* that still use it */
};

struct listener {
    int socket;
    uint16_t target;
};

static void fail(const char *what)
{
    fprintf(stderr, "delaybench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        fail("no memory");
    }
    return memory;
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/** The last of its threads frees a connection. */
static void leave(struct connection *connection)
{
    int left;

    pthread_mutex_lock(&connection->mutex);
    left = --connection->threads;
    pthread_mutex_unlock(&connection->mutex);
    if (left > 0) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        close(connection->sockets[i]);
        pthread_mutex_destroy(&connection->flows[i].mutex);
        pthread_cond_destroy(&connection->flows[i].added);
    }
    pthread_mutex_destroy(&connection->mutex);
    free(connection);
}

static void add(struct flow *flow, struct chunk *chunk)
{
    clock_gettime(CLOCK_MONOTONIC, &chunk->due);
    chunk->due.tv_nsec += delay_us % 1000000 * 1000;
    chunk->due.tv_sec += delay_us / 1000000 + chunk->due.tv_nsec / NS_PER_S;
    chunk->due.tv_nsec %= NS_PER_S;
    pthread_mutex_lock(&flow->mutex);
    *flow->last = chunk;
    flow->last = &chunk->next;
    pthread_cond_signal(&flow->added);
    pthread_mutex_unlock(&flow->mutex);
}

static void *read_flow(void *arg)
{
    struct flow *flow = arg;
    ssize_t size;

    do {
        struct chunk *chunk = allocate(sizeof(*chunk) + CHUNK_SIZE);

        do {
            size = recv(flow->from, chunk->data, CHUNK_SIZE, 0);
        } while (size < 0 && errno == EINTR);
        chunk->size = size > 0 ? (size_t)size : 0;
        add(flow, chunk);
    } while (size > 0);
    leave(flow->connection);
    return NULL;
}

static struct chunk *take(struct flow *flow)
{
    struct chunk *chunk;

    pthread_mutex_lock(&flow->mutex);
    while (flow->first == NULL) {
        pthread_cond_wait(&flow->added, &flow->mutex);
    }
    chunk = flow->first;
    flow->first = chunk->next;
    if (flow->first == NULL) {
        flow->last = &flow->first;
    }
    pthread_mutex_unlock(&flow->mutex);
    return chunk;
}

/** Whether all of it was sent. */
static bool send_chunk(int to, const struct chunk *chunk)
{
    size_t sent = 0;

    while (sent < chunk->size) {
        ssize_t n =
            send(to, chunk->data + sent, chunk->size - sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void *write_flow(void *arg)
{
    struct flow *flow = arg;
    bool open = true;
    size_t size;

    do {
        struct chunk *chunk = take(flow);

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &chunk->due,
                               NULL) == EINTR) {
        }
        open = open && send_chunk(flow->to, chunk);
        size = chunk->size;
        free(chunk);
    } while (size > 0);
    (void)shutdown(flow->to, SHUT_WR);
    leave(flow->connection);
    return NULL;
}

static void start(void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int status;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    status = pthread_create(&thread, &attributes, run, arg);
    if (status != 0) {
        errno = status;
        fail("no thread");
    }
    (void)pthread_attr_destroy(&attributes);
}

static void forward(int client, int server)
{
    struct connection *connection = allocate(sizeof(*connection));
    int on = 1;

    connection->sockets[0] = client;
    connection->sockets[1] = server;
    connection->threads = 4;
    (void)pthread_mutex_init(&connection->mutex, NULL);
    for (int i = 0; i < 2; i++) {
        struct flow *flow = &connection->flows[i];

        (void)setsockopt(connection->sockets[i], IPPROTO_TCP, TCP_NODELAY, &on,
                         sizeof(on));
        *flow = (struct flow){.from = connection->sockets[i],
                              .to = connection->sockets[1 - i],
                              .connection = connection};
        flow->last = &flow->first;
        (void)pthread_mutex_init(&flow->mutex, NULL);
        (void)pthread_cond_init(&flow->added, NULL);
    }
    for (int i = 0; i < 2; i++) {
        start(read_flow, &connection->flows[i]);
        start(write_flow, &connection->flows[i]);
    }
}

static void *accept_all(void *arg)
{
    const struct listener *listener = arg;
    struct sockaddr_in target = loopback(listener->target);

    for (;;) {
        int client = accept(listener->socket, NULL, NULL);
        int server;

        if (client < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (client < 0) {
            fail("cannot accept");
        }
        server = socket(AF_INET, SOCK_STREAM, 0);
        if (server < 0) {
            fail("no socket");
        }
        if (connect(server, (struct sockaddr *)&target, sizeof(target)) != 0) {
            close(client); /* as the target would refuse it */
            close(server);
        } else {
            forward(client, server);
        }
    }
    return NULL;
}

static void listen_at(struct listener *listener, const char *pair)
{
    unsigned port;
    unsigned target;
    struct sockaddr_in address;
    int on = 1;

    if (sscanf(pair, "%5u:%5u", &port, &target) != 2 || port > UINT16_MAX ||
        target > UINT16_MAX || port == 0 || target == 0) {
        fprintf(stderr, "delaybench: not PORT:TARGET: %s\n", pair);
        exit(2);
    }
    address = loopback((uint16_t)port);
    listener->target = (uint16_t)target;
    listener->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (listener->socket < 0 ||
        setsockopt(listener->socket, SOL_SOCKET, SO_REUSEADDR, &on,
                   sizeof(on)) != 0 ||
        bind(listener->socket, (struct sockaddr *)&address, sizeof(address)) !=
            0 ||
        listen(listener->socket, BACKLOG) != 0) {
        fail(pair);
    }
}

int main(int argc, char **argv)
{
    struct listener *listeners;
    char *end;

    if (argc < 3) {
        fprintf(stderr,
                "usage: delaybench MICROSECONDS PORT:TARGET...\n"
                "Forwards what connects to a port of 127.0.0.1 to another one, "
                "and delays each\ndirection by that time.\n");
        return 2;
    }
    delay_us = strtol(argv[1], &end, 10);
    if (*end != '\0' || end == argv[1] || delay_us < 0 ||
        delay_us > DELAY_MAX_US) {
        fprintf(stderr, "delaybench: no delay, 0 to %ld: %s\n", DELAY_MAX_US,
                argv[1]);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    listeners = allocate((size_t)argc * sizeof(*listeners));
    for (int i = 2; i < argc; i++) {
        listen_at(&listeners[i], argv[i]);
    }
    for (int i = 3; i < argc; i++) {
        start(accept_all, &listeners[i]);
    }
    return accept_all(&listeners[2]) == NULL ? 0 : 1;
}
