/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's shared locks and permits: lock --shared and --permits, and what
 * the other commands show of them. */
#include "live/tool.h"

#include <signal.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

#define LONG_TTL "60"
/** How a command that runs under a lock reports it, and holds. */
#define HOLDS "sh", "-c", "echo ready; sleep 60"

/** Waits for a line of the command, and checks it; NULL: any line. */
static void expect_line(struct test_process *tool, const char *expected)
{
    char line[LINE_SIZE];

    if (!test_process_line(tool, TEST_STDOUT, TEST_WAIT_MS, line,
                           sizeof(line))) {
        fail_msg("no line: %s", test_process_output(tool, TEST_STDERR));
    }
    if (expected != NULL) {
        assert_string_equal(line, expected);
    }
}

/** The states, modes and permits of a queue, such as "h:shared/0 w:permit/3".
 */
static void expect_queue(const char *name, const char *expected)
{
    json_t *queue = read_queue(etcd.endpoint, name);
    char found[256] = "";
    size_t at = 0;
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(queue, "entries"), i, entry)
    {
        at += (size_t)snprintf(
            found + at, sizeof(found) - at, "%s%c:%s/%d", i > 0 ? " " : "",
            json_is_true(json_object_get(entry, "holds")) ? 'h' : 'w',
            json_string_value(json_object_get(entry, "mode")),
            (int)json_integer_value(json_object_get(entry, "permits")));
    }
    json_decref(queue);
    assert_string_equal(found, expected);
}

/** Goal: commands under --shared run together, one without it waits for all of
 * them and blocks later ones; the other commands show who holds. Method: two
 * readers, a writer and a reader behind it. */
static void test_shared(void **state)
{
    struct test_process readers[2] = {TEST_PROCESS_INIT, TEST_PROCESS_INIT};
    struct test_process writer = TEST_PROCESS_INIT;
    struct test_process late = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    json_t *object;
    int holders = 0;

    (void)state;
    start_tool(&readers[0], etcd.endpoint, "lock", "-s", "-l", "anna", "tm/s",
               HOLDS, NULL);
    expect_line(&readers[0], "ready");
    start_tool(&readers[1], etcd.endpoint, "lock", "--shared", "tm/s", HOLDS,
               NULL);
    expect_line(&readers[1], "ready");
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "-n", "tm/s", "true", NULL), 1);
    expect_output(&tool, TEST_STDERR, " (anna), shared");
    test_process_end(&tool);
    start_tool(&writer, etcd.endpoint, "lock", "-l", "boris", "tm/s", "echo",
               "wrote", NULL);
    test_await_keys(&etcd, "tm/s/", 3);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-n", "-E", "9",
                              "-s", "tm/s", "true", NULL),
                     9);
    expect_output(&tool, TEST_STDERR, "tm/s is awaited by ");
    expect_output(&tool, TEST_STDERR, " (boris), who needs it alone\n");
    test_process_end(&tool);
    start_tool(&late, etcd.endpoint, "lock", "-s", "tm/s", "echo", "read",
               NULL);
    test_await_keys(&etcd, "tm/s/", 4);
    expect_queue("tm/s", "h:shared/0 h:shared/0 w:exclusive/0 w:shared/0");
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "tm/s", NULL), 0);
    expect_output(&tool, TEST_STDOUT, "POS  STATE  MODE       TOKEN");
    expect_output(&tool, TEST_STDOUT, "\n2    holds  shared     ");
    expect_output(&tool, TEST_STDOUT, "\n3    waits  exclusive  ");
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "ls", "tm/s", NULL), 0);
    expect_output(&tool, TEST_STDOUT, "tm/s  4       2        shared  ");
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "ls", "-j", "tm/s", NULL),
                     0);
    object = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_int_equal(
        json_unpack(object, "{s:[{s:i}]}", "locks", "holders", &holders), 0);
    assert_int_equal(holders, 2);
    json_decref(object);
    test_process_end(&tool);
    assert_int_equal(test_process_signal(&readers[0], SIGTERM), 0);
    assert_int_equal(test_process_wait(&readers[0], WAIT_MS), 128 + SIGTERM);
    expect_queue("tm/s", "h:shared/0 w:exclusive/0 w:shared/0");
    assert_int_equal(test_process_signal(&readers[1], SIGTERM), 0);
    expect_line(&writer, "wrote");
    expect_line(&late, "read");
    assert_int_equal(test_process_wait(&writer, WAIT_MS), 0);
    assert_int_equal(test_process_wait(&late, WAIT_MS), 0);
    test_await_keys(&etcd, "tm/s/", 0);
    test_process_end(&readers[0]);
    test_process_end(&readers[1]);
    test_process_end(&writer);
    test_process_end(&late);
}

