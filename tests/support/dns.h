#ifndef TEST_SUPPORT_DNS_H
#define TEST_SUPPORT_DNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Most records of a test_dns. */
#define TEST_DNS_RECORDS_MAX 100

/** How a test_dns answers. */
enum test_dns_mode {
    /** With its records, or that there is no such name. */
    TEST_DNS_ANSWERS,
    /** That it has failed. */
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

/** A DNS server on 127.0.0.1 that knows SRV records. Over UDP an answer of more
 *  than 512 bytes is cut, and a client has to ask again over TCP. */
struct test_dns {
    /** For the option discovery_dns: "127.0.0.1:PORT". */
    char address[32];
    int udp;
    int tcp;
    int stop[2]; /* a pipe; its end ends the thread */
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    enum test_dns_mode mode;
    /** Questions for this name stay unanswered; NULL: for none. */
    const char *silent_for;
    /** So many of the coming questions stay unanswered. */
    unsigned silent_next;
    struct test_dns_record records[TEST_DNS_RECORDS_MAX];
    size_t records_n;
    unsigned questions;     /* so far */
    unsigned questions_tcp; /* of these, over TCP */
};

/** Starts a server without records: 0, or -1 with a sentence on stderr. */
int test_dns_start(struct test_dns *dns);

/** Stops it. */
void test_dns_stop(struct test_dns *dns);

/** Forgets all records and sets how to answer. */
void test_dns_reset(struct test_dns *dns, enum test_dns_mode mode);

/** Adds a record; its strings must stay valid. */
void test_dns_add(struct test_dns *dns,
                  const char *name,
                  const char *target,
                  uint16_t port,
                  uint16_t priority,
                  uint16_t weight);

/** Leaves questions for a name without an answer; NULL: answers all. */
void test_dns_ignore(struct test_dns *dns, const char *name);

/** Leaves the next n questions without an answer. */
void test_dns_ignore_next(struct test_dns *dns, unsigned n);

/** How many questions came so far. */
unsigned test_dns_questions(struct test_dns *dns);

/** How many of them came over TCP. */
unsigned test_dns_questions_tcp(struct test_dns *dns);

#endif
