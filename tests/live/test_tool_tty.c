/* The tool on a terminal: the line that a long wait shows, and who reads the
 * keys. */
#include "live/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/wait.h"

#define COLUMNS 60
#define SCREEN_SIZE 8192
#define CTRL_C "\003"
#define CTRL_Z "\032"

static struct test_etcd etcd;

static int start_etcd(void **state)
{
    (void)state;
    return test_etcd_start(&etcd);
}

static int stop_etcd(void **state)
{
    (void)state;
    test_etcd_stop(&etcd);
    return 0;
}

/** A tool that leads the session of a terminal of its own. */
struct terminal {
    pid_t pid;
    int fd;
    /** All that was written to it. */
    char screen[SCREEN_SIZE];
    size_t size;
};

static void
open_terminal(struct terminal *terminal, const char *name, const char *script)
{
    const struct winsize size = {24, COLUMNS, 0, 0};

    memset(terminal, 0, sizeof(*terminal));
    terminal->pid = forkpty(&terminal->fd, NULL, NULL, &size);
    assert_true(terminal->pid >= 0);
    if (terminal->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("LEASELOCK_ENDPOINTS", etcd.endpoint, 1);
        (void)signal(SIGINT, SIG_DFL);
        execl(test_tool(), "leaselock", "lock", name, "sh", "-c", script,
              (char *)NULL);
        _exit(127);
    }
    (void)fcntl(terminal->fd, F_SETFD, FD_CLOEXEC);
}

/** Takes in what was written. Returns whether more may come. */
static bool read_screen(struct terminal *terminal, int timeout_ms)
{
    struct pollfd fd = {terminal->fd, POLLIN, 0};
    ssize_t n;

    assert_true(terminal->size < SCREEN_SIZE - 1);
    if (poll(&fd, 1, timeout_ms) != 1) {
        return true;
    }
    n = read(terminal->fd, terminal->screen + terminal->size,
             SCREEN_SIZE - 1 - terminal->size);
    if (n <= 0) {
        return false; /* EIO: nobody has the terminal open any more */
    }
    terminal->size += (size_t)n;
    terminal->screen[terminal->size] = '\0';
    return true;
}

static void expect_on_screen(struct terminal *terminal, const char *part)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);

    while (strstr(terminal->screen, part) == NULL) {
        if (!read_screen(terminal, 10) || test_now_ns() > deadline_ns) {
            fail_msg("\"%s\" is not in \"%s\"", part, terminal->screen);
        }
    }
}

static void type(struct terminal *terminal, const char *keys)
{
    assert_int_equal(write(terminal->fd, keys, strlen(keys)), strlen(keys));
}

/** Waits for the tool's end, and returns its exit code. */
static int close_terminal(struct terminal *terminal)
{
    int64_t deadline_ns = test_deadline_ns(WAIT_MS);
    int status = 0;

    while (read_screen(terminal, 10) && test_now_ns() < deadline_ns) {
    }
    if (test_now_ns() >= deadline_ns) {
        kill(terminal->pid, SIGKILL);
    }
    assert_int_equal(waitpid(terminal->pid, &status, 0), terminal->pid);
    close(terminal->fd);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/** Goal: a long wait says who is in the way, on one line that fits, and takes
 *  the line away. Method: wait behind a holder with a long label. */
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

/** Goal: ^C while waiting leaves the queue. Method: type it once the line
 *  shows. */
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

/** Goal: CMD has the terminal: it reads it, and gets ^C, once. Method: a
 *  script that counts. */
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

/** Goal: ^Z does not leave a lock behind that nobody can release from there.
 *  Method: CMD goes on after it. */
static void test_stop_key(void **state)
{
    struct terminal terminal;

    (void)state;
    /* Nothing is forked meanwhile: a child that stops between vfork() and
     * exec would hold up its parent, which then never stops. */
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
