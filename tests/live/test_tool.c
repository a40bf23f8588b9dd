/* SPDX-License-Identifier: Apache-2.0 */
/* "leaselock lock" against a real etcd: exit codes, signals, and CMD's
 * environment. Its reaction to a loss is in test_tool_loss.c. */
#include "live/tool.h"

#include <inttypes.h>
#include <signal.h>

#include "support/one_etcd.h"
#include "support/wait.h"

struct length {
    const char *name;
    size_t wanted;
};

static bool queue_has_length(void *arg)
{
    const struct length *length = arg;

    return queue_length(etcd.endpoint, length->name) == length->wanted;
}

/** Failure 30: CMD's exit status is the tool's. Method: a status, a signal, and
 *  two commands that cannot be run. */
static void test_status_passes_through(void **state)
{
    static const struct {
        const char *cmd[3];
        int status;
    } cases[] = {{{"sh", "-c", "exit 7"}, 7},
                 {{"true", NULL, NULL}, 0},
                 {{"sh", "-c", "kill -USR1 $$"}, 128 + SIGUSR1},
                 {{"sh", "-c", "kill -KILL $$"}, 128 + SIGKILL},
                 {{"/dev/null", NULL, NULL}, 126},
                 {{"no-such-command", NULL, NULL}, 127}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        const char *const *cmd = cases[i].cmd;

        assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "status", "--",
                                  cmd[0], cmd[1], cmd[2], NULL),
                         cases[i].status);
        test_process_end(&tool);
    }
    assert_int_equal(queue_length(etcd.endpoint, "status"), 0);
}

/** Goal: CMD's environment names its lock. Method: compare its variables with
 * the tool's listing of the queue. */
static void test_environment(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    char wanted[LINE_SIZE];
    const char *key;
    const char *lease;
    json_int_t token;
    json_t *queue;

    (void)state;
    start_holder(&tool, etcd.endpoint, "env/x",
                 "echo ready; "
                 "echo $LEASELOCK_NAME $LEASELOCK_LOCK_KEY $LEASELOCK_TOKEN "
                 "$LEASELOCK_LEASE; sleep 60");
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    queue = read_queue(etcd.endpoint, "env/x");
    assert_int_equal(json_unpack(queue, "{s:[{s:s, s:I, s:s}]}", "entries",
                                 "key", &key, "token", &token, "lease", &lease),
                     0);
    snprintf(wanted, sizeof(wanted), "env/x %s %" JSON_INTEGER_FORMAT " %s",
             key, token, lease);
    assert_string_equal(line, wanted);
    json_decref(queue);
    test_process_end(&tool);
}

/** Goal: the command takes the tool's place where systemd names the process that
 *  it has started, and only there. Method: a shell sets the variables as systemd
 *  does, and becomes the tool. */
static void test_service_manager(void **state)
{
    static const char script[] =
        "export LEASELOCK_ENDPOINTS=$1 WATCHDOG_PID=$$ LISTEN_PID=1; "
        "exec \"$0\" lock service sh -c "
        "'test $$ = \"$WATCHDOG_PID\" && echo \"$LISTEN_PID\"'";
    const char *const argv[] = {"sh",        "-c",          script,
                                test_tool(), etcd.endpoint, NULL};
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(test_process_start(&tool, argv, NULL), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 0);
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "1\n");
    test_process_end(&tool);
}

/** Goal: CMD can use the tool as well: the variables of its lock are not
 * settings. Method: acquire a lock under a lock. */
static void test_under_itself(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "outer", "--",
                              test_tool(), "lock", "inner", "sh", "-c",
                              "exit 7", NULL),
                     7);
    test_process_end(&tool);
}

/** Goal: -n on a held lock ends at once and writes nothing. Method: check the
 * time and the store's revision. */
static void test_try(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    int64_t revision;
    int64_t start_ns;
    int64_t took_ms;

    (void)state;
    start_holder(&holder, etcd.endpoint, "try", "echo ready; sleep 60");
    revision = test_etcd_revision(&etcd);
    start_ns = test_now_ns();
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "-n", "try", "true", NULL), 1);
    took_ms = (test_now_ns() - start_ns) / TEST_NS_PER_MS;
    print_message("lock -n on a held lock took %" PRId64 " ms\n", took_ms);
    assert_true(took_ms < 20000); /* the holder sleeps for longer */
    assert_int_equal(test_etcd_revision(&etcd), revision);
    expect_output(&tool, TEST_STDERR, "try is held by ");
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: -w times out and leaves the queue. Method: wait for a part of a
 * second. */
