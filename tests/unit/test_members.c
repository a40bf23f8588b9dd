/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that the cluster advertises: which are accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rpc/transport.h"

static struct ll_transport *transport;

static void open_transport(const char *endpoints, bool grows)
{
    const struct ll_transport_config config = {.endpoints = endpoints,
                                               .grows = grows};

    assert_int_equal(ll_transport_new(&config, &transport, NULL), 0);
}

static void close_transport(void)
{
    ll_transport_stop(transport);
    assert_true(ll_transport_drained(transport));
    ll_transport_free(transport);
}

/** The endpoints accepted from some URLs, terminated by NULL. */
static uint64_t list(const char *first, ...)
{
    const char *urls[8];
    uint64_t listed = 0;
    size_t n = 0;
    va_list more;

    va_start(more, first);
    for (const char *url = first; url != NULL;
         url = va_arg(more, const char *)) {
        urls[n++] = url;
    }
    va_end(more);
    ll_transport_list(transport, urls, n, &listed);
    return listed;
}

/** Goal: known members are recognized, others are added. Method: the same in
 *  another form, another port, another host. */
static void test_added(void **state)
{
    (void)state;
    open_transport("etcd1,etcd2:1", true);
    assert_int_equal(list("http://ETCD1:2379", "http://etcd2:1/", NULL), 3);
    assert_int_equal(ll_transport_endpoints(transport), 2);
    assert_int_equal(list("http://etcd2:2379", "http://10.0.0.3:2379", NULL),
                     12);
    assert_int_equal(ll_transport_endpoints(transport), 4);
    assert_string_equal(ll_transport_endpoint(transport, 3),
                        "http://10.0.0.3:2379");
    assert_int_equal(list("http://etcd2:2379", "http://etcd1:2379", NULL), 5);
    assert_int_equal(ll_transport_endpoints(transport), 4);
    close_transport();
}

/** Goal: an invalid endpoint, or one that would weaken the connection, is left
 * out. Method: one of each. */
static void test_left_out(void **state)
{
    (void)state;
    open_transport("10.0.0.1:2379", true);
    assert_int_equal(list("http://0.0.0.0:2379", "http://[::]:2379",
                          "http://localhost:2379", "http://127.0.0.1:2379",
                          "https://10.0.0.2:2379", "nonsense://x",
                          "http://a:1,http://b:1", NULL),
                     0);
    assert_int_equal(ll_transport_endpoints(transport), 1);
    close_transport();
    /* Loopback addresses are accepted if a configured endpoint is one. */
    open_transport("127.0.0.1:1", true);
    assert_int_equal(list("http://localhost:2379", "http://[::1]:2379", NULL),
                     6);
    close_transport();
}

/** Goal: without the option the endpoints do not change. Method: a list for a
 * transport that does not grow. */
static void test_fixed(void **state)
{
    (void)state;
    open_transport("a:1,b:1", false);
    assert_int_equal(list("http://b:1", "http://c:1", NULL), 2);
    assert_int_equal(ll_transport_endpoints(transport), 2);
    close_transport();
}

/** Goal: at most the limit is accepted. Method: one by one past the limit. */
static void test_limit(void **state)
{
    char url[32];

    (void)state;
    open_transport("a:1", true);
    for (int i = 2; i <= LL_ENDPOINTS_MAX; i++) {
        (void)snprintf(url, sizeof(url), "http://a:%d", i);
        assert_true(list(url, NULL) == UINT64_C(1) << (i - 1));
    }
    assert_int_equal(list("http://b:1", NULL), 0);
    assert_int_equal(ll_transport_endpoints(transport), LL_ENDPOINTS_MAX);
    close_transport();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_added), cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_fixed), cmocka_unit_test(test_limit)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
