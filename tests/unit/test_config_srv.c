/* SPDX-License-Identifier: Apache-2.0 */
/* SRV records: their order and validity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "config/discovery.h"
#include "config/srv.h"
#include "rpc/transport.h"

/** Goal: records are ordered by priority, and by weight among equals. Method:
 * sort with many seeds, and count the first ones. */
static void test_order(void **state)
{
    static const struct ll_srv records[] = {{"backup", 1, 20, 100},
                                            {"light", 2, 10, 10},
                                            {"heavy", 3, 10, 30},
                                            {"none", 4, 10, 0}};
    unsigned first[5] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct ll_srv sorted[4];

        memcpy(sorted, records, sizeof(records));
        ll_srv_sort(sorted, 4, seed * UINT64_C(0x9e3779b97f4a7c15));
        assert_string_equal(sorted[3].target, "backup");
        first[sorted[0].port]++;
    }
    assert_int_equal(first[1], 0);
    /* 1000 and 3000 are expected; five standard deviations are 137. */
    assert_in_range(first[2], 860, 1140);
    assert_in_range(first[3], 2860, 3140);
    assert_in_range(first[4], 0, 30);
}

/** Goal: the list of endpoints. Method: one, none, more than the limit. */
static void test_endpoints(void **state)
{
    static struct ll_srv many[LL_ENDPOINTS_MAX + 6];
    char *list;
    size_t commas = 0;

    (void)state;
    list = ll_srv_endpoints(&(struct ll_srv){"a.b", 2379, 0, 0}, 1, "https://");
    assert_string_equal(list, "https://a.b:2379");
    ll_free(list);
    list = ll_srv_endpoints(NULL, 0, "http://");
    assert_string_equal(list, "");
    ll_free(list);
    for (size_t i = 0; i < LL_ENDPOINTS_MAX + 6; i++) {
        memset(many[i].target, 'x', LL_SRV_TARGET_SIZE - 1);
        many[i].port = 65535;
    }
    list = ll_srv_endpoints(many, LL_ENDPOINTS_MAX + 6, "https://");
    for (const char *at = list; *at != '\0'; at++) {
        commas += *at == ',';
    }
    assert_int_equal(commas, LL_ENDPOINTS_MAX - 1);
    ll_free(list);
}

/** Goal: validity of a host, and membership of a domain. Method: valid and
 * invalid ones. */
static void test_names(void **state)
{
    static const struct {
        const char *target;
        const char *domain;
        bool below;
    } names[] = {{"a.example.com", "example.com", true},
                 {"A.Example.COM", "example.com", true},
                 {"a.b.example.com", "example.com.", true},
                 {"example.com", "example.com", true},
                 {"badexample.com", "example.com", false},
                 {"example.com.evil", "example.com", false},
                 {"com", "example.com", false},
                 {"a", "", false},
                 {"a", ".", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ll_srv record = {.port = 1};

        strcpy(record.target, names[i].target);
        assert_int_equal(ll_srv_is_below(&record, names[i].domain),
                         names[i].below);
        assert_true(ll_srv_is_host(&record));
    }
    assert_false(ll_srv_is_host(&(struct ll_srv){"", 1, 0, 0}));
    assert_false(ll_srv_is_host(&(struct ll_srv){".", 1, 0, 0}));
    assert_false(ll_srv_is_host(&(struct ll_srv){"a", 0, 0, 0}));
    assert_false(ll_srv_is_host(&(struct ll_srv){"a,b", 1, 0, 0}));
    assert_false(ll_srv_is_host(&(struct ll_srv){"a@b", 1, 0, 0}));
}

/** Goal: the address of a DNS server, in every form. Method: valid and invalid
 * ones. */
static void test_server(void **state)
{
    static const char *const good[][2] = {{"10.0.0.1", "10.0.0.1:53"},
                                          {"10.0.0.1:8600", "10.0.0.1:8600"},
                                          {"::1", "[::1]:53"},
                                          {"[::1]", "[::1]:53"},
                                          {"[fe80::1]:5353", "[fe80::1]:5353"}};
    static const char *const bad[] = {
        "",
        "localhost",
        "localhost:53",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:5x",
        "[10.0.0.1]:53",
        "[::1",
        "[::1]x",
        "[::1]:",
        "10.0.0.1:053000",
        ":53",
        "[]:53",
        "10.0.0.1:+5",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222"};
    char server[LL_DISCOVERY_SERVER_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ll_discovery_server(good[i][0], server));
        assert_string_equal(server, good[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ll_discovery_server(bad[i], server)) {
            fail_msg("\"%s\" is read as %s", bad[i], server);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_names), cmocka_unit_test(test_server)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