/** Goal: as many commands run as there are permits; a try and a wait end with
 * the status of a conflict, another number of permits with that of a wrong
 * command line. Method: two permits, both taken. */
static void test_permits(void **state)
{
    struct test_process holders[2] = {TEST_PROCESS_INIT, TEST_PROCESS_INIT};
    struct test_process reader = TEST_PROCESS_INIT;
    struct test_process next = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start_tool(&holders[i], etcd.endpoint, "lock", "-p", "2", "tm/p", HOLDS,
                   NULL);
        expect_line(&holders[i], "ready");
    }
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "--permits=2", "-n",
                              "tm/p", "true", NULL),
                     1);
    expect_output(&tool, TEST_STDERR, ", one of 2 permits\n");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "lock", "-p3", "tm/p", "true", NULL), 2);
    expect_output(&tool, TEST_STDERR, "has 2 permits");
    expect_output(&tool, TEST_STDERR, "and not 3");
    test_process_end(&tool);
    start_tool(&next, etcd.endpoint, "lock", "-p2", "tm/p", "echo", "next",
               NULL);
    test_await_keys(&etcd, "tm/p/", 3);
    /* Shared tickets do not count. */
    start_tool(&reader, etcd.endpoint, "lock", "-s", "tm/p", HOLDS, NULL);
    expect_line(&reader, "ready");
    expect_queue("tm/p", "h:permit/2 h:permit/2 w:permit/2 h:shared/0");
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "tm/p", NULL), 0);
    expect_output(&tool, TEST_STDOUT, "\n3    waits  permit/2  ");
    test_process_end(&tool);
    assert_int_equal(test_process_signal(&holders[1], SIGTERM), 0);
    expect_line(&next, "next");
    assert_int_equal(test_process_wait(&next, WAIT_MS), 0);
    test_process_end(&next);
    test_process_end(&reader);
    test_process_end(&holders[0]);
    test_process_end(&holders[1]);
}

/** Goal: a combination that has no meaning is a usage error with a sentence.
 * Method: each of them. */
static void test_usage(void **state)
{
    static const char *const commands[][7] = {
        {"lock", "-s", "-p2", "x", "true", NULL, "exclude each other"},
        {"lock", "-p2", "-ay", "x", "true", NULL, "takes one NAME"},
        {"lock", "-p0", "x", "true", NULL, NULL, "from 1 to 100"},
        {"elect", "-s", "x", "v", NULL, NULL, "no option -s"},
        {"elect", "--permits=2", "x", "v", NULL, NULL, "no option --permits"},
        {"break", "x", "y", "z", NULL, NULL, "one NAME and one KEY"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const char *const *words = commands[i];
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, etcd.endpoint, words[0], words[1],
                                  words[2], words[3], words[4], NULL),
                         2);
        expect_output(&tool, TEST_STDERR, words[6]);
        test_process_end(&tool);
    }
}

/** Goal: --shared applies to all names of --also, and the keys that are printed
 * are shared. Method: two tools with a name in common, as lines and as JSON. */
static void test_also(void **state)
{
    struct test_process one = TEST_PROCESS_INIT;
    struct test_process other = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    start_tool(&one, etcd.endpoint, "lock", "-s", "-a", "tm/b", "tm/a", NULL);
    expect_line(&one, NULL);
    expect_output(&one, TEST_STDOUT, "tm/a/~.s.");
    start_tool(&other, etcd.endpoint, "lock", "-js", "-a", "tm/c", "tm/b",
               NULL);
    expect_line(&other, NULL);
    expect_output(&other, TEST_STDOUT, "\"mode\": \"shared\"");
    expect_queue("tm/a", "h:shared/0");
    expect_queue("tm/b", "h:shared/0 h:shared/0");
    expect_queue("tm/c", "h:shared/0");
    /* Of the three, tm/b does not block a reader. */
    assert_int_equal(run_tool(&tool, etcd.endpoint, "lock", "-n", "-s", "-a",
                              "tm/c", "tm/b", "true", NULL),
                     0);
    test_process_end(&tool);
    test_process_end(&one);
    test_process_end(&other);
}

