/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints from the DNS. The DNS server is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/dns.h"
#include "support/test_live.h"
#include "support/wait.h"

#define DOMAIN "example.com"
#define TLS "_etcd-client-ssl._tcp." DOMAIN
#define PLAIN "_etcd-client._tcp." DOMAIN

static struct test_dns dns;
static struct leaselock_error error;

static int start_dns(void **state)
{
    (void)state;
    return test_dns_start(&dns);
}

static int stop_dns(void **state)
{
    (void)state;
    test_dns_stop(&dns);
    return 0;
}

static struct leaselock_client_options options_of(const char *domain)
{
    struct leaselock_client_options options = LEASELOCK_CLIENT_OPTIONS_INIT;

    options.discovery_srv = domain;
    options.discovery_dns = dns.address;
    return options;
}

/** Opens a client, whose endpoints must be these, in this order. */
static void expect_endpoints(const struct leaselock_client_options *options,
                             const char *const endpoints[])
{
    leaselock_client *client = NULL;
    char text[LEASELOCK_ERROR_ENDPOINT_SIZE];
    unsigned n = 0;

    error = (struct leaselock_error)LEASELOCK_ERROR_INIT;
    if (leaselock_client_open(NULL, options, &client, &error) != 0) {
        fail_msg("%s", error.message);
    }
    for (; endpoints[n] != NULL; n++) {
        assert_true(leaselock_client_endpoint(client, n, text, sizeof(text)) >
                    0);
        assert_string_equal(text, endpoints[n]);
    }
    assert_int_equal(leaselock_client_endpoint(client, n, text, sizeof(text)),
                     LEASELOCK_E_ARGUMENT);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

static void expect_fault(const struct leaselock_client_options *options,
                         const char *part)
{
    leaselock_client *client = NULL;

    error = (struct leaselock_error)LEASELOCK_ERROR_INIT;
    assert_int_equal(leaselock_client_open(NULL, options, &client, &error),
                     LEASELOCK_E_UNAVAILABLE);
    assert_null(client);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, error.message);
    }
}

/** Goal: a lock can be acquired on a cluster that is known from the DNS only.
 * Method: the record of a real etcd. */
static void test_real_etcd(void **state)
{
    struct leaselock_client_options options = options_of(DOMAIN);
    struct test_etcd etcd;
    struct test_peer peer;
    leaselock_ticket *ticket;
    uint16_t port;

    (void)state;
    assert_int_equal(test_etcd_start(&etcd), 0);
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    port = (uint16_t)strtoul(strchr(etcd.endpoint, ':') + 1, NULL, 10);
    test_dns_add(&dns, PLAIN, "localhost", port, 0, 0);
    test_peer_open_with(NULL, &options, NULL, &peer);
    ticket = test_acquire(&peer, "discovered");
    test_release(ticket);
    test_peer_close(&peer);
    test_etcd_stop(&etcd);
}

/** Goal: members are ordered by their priorities. Method: three. */
static void test_priorities(void **state)
{
    static const char *const wanted[] = {"http://a.example.com:1",
                                         "http://b.example.com:2",
                                         "http://c.other.org:3", NULL};
    const struct leaselock_client_options options = options_of(DOMAIN);

    (void)state;
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, PLAIN, "c.other.org", 3, 30, 9);
    test_dns_add(&dns, PLAIN, "a.example.com", 1, 10, 0);
    test_dns_add(&dns, PLAIN, ".", 9, 0, 0); /* "not offered" */
    test_dns_add(&dns, PLAIN, "b.example.com", 2, 20, 1);
    expect_endpoints(&options, wanted);
}

/** Goal: if there are members with TLS, those without are ignored, also if TLS
 * is required. Method: both kinds of records, then one. */
static void test_tls(void **state)
{
    static const char *const wanted[] = {"https://a.example.com:1", NULL};
    struct leaselock_client_options options = options_of(DOMAIN);

    (void)state;
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, TLS, "a.example.com", 1, 0, 0);
    test_dns_add(&dns, PLAIN, "b.example.com", 2, 0, 0);
    expect_endpoints(&options, wanted);
    options.tls = 1;
    expect_endpoints(&options, wanted);
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, PLAIN, "b.example.com", 2, 0, 0);
    expect_fault(&options, "the DNS has no SRV records of " TLS);
}

/** Goal: with TLS a member outside of the domain is refused, unless a server
 * name is set. Method: one outside, with and without a server's name. */
