/* SPDX-License-Identifier: Apache-2.0 */
/* The tool over several locks: acquiring them at once, listing them, breaking
 * one, and reporting deadlocks. */
#include "live/terminal.h"
#include "live/tool.h"

#include "support/one_etcd.h"
#include "support/test_live.h"

static json_t *output_json(const struct test_process *tool)
{
    json_t *object =
        json_loads(test_process_output(tool, TEST_STDOUT), 0, NULL);

    assert_non_null(object);
    return object;
}

/** Goal: --also acquires all or none, and releases all at the end. Method: a
 * try beside a holder of one of them, then without, with a CMD that checks. */
static void test_also(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    start_holder(&holder, etcd.endpoint, "also/b", "echo ready; sleep 60");
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-n", "--also",
                              "also/b", "--also=also/c", "also/a", "true",
                              NULL),
                     1);
    expect_output(&tool, TEST_STDERR, "also/b is held by ");
    test_process_end(&tool);
    assert_int_equal(queue_length(etcd.endpoint, "also/a"), 0);
    assert_int_equal(test_process_signal(&holder, SIGTERM), 0);
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 128 + SIGTERM);
    test_process_end(&holder);
    start_tool(&holder, etcd.endpoint, "lock", "-a", "also/b", "-a", "also/c",
               "also/a", "sh", "-c", "echo ready; sleep 60", NULL);
    assert_true(test_process_line(&holder, TEST_STDOUT, WAIT_MS,
                                  (char[LINE_SIZE]){""}, LINE_SIZE));
    assert_int_equal(queue_length(etcd.endpoint, "also/a"), 1);
    assert_int_equal(queue_length(etcd.endpoint, "also/b"), 1);
    assert_int_equal(queue_length(etcd.endpoint, "also/c"), 1);
    assert_int_equal(test_process_signal(&holder, SIGTERM), 0);
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 128 + SIGTERM);
    test_process_end(&holder);
    assert_int_equal(queue_length(etcd.endpoint, "also/a"), 0);
    assert_int_equal(queue_length(etcd.endpoint, "also/c"), 0);
}

/** Goal: without a CMD each key is a line. Method: read two. */
static void test_also_prints_keys(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];

    (void)state;
    start_tool(&tool, etcd.endpoint, "lock", "-a", "keys/b", "keys/a", NULL);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_int_equal(strncmp(line, "keys/a/", 7), 0);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_int_equal(strncmp(line, "keys/b/", 7), 0);
    assert_int_equal(test_process_signal(&tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 0);
    test_process_end(&tool);
}

/** Goal: ls shows every lock below a prefix. Method: two holders, one waiter;
 *  as a table and as JSON. */
static void test_ls(void **state)
{
    struct test_process holders[2] = {TEST_PROCESS_INIT, TEST_PROCESS_INIT};
    struct test_process waiter = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    const char *first = NULL;
    const char *label = NULL;
    int places = 0;
    json_t *object;

    (void)state;
    start_holder(&holders[0], etcd.endpoint, "ls/a", "echo ready; sleep 60");
    start_holder(&holders[1], etcd.endpoint, "ls/b", "echo ready; sleep 60");
    start_tool(&waiter, etcd.endpoint, "lock", "ls/a", "true", NULL);
    test_await_keys(&etcd, "ls/a/", 2);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "ls", "ls/", NULL), 0);
    expect_output(&tool, TEST_STDOUT,
                  "NAME  PLACES  HOLDERS  MODE       TOKEN");
    expect_output(&tool, TEST_STDOUT, "ls/b");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "ls", "--json", "ls/a", NULL), 0);
    object = output_json(&tool);
    assert_int_equal(json_array_size(json_object_get(object, "locks")), 1);
    assert_int_equal(json_unpack(object, "{s:[{s:s, s:i, s:{s:s}}]}", "locks",
                                 "name", &first, "places", &places, "holder",
                                 "label", &label),
                     0);
    assert_string_equal(first, "ls/a");
    assert_int_equal(places, 2);
    assert_string_equal(label, "sh");
    json_decref(object);
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "ls", "none/", NULL), 0);
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
    expect_output(&tool, TEST_STDERR, "begins with none/");
    test_process_end(&tool);
    test_process_end(&holders[0]);
    test_process_end(&holders[1]);
    test_process_end(&waiter);
}

/** Goal: break ends the holder's lock and its command, and the next waiter is
 * served; without --yes and a terminal it does nothing. */
static void test_break(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process next = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];

    (void)state;
    start_holder(&holder, etcd.endpoint, "brk", "echo ready; sleep 60");
    start_tool(&next, etcd.endpoint, "lock", "brk", "echo", "mine", NULL);
    test_await_keys(&etcd, "brk/", 2);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "break", "brk", NULL), 2);
    expect_output(&tool, TEST_STDERR, "--yes");
    test_process_end(&tool);
    assert_int_equal(queue_length(etcd.endpoint, "brk"), 2);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "break", "-y", "brk", NULL),
                     0);
    expect_output(&tool, TEST_STDOUT, "brk/");
    test_process_end(&tool);
    assert_true(
        test_process_line(&next, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, "mine");
    assert_int_equal(test_process_wait(&next, WAIT_MS), 0);
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 70);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "break", "-y", "brk", NULL),
                     1);
    expect_output(&tool, TEST_STDERR, "brk is free");
    test_process_end(&tool);
    test_process_end(&next);
    test_process_end(&holder);
}

