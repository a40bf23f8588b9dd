/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's messages when a lock is not granted: the holder, as text and as
 * JSON, and the exit code. */
#include "live/tool.h"

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

/** Starts a tool that holds a lock with a label, and writes its description in
 * others' messages into text: host, process and label. */
static void start_labelled(struct test_process *tool,
                           const char *name,
                           char text[LINE_SIZE])
{
    char line[LINE_SIZE];
    json_t *queue;
    json_t *first;

    start_tool(tool, etcd.endpoint, "lock", "-l", "anna", name, "sh", "-c",
               "echo ready; sleep 60", NULL);
    assert_true(
        test_process_line(tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    queue = read_queue(etcd.endpoint, name);
    first = json_array_get(json_object_get(queue, "entries"), 0);
    (void)snprintf(text, LINE_SIZE, "%s pid %lld leaselock (anna)",
                   json_string_value(json_object_get(first, "host")),
                   (long long)tool->pid);
    json_decref(queue);
}

/** The tool's JSON output; the caller drops the reference. */
static json_t *json_of(const struct test_process *tool)
{
    json_t *object =
        json_loads(test_process_output(tool, TEST_STDOUT), 0, NULL);

    assert_non_null(object);
    return object;
}

/** Goal: a wait that times out reports the holder, how many were ahead, and its
 * duration; a try reports the holder. Method: a holder, a waiter, and then
 * both. */
static void test_held_by(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process waiter = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    struct length two = {"held", 2};
    char who[LINE_SIZE];

    (void)state;
    start_labelled(&holder, "held", who);
    start_tool(&waiter, etcd.endpoint, "lock", "held", "true", NULL);
    assert_true(test_until(WAIT_MS, queue_has_length, &two));
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-w", "2.6", "held",
                              "true", NULL),
                     1);
    expect_output(&tool, TEST_STDERR, "held is held by ");
    expect_output(&tool, TEST_STDERR, who);
    expect_output(&tool, TEST_STDERR,
                  "; 2 were ahead; gave up after 2.600 s\n");
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "-n", "held", "true", NULL), 1);
    expect_output(&tool, TEST_STDERR, who);
    test_process_end(&tool);
    test_process_end(&waiter);
    test_process_end(&holder);
}

/** Goal: a program gets the same as JSON, and can distinguish the conflict from
 *  the command's own 1. Method: --json and --conflict-exit-code with a wait and
 *  a try, of lock and of elect; the code of a command that runs stays its
 *  own. */
static void test_for_programs(void **state)
{
    static const char *const commands[][8] = {
        {"lock", "-w", "0.3", "-E", "99", "--json", "conflict"},
        {"lock", "-n", "-E99", "--json", "conflict", "true"},
        {"elect", "--conflict-exit-code=99", "-n", "--json", "conflict", "v"},
        {"elect", "-w", "0.3", "-E", "99", "--json", "conflict", "v"}};
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    char who[LINE_SIZE];

    (void)state;
    start_labelled(&holder, "conflict", who);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const char *const *words = commands[i];
        const char *label;
        json_int_t pid;
        json_t *object;
        int held;

        assert_int_equal(run_tool(&tool, etcd.endpoint, words[0], words[1],
                                  words[2], words[3], words[4], words[5],
                                  words[6], words[7], NULL),
                         99);
        expect_output(&tool, TEST_STDERR, who);
        object = json_of(&tool);
        assert_int_equal(json_unpack(object, "{s:b, s:{s:I, s:s}}", "held",
                                     &held, "holder", "pid", &pid, "label",
                                     &label),
                         0);
        assert_int_equal(held, 0);
        assert_int_equal(pid, holder.pid);
        assert_string_equal(label, "anna");
        json_decref(object);
        test_process_end(&tool);
    }
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-n", "-E", "99",
                              "conflict/none", "sh", "-c", "exit 1", NULL),
                     1);
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "-E", "256", "x", "true", NULL),
        2);
    expect_output(&tool, TEST_STDERR, "an exit code from 0 to 255");
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: of several locks, the message names those that others hold. Method:
 *  three, of which one is held. */
static void test_several(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    char who[LINE_SIZE];
    const char *name;
    json_t *object;

    (void)state;
    start_labelled(&holder, "several-b", who);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "--json", "-w",
                              "0.3", "-a", "several-b", "-a", "several-c",
                              "several-a", NULL),
                     1);
    expect_output(&tool, TEST_STDERR, "leaselock: several-b is held by ");
    expect_output(&tool, TEST_STDERR, who);
    assert_null(strstr(test_process_output(&tool, TEST_STDERR), "several-a"));
    object = json_of(&tool);
    assert_int_equal(json_array_size(json_object_get(object, "holders")), 1);
    assert_int_equal(
        json_unpack(object, "{s:[{s:s}]}", "holders", "name", &name), 0);
    assert_string_equal(name, "several-b");
    json_decref(object);
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: a holder of another client program is named by its key, marked
 *  foreign. Method: etcdctl holds the lock. */
static void test_foreign(void **state)
{
    struct test_process holder = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    char key[LINE_SIZE];
    char wanted[2 * LINE_SIZE];

    (void)state;
    assert_int_equal(
        test_etcdctl_spawn(&etcd, &holder, "lock", "foreign", NULL), 0);
    assert_true(
        test_process_line(&holder, TEST_STDOUT, WAIT_MS, key, sizeof(key)));
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "-n", "foreign", "true", NULL),
        1);
    (void)snprintf(wanted, sizeof(wanted),
                   "foreign is held by the foreign key %s\n", key);
    expect_output(&tool, TEST_STDERR, wanted);
    test_process_end(&tool);
    test_process_end(&holder);
}

/** Goal: the log counts endpoints. Method: an endpoint with another name in the
 * cluster, which is added when the member list is read. */
static void test_endpoints_are_counted(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char endpoint[64];
    char line[LINE_SIZE];
    bool found = false;

    (void)state;
    (void)snprintf(endpoint, sizeof(endpoint), "localhost:%u",
                   etcd.ports[TEST_ETCD_CLIENT]);
    start_tool(&tool, endpoint, "lock", "-vv", "--sync-interval", "1s",
               "counted", NULL);
    while (!found &&
           test_process_line(&tool, TEST_STDERR, WAIT_MS, line, sizeof(line))) {
        found = strstr(line, " endpoints, ") != NULL;
    }
    assert_true(found);
    assert_non_null(strstr(line, "2 endpoints, "));
    /* Both, or the cluster's own name only. */
    assert_true(strstr(line, "2 of them usable; ") != NULL ||
                strstr(line, "1 of them usable; ") != NULL);
    test_process_end(&tool);
}

/** Goal: the server's minimum TTL applies, in every unit. Method: at an etcd
 * whose minimum is 1 s, a lock is held for several of them. */
static void test_short_ttl(void **state)
{
    static const char *const ttls[] = {"1", "1s", "1000ms", "2s"};

    (void)state;
    for (size_t i = 0; i < sizeof(ttls) / sizeof(ttls[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "--ttl",
                                  ttls[i], "short", "sleep", i == 0 ? "4" : "0",
                                  NULL),
                         0);
        assert_string_equal(test_process_output(&tool, TEST_STDERR), "");
        test_process_end(&tool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_by),
        cmocka_unit_test(test_for_programs),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_endpoints_are_counted),
        cmocka_unit_test(test_short_ttl),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