static void test_wait_gives_up(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    int64_t start_ns;
    int64_t took_ms;

    (void)state;
    start_holder(&holder, etcd.endpoint, "wait", "echo ready; sleep 60");
    start_ns = test_now_ns();
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-w", "0.3", "wait",
                              "true", NULL),
                     1);
    took_ms = (test_now_ns() - start_ns) / TEST_NS_PER_MS;
    assert_in_range(took_ms, 300, 3000);
    assert_int_equal(queue_length(etcd.endpoint, "wait"), 1);
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Failure 30: signals are forwarded to CMD, which may handle them. */
static void test_signals_reach_cmd(void **state)
{
    static const int signals[] = {SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

    (void)state;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        char script[LINE_SIZE];

        snprintf(script, sizeof(script),
                 "trap 'exit 5' %d; echo ready; "
                 "while :; do sleep 0.01; done",
                 signals[i]);
        start_holder(&tool, etcd.endpoint, "signals", script);
        assert_int_equal(test_process_signal(&tool, signals[i]), 0);
        assert_int_equal(test_process_wait(&tool, WAIT_MS), 5);
        test_process_end(&tool);
    }
}

/** Goal: a signal during the wait ends the tool and removes it from the queue.
 * Method: a waiting tool gets the signal, and the queue is shorter at once. */
static void test_signal_while_waiting(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    struct length two = {"leave", 2};

    (void)state;
    start_holder(&holder, etcd.endpoint, "leave", "echo ready; sleep 60");
    start_tool(&tool, etcd.endpoint, "lock", "leave", "echo", "never", NULL);
    assert_true(test_until(WAIT_MS, queue_has_length, &two));
    assert_int_equal(test_process_signal(&tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 128 + SIGTERM);
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
    assert_int_equal(queue_length(etcd.endpoint, "leave"), 1);
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: without CMD the tool prints the key, holds, and releases at a signal.
 *  Method: read the key from its JSON, and find it in etcd. */
static void test_hold_without_cmd(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    char output[LINE_SIZE];
    const char *name;
    const char *key;
    const char *only;
    const char *lease;
    const char *mode;
    json_int_t token;
    json_t *object;

    (void)state;
    start_tool(&tool, etcd.endpoint, "lock", "--json", "hold", NULL);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    object = json_loads(line, 0, NULL);
    assert_int_equal(
        json_unpack(object, "{s:s, s:s, s:I, s:s, s:[s !], s:s, s:n !}", "name",
                    &name, "key", &key, "token", &token, "lease", &lease,
                    "keys", &only, "mode", &mode, "permits"),
        0);
    assert_string_equal(mode, "exclusive");
    assert_string_equal(key, only);
    assert_string_equal(name, "hold");
    assert_true(token > 0);
    assert_int_equal(strlen(lease), 16);
    assert_int_equal(test_etcdctl(&etcd, output, sizeof(output), "get",
                                  "--keys-only", key, NULL),
                     0);
    assert_memory_equal(output, key, strlen(key));
    assert_int_equal(test_process_signal(&tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 0);
    assert_int_equal(queue_length(etcd.endpoint, "hold"), 0);
    json_decref(object);
    test_process_end(&tool);
}

/** Goal: output that cannot be written is an error, and the lock is released.
 * Method: a full device. */
static void test_output_fails(void **state)
{
    static const char *const commands[] = {"ping", "--help", "lock full"};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct test_process shell = TEST_PROCESS_INIT;
        char script[LINE_SIZE];
        const char *const argv[] = {"sh", "-c", script, NULL};

        snprintf(script, sizeof(script), "exec %s --endpoints %s %s >/dev/full",
                 test_tool(), etcd.endpoint, commands[i]);
        assert_int_equal(test_process_start(&shell, argv, NULL), 0);
        assert_int_equal(test_process_wait(&shell, WAIT_MS), 74);
        test_process_end(&shell);
    }
    assert_int_equal(queue_length(etcd.endpoint, "full"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_passes_through),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_service_manager),
        cmocka_unit_test(test_under_itself),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_wait_gives_up),
        cmocka_unit_test(test_signals_reach_cmd),
        cmocka_unit_test(test_signal_while_waiting),
        cmocka_unit_test(test_hold_without_cmd),
        cmocka_unit_test(test_output_fails)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
