/* SPDX-License-Identifier: Apache-2.0 */
/* The tool on a terminal: the status line of a long wait, and which process
 * reads the keys. */
#include "live/terminal.h"
#include "support/one_etcd.h"

static void
open_terminal(struct terminal *terminal, const char *name, const char *script)
{
    const char *const argv[] = {"leaselock", "lock", name, "sh",
                                "-c",        script, NULL};

    open_terminal_with(terminal, etcd.endpoint, argv);
}

/** Goal: a long wait shows the holder, on one line that fits, and removes the
 * line. Method: wait behind a holder with a long label. */
static void test_wait_line(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct terminal terminal;
    const char *line;
    const char *wanted = "waiting for line: 1 ahead, held by ";

    (void)state;
    start_tool(&holder, etcd.endpoint, "lock", "--label",
               "a-label-that-is-too-long-for-the-terminal-to-show-it", "line",
               "sleep", "600", NULL);
    while (queue_length(etcd.endpoint, "line") == 0) {
        test_pause_step();
    }
    open_terminal(&terminal, "line", "echo got it");
    expect_on_screen(&terminal, wanted);
    expect_on_screen(&terminal, "...\033[K");
    line = strstr(terminal.screen, wanted);
    assert_int_equal(strstr(line, "\033[K") - line, COLUMNS - 1);
    assert_int_equal(test_process_signal(&holder, SIGTERM), 0);
    expect_on_screen(&terminal, "\r\033[Kgot it");
    assert_int_equal(close_terminal(&terminal), 0);
    test_process_end(&holder);
}

/** Goal: ^C during a wait removes the tool from the queue. Method: type it once
 * the line is shown. */
static void test_interrupted_wait(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct terminal terminal;

    (void)state;
    start_holder(&holder, etcd.endpoint, "interrupt", "echo ready; sleep 600");
    open_terminal(&terminal, "interrupt", "echo never");
    expect_on_screen(&terminal, "waiting for interrupt");
    type(&terminal, CTRL_C);
    assert_int_equal(close_terminal(&terminal), 128 + SIGINT);
    assert_null(strstr(terminal.screen, "never"));
    assert_int_equal(queue_length(etcd.endpoint, "interrupt"), 1);
    test_process_end(&holder);
}

/** Goal: CMD has the terminal: it reads from it, and gets ^C, once. Method: a
 * script that counts. */
static void test_cmd_has_terminal(void **state)
{
    struct terminal terminal;

    (void)state;
    open_terminal(&terminal, "keys",
                  "n=0; trap 'n=$((n+1)); echo INT $n' INT; echo ready; "
                  "read word; read word; echo \"word $word\"; sleep 0.2; "
                  "exit $n");
    expect_on_screen(&terminal, "ready");
    type(&terminal, CTRL_C);
    expect_on_screen(&terminal, "INT 1");
    type(&terminal, "first\nsecond\n");
    expect_on_screen(&terminal, "word ");
    assert_int_equal(close_terminal(&terminal), 1);
}

/** Goal: after ^Z the lock can still be released from the terminal. Method: CMD
 * continues after it. */
static void test_stop_key(void **state)
{
    struct terminal terminal;

    (void)state;
    /* No process is forked meanwhile: a child that stops between vfork() and
     * exec would block its parent, which then never stops. */
    open_terminal(&terminal, "stop", "echo ready; read word; exit 4");
    expect_on_screen(&terminal, "ready");
    type(&terminal, CTRL_Z);
    expect_on_screen(&terminal, "was continued");
    type(&terminal, "go\n");
    assert_int_equal(close_terminal(&terminal), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wait_line),
                                       cmocka_unit_test(test_interrupted_wait),
                                       cmocka_unit_test(test_cmd_has_terminal),
                                       cmocka_unit_test(test_stop_key)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
