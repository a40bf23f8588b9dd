/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's supervisor with real processes: it reports CMD's exit status, and
 * terminates it with all its children if the deadline is not extended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* The tool is a program: its source files are compiled into the test. */
#include "cli/child.c"
#include "cli/supervisor.c"
#include "cli/supervisor_process.c"
#include "cli/terminal.c"

#define WAIT_MS 10000
#define LONG_NS (600 * NS_PER_S)

/** A supervisor that runs a script with its output in a pipe, whose end means
 * that the supervisor, CMD and all its children have ended. */
struct fixture {
    struct ll_supervisor supervisor;
    struct ll_supervisor_plan plan;
    char *argv[4];
    int output;
};

static void
open_with(struct fixture *f, const char *script, int grace_ms, int again)
{
    char *copy = strdup(script);
    int ends[2];
    int stdout_fd;

    memset(f, 0, sizeof(*f));
    f->argv[0] = strdup("sh");
    f->argv[1] = strdup("-c");
    f->argv[2] = copy;
    f->plan.name = "the name";
    f->plan.argv = f->argv;
    f->plan.grace_ms = grace_ms;
    f->plan.again = again;
    sigemptyset(&f->plan.mask);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(stdout);
    stdout_fd = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    assert_int_equal(ll_supervisor_open(&f->supervisor, &f->plan), 0);
    dup2(stdout_fd, STDOUT_FILENO);
    close(stdout_fd);
    close(ends[1]);
    f->output = ends[0];
}

static void open_fixture(struct fixture *f, const char *script, int grace_ms)
{
    open_with(f, script, grace_ms, 0);
}

static void start_fixture(struct fixture *f, int64_t left_ns)
{
    struct ll_supervisor_lock lock = {12, 0x1234abcd, "the name/1234abcd.1"};

    ll_supervisor_start(&f->supervisor, &lock, now_ns() + left_ns);
}

/** Waits for the supervisor's next report. */
static struct ll_supervisor_report next_report(struct fixture *f)
{
    struct ll_supervisor_report report = {0, 0, 0, 0};
    struct pollfd fd = {f->supervisor.socket, POLLIN, 0};

    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    assert_int_equal(ll_supervisor_read(&f->supervisor, &report), 1);
    return report;
}

static struct ll_supervisor_report last_report(struct fixture *f)
{
    struct ll_supervisor_report report = next_report(f);

    assert_int_equal(report.kind, LL_SUPERVISOR_STARTED);
    assert_int_equal(report.value, f->supervisor.command);
    return next_report(f);
}

/** Reads CMD's output until a line is complete. */
static void read_line(struct fixture *f, char *line, size_t size)
{
    size_t n = 0;

    do {
        struct pollfd fd = {f->output, POLLIN, 0};

        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        assert_int_equal(read(f->output, line + n, 1), 1);
    } while (line[n++] != '\n' && n < size);
    line[n - 1] = '\0';
}

/** Waits until all processes have ended, and returns their output. */
static size_t read_rest(struct fixture *f, char *rest, size_t size)
{
    size_t n = 0;

    for (;;) {
        struct pollfd fd = {f->output, POLLIN, 0};
        ssize_t got;

        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        got = read(f->output, rest + n, size - 1 - n);
        assert_true(got >= 0);
        if (got == 0) {
            rest[n] = '\0';
            return n;
        }
        n += (size_t)got;
    }
}

static void close_fixture(struct fixture *f)
{
    ll_supervisor_reap(&f->supervisor);
    close(f->output);
    for (size_t i = 0; i < 3; i++) {
        free(f->argv[i]);
    }
}

/** Failure 30: CMD's exit status passes through. */
static void test_exit_status(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;

    (void)state;
    open_fixture(&f, "exit 7", 100);
    start_fixture(&f, LONG_NS);
    report = last_report(&f);
    assert_int_equal(report.kind, LL_SUPERVISOR_ENDED);
    assert_false(report.ended_by_supervisor);
    assert_true(WIFEXITED(report.value));
    assert_int_equal(WEXITSTATUS(report.value), 7);
    close_fixture(&f);
}

