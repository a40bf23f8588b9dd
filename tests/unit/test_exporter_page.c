/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter's page. With the argument "print" or "print-plain", prints one
 * with every metric for another program that reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exporter.h"
#include "leaselock/stats.h"

/** Takes the place of the exporter's table of leases. */
const struct leaselock_lease_info *ll_exporter_lease_find(
    const struct ll_exporter_leases *leases, int64_t lease, int64_t *ret_age_ms)
{
    static const struct leaselock_lease_info info = {7, 10};
    static const struct leaselock_lease_info outdated = {9, 10};

    (void)leases;
    *ret_age_ms = lease == 0x1a ? 1250 : 10000;
    return lease == 0x1a ? &info : lease == 0x2b ? &outdated : NULL;
}

static const struct leaselock_watched_lock locks[] = {
    {.name = "held",
     .places_n = 3,
     .holders_n = 1,
     .token = 5,
     .lease = 0x1a,
     .held_ms = 1500,
     .held_exactly = 1,
     .holder_since_unix_s = 1,
     .waiting_ms = 20,
     .waiter_since_unix_s = 1,
     .holder_changes = 4},
    {.name = "fr\"ee\n",
     .mode = LEASELOCK_SHARED,
     .held_ms = -1,
     .waiting_ms = -1},
    {.name = "foreign\377",
     .places_n = 2,
     .holders_n = 1,
     .token = 9,
     .lease = 0x2b,
     .held_ms = 12,
     .holder_since_unix_s = INT64_MIN,
     .waiting_ms = 20,
     .waiter_since_unix_s = -1,
     .candidate = 1},
};

static char *page_of(enum ll_exporter_format format)
{
    static const struct ll_exporter_leases leases = {.answered = 2};
    struct leaselock_stats stats = LEASELOCK_STATS_INIT;
    const struct leaselock_locks_watch_info info = {
        .state = LEASELOCK_LOCKS_WATCH_CURRENT,
        .reason = "",
        .contact_ms = 100,
        .loads = 1,
        .changes = 17,
        .keys_n = 6,
        .total = 5,
        .locks_n = sizeof(locks) / sizeof(locks[0]),
        .locks = locks,
    };
    const struct ll_exporter_facts facts = {
        .info = &info, .leases = &leases, .stats = &stats, .scrapes = 3};
    size_t size = 0;
    char *page = ll_exporter_page(&facts, format, &size);

    if (page == NULL || strlen(page) != size) {
        abort();
    }
    return page;
}

static void expect(const char *page, const char *line)
{
    char whole[256];

    (void)snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (strstr(page, whole) == NULL) {
        fail_msg("\"%s\" is not in\n%s", line, page);
    }
}

static void expect_no(const char *page, const char *part)
{
    if (strstr(page, part) != NULL) {
        fail_msg("\"%s\" is in\n%s", part, page);
    }
}

/** Goal: the page has each value, and none for what is not known. Method: locks
 * that are held, free and of another client, which writes impossible times. */
static void test_page(void **state)
{
    char *page = page_of(LL_EXPORTER_OPENMETRICS);

    (void)state;
    expect(page, "leaselock_exporter_up 1");
    expect(page, "leaselock_exporter_last_contact_age_seconds 0.1");
    expect(page, "leaselock_exporter_locks 5");
    expect(page, "leaselock_exporter_locks_left_out 2");
    expect(page, "# TYPE leaselock_exporter_scrapes counter");
    expect(page, "leaselock_exporter_scrapes_total 3");
    expect(page, "leaselock_lock_queue_length{lock=\"held\"} 3");
    expect(page, "leaselock_lock_queue_length{lock=\"fr\\\"ee\\n\"} 0");
    expect(page, "leaselock_lock_holders{lock=\"foreign\\\\xff\"} 1");
    expect(page, "leaselock_lock_held_seconds{lock=\"held\"} 1.5");
    expect_no(page, "leaselock_lock_held_seconds{lock=\"fr");
    expect_no(page, "leaselock_lock_holder_age_seconds{lock=\"foreign");
    /* Without a time in its key that can be one, since it was seen. */
    expect(page, "leaselock_lock_oldest_waiter_age_seconds{lock=\"foreign"
                 "\\\\xff\"} 0.02");
    expect_no(page, "leaselock_lock_oldest_waiter_age_seconds{lock=\"fr");
    expect(page, "leaselock_lock_lease_left_seconds{lock=\"held\"} 5.75");
    expect(page, "leaselock_lock_lease_ttl_seconds{lock=\"held\"} 10");
    /* The last answer is as old as the time to live. */
    expect_no(page, "leaselock_lock_lease_left_seconds{lock=\"foreign");
    expect_no(page, "leaselock_lock_lease_ttl_seconds{lock=\"foreign");
    expect(page, "leaselock_lock_mode{lock=\"held\",mode=\"exclusive\"} 1");
    expect(page, "leaselock_lock_mode{lock=\"fr\\\"ee\\n\",mode=\"shared\"} 1");
    expect(page, "leaselock_lock_mode{lock=\"foreign\\\\xff\",mode="
                 "\"candidate\"} 1");
    expect(page, "leaselock_lock_holder_changes_total{lock=\"held\"} 4");
    expect(page, "leaselock_sessions 0");
    assert_string_equal(page + strlen(page) - 6, "# EOF\n");
    free(page);
}

/** Goal: the format is the one that the scraper prefers. Method: headers of
 * Prometheus, of others, and none. */
static void test_formats(void **state)
{
    static const struct {
        const char *accept;
        enum ll_exporter_format format;
    } cases[] = {
        {NULL, LL_EXPORTER_PLAIN},
        {"*/*", LL_EXPORTER_PLAIN},
        {"text/html,*/*;q=0.1", LL_EXPORTER_PLAIN},
        {"application/openmetrics-text;version=1.0.0,application/"
         "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
         "*/*;q=0.1",
         LL_EXPORTER_OPENMETRICS},
        {"text/plain;version=0.0.4;q=1,*/*;q=0.1", LL_EXPORTER_PLAIN},
        {"application/openmetrics-text;q=0.3,text/plain;q=0.9",
         LL_EXPORTER_PLAIN},
        {"application/openmetrics-text;q=0", LL_EXPORTER_PLAIN},
    };
    char *page = page_of(LL_EXPORTER_PLAIN);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ll_exporter_format_of(cases[i].accept),
                         cases[i].format);
    }
    expect(page, "# TYPE leaselock_exporter_scrapes_total counter");
    expect(page, "# TYPE leaselock_acquires_total counter");
    expect_no(page, "# UNIT");
    expect_no(page, "# EOF");
    free(page);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_formats),
    };

    if (argc > 1) {
        char *page =
            page_of(strcmp(argv[1], "print") == 0 ? LL_EXPORTER_OPENMETRICS
                                                  : LL_EXPORTER_PLAIN);

        fputs(page, stdout);
        free(page);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
