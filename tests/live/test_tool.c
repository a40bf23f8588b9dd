/* The tool against a real etcd: exit codes, signals, what CMD sees, and what
 * is printed. How it acts on a loss is in test_tool_loss.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/etcd.h"
#include "support/process.h"
#include "support/wait.h"

#define WAIT_MS 10000
#define LINE_SIZE 1024
#define WORDS_MAX 16

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

/** Starts "leaselock WORD..."; the words end with a NULL. */
static void start_words(struct test_process *tool,
                        const char *endpoint,
                        const char *first,
                        va_list words)
{
    const char *argv[WORDS_MAX] = {test_tool(), first};
    char variable[64];
    const char *const env[] = {variable, NULL};

    snprintf(variable, sizeof(variable), "LEASELOCK_ENDPOINTS=%s", endpoint);
    for (size_t i = 2; argv[i - 1] != NULL; i++) {
        assert_true(i < WORDS_MAX);
        argv[i] = va_arg(words, const char *);
    }
    assert_int_equal(test_process_start(tool, argv, env), 0);
}

__attribute__((sentinel)) static void
start_tool(struct test_process *tool, const char *first, ...)
{
    va_list words;

    va_start(words, first);
    start_words(tool, etcd.endpoint, first, words);
    va_end(words);
}

/** Runs the tool to its end. Returns its status; the caller ends tool. */
__attribute__((sentinel)) static int run_tool(struct test_process *tool,
                                              const char *endpoint,
                                              const char *first,
                                              ...)
{
    va_list words;

    va_start(words, first);
    start_words(tool, endpoint, first, words);
    va_end(words);
    return test_process_wait(tool, WAIT_MS);
}

/** Starts a tool whose CMD says "ready", and waits for that. */
static void
start_holder(struct test_process *tool, const char *name, const char *script)
{
    char line[LINE_SIZE];

    start_tool(tool, "lock", name, "sh", "-c", script, NULL);
    assert_true(
        test_process_line(tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, "ready");
}

static void expect_output(const struct test_process *tool,
                          enum test_stream stream,
                          const char *part)
{
    const char *output = test_process_output(tool, stream);

    if (strstr(output, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, output);
    }
}

/** The queue as the tool prints it; the caller drops the reference. */
static json_t *read_queue(const char *name)
{
    struct test_process tool = TEST_PROCESS_INIT;
    json_t *queue;

    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "queue", "--json", name, NULL), 0);
    queue = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_non_null(queue);
    test_process_end(&tool);
    return queue;
}

static size_t queue_length(const char *name)
{
    json_t *queue = read_queue(name);
    size_t length = json_array_size(json_object_get(queue, "entries"));

    json_decref(queue);
    return length;
}

struct length {
    const char *name;
    size_t wanted;
};

static bool queue_has_length(void *arg)
{
    const struct length *length = arg;

    return queue_length(length->name) == length->wanted;
}

/** Failure 30: what CMD ends with is what the tool ends with. Method: a status,
 *  a signal, and two commands that cannot be run. */
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
    assert_int_equal(queue_length("status"), 0);
}

/** Goal: CMD sees which lock it holds. Method: compare its variables with the
 *  queue as the tool shows it. */
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
    start_holder(&tool, "env/x",
                 "echo ready; "
                 "echo $LEASELOCK_NAME $LEASELOCK_KEY $LEASELOCK_TOKEN "
                 "$LEASELOCK_LEASE; sleep 60");
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    queue = read_queue("env/x");
    assert_int_equal(json_unpack(queue, "{s:[{s:s, s:I, s:s}]}", "entries",
                                 "key", &key, "token", &token, "lease", &lease),
                     0);
    snprintf(wanted, sizeof(wanted), "env/x %s %" JSON_INTEGER_FORMAT " %s",
             key, token, lease);
    assert_string_equal(line, wanted);
    json_decref(queue);
    test_process_end(&tool);
}

/** Goal: -n on a lock that is held ends at once and leaves no trace. Method:
 *  look at the clock and at the store's revision. */
static void test_try(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    int64_t revision;
    int64_t start_ns;
    int64_t took_ms;

    (void)state;
    start_holder(&holder, "try", "echo ready; sleep 60");
    revision = test_etcd_revision(&etcd);
    start_ns = test_now_ns();
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "-n", "try", "true", NULL), 1);
    took_ms = (test_now_ns() - start_ns) / TEST_NS_PER_MS;
    print_message("lock -n on a held lock took %" PRId64 " ms\n", took_ms);
    assert_true(took_ms < 1000);
    assert_int_equal(test_etcd_revision(&etcd), revision);
    expect_output(&tool, TEST_STDERR, "try is held by another");
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: -w gives up in time and leaves the queue. Method: wait for a part of
 *  a second. */
static void test_wait_gives_up(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    int64_t start_ns;
    int64_t took_ms;

    (void)state;
    start_holder(&holder, "wait", "echo ready; sleep 60");
    start_ns = test_now_ns();
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-w", "0.3", "wait",
                              "true", NULL),
                     1);
    took_ms = (test_now_ns() - start_ns) / TEST_NS_PER_MS;
    assert_in_range(took_ms, 300, 3000);
    assert_int_equal(queue_length("wait"), 1);
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Failure 30: the signals reach CMD, which may make of them what it likes. */
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
        start_holder(&tool, "signals", script);
        assert_int_equal(test_process_signal(&tool, signals[i]), 0);
        assert_int_equal(test_process_wait(&tool, WAIT_MS), 5);
        test_process_end(&tool);
    }
}