/** Failure 30: the signal that killed CMD passes through. */
static void test_death_by_signal(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;

    (void)state;
    open_fixture(&f, "kill -USR2 $$; sleep 60", 100);
    start_fixture(&f, LONG_NS);
    report = last_report(&f);
    assert_false(report.ended_by_supervisor);
    assert_true(WIFSIGNALED(report.value));
    assert_int_equal(WTERMSIG(report.value), SIGUSR2);
    close_fixture(&f);
}

/** Goal: CMD's environment describes the lock. Method: print the variables. */
static void test_environment(void **state)
{
    char rest[256];
    struct fixture f;

    (void)state;
    open_fixture(&f,
                 "echo $LEASELOCK_NAME,$LEASELOCK_LOCK_KEY,$LEASELOCK_TOKEN,"
                 "$LEASELOCK_LEASE",
                 100);
    start_fixture(&f, LONG_NS);
    last_report(&f);
    read_rest(&f, rest, sizeof(rest));
    assert_string_equal(rest,
                        "the name,the name/1234abcd.1,12,000000001234abcd\n");
    close_fixture(&f);
}

/** Goal: a missing CMD is distinguished from one that fails. Method: try to run
 *  a file that does not exist. */
static void test_not_found(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;

    (void)state;
    open_fixture(&f, "", 100);
    ll_supervisor_reap(&f.supervisor);
    free(f.argv[0]);
    f.argv[0] = strdup("/nowhere/nothing");
    assert_int_equal(ll_supervisor_open(&f.supervisor, &f.plan), 0);
    start_fixture(&f, LONG_NS);
    report = last_report(&f);
    assert_int_equal(report.kind, LL_SUPERVISOR_FAILED);
    assert_int_equal(report.value, ENOENT);
    close_fixture(&f);
}

/** Failure 30: a signal reaches CMD. */
static void test_signal(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;
    char line[64];

    (void)state;
    open_fixture(&f,
                 "trap 'exit 9' USR1; echo ready; "
                 "while :; do sleep 0.01; done",
                 100);
    start_fixture(&f, LONG_NS);
    read_line(&f, line, sizeof(line));
    ll_supervisor_signal(&f.supervisor, SIGUSR1);
    report = last_report(&f);
    assert_false(report.ended_by_supervisor);
    assert_int_equal(WEXITSTATUS(report.value), 9);
    close_fixture(&f);
}

/** Failures 14 and 29: if the tool does not extend the deadline, CMD gets
 * SIGTERM at the deadline, and processes that ignore it get SIGKILL, even in a
 * session of their own. */
static void test_deadline(void **state)
{
    int64_t start_ns = now_ns();
    struct ll_supervisor_report report;
    struct fixture f;
    char rest[64];

    (void)state;
    open_fixture(&f,
                 "trap 'echo TERM' TERM; (trap '' TERM; sleep 60) & "
                 "setsid sleep 60 & while :; do sleep 0.01; done",
                 200);
    start_fixture(&f, 300 * NS_PER_MS);
    report = last_report(&f);
    assert_true(now_ns() - start_ns >= 500 * NS_PER_MS);
    assert_int_equal(report.kind, LL_SUPERVISOR_ENDED);
    assert_true(report.ended_by_supervisor);
    assert_int_equal(WTERMSIG(report.value), SIGKILL);
    read_rest(&f, rest, sizeof(rest));
    assert_string_equal(rest, "TERM\n");
    close_fixture(&f);
}

/** Failure 29: a stopped CMD gets SIGTERM, too. */
static void test_deadline_of_stopped(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;

    (void)state;
    open_fixture(&f, "trap 'exit 3' TERM; kill -STOP $$; exit 4", WAIT_MS);
    start_fixture(&f, 300 * NS_PER_MS);
    report = last_report(&f);
    assert_true(report.ended_by_supervisor);
    assert_int_equal(WEXITSTATUS(report.value), 3);
    close_fixture(&f);
}

/** Goal: an extended deadline terminates nothing. Method: CMD runs past the
 * first one. */
static void test_extend(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;

    (void)state;
    open_fixture(&f, "sleep 0.5; exit 5", 100);
    start_fixture(&f, 250 * NS_PER_MS);
    ll_supervisor_extend(&f.supervisor, now_ns() + LONG_NS);
    report = last_report(&f);
    assert_false(report.ended_by_supervisor);
    assert_int_equal(WEXITSTATUS(report.value), 5);
    close_fixture(&f);
}

