/* SPDX-License-Identifier: Apache-2.0 */
/* The tool asks the holders of a lock to let go, and does so itself. */
#include "live/tool.h"

#include <signal.h>
#include <stdlib.h>

#include "support/one_etcd.h"
#include "support/wait.h"

#define EXIT_NOT_ACQUIRED 1
#define EXIT_USAGE 2

static void await_line(struct test_process *tool, const char *expected)
{
    char line[LINE_SIZE];

    assert_true(
        test_process_line(tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, expected);
}

/** Asks for a lock; how many holders were asked. */
static json_int_t ask(const char *name, const char *reason)
{
    struct test_process tool = TEST_PROCESS_INIT;
    json_t *answer;
    json_int_t asked;

    assert_int_equal(run_tool(&tool, etcd.endpoint, "yield", "--json",
                              "--reason", reason, name, NULL),
                     0);
    answer = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_non_null(answer);
    assert_string_equal(json_string_value(json_object_get(answer, "name")),
                        name);
    asked = json_integer_value(json_object_get(answer, "asked"));
    json_decref(answer);
    test_process_end(&tool);
    return asked;
}

/** Goal: CMD gets SIGTERM when its lock is asked for, and then the next one gets
 * the lock; the message has the reason, escaped. */
static void test_default(void **state)
{
    static const char name[] = "tool/yield";
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process next = TEST_PROCESS_INIT;

    (void)state;
    start_holder(&holder, etcd.endpoint, name,
                 "trap 'echo asked; exit 7' TERM; echo ready; "
                 "while :; do sleep 0.05; done");
    start_tool(&next, etcd.endpoint, "lock", name, "echo", "mine", NULL);
    assert_int_equal(ask(name, "a \xe2\x80\xae backup"), 1);
    await_line(&holder, "asked");
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 7);
    expect_output(&holder, TEST_STDERR, "tool/yield is asked for by ");
    expect_output(&holder, TEST_STDERR,
                  ": a \\xe2\\x80\\xae backup; signalling the command");
    await_line(&next, "mine");
    assert_int_equal(test_process_wait(&next, WAIT_MS), 0);
    test_process_end(&holder);
    test_process_end(&next);
}

/** Goal: --on-yield chooses the signal, and with "ignore" CMD gets none, while
 * the queue shows who has asked. */
static void test_choice(void **state)
{
    static const char name[] = "tool/choice";
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process shown = TEST_PROCESS_INIT;
    json_t *queue;
    json_t *asked;

    (void)state;
    start_tool(&holder, etcd.endpoint, "lock", "--on-yield", "SIGUSR1", name,
               "sh", "-c",
               "trap 'echo usr1; exit 0' USR1; trap 'exit 9' TERM; echo ready; "
               "while :; do sleep 0.05; done",
               NULL);
    await_line(&holder, "ready");
    assert_int_equal(ask(name, "r"), 1);
    await_line(&holder, "usr1");
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 0);
    test_process_end(&holder);

    start_tool(&holder, etcd.endpoint, "lock", "--on-yield", "ignore", name,
               "sh", "-c",
               "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done",
               NULL);
    await_line(&holder, "ready");
    assert_int_equal(ask(name, "please"), 1);
    queue = read_queue(etcd.endpoint, name);
    asked = json_object_get(
        json_array_get(json_object_get(queue, "entries"), 0), "asked");
    assert_string_equal(json_string_value(json_object_get(asked, "reason")),
                        "please");
    assert_non_null(
        strstr(json_string_value(json_object_get(asked, "who")), "leaselock"));
    assert_true(json_integer_value(json_object_get(asked, "at_unix_s")) >
                1600000000);
    json_decref(queue);
    assert_int_equal(run_tool(&shown, etcd.endpoint, "queue", name, NULL), 0);
    expect_output(&shown, TEST_STDOUT, "asked by ");
    expect_output(&shown, TEST_STDOUT, " ago: please");
    test_process_end(&shown);
    assert_int_equal(test_process_wait(&holder, 0), TEST_PROCESS_TIMEOUT);
    test_process_signal(&holder, SIGTERM);
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 9);
    expect_output(&holder, TEST_STDERR, "; it is kept (--on-yield)");
    test_process_end(&holder);
}

/** Goal: without CMD the tool releases the lock; a leader is asked as well, and
 * not twice. */
static void test_without_cmd(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    char line[LINE_SIZE];

    (void)state;
    start_tool(&holder, etcd.endpoint, "lock", "tool/alone", NULL);
    assert_true(
        test_process_line(&holder, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_int_equal(ask("tool/alone", "r"), 1);
    assert_int_equal(test_process_wait(&holder, WAIT_MS), 0);
    expect_output(&holder, TEST_STDERR, "; releasing it");
    test_process_end(&holder);
    assert_int_equal(queue_length(etcd.endpoint, "tool/alone"), 0);

    start_tool(&holder, etcd.endpoint, "elect", "tool/election", "me", "sh",
               "-c",
               "trap 'echo asked' TERM; echo ready; "
               "while :; do sleep 0.05; done",
               NULL);
    await_line(&holder, "ready");
    assert_int_equal(ask("tool/election", "r"), 1);
    await_line(&holder, "asked");
    assert_int_equal(ask("tool/election", "r"), 1);
    await_line(&holder, "asked");
    test_process_signal(&holder, SIGKILL);
    (void)test_process_wait(&holder, WAIT_MS);
    test_process_end(&holder);
}

/** Goal: the exit status says that nobody could be asked; wrong words are
 * refused. */
static void test_statuses(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_tool(&tool, etcd.endpoint, "yield", "tool/free", NULL),
                     EXIT_NOT_ACQUIRED);
    expect_output(&tool, TEST_STDERR, "nobody holds tool/free");
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "yield", NULL), EXIT_USAGE);
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "--on-yield", "TRM",
                              "tool/a", "true", NULL),
                     EXIT_USAGE);
    expect_output(&tool, TEST_STDERR, "a signal, such as TERM");
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "--on-yield", "0",
                              "tool/a", "true", NULL),
                     EXIT_USAGE);
    test_process_end(&tool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_without_cmd),
        cmocka_unit_test(test_statuses),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
