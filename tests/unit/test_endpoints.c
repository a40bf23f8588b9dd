/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing lists of endpoints: accepted forms, the targets for gRPC, and
 * errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "rpc/endpoints.h"

/** Goal: every valid form gives the right target, with TLS or without, and the
 * name to check in a certificate. Method: parse each alone, once for each
 * default scheme. */
static void test_forms(void **state)
{
    enum { BY_DEFAULT, PLAIN, TLS };
    static const struct {
        const char *text;
        const char *target;
        const char *host;
        int tls;
    } cases[] = {
        {"localhost:2379", "dns:///localhost:2379", "localhost", BY_DEFAULT},
        {"localhost", "dns:///localhost:2379", "localhost", BY_DEFAULT},
        {"10.0.0.1:1", "dns:///10.0.0.1:1", "10.0.0.1", BY_DEFAULT},
        {"etcd-0.etcd_a.svc:65535", "dns:///etcd-0.etcd_a.svc:65535",
         "etcd-0.etcd_a.svc", BY_DEFAULT},
        {"http://h:23790", "dns:///h:23790", "h", PLAIN},
        {"http://h:23790/", "dns:///h:23790", "h", PLAIN},
        {"HTTP://h", "dns:///h:2379", "h", PLAIN},
        {"https://h:1", "dns:///h:1", "h", TLS},
        {"HTTPS://h.example/", "dns:///h.example:2379", "h.example", TLS},
        {"[::1]:2379", "dns:///%5B::1%5D:2379", "::1", BY_DEFAULT},
        {"[::1]", "dns:///%5B::1%5D:2379", "::1", BY_DEFAULT},
        {"http://[fe80::1%eth0]:4", "dns:///%5Bfe80::1%25eth0%5D:4", "fe80::1",
         PLAIN},
        {"https://[::1]", "dns:///%5B::1%5D:2379", "::1", TLS},
        {"unix:/run/etcd.sock", "unix:/run/etcd.sock", "", PLAIN},
        {"unix:///run/etcd.sock", "unix:/run/etcd.sock", "", PLAIN},
        {"UNIX:/r", "unix:/r", "", PLAIN},
        {"unix:2379", "unix:2379", "", PLAIN},
        {"unix:/a b/%41?c#d\xe4", "unix:/a%20b/%2541%3Fc%23d%E4", "", PLAIN},
        {"unix://localhost:7771", "unix:localhost:7771", "", PLAIN},
        {"unix://host/path", "unix:host/path", "", PLAIN},
        {"unixs:///run/etcd.sock", "unix:/run/etcd.sock", "etcd.sock", TLS},
        {"unixs://localhost:7771", "unix:localhost:7771", "localhost", TLS},
        {"unixs:/run/localhost:1", "unix:/run/localhost:1", "localhost", TLS},
        {"ipv4:2379", "dns:///ipv4:2379", "ipv4", BY_DEFAULT},
    };
    size_t i = 0;

    (void)state;
    for (i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        size_t at = i / 2;
        bool tls = i % 2 != 0;
        struct ll_endpoints endpoints;
        struct leaselock_error error = LEASELOCK_ERROR_INIT;

        assert_int_equal(
            ll_endpoints_parse(cases[at].text, tls, &endpoints, &error), 0);
        assert_int_equal(endpoints.n, 1);
        assert_string_equal(endpoints.list[0].text, cases[at].text);
        assert_string_equal(endpoints.list[0].target, cases[at].target);
        assert_string_equal(endpoints.list[0].host, cases[at].host);
        assert_int_equal(endpoints.list[0].tls, cases[at].tls == BY_DEFAULT
                                                    ? tls
                                                    : cases[at].tls == TLS);
        ll_endpoints_free(&endpoints);
    }
}

/** Goal: a list keeps its order, and spaces around commas are ignored. */
static void test_list(void **state)
{
    struct ll_endpoints endpoints;

    (void)state;
    assert_int_equal(
        ll_endpoints_parse(" a:1 ,\tb:2,[::1]:3 \n", false, &endpoints, NULL),
        0);
    assert_int_equal(endpoints.n, 3);
    assert_string_equal(endpoints.list[0].text, "a:1");
    assert_string_equal(endpoints.list[1].text, "b:2");
    assert_string_equal(endpoints.list[2].text, "[::1]:3");
    ll_endpoints_free(&endpoints);
}

/** Goal: the error names the invalid endpoint and the expected form. Method:
 * parse it after a valid one. */
