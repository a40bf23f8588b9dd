/* SPDX-License-Identifier: Apache-2.0 */
/* leaselock exporter beside what queue --json shows. */
#include "tool.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/net.h"
#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Longest scrape without etcd; the exporter waits half a second at most. */
#define SOON_MS 3000

/** A running exporter. */
struct exporter {
    struct test_process tool;
    uint16_t port;
};

/** Starts an exporter of all locks below a prefix on a free port. */
static void exporter_start(struct exporter *exporter,
                           const char *prefix,
                           const char *series_max)
{
    char line[LINE_SIZE];
    unsigned port = 0;

    exporter->tool = (struct test_process)TEST_PROCESS_INIT;
    start_tool(&exporter->tool, etcd.endpoint, "exporter", "--listen",
               "127.0.0.1:0", "--prefix", prefix, "--series-max", series_max,
               NULL);
    assert_true(test_process_line(&exporter->tool, TEST_STDOUT, WAIT_MS, line,
                                  sizeof(line)));
    assert_int_equal(sscanf(line, "http://127.0.0.1:%u/metrics", &port), 1);
    exporter->port = (uint16_t)port;
}

/** Ends an exporter, which must be clean. */
static void exporter_stop(struct exporter *exporter)
{
    assert_int_equal(test_process_signal(&exporter->tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&exporter->tool, WAIT_MS), 0);
    test_process_end(&exporter->tool);
}

static char *get(const struct exporter *exporter, const char *path)
{
    char *body = NULL;

    assert_int_equal(test_http_get(exporter->port, path, WAIT_MS, &body), 200);
    return body;
}

/** The value of a series on a page; false: there is none. */
static bool find(const char *page, const char *series, double *ret_value)
{
    size_t length = strlen(series);

    for (const char *at = page; (at = strstr(at, series)) != NULL; at++) {
        if ((at == page || at[-1] == '\n') && at[length] == ' ') {
            *ret_value = strtod(at + length, NULL);
            return true;
        }
    }
    return false;
}

/** The value of a series; -1 if there is none. */
static double value_of(const struct exporter *exporter, const char *series)
{
    char *page = get(exporter, "/metrics");
    double value = -1;

    (void)find(page, series, &value);
    free(page);
    return value;
}

struct awaited {
    const struct exporter *exporter;
    const char *series;
    int value;
};

static bool has_come(void *arg)
{
    const struct awaited *awaited = arg;

    return (int)value_of(awaited->exporter, awaited->series) == awaited->value;
}

/** Scrapes until a series has a value; -1: until there is none. */
static void
await(const struct exporter *exporter, const char *series, int value)
{
    struct awaited awaited = {exporter, series, value};

    if (!test_until(WAIT_MS, has_come, &awaited)) {
        char *page = get(exporter, "/metrics");

        fail_msg("%s is not %d in\n%s", series, value, page);
    }
}

/** Scrapes, which must not take long. */
static void scrape_soon(const struct exporter *exporter)
{
    int64_t start_ns = test_now_ns();

    free(get(exporter, "/metrics"));
    assert_true(test_now_ns() - start_ns < SOON_MS * TEST_NS_PER_MS);
}

/** Goal: the series of a lock are what its queue shows, and follow its changes.
 * Method: a holder, two waiters, a hand-over, a free lock. */