/** Goal: a signal while the lock is waited for leaves the queue. Method: the
 *  second in line gets it, and the queue is short again at once. */
static void test_signal_while_waiting(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    struct length two = {"leave", 2};

    (void)state;
    start_holder(&holder, "leave", "echo ready; sleep 60");
    start_tool(&tool, "lock", "leave", "echo", "never", NULL);
    assert_true(test_until(WAIT_MS, queue_has_length, &two));
    assert_int_equal(test_process_signal(&tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 128 + SIGTERM);
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
    assert_int_equal(queue_length("leave"), 1);
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: without CMD the tool prints the key, holds, and releases at a signal.
 *  Method: take the key from its JSON, and look for it in etcd. */
static void test_hold_without_cmd(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    char output[LINE_SIZE];
    const char *name;
    const char *key;
    const char *lease;
    json_int_t token;
    json_t *object;

    (void)state;
    start_tool(&tool, "lock", "--json", "hold", NULL);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    object = json_loads(line, 0, NULL);
    assert_int_equal(json_unpack(object, "{s:s, s:s, s:I, s:s !}", "name",
                                 &name, "key", &key, "token", &token, "lease",
                                 &lease),
                     0);
    assert_string_equal(name, "hold");
    assert_true(token > 0);
    assert_int_equal(strlen(lease), 16);
    assert_int_equal(test_etcdctl(&etcd, output, sizeof(output), "get",
                                  "--keys-only", key, NULL),
                     0);
    assert_memory_equal(output, key, strlen(key));
    assert_int_equal(test_process_signal(&tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 0);
    assert_int_equal(queue_length("hold"), 0);
    json_decref(object);
    test_process_end(&tool);
}

/** Failure 13: the queue shows what others put there, and marks it; and who
 *  asks for a lock that is blocked by a nested one is told so. */
static void test_queue_of_others(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    start_holder(&holder, "others", "echo ready; sleep 60");
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", "others/go\tkey", "x", NULL), 0);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "put", "others/nested/key", "x", NULL), 0);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "others", NULL),
                     0);
    expect_output(&tool, TEST_STDOUT, "foreign (others/go\\x09key)");
    expect_output(&tool, TEST_STDOUT, "nested: blocks (others/nested/key)");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "others", "true", NULL), 2);
    expect_output(&tool, TEST_STDERR, "others/nested/key");
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: a free lock is told from one that is held. Method: ask for both. */
static void test_queue_of_free_lock(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "free", NULL), 0);
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
    expect_output(&tool, TEST_STDERR, "free is free");
    test_process_end(&tool);
}

/** Goal: ping tells the endpoints apart. Method: one that answers, and one
 *  that cannot. */
static void test_ping(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char endpoints[2 * TEST_ETCD_ENDPOINT_SIZE];
    json_t *object;
    int down_ok;
    int up_ok;
    int leads;

    (void)state;
    snprintf(endpoints, sizeof(endpoints), "127.0.0.1:1,%s", etcd.endpoint);
    assert_int_equal(run_tool(&tool, endpoints, "ping", "--json", NULL), 0);
    expect_output(&tool, TEST_STDERR, "127.0.0.1:1");
    object = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_int_equal(json_unpack(object, "{s:[{s:b}, {s:b, s:b}]}", "endpoints",
                                 "ok", &down_ok, "ok", &up_ok, "leader",
                                 &leads),
                     0);
    assert_true(!down_ok && up_ok && leads);
    json_decref(object);
    test_process_end(&tool);
}

/** Goal: an etcd that is not there is told in bounded time, with where it was
 *  looked for. Method: every command, at a port where nobody listens. */
static void test_no_etcd(void **state)
{
    static const char *const commands[][4] = {{"lock", "none", "true", NULL},
                                              {"queue", "none", NULL, NULL},
                                              {"ping", NULL, NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        const char *const *words = commands[i];

        assert_int_equal(run_tool(&tool, "127.0.0.1:1", "--timeout", "0.5",
                                  words[0], words[1], words[2], NULL),
                         69);
        expect_output(&tool, TEST_STDERR, "127.0.0.1:1");
        test_process_end(&tool);
    }
}

/** Goal: mistakes of the user are told apart from all else. Method: some. */
static void test_usage(void **state)
{
    static const char *const commands[][3] = {
        {"lokc", "x", NULL},         {"lock", NULL, NULL},
        {"lock", "/x", NULL},        {"lock", "--ttl=1", "x"},
        {"queue", "a", "b"},         {"queue", "a//b", NULL},
        {"ping", "--limit=1", NULL}, {"ping", "-ehttps://x", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        const char *const *words = commands[i];

        assert_int_equal(
            run_tool(&tool, etcd.endpoint, words[0], words[1], words[2], NULL),
            2);
        expect_output(&tool, TEST_STDERR, "leaselock: ");
        test_process_end(&tool);
    }
}

/** Goal: output that does not arrive is an error, and the lock is released.
 *  Method: a full device. */
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
    assert_int_equal(queue_length("full"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_passes_through),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_wait_gives_up),
        cmocka_unit_test(test_signals_reach_cmd),
        cmocka_unit_test(test_signal_while_waiting),
        cmocka_unit_test(test_hold_without_cmd),
        cmocka_unit_test(test_queue_of_others),
        cmocka_unit_test(test_queue_of_free_lock),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_no_etcd),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_output_fails)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
