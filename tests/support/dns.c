/* SPDX-License-Identifier: Apache-2.0 */
#include "support/dns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 65535
#define HEADER_SIZE 12
#define NAME_SIZE 512
#define TYPE_SRV 33
#define CLASS_IN 1
#define RCODE_FAILED 2
#define RCODE_NO_NAME 3
#define TTL_S 60
#define UDP_MAX 512
#define TRUNCATED 2
/** A port that is free for TCP may be taken for UDP. */
#define PORT_TRIES 20

/** An answer under construction. */
struct answer {
    unsigned char bytes[MESSAGE_MAX];
    size_t size;
};

static void put_16(struct answer *answer, unsigned number)
{
    answer->bytes[answer->size++] = (unsigned char)(number >> 8);
    answer->bytes[answer->size++] = (unsigned char)number;
}

/** A name as labels; "." is the root. */
static void put_name(struct answer *answer, const char *name)
{
    while (*name != '\0' && *name != '.') {
        size_t size = strcspn(name, ".");

        answer->bytes[answer->size++] = (unsigned char)size;
        memcpy(answer->bytes + answer->size, name, size);
        answer->size += size;
        name += size + (name[size] == '.');
    }
    answer->bytes[answer->size++] = 0;
}

static void put_record(struct answer *answer,
                       const struct test_dns_record *record)
{
    size_t length_at;

    put_16(answer, 0xc000 | HEADER_SIZE); /* the question's name */
    put_16(answer, TYPE_SRV);
    put_16(answer, CLASS_IN);
    put_16(answer, 0);
    put_16(answer, TTL_S);
    length_at = answer->size;
    put_16(answer, 0);
    put_16(answer, record->priority);
    put_16(answer, record->weight);
    put_16(answer, record->port);
    put_name(answer, record->target);
    answer->bytes[length_at] =
        (unsigned char)((answer->size - length_at - 2) >> 8);
    answer->bytes[length_at + 1] =
        (unsigned char)(answer->size - length_at - 2);
}

/** Reads the question's name. @return the question's end, or 0 */
static size_t
read_question(const unsigned char *bytes, size_t size, char name[NAME_SIZE])
{
    size_t at = HEADER_SIZE;
    size_t n = 0;

    while (at < size && bytes[at] != 0) {
        size_t label = bytes[at++];

        if (label > 63 || at + label >= size || n + label + 2 > NAME_SIZE) {
            return 0;
        }
        if (n > 0) {
            name[n++] = '.';
        }
        memcpy(name + n, bytes + at, label);
        n += label;
        at += label;
    }
    name[n] = '\0';
    return at + 5 <= size ? at + 5 : 0;
}

static void make_answer(struct test_dns *dns,
                        const unsigned char *question,
                        size_t question_end,
                        const char *name,
                        struct answer *answer)
{
    unsigned n = 0;

    memcpy(answer->bytes, question, question_end);
    answer->size = question_end;
    for (size_t i = 0; dns->mode == TEST_DNS_ANSWERS && i < dns->records_n;
         i++) {
        if (strcasecmp(dns->records[i].name, name) == 0) {
            put_record(answer, &dns->records[i]);
            n++;
        }
    }
    answer->bytes[2] = 0x85; /* an answer, authoritative, recursion desired */
    answer->bytes[3] =
        (unsigned char)(0x80 | (dns->mode == TEST_DNS_FAILS ? RCODE_FAILED
                                : n == 0                    ? RCODE_NO_NAME
                                                            : 0));
    answer->bytes[6] = (unsigned char)(n >> 8);
    answer->bytes[7] = (unsigned char)n;
    memset(answer->bytes + 8, 0, 4);
}

/** Writes the answer to a question. Returns false if none is to be sent. */
static bool reply(struct test_dns *dns,
                  const unsigned char *question,
                  size_t size,
                  bool is_tcp,
                  struct answer *answer)
{
    char name[NAME_SIZE] = "";
    size_t end = size >= HEADER_SIZE ? read_question(question, size, name) : 0;
    bool answers;

    pthread_mutex_lock(&dns->mutex);
    dns->questions++;
    dns->questions_tcp += is_tcp;
    answers =
        end > 0 && dns->mode != TEST_DNS_SILENT &&
        (dns->silent_for == NULL || strcasecmp(dns->silent_for, name) != 0);
    if (dns->silent_next > 0) {
        dns->silent_next--;
        answers = false;
    }
    if (answers) {
        make_answer(dns, question, end, name, answer);
    }
    pthread_mutex_unlock(&dns->mutex);
    return answers;
}