static void test_values(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process waiters[2] = {TEST_PROCESS_INIT, TEST_PROCESS_INIT};
    struct exporter exporter;
    json_t *queue;
    json_t *entries;
    json_t *first;
    double value;

    (void)state;
    start_holder(&holder, etcd.endpoint, "exp/a", "echo ready; sleep 60");
    exporter_start(&exporter, "exp/", "10");
    await(&exporter, "leaselock_exporter_up", 1);
    for (int i = 0; i < 2; i++) {
        start_tool(&waiters[i], etcd.endpoint, "lock", "exp/a", "sh", "-c",
                   "echo ready; sleep 60", NULL);
        test_await_keys(&etcd, "exp/a/", 2 + i);
    }
    await(&exporter, "leaselock_lock_queue_length{lock=\"exp/a\"}", 3);
    queue = read_queue(etcd.endpoint, "exp/a");
    entries = json_object_get(queue, "entries");
    first = json_array_get(entries, 0);
    assert_int_equal(json_array_size(entries), 3);
    assert_int_equal(
        (int)value_of(&exporter, "leaselock_lock_holders{lock=\"exp/a\"}"), 1);
    value = value_of(&exporter,
                     "leaselock_lock_holder_age_seconds{lock=\"exp/a\"}");
    assert_true(value >= 0);
    assert_true((double)time(NULL) - value -
                    (double)json_integer_value(
                        json_object_get(first, "since_unix_s")) <=
                2);
    value = value_of(
        &exporter, "leaselock_lock_oldest_waiter_age_seconds{lock=\"exp/a\"}");
    assert_true((double)time(NULL) - value -
                    (double)json_integer_value(json_object_get(
                        json_array_get(entries, 1), "since_unix_s")) <=
                2);
    value = value_of(&exporter,
                     "leaselock_lock_lease_left_seconds{lock=\"exp/a\"}");
    assert_true(value > 0 && value <= 10);
    assert_int_equal((int)value_of(&exporter, "leaselock_lock_lease_ttl_"
                                              "seconds{lock=\"exp/a\"}"),
                     10);
    assert_int_equal((int)value_of(&exporter,
                                   "leaselock_lock_mode{lock=\"exp/a\","
                                   "mode=\"exclusive\"}"),
                     1);
    assert_true(value_of(&exporter,
                         "leaselock_lock_held_seconds{lock=\"exp/a\"}") >= 0);
    assert_int_equal((int)value_of(&exporter, "leaselock_lock_holder_changes_"
                                              "total{lock=\"exp/a\"}"),
                     0);
    json_decref(queue);

    assert_int_equal(test_process_signal(&holder, SIGTERM), 0);
    await(&exporter, "leaselock_lock_holder_changes_total{lock=\"exp/a\"}", 1);
    await(&exporter, "leaselock_lock_queue_length{lock=\"exp/a\"}", 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(test_process_signal(&waiters[i], SIGTERM), 0);
        (void)test_process_wait(&waiters[i], WAIT_MS);
    }
    await(&exporter, "leaselock_lock_queue_length{lock=\"exp/a\"}", 0);
    await(&exporter, "leaselock_lock_holders{lock=\"exp/a\"}", 0);
    await(&exporter, "leaselock_lock_held_seconds{lock=\"exp/a\"}", -1);
    exporter_stop(&exporter);
    test_process_end(&holder);
    test_process_end(&waiters[0]);
    test_process_end(&waiters[1]);
}

/** Goal: a name of any bytes is a label; readers and candidates have their
 * modes. Method: quotes, a backslash, invalid UTF-8; two readers, a leader. */