/** Goal: on a terminal break asks for a confirmation, and accepts "no". */
static void test_break_asks(void **state)
{
    const char *const argv[] = {test_tool(), "break", "ask", NULL};
    struct test_process holder = TEST_PROCESS_INIT;
    struct terminal terminal;

    (void)state;
    start_holder(&holder, etcd.endpoint, "ask", "echo ready; sleep 60");
    open_terminal_with(&terminal, etcd.endpoint, argv);
    expect_on_screen(&terminal, "[y/N]");
    type(&terminal, "\n");
    expect_on_screen(&terminal, "ask is left alone");
    assert_int_equal(close_terminal(&terminal), 1);
    assert_int_equal(queue_length(etcd.endpoint, "ask"), 1);
    open_terminal_with(&terminal, etcd.endpoint, argv);
    expect_on_screen(&terminal, "[y/N]");
    type(&terminal, "y\n");
    expect_on_screen(&terminal, "ask/");
    assert_int_equal(close_terminal(&terminal), 0);
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 70);
    test_process_end(&holder);
}

/** Failure 13: breaking a lock that is blocked by a nested one does not delete
 * the other's key. */
static void test_break_nested(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    start_holder(&holder, etcd.endpoint, "nst/in", "echo ready; sleep 60");
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "break", "--yes", "nst", NULL), 2);
    expect_output(&tool, TEST_STDERR, "nst/in/");
    test_process_end(&tool);
    assert_int_equal(queue_length(etcd.endpoint, "nst/in"), 1);
    test_process_end(&holder);
}

/** Goal: deadlocks prints the wait-for relations, and its exit status reports
 * whether there is a deadlock. Method: two sessions that acquire two locks in
 * opposite order. */
static void test_deadlocks(void **state)
{
    struct test_call calls[2] = {TEST_CALL_INIT, TEST_CALL_INIT};
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_peer one;
    struct test_peer two;
    leaselock_ticket *held[2];
    leaselock_ticket *waiting[2];
    json_t *object;
    json_t *members;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &one);
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &two);
    held[0] = test_acquire(&one, "dead/a");
    held[1] = test_acquire(&two, "dead/b");
    assert_int_equal(run_tool(&tool, etcd.endpoint, "deadlocks", NULL), 0);
    expect_output(&tool, TEST_STDERR, "no deadlock");
    test_process_end(&tool);
    waiting[0] = test_acquire_async(&one, "dead/b", &calls[0]);
    waiting[1] = test_acquire_async(&two, "dead/a", &calls[1]);
    test_await_keys(&etcd, "dead/", 4);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "deadlocks", NULL), 1);
    expect_output(&tool, TEST_STDOUT, "deadlock of 2:");
    expect_output(&tool, TEST_STDOUT, "has dead/a, waits for dead/b\n");
    expect_output(&tool, TEST_STDOUT, "has dead/b, waits for dead/a\n");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "deadlocks", "-j", "dead/", NULL), 1);
    object = output_json(&tool);
    assert_int_equal(
        json_unpack(object, "{s:[{s:o}]}", "deadlocks", "members", &members),
        0);
    assert_int_equal(json_array_size(members), 2);
    json_decref(object);
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "deadlocks", "dead/a", NULL), 0);
    test_process_end(&tool);
    test_release(waiting[0]);
    test_release(held[1]);
    assert_int_equal(test_call_await(&calls[0]), LEASELOCK_E_CANCELED);
    test_release(held[0]);
    assert_int_equal(test_call_await(&calls[1]), 0);
    test_release(waiting[1]);
    test_peer_close(&one);
    test_peer_close(&two);
}

/** Goal: an unreachable etcd and usage errors are reported. */
static void test_mistakes(void **state)
{
    static const char *const none[][3] = {
        {"ls", NULL, NULL}, {"break", "-y", "x"}, {"deadlocks", NULL, NULL}};
    static const char *const wrong[][4] = {{"ls", "a", "b", NULL},
                                           {"ls", "/a", NULL, NULL},
                                           {"break", NULL, NULL, NULL},
                                           {"break", "a", "b", "c"},
                                           {"break", "-y", "a//b", NULL},
                                           {"deadlocks", "a", "b", NULL},
                                           {"lock", "-a", "/x", "y"},
                                           {"lock", "-a", "x", "x"},
                                           {"lock", "--also=x/y", "x", NULL},
                                           {"ls", "--yes", NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, "127.0.0.1:1", "--timeout", "0.5",
                                  none[i][0], none[i][1], none[i][2], NULL),
                         69);
        expect_output(&tool, TEST_STDERR, "127.0.0.1:1");
        test_process_end(&tool);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, etcd.endpoint, wrong[i][0],
                                  wrong[i][1], wrong[i][2], wrong[i][3], NULL),
                         2);
        expect_output(&tool, TEST_STDERR, "leaselock: ");
        test_process_end(&tool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_also),
                                       cmocka_unit_test(test_also_prints_keys),
                                       cmocka_unit_test(test_ls),
                                       cmocka_unit_test(test_break),
                                       cmocka_unit_test(test_break_nested),
                                       cmocka_unit_test(test_break_asks),
                                       cmocka_unit_test(test_deadlocks),
                                       cmocka_unit_test(test_mistakes)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
