/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SUPPORT_DNS_H
#define TEST_SUPPORT_DNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The maximum number of records of a test_dns. */
#define TEST_DNS_RECORDS_MAX 100

/** How a test_dns answers. */
enum test_dns_mode {
    /** With its records, or with "no such name". */
    TEST_DNS_ANSWERS,
    /** With "server failure". */
    TEST_DNS_FAILS,
    /** Not at all. */
    TEST_DNS_SILENT,
};

struct test_dns_record {
    const char *name; /* "_etcd-client._tcp.example.com" */
    const char *target;
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
};

/** A DNS server on 127.0.0.1 with SRV records. Over UDP an answer of more than
 * 512 bytes is truncated, and a client has to repeat its question over TCP. */
struct test_dns {
    /** For the option discovery_dns: "127.0.0.1:PORT". */
    char address[32];
    int udp;
    int tcp;
    int stop[2]; /* a pipe; closing it ends the thread */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    enum test_dns_mode mode;
    /** Questions for this name are not answered; NULL: all are. */
    const char *silent_for;
    /** As many of the next questions are not answered. */
    unsigned silent_next;
    struct test_dns_record records[TEST_DNS_RECORDS_MAX];
    size_t records_n;
    unsigned questions;     /* so far */
    unsigned questions_tcp; /* those over TCP */
};

/** Starts a server without records: 0, or -1 with a sentence on stderr. */
int test_dns_start(struct test_dns *dns);

/** Stops it. */
void test_dns_stop(struct test_dns *dns);

/** Removes all records and sets how to answer. */
void test_dns_reset(struct test_dns *dns, enum test_dns_mode mode);

/** Adds a record; its strings must stay valid. */
void test_dns_add(struct test_dns *dns,
                  const char *name,
                  const char *target,
                  uint16_t port,
                  uint16_t priority,
                  uint16_t weight);

/** Does not answer questions for a name; NULL: answers all. */
void test_dns_ignore(struct test_dns *dns, const char *name);

/** Does not answer the next n questions. */
void test_dns_ignore_next(struct test_dns *dns, unsigned n);

/** The number of questions received so far. */
unsigned test_dns_questions(struct test_dns *dns);

/** The number of those received over TCP. */
unsigned test_dns_questions_tcp(struct test_dns *dns);

#endif