/** Goal: a grace of zero kills at once. Method: CMD ignores SIGTERM. */
static void test_no_grace(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;
    char line[64];

    (void)state;
    open_fixture(&f, "trap '' TERM; echo ready; sleep 60", 0);
    start_fixture(&f, LONG_NS);
    read_line(&f, line, sizeof(line));
    ll_supervisor_end(&f.supervisor);
    report = last_report(&f);
    assert_true(report.ended_by_supervisor);
    assert_int_equal(WTERMSIG(report.value), SIGKILL);
    close_fixture(&f);
}

/** Failure 30: when the tool has ended, CMD and its children are terminated. */
static void test_tool_gone(void **state)
{
    struct fixture f;
    char rest[64];

    (void)state;
    open_fixture(&f,
                 "echo ready; sleep 60 & (trap '' TERM; sleep 60) & "
                 "setsid sleep 60",
                 100);
    start_fixture(&f, LONG_NS);
    read_line(&f, rest, sizeof(rest));
    ll_supervisor_close(&f.supervisor);
    assert_int_equal(read_rest(&f, rest, sizeof(rest)), 0);
    close_fixture(&f);
}

/** Failure 30: when the supervisor is killed, CMD is killed, too. */
static void test_guard_killed(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;
    char rest[64];

    (void)state;
    open_fixture(&f, "trap '' TERM; echo ready; sleep 60 & sleep 60", 100);
    start_fixture(&f, LONG_NS);
    read_line(&f, rest, sizeof(rest));
    report = next_report(&f);
    assert_int_equal(report.kind, LL_SUPERVISOR_STARTED);
    kill(f.supervisor.pid, SIGKILL);
    ll_supervisor_sweep(&f.supervisor);
    assert_int_equal(ll_supervisor_read(&f.supervisor, &report), -1);
    assert_int_equal(read_rest(&f, rest, sizeof(rest)), 0);
    close_fixture(&f);
}

/** Failure 14: a start after the deadline starts nothing. */
static void test_start_too_late(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;
    char rest[64];

    (void)state;
    open_fixture(&f, "echo started", 100);
    start_fixture(&f, -1);
    report = next_report(&f);
    assert_int_equal(report.kind, LL_SUPERVISOR_ENDED);
    assert_true(report.ended_by_supervisor);
    assert_int_equal(read_rest(&f, rest, sizeof(rest)), 0);
    close_fixture(&f);
}

/** Goal: a supervisor that may restart CMD does so after each termination by
 * itself, without a stale request; when CMD exits by itself, that is the end.
 * Method: terminations by request and by the deadline, with late requests. */
static void test_again(void **state)
{
    struct ll_supervisor_report report;
    struct fixture f;
    char line[64];

    (void)state;
    open_with(&f,
              "trap 'exit 3' USR1; echo ready; while :; do sleep 0.01; done",
              100, 1);
    for (int i = 0; i < 3; i++) {
        start_fixture(&f, LONG_NS);
        read_line(&f, line, sizeof(line));
        assert_string_equal(line, "ready");
        if (i == 2) {
            ll_supervisor_signal(&f.supervisor, SIGUSR1);
            break;
        }
        if (i == 0) {
            ll_supervisor_end(&f.supervisor);
        } else {
            ll_supervisor_extend(&f.supervisor, now_ns());
        }
        report = last_report(&f);
        assert_int_equal(report.kind, LL_SUPERVISOR_ENDED);
        assert_true(report.ended_by_supervisor);
        assert_true(report.can_again);
        ll_supervisor_extend(&f.supervisor, now_ns());
        ll_supervisor_end(&f.supervisor);
        ll_supervisor_signal(&f.supervisor, SIGUSR1);
    }
    report = last_report(&f);
    assert_int_equal(report.kind, LL_SUPERVISOR_ENDED);
    assert_false(report.ended_by_supervisor);
    assert_false(report.can_again);
    assert_int_equal(WEXITSTATUS(report.value), 3);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_death_by_signal),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_deadline_of_stopped),
        cmocka_unit_test(test_extend),
        cmocka_unit_test(test_no_grace),
        cmocka_unit_test(test_tool_gone),
        cmocka_unit_test(test_guard_killed),
        cmocka_unit_test(test_start_too_late),
        cmocka_unit_test(test_again)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