static void test_outside(void **state)
{
    static const char *const wanted[] = {"https://a.example.org:1", NULL};
    struct leaselock_client_options options = options_of(DOMAIN);

    (void)state;
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, TLS, "a.example.org", 1, 0, 0);
    expect_fault(&options, "the member a.example.org, which is outside of "
                           "example.com; set server-name");
    options.server_name = "etcd.example.com";
    expect_endpoints(&options, wanted);
}

/** Goal: an attacker who drops the answer about TLS cannot disable it. Method:
 * no answer to one of the two questions. */
static void test_dropped(void **state)
{
    struct leaselock_client_options options = options_of(DOMAIN);

    (void)state;
    options.connect_timeout_ms = 300;
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, PLAIN, "b.example.com", 2, 0, 0);
    test_dns_ignore(&dns, TLS);
    expect_fault(&options, "within 300 ms for the SRV records of " TLS);
}

/** Goal: the service's name. Method: records under one. */
static void test_name(void **state)
{
    static const char *const wanted[] = {"http://a:1", NULL};
    struct leaselock_client_options options = options_of(DOMAIN);

    (void)state;
    options.discovery_srv_name = "blue";
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, PLAIN, "b", 1, 0, 0);
    test_dns_add(&dns, "_etcd-client-blue._tcp." DOMAIN, "a", 1, 0, 0);
    expect_endpoints(&options, wanted);
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, "_etcd-client-ssl-blue._tcp." DOMAIN, "a", 1, 0, 0);
    expect_fault(&options, "the member a, which is outside");
}

/** Goal: the error distinguishes no record, a failure and no answer, and names
 * the server; without an answer it comes in time. Method: each of them. */
static void test_faults(void **state)
{
    struct leaselock_client_options options = options_of(DOMAIN);
    int64_t start_ns;
    int64_t took_ms;

    (void)state;
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    expect_fault(&options, "has no SRV records of " TLS " or " PLAIN);
    test_dns_reset(&dns, TEST_DNS_FAILS);
    options.connect_timeout_ms = 1000;
    expect_fault(&options, dns.address);
    test_dns_reset(&dns, TEST_DNS_SILENT);
    options.connect_timeout_ms = 400;
    start_ns = test_now_ns();
    expect_fault(&options, "within 400 ms");
    took_ms = (test_now_ns() - start_ns) / 1000000;
    assert_non_null(strstr(error.message, dns.address));
    assert_in_range(took_ms, 250, 5000);
    options.discovery_dns = "127.0.0.1:1"; /* no listener */
    options.connect_timeout_ms = 1000;
    expect_fault(&options, "127.0.0.1:1");
}

/** Goal: a lost question is repeated in time. Method: no answer to the first
 * two. */
static void test_asked_again(void **state)
{
    static const char *const wanted[] = {"http://a:1", NULL};
    struct leaselock_client_options options = options_of(DOMAIN);
    unsigned before = test_dns_questions(&dns);

    (void)state;
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    test_dns_add(&dns, PLAIN, "a", 1, 0, 0);
    test_dns_ignore_next(&dns, 2);
    expect_endpoints(&options, wanted);
    assert_int_equal(test_dns_questions(&dns) - before, 4);
}

/** Goal: a client uses at most its limit of endpoints, of an answer that is too
 * long for UDP. Method: 100 records. */
static void test_many(void **state)
{
    struct leaselock_client_options options = options_of(DOMAIN);
    leaselock_client *client = NULL;
    char text[LEASELOCK_ERROR_ENDPOINT_SIZE];
    unsigned n = 0;

    (void)state;
    test_dns_reset(&dns, TEST_DNS_ANSWERS);
    for (unsigned i = 0; i < TEST_DNS_RECORDS_MAX; i++) {
        test_dns_add(&dns, PLAIN, "a", (uint16_t)(i + 1), 0, 1);
    }
    assert_int_equal(leaselock_client_open(NULL, &options, &client, &error), 0);
    while (leaselock_client_endpoint(client, n, text, sizeof(text)) > 0) {
        n++;
    }
    assert_int_equal(n, 64);
    assert_int_equal(test_dns_questions_tcp(&dns), 1);
    assert_int_equal(leaselock_client_close(client, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_etcd), cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_tls),       cmocka_unit_test(test_outside),
        cmocka_unit_test(test_dropped),   cmocka_unit_test(test_name),
        cmocka_unit_test(test_faults),    cmocka_unit_test(test_asked_again),
        cmocka_unit_test(test_many)};

    return cmocka_run_group_tests(tests, start_dns, stop_dns);
}
