/* SPDX-License-Identifier: Apache-2.0 */
/* The tool with a guardian: if it is killed, the next waiter gets its lock at
 * once, but not while its command may be running. */
#include "live/terminal.h"

#include <dirent.h>

#include "live/guarded.h"
#include "support/one_etcd.h"

#define LONG_TTL "60"
#define LONG_MS 60000

/** Whether a process is the guardian of another: it has its pidfd. */
static bool is_guardian_of(const char *number, pid_t pid)
{
    char path[300];
    char wanted[32];
    char line[64];
    bool is_it = false;
    FILE *info;

    (void)snprintf(path, sizeof(path), "/proc/%s/fdinfo/5", number);
    (void)snprintf(wanted, sizeof(wanted), "Pid:\t%d\n", (int)pid);
    info = fopen(path, "re");
    while (info != NULL && fgets(line, sizeof(line), info) != NULL) {
        is_it = is_it || strcmp(line, wanted) == 0;
    }
    if (info != NULL) {
        (void)fclose(info);
    }
    return is_it;
}

/** The guardian of a process, which has one. */
static pid_t guardian_of(pid_t pid)
{
    DIR *all = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;

    assert_non_null(all);
    while (found == 0 && (entry = readdir(all)) != NULL) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            is_guardian_of(entry->d_name, pid)) {
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        }
    }
    closedir(all);
    assert_true(found > 0);
    return found;
}

static void expect_line(struct test_process *tool, const char *wanted)
{
    char line[LINE_SIZE];

    if (!test_process_line(tool, TEST_STDOUT, LONG_MS / 2, line,
                           sizeof(line))) {
        fail_msg("no line: %s", test_process_output(tool, TEST_STDERR));
    }
    if (wanted != NULL) {
        assert_string_equal(line, wanted);
    }
}

static void await_queue(const char *name, size_t length)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);

    while (queue_length(etcd.endpoint, name) != length) {
        assert_true(test_now_ns() < deadline_ns);
        test_pause_step();
    }
}

/** Goal: a killed tool that holds a lock for a script leaves nothing. */
static void test_lock(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process next = TEST_PROCESS_INIT;

    (void)state;
    start_tool(&holder, etcd.endpoint, "lock", "--guardian", "--ttl", LONG_TTL,
               "alone", NULL);
    expect_line(&holder, NULL);
    start_tool(&next, etcd.endpoint, "lock", "alone", "echo", "mine", NULL);
    await_queue("alone", 2);
    assert_int_equal(test_process_signal(&holder, SIGKILL), 0);
    expect_line(&next, "mine");
    test_process_end(&holder);
    test_process_end(&next);
}

/** Goal: a killed tool's command has ended before another client gets the lock,
 * even if it ignores signals. Method: the next command checks for it. */
static void test_command(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process next = TEST_PROCESS_INIT;
    char script[LINE_SIZE];
    char line[LINE_SIZE];

    (void)state;
    start_tool(&holder, etcd.endpoint, "lock", "--guardian", "--ttl", LONG_TTL,
               "--grace", "1", "cmd", "sh", "-c",
               "trap '' TERM; echo $$; while :; do sleep 0.05; done", NULL);
    assert_true(
        test_process_line(&holder, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    (void)snprintf(script, sizeof(script),
                   "kill -0 %.16s 2>/dev/null && echo both || echo mine", line);
    start_tool(&next, etcd.endpoint, "lock", "cmd", "sh", "-c", script, NULL);
    await_queue("cmd", 2);
    assert_int_equal(test_process_signal(&holder, SIGKILL), 0);
    expect_line(&next, "mine");
    test_process_end(&holder);
    test_process_end(&next);
}

/** Goal: elections have guardians as well. Method: by the environment. */
static void test_elect(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process next = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(setenv("LEASELOCK_GUARDIAN", "1", 1), 0);
    start_tool(&holder, etcd.endpoint, "elect", "--ttl", LONG_TTL, "vote",
               "old", NULL);
    assert_int_equal(unsetenv("LEASELOCK_GUARDIAN"), 0);
    expect_line(&holder, NULL);
    start_tool(&next, etcd.endpoint, "elect", "vote", "new", "echo", "new",
               NULL);
    await_queue("vote", 2);
    assert_int_equal(test_process_signal(&holder, SIGKILL), 0);
    expect_line(&next, "new");
    test_process_end(&holder);
    test_process_end(&next);
}

/** Goal: ^C ends the tool as without a guardian, and its guardian exits. */
static void test_interrupted(void **state)
{
    const char *const argv[] = {"leaselock", "lock",  "--guardian", "--ttl",
                                LONG_TTL,    "typed", NULL};
    struct terminal terminal;
    pid_t guardian;

    (void)state;
    open_terminal_with(&terminal, etcd.endpoint, argv);
    expect_on_screen(&terminal, "typed/");
    guardian = guardian_of(terminal.pid);
    type(&terminal, CTRL_C);
    assert_int_equal(close_terminal(&terminal), 0);
    assert_int_equal(queue_length(etcd.endpoint, "typed"), 0);
    assert_true(test_until(WAIT_MS, process_is_gone, &guardian));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_elect),
        cmocka_unit_test(test_interrupted),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