static void test_errors(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "is empty"},
        {" ", "is empty"},
        {":2379", "no valid host"},
        {"h:", "no port from 1 to 65535"},
        {"h:0", "no port from 1 to 65535"},
        {"h:65536", "no port from 1 to 65535"},
        {"h:123456", "no port from 1 to 65535"},
        {"h:4294967297", "no port from 1 to 65535"},
        {"h:-1", "no port from 1 to 65535"},
        {"h:2379x", "no port from 1 to 65535"},
        {"h:1:2", "no port from 1 to 65535"},
        {"::1", "no valid host"},
        {"[::1", "no valid host"},
        {"[]:1", "no valid host"},
        {"[h]:1", "no valid host"},
        {"[::1]2379", "no valid host"},
        {"[::1]:", "no port from 1 to 65535"},
        {"http://", "no valid host"},
        {"http:///", "no valid host"},
        {"http://h:1/path", "no port from 1 to 65535"},
        {"http://h/path", "no valid host"},
        {"http://user@h:1", "no valid host"},
        {"a b:1", "no valid host"},
        {"h\x01:1", "no valid host"},
        {"ftp://h:1", "scheme that is not known"},
        {"http://http://h:1", "scheme that is not known"},
        {"https://", "no valid host"},
        {"https://h:1/path", "no port from 1 to 65535"},
        {"https://http://h", "scheme that is not known"},
        {"unix:", "no path"},
        {"unix://", "no path"},
        {"unixs://", "no path"},
        {"unixs:/run/", "without a name"},
        {"unixs://:7771", "without a name"},
    };
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ll_endpoints endpoints;
        struct leaselock_error error = LEASELOCK_ERROR_INIT;
        char list[200];

        (void)snprintf(list, sizeof(list), "good:1,%s", cases[i].text);
        assert_int_equal(ll_endpoints_parse(list, false, &endpoints, &error),
                         LEASELOCK_E_ARGUMENT);
        assert_int_equal(error.code, LEASELOCK_E_ARGUMENT);
        assert_int_equal(error.grpc_status, -1);
        if (strstr(error.message, cases[i].says) == NULL ||
            strstr(error.message, "expected \"") == NULL) {
            fail_msg("%s: %s", cases[i].text, error.message);
        }
        if (strcmp(cases[i].text, " ") != 0) {
            assert_non_null(strstr(error.message, cases[i].text));
            assert_string_equal(error.endpoint, cases[i].text);
        }
        assert_int_equal(ll_endpoints_parse(list, false, &endpoints, NULL),
                         LEASELOCK_E_ARGUMENT);
    }
}

/** Goal: a missing list, an empty one and extra commas are errors. */
static void test_nothing(void **state)
{
    static const char *const cases[] = {NULL, "",   "  ",  ",",
                                        "a,", ",a", "a,,b"};
    struct ll_endpoints endpoints;
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ll_endpoints_parse(cases[i], false, &endpoints, NULL),
                         LEASELOCK_E_ARGUMENT);
    }
}

/** Goal: LL_ENDPOINTS_MAX endpoints are accepted, one more is not. */
static void test_limit_of_number(void **state)
{
    struct ll_endpoints endpoints;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char list[(LL_ENDPOINTS_MAX + 1) * 2 + 1] = "";
    size_t i = 0;

    (void)state;
    for (i = 0; i < LL_ENDPOINTS_MAX; i++) {
        (void)strcat(list, i > 0 ? ",a" : "a");
    }
    assert_int_equal(ll_endpoints_parse(list, false, &endpoints, &error), 0);
    assert_int_equal(endpoints.n, LL_ENDPOINTS_MAX);
    ll_endpoints_free(&endpoints);
    (void)strcat(list, ",a");
    assert_int_equal(ll_endpoints_parse(list, false, &endpoints, &error),
                     LEASELOCK_E_LIMIT);
    assert_non_null(strstr(error.message, "65 endpoints, and 64 is the most"));
}

/** Goal: LL_ENDPOINT_SIZE_MAX bytes are accepted, one more is not; and an
 * address of brackets and percent signs fits into its target. */
static void test_limit_of_size(void **state)
{
    struct ll_endpoints endpoints;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    char text[LL_ENDPOINT_SIZE_MAX + 2];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[LL_ENDPOINT_SIZE_MAX] = '\0';
    assert_int_equal(ll_endpoints_parse(text, false, &endpoints, &error), 0);
    assert_int_equal(strlen(endpoints.list[0].text), LL_ENDPOINT_SIZE_MAX);
    ll_endpoints_free(&endpoints);
    text[LL_ENDPOINT_SIZE_MAX] = 'a';
    text[LL_ENDPOINT_SIZE_MAX + 1] = '\0';
    assert_int_equal(ll_endpoints_parse(text, false, &endpoints, &error),
                     LEASELOCK_E_LIMIT);
    assert_non_null(strstr(error.message, "is longer than 120 bytes"));

    memset(text, '%', LL_ENDPOINT_SIZE_MAX);
    memcpy(text, "[:", 2);
    memcpy(text + LL_ENDPOINT_SIZE_MAX - 7, "]:65535", 8);
    assert_int_equal(ll_endpoints_parse(text, false, &endpoints, &error), 0);
    assert_non_null(strstr(endpoints.list[0].target, "%25%5D:65535"));
    ll_endpoints_free(&endpoints);

    memset(text, 'p', LL_ENDPOINT_SIZE_MAX);
    memcpy(text, "unix:", 5);
    text[5 + 107] = '\0';
    assert_int_equal(ll_endpoints_parse(text, false, &endpoints, &error), 0);
    ll_endpoints_free(&endpoints);
    text[5 + 107] = 'p';
    text[5 + 108] = '\0';
    assert_int_equal(ll_endpoints_parse(text, false, &endpoints, &error),
                     LEASELOCK_E_LIMIT);
    assert_non_null(strstr(error.message, "longer than the 107 bytes"));
}

/** Goal: without memory the result is NOMEM. */
static void test_no_memory(void **state)
{
    struct ll_endpoints endpoints;
    struct leaselock_error error = LEASELOCK_ERROR_INIT;

    (void)state;
    ll_alloc_fail_at(1);
    assert_int_equal(ll_endpoints_parse("a:1", false, &endpoints, &error),
                     LEASELOCK_E_NOMEM);
    ll_alloc_fail_at(0);
    assert_int_equal(error.code, LEASELOCK_E_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_limit_of_number),
        cmocka_unit_test(test_limit_of_size),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
