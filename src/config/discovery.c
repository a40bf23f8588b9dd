/* SPDX-License-Identifier: Apache-2.0 */
#include "config/discovery.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "config/srv.h"

#define SERVICE_SIZE 1200
/** Limit of the records read from one answer; a DNS message holds fewer. */
#define RECORDS_MAX 1024
/** c-ares doubles its timeout with each try: three take seven times the first.
 */
#define TRIES 3
#define TRIES_WAITS 7

/** The query for the SRV records of one service. */
struct question {
    char service[SERVICE_SIZE];
    bool is_pending;
    int status; /* of c-ares */
    struct ll_srv *records;
    size_t records_n;
    struct search *search;
};

struct search {
    const struct ll_setup *setup;
    const char *domain;
    const char *server; /* as configured; NULL: the system's */
    int timeout_ms;
    ares_channel channel;
    struct question questions[2]; /* with TLS, without */
    bool is_out_of_memory;
};

bool ll_discovery_server(const char *text,
                         char server[LL_DISCOVERY_SERVER_SIZE])
{
    unsigned char address[sizeof(struct in6_addr)];
    char host[INET6_ADDRSTRLEN];
    bool bracket = text[0] == '[';
    const char *end = bracket ? strchr(text, ']') : strchr(text, ':');
    const char *port = "53";
    bool is_v6;
    size_t size;

    if (!bracket && (end == NULL || strchr(end + 1, ':') != NULL)) {
        end = text + strlen(text); /* no port, or only an IPv6 address */
    }
    text += bracket ? 1 : 0;
    size = end != NULL ? (size_t)(end - text) : sizeof(host);
    if (size >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    is_v6 = inet_pton(AF_INET6, host, address) == 1;
    if (bracket ? !is_v6 : !is_v6 && inet_pton(AF_INET, host, address) != 1) {
        return false;
    }
    end += bracket ? 1 : 0;
    if (*end != '\0') {
        port = end + 1;
        if (*end != ':' || strlen(port) > 5 || *port == '\0' ||
            port[strspn(port, "0123456789")] != '\0' || atoi(port) < 1 ||
            atoi(port) > UINT16_MAX) {
            return false;
        }
    }
    (void)snprintf(server, LL_DISCOVERY_SERVER_SIZE,
                   is_v6 ? "[%s]:%s" : "%s:%s", host, port);
    return true;
}

static int
take_reply(struct question *question, const unsigned char *bytes, int size)
{
    struct ares_srv_reply *reply = NULL;
    int status = ares_parse_srv_reply(bytes, size, &reply);
    size_t n = 0;

    if (status != ARES_SUCCESS) {
        return status;
    }
    for (struct ares_srv_reply *at = reply; at != NULL && n < RECORDS_MAX;
         at = at->next) {
        n++;
    }
    question->records = ll_alloc_zero(n, sizeof(*question->records));
    if (question->records == NULL) {
        ares_free_data(reply);
        return ARES_ENOMEM;
    }
    for (struct ares_srv_reply *at = reply; n > 0; at = at->next, n--) {
        struct ll_srv *record = &question->records[question->records_n];

        if (strlen(at->host) >= sizeof(record->target)) {
            continue;
        }
        (void)snprintf(record->target, sizeof(record->target), "%s", at->host);
        record->port = at->port;
        record->priority = at->priority;
        record->weight = at->weight;
        /* The target "." means that the service is not offered. */
        question->records_n += ll_srv_is_host(record);
    }
    ares_free_data(reply);
    return question->records_n > 0 ? ARES_SUCCESS : ARES_ENODATA;
}

static void
on_reply(void *arg, int status, int timeouts, unsigned char *bytes, int size)
{
    struct question *question = arg;

    (void)timeouts;
    question->is_pending = false;
    question->status =
        status == ARES_SUCCESS ? take_reply(question, bytes, size) : status;
    question->search->is_out_of_memory |= question->status == ARES_ENOMEM;
}

/** One iteration: waits for the sockets, no longer than until the deadline. */
static void turn(ares_channel channel, int64_t left_ns)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd fds[ARES_GETSOCK_MAXNUM];
    /* Bit i: readable, bit i + MAXNUM: writable. c-ares' own macros shift into
     * the sign bit. */
    unsigned bits =
        (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    struct timeval longest = {(time_t)(left_ns / LL_NS_PER_S),
                              (suseconds_t)(left_ns % LL_NS_PER_S / 1000)};
    struct timeval room;
    const struct timeval *wait = ares_timeout(channel, &longest, &room);
    int timeout_ms = (int)(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
    nfds_t n = 0;

    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        unsigned reads = bits >> i & 1;
        unsigned writes = bits >> (i + ARES_GETSOCK_MAXNUM) & 1;
        short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));

        if (events != 0) {
            fds[n++] = (struct pollfd){sockets[i], events, 0};
        }
    }
    if (poll(fds, n, timeout_ms) <= 0) {
        n = 0;
    }
    for (nfds_t i = 0; i < n; i++) {
        bool reads = (fds[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
        bool writes = (fds[i].revents & POLLOUT) != 0;

        ares_process_fd(channel, reads ? fds[i].fd : ARES_SOCKET_BAD,
                        writes ? fds[i].fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* its timers */
}

/** Sends the queries and waits for the answers. c-ares writes to a server's TCP
 *  connection without suppressing SIGPIPE, which must not reach the program. */
static void ask_all(struct search *search)
{
    const struct timespec no_time = {0, 0};
    int64_t deadline_ns = ll_clock_now_ns() + search->timeout_ms * LL_NS_PER_MS;
    int64_t left_ns;
    sigset_t pipe_signal;
    sigset_t pending;
    sigset_t old;

    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
    for (size_t i = 0; i < 2; i++) {
        struct question *question = &search->questions[i];

        if (question->is_pending) {
            ares_query(search->channel, question->service, ns_c_in, ns_t_srv,
                       on_reply, question);
        }
    }
    while (
        (search->questions[0].is_pending || search->questions[1].is_pending) &&
        (left_ns = deadline_ns - ll_clock_now_ns()) > 0) {
        turn(search->channel, left_ns);
    }
    ares_cancel(search->channel); /* ends the pending ones */
    if (sigismember(&pending, SIGPIPE) == 0) {
        while (sigtimedwait(&pipe_signal, NULL, &no_time) < 0 &&
               errno == EINTR) {
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static int open_channel(struct search *search)
{
    struct ares_options options = {0};
    char server[LL_DISCOVERY_SERVER_SIZE];
    int status;

    options.timeout = search->timeout_ms / TRIES_WAITS + 1;
    options.tries = TRIES;
    status = ares_init_options(&search->channel, &options,
                               ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status != ARES_SUCCESS) {
        search->channel = NULL;
        return status;
    }
    if (search->server != NULL && ll_discovery_server(search->server, server)) {
        status = ares_set_servers_ports_csv(search->channel, server);
    }
    return status;
}

/** Whether the DNS has answered that there are no records. */
static bool is_nothing(const struct question *question)
{
    return question->status == ARES_ENOTFOUND ||
           question->status == ARES_ENODATA;
}

/** Fails with the reason why a query gave no endpoint. */
static int fail_question(const struct search *search,
                         const struct question *question,
                         struct leaselock_error *reterr)
{
    const char *from = search->server != NULL ? search->server : "the system's";

    if (question->status == ARES_ECANCELLED ||
        question->status == ARES_ETIMEOUT) {
        return ll_error_format(
            reterr, LEASELOCK_E_UNAVAILABLE,
            "no answer came from the DNS server, %s, within %d ms for "
            "the SRV records of %.200s",
            from, search->timeout_ms, question->service);
    }
    return ll_error_format(
        reterr, LEASELOCK_E_UNAVAILABLE,
        "the DNS server, %s, gave no SRV records of %.200s: %s", from,
        question->service, ares_strerror(question->status));
}

static int take_result(struct search *search,
                       bool wants_tls,
                       char **ret_endpoints,
                       struct leaselock_error *reterr)
{
    struct question *tls = &search->questions[0];
    struct question *plain = &search->questions[1];
    struct question *used = tls;
    uint64_t seed = 0;
    int status;

    if (is_nothing(tls) && !wants_tls) {
        used = plain;
    }
    if (is_nothing(used)) {
        return ll_error_format(reterr, LEASELOCK_E_UNAVAILABLE,
                               "the DNS has no SRV records of %.150s%s%.150s",
                               tls->service, wants_tls ? "" : " or ",
                               wants_tls ? "" : plain->service);
    }
    if (used->status != ARES_SUCCESS) {
        return fail_question(search, used, reterr);
    }
    for (size_t i = 0; used == tls && i < used->records_n &&
                       search->setup->texts[LL_SETTING_SERVER_NAME] == NULL;
         i++) {
        if (!ll_srv_is_below(&used->records[i], search->domain)) {
            return ll_error_format(
                reterr, LEASELOCK_E_UNAVAILABLE,
                "the DNS names the member %.120s, which is outside of "
                "%.120s; set server-name to what its certificate must "
                "be for",
                used->records[i].target, search->domain);
        }
    }
    status = ll_random(&seed);
    if (status != 0) {
        return ll_error_text(reterr, status, "");
    }
    ll_srv_sort(used->records, used->records_n, seed | 1);
    *ret_endpoints = ll_srv_endpoints(used->records, used->records_n,
                                      used == tls ? "https://" : "http://");
    return *ret_endpoints != NULL
               ? 0
               : ll_error_text(reterr, LEASELOCK_E_NOMEM, "");
}

int ll_discovery_run(const struct ll_setup *setup,
                     char **ret_endpoints,
                     struct leaselock_error *reterr)
{
    const char *name = setup->texts[LL_SETTING_DISCOVERY_SRV_NAME];
    bool wants_tls = setup->numbers[LL_SETTING_TLS] != 0 ||
                     setup->texts[LL_SETTING_CACERT] != NULL ||
                     setup->texts[LL_SETTING_CERT] != NULL;
    struct search search = {.setup = setup,
                            .domain = setup->texts[LL_SETTING_DISCOVERY_SRV],
                            .server = setup->texts[LL_SETTING_DISCOVERY_DNS],
                            .timeout_ms =
                                setup->numbers[LL_SETTING_DIAL_TIMEOUT]};
    int status;

    for (int i = 0; i < 2; i++) {
        struct question *question = &search.questions[i];

        (void)snprintf(question->service, sizeof(question->service),
                       "_etcd-client%s%s%s._tcp.%s", i == 0 ? "-ssl" : "",
                       name != NULL ? "-" : "", name != NULL ? name : "",
                       search.domain);
        question->search = &search;
        question->status = ARES_ENODATA;
        question->is_pending = i == 0 || !wants_tls;
    }
    status = open_channel(&search);
    if (status != ARES_SUCCESS) {
        status = ll_error_format(reterr, LEASELOCK_E_SYSTEM,
                                 "the DNS cannot be asked: %s",
                                 ares_strerror(status));
    } else {
        ask_all(&search);
        status = search.is_out_of_memory
                     ? ll_error_text(reterr, LEASELOCK_E_NOMEM, "")
                     : take_result(&search, wants_tls, ret_endpoints, reterr);
    }
    if (search.channel != NULL) {
        ares_destroy(search.channel);
    }
    ll_free(search.questions[0].records);
    ll_free(search.questions[1].records);
    return status;
}