/** Goal: break names the holders, and takes the lock from the one that a key
 * names. Method: three readers; the second's key, as queue shows it. */
static void test_break(void **state)
{
    struct test_process readers[3] = {TEST_PROCESS_INIT, TEST_PROCESS_INIT,
                                      TEST_PROCESS_INIT};
    struct test_process tool = TEST_PROCESS_INIT;
    char key[LINE_SIZE] = "";
    const char *text;
    json_t *queue;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        start_tool(&readers[i], etcd.endpoint, "lock", "-s", "tm/brk", HOLDS,
                   NULL);
        expect_line(&readers[i], "ready");
    }
    assert_int_equal(run_tool(&tool, etcd.endpoint, "break", "tm/brk", NULL),
                     2);
    expect_output(&tool, TEST_STDERR, ", shared, ");
    expect_output(&tool, TEST_STDERR, "; 2 others hold it too; ");
    test_process_end(&tool);
    queue = read_queue(etcd.endpoint, "tm/brk");
    text = json_string_value(json_object_get(
        json_array_get(json_object_get(queue, "entries"), 1), "key"));
    assert_non_null(text);
    (void)snprintf(key, sizeof(key), "%s", text);
    json_decref(queue);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "break", "-y", "tm/brk",
                              "tm/brk/no", NULL),
                     1);
    expect_output(&tool, TEST_STDERR,
                  "tm/brk/no is not in the queue of tm/brk");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "break", "-y", "tm/brk", key, NULL), 0);
    expect_output(&tool, TEST_STDOUT, key);
    test_process_end(&tool);
    assert_int_equal(test_process_wait(&readers[1], WAIT_MS), 70);
    expect_queue("tm/brk", "h:shared/0 h:shared/0");
    for (size_t i = 0; i < 3; i++) {
        test_process_end(&readers[i]);
    }
}

/** Goal: a guardian frees a shared lock, and its tool's loss leads --again to a
 * shared place. Method: a writer waits for a reader that is killed; a third
 * party deletes a reader's key. */
static void test_guardian_and_again(void **state)
{
    struct test_process reader = TEST_PROCESS_INIT;
    struct test_process writer = TEST_PROCESS_INIT;

    (void)state;
    start_tool(&reader, etcd.endpoint, "lock", "--guardian", "--ttl", LONG_TTL,
               "-s", "tm/g", NULL);
    expect_line(&reader, NULL);
    start_tool(&writer, etcd.endpoint, "lock", "tm/g", "echo", "wrote", NULL);
    test_await_keys(&etcd, "tm/g/", 2);
    assert_int_equal(test_process_signal(&reader, SIGKILL), 0);
    expect_line(&writer, "wrote");
    test_process_end(&reader);
    test_process_end(&writer);

    start_tool(&reader, etcd.endpoint, "lock", "--again", "-s", "tm/again",
               "sh", "-c", "echo $LEASELOCK_LOCK_KEY; sleep 60", NULL);
    expect_line(&reader, NULL);
    assert_int_equal(
        test_etcdctl(&etcd, NULL, 0, "del", "--prefix", "tm/again/", NULL), 0);
    expect_line(&reader, NULL);
    expect_queue("tm/again", "h:shared/0");
    test_process_end(&reader);
}

/** Goal: a queue with readers at its head has no leader. Method: leader. */
static void test_leader(void **state)
{
    struct test_process reader = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;

    (void)state;
    start_tool(&reader, etcd.endpoint, "lock", "-s", "tm/lead", NULL);
    expect_line(&reader, NULL);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "leader", "tm/lead", NULL),
                     1);
    expect_output(&tool, TEST_STDERR, "no exclusive ticket");
    test_process_end(&tool);
    test_process_end(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_permits),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_also),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_guardian_and_again),
        cmocka_unit_test(test_leader),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