static void test_labels(void **state)
{
    struct test_process tools[4];
    struct exporter exporter;
    char line[LINE_SIZE];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        tools[i] = (struct test_process)TEST_PROCESS_INIT;
    }
    exporter_start(&exporter, "lbl/", "0");
    start_holder(&tools[0], etcd.endpoint, "lbl/q\"\\x\377\303\244",
                 "echo ready; sleep 60");
    for (int i = 1; i < 3; i++) {
        start_tool(&tools[i], etcd.endpoint, "lock", "--shared", "lbl/s", "sh",
                   "-c", "echo ready; sleep 60", NULL);
        assert_true(test_process_line(&tools[i], TEST_STDOUT, WAIT_MS, line,
                                      sizeof(line)));
    }
    start_tool(&tools[3], etcd.endpoint, "elect", "lbl/e", "me", "sh", "-c",
               "echo ready; sleep 60", NULL);
    assert_true(
        test_process_line(&tools[3], TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    await(&exporter,
          "leaselock_lock_holders{lock=\"lbl/q\\\"\\\\x5cx\\\\xff\303\244\"}",
          1);
    await(&exporter, "leaselock_lock_holders{lock=\"lbl/s\"}", 2);
    await(&exporter, "leaselock_lock_mode{lock=\"lbl/s\",mode=\"shared\"}", 1);
    await(&exporter, "leaselock_lock_mode{lock=\"lbl/e\",mode=\"candidate\"}",
          1);
    assert_true(value_of(&exporter, "leaselock_lock_holder_age_seconds{lock="
                                    "\"lbl/s\"}") >= 0);
    exporter_stop(&exporter);
    for (size_t i = 0; i < 4; i++) {
        test_process_end(&tools[i]);
    }
}

/** Goal: there are no more series than the limit allows. Method: three locks,
 * a limit of two. */
static void test_series_max(void **state)
{
    struct test_process holders[3];
    struct exporter exporter;
    char *page;
    unsigned n = 0;

    (void)state;
    exporter_start(&exporter, "max/", "2");
    for (int i = 0; i < 3; i++) {
        char name[16];

        snprintf(name, sizeof(name), "max/%d", i);
        holders[i] = (struct test_process)TEST_PROCESS_INIT;
        start_holder(&holders[i], etcd.endpoint, name, "echo ready; sleep 60");
    }
    await(&exporter, "leaselock_exporter_locks", 3);
    await(&exporter, "leaselock_exporter_locks_left_out", 1);
    page = get(&exporter, "/metrics");
    for (const char *at = page;
         (at = strstr(at, "\nleaselock_lock_holders{")) != NULL; at++) {
        n++;
    }
    assert_int_equal(n, 2);
    free(page);
    exporter_stop(&exporter);
    for (int i = 0; i < 3; i++) {
        test_process_end(&holders[i]);
    }
}

/** Goal: without etcd a scrape is answered at once, says so, and shows what was
 * known; later the exporter goes on. Method: etcd is killed, then frozen, and
 * started again. */
static void test_without_etcd(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct exporter exporter;

    (void)state;
    start_holder(&holder, etcd.endpoint, "gone/a", "echo ready; sleep 60");
    exporter_start(&exporter, "gone/", "10");
    await(&exporter, "leaselock_lock_holders{lock=\"gone/a\"}", 1);
    assert_int_equal(test_etcd_kill(&etcd), 0);
    await(&exporter, "leaselock_exporter_up", 0);
    scrape_soon(&exporter);
    assert_int_equal(
        (int)value_of(&exporter, "leaselock_lock_holders{lock=\"gone/a\"}"), 1);
    assert_int_equal(test_etcd_restart(&etcd), 0);
    await(&exporter, "leaselock_exporter_up", 1);
    await(&exporter, "leaselock_lock_holders{lock=\"gone/a\"}", 1);
    assert_int_equal(test_etcd_pause(&etcd), 0);
    for (int i = 0; i < 3; i++) {
        scrape_soon(&exporter);
    }
    assert_int_equal(test_etcd_resume(&etcd), 0);
    await(&exporter, "leaselock_exporter_up", 1);
    exporter_stop(&exporter);
    test_process_end(&holder);
}

/** Goal: other paths and methods are refused; an address in use is an error.
 * Method: each of them, and a second exporter on the first one's port. */
static void test_server(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct exporter exporter;
    char address[32];
    char *body = NULL;

    (void)state;
    exporter_start(&exporter, "", "10");
    await(&exporter, "leaselock_exporter_up", 1);
    body = get(&exporter, "/healthz");
    assert_string_equal(body, "current\n");
    free(body);
    body = get(&exporter, "/");
    assert_non_null(strstr(body, "/metrics"));
    free(body);
    assert_int_equal(test_http_get(exporter.port, "/x", WAIT_MS, &body), 404);
    free(body);
    assert_int_equal(
        test_http_post(exporter.port, "/metrics", "{}", WAIT_MS, &body), 405);
    free(body);
    body = get(&exporter, "/metrics");
    assert_null(strstr(body, "# EOF")); /* the older format */
    free(body);
    snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)exporter.port);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "exporter", "--listen", address, NULL),
        71);
    expect_output(&tool, TEST_STDERR, "Address already in use");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "exporter", "--listen", "nothing", NULL),
        2);
    expect_output(&tool, TEST_STDERR, "HOST:PORT");
    test_process_end(&tool);
    exporter_stop(&exporter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_labels),
        cmocka_unit_test(test_series_max),   cmocka_unit_test(test_server),
        cmocka_unit_test(test_without_etcd),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