static void serve_udp(struct test_dns *dns, struct answer *answer)
{
    unsigned char question[MESSAGE_MAX];
    struct sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    ssize_t n = recvfrom(dns->udp, question, sizeof(question), 0,
                         (struct sockaddr *)&from, &from_size);

    if (n <= 0 || !reply(dns, question, (size_t)n, false, answer)) {
        return;
    }
    if (answer->size > UDP_MAX) {
        answer->size = UDP_MAX;
        answer->bytes[2] |= TRUNCATED;
    }
    (void)sendto(dns->udp, answer->bytes, answer->size, 0,
                 (struct sockaddr *)&from, from_size);
}

/** Each connection carries one question, which the client sends at once. */
static void serve_tcp(struct test_dns *dns, struct answer *answer)
{
    int fd = accept(dns->tcp, NULL, NULL);
    unsigned char question[MESSAGE_MAX];
    unsigned char length[2];
    size_t size;

    if (fd < 0) {
        return;
    }
    if (recv(fd, length, 2, MSG_WAITALL) == 2) {
        size = (size_t)(length[0] << 8 | length[1]);
        if (recv(fd, question, size, MSG_WAITALL) == (ssize_t)size &&
            reply(dns, question, size, true, answer)) {
            length[0] = (unsigned char)(answer->size >> 8);
            length[1] = (unsigned char)answer->size;
            (void)send(fd, length, 2, MSG_NOSIGNAL | MSG_MORE);
            (void)send(fd, answer->bytes, answer->size, MSG_NOSIGNAL);
        }
    }
    close(fd);
}

static void *run(void *arg)
{
    static struct answer answer; /* of the one server of a test */
    struct test_dns *dns = arg;
    struct pollfd fds[3] = {{dns->udp, POLLIN, 0},
                            {dns->tcp, POLLIN, 0},
                            {dns->stop[0], POLLIN, 0}};

    while (poll(fds, 3, -1) >= 0 && fds[2].revents == 0) {
        if (fds[0].revents != 0) {
            serve_udp(dns, &answer);
        }
        if (fds[1].revents != 0) {
            serve_tcp(dns, &answer);
        }
    }
    return NULL;
}

/** Two sockets on one free port. */
static int open_sockets(struct test_dns *dns, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    dns->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    dns->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(dns->tcp, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        getsockname(dns->tcp, (struct sockaddr *)&address, &size) != 0 ||
        bind(dns->udp, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(dns->tcp, 8) != 0) {
        close(dns->tcp);
        close(dns->udp);
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return 0;
}

int test_dns_start(struct test_dns *dns)
{
    uint16_t port = 0;
    int tries = PORT_TRIES;

    memset(dns, 0, sizeof(*dns));
    pthread_mutex_init(&dns->mutex, NULL);
    while (open_sockets(dns, &port) != 0) {
        if (--tries == 0) {
            perror("cannot open a DNS server's sockets");
            return -1;
        }
    }
    if (pipe2(dns->stop, O_CLOEXEC) != 0 ||
        pthread_create(&dns->thread, NULL, run, dns) != 0) {
        perror("cannot start a DNS server");
        return -1;
    }
    (void)snprintf(dns->address, sizeof(dns->address), "127.0.0.1:%u",
                   (unsigned)port);
    return 0;
}

void test_dns_stop(struct test_dns *dns)
{
    close(dns->stop[1]);
    pthread_join(dns->thread, NULL);
    close(dns->stop[0]);
    close(dns->udp);
    close(dns->tcp);
    pthread_mutex_destroy(&dns->mutex);
}

void test_dns_reset(struct test_dns *dns, enum test_dns_mode mode)
{
    pthread_mutex_lock(&dns->mutex);
    dns->mode = mode;
    dns->silent_for = NULL;
    dns->records_n = 0;
    pthread_mutex_unlock(&dns->mutex);
}

void test_dns_add(struct test_dns *dns,
                  const char *name,
                  const char *target,
                  uint16_t port,
                  uint16_t priority,
                  uint16_t weight)
{
    pthread_mutex_lock(&dns->mutex);
    dns->records[dns->records_n++] =
        (struct test_dns_record){name, target, port, priority, weight};
    pthread_mutex_unlock(&dns->mutex);
}

void test_dns_ignore(struct test_dns *dns, const char *name)
{
    pthread_mutex_lock(&dns->mutex);
    dns->silent_for = name;
    pthread_mutex_unlock(&dns->mutex);
}

void test_dns_ignore_next(struct test_dns *dns, unsigned n)
{
    pthread_mutex_lock(&dns->mutex);
    dns->silent_next = n;
    pthread_mutex_unlock(&dns->mutex);
}

unsigned test_dns_questions(struct test_dns *dns)
{
    unsigned n;

    pthread_mutex_lock(&dns->mutex);
    n = dns->questions;
    pthread_mutex_unlock(&dns->mutex);
    return n;
}

unsigned test_dns_questions_tcp(struct test_dns *dns)
{
    unsigned n;

    pthread_mutex_lock(&dns->mutex);
    n = dns->questions_tcp;
    pthread_mutex_unlock(&dns->mutex);
    return n;
}
