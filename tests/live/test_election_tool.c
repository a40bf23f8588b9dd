/* SPDX-License-Identifier: Apache-2.0 */
/* "leaselock elect", "leader" and "observe" against a real etcd. */
#include "live/tool.h"

#include <inttypes.h>
#include <signal.h>

#include "support/one_etcd.h"
#include "support/test_live.h"
#include "support/wait.h"

/** Runs "leaselock leader NAME" and returns its output without the newline. */
static int run_leader(const char *name, char *ret_line, size_t size)
{
    struct test_process tool = TEST_PROCESS_INIT;
    int status = run_tool(&tool, etcd.endpoint, "leader", name, NULL);

    (void)snprintf(ret_line, size, "%s",
                   test_process_output(&tool, TEST_STDOUT));
    ret_line[strcspn(ret_line, "\n")] = '\0';
    test_process_end(&tool);
    return status;
}

static void expect_line(struct test_process *tool, const char *wanted)
{
    char line[LINE_SIZE];

    assert_true(
        test_process_line(tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, wanted);
}

/** Goal: CMD runs while the tool leads, with the election in its environment;
 * its status is the tool's; the value is visible meanwhile. */
static void test_elect_runs_a_command(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    const char *value;
    const char *host;
    int is_foreign;
    json_t *queue;

    (void)state;
    start_tool(&tool, etcd.endpoint, "elect", "tool/cmd", "host a", "--", "sh",
               "-c",
               "echo $LEASELOCK_NAME ${LEASELOCK_TOKEN:+t} "
               "${LEASELOCK_LOCK_KEY:+k} ${LEASELOCK_LEASE:+l}; exec sleep 60",
               NULL);
    expect_line(&tool, "tool/cmd t k l");
    assert_int_equal(run_leader("tool/cmd", line, sizeof(line)), 0);
    assert_string_equal(line, "host a");
    /* A candidate's value is its proclamation; its key identifies it. */
    queue = read_queue(etcd.endpoint, "tool/cmd");
    assert_int_equal(json_unpack(queue, "{s:[{s:s, s:b, s:s, s:n}]}", "entries",
                                 "value", &value, "foreign", &is_foreign,
                                 "host", &host, "pid"),
                     0);
    assert_string_equal(value, "host a");
    assert_string_not_equal(host, "");
    assert_false(is_foreign);
    json_decref(queue);
    assert_int_equal(test_process_signal(&tool, SIGTERM), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 128 + SIGTERM);
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "elect", "tool/cmd", "b",
                              "sh", "-c", "exit 7", NULL),
                     7);
    test_process_end(&tool);
    assert_int_equal(run_leader("tool/cmd", line, sizeof(line)), 1);
    assert_string_equal(line, "");
}

/** Goal: `queue` and `ls` show a candidate's host and label, whatever it
 * proclaims, and its value stays the proclamation. Method: a leader with a
 * label and a waiting candidate, with values in the format of a ticket's; and
 * the message of a third one that times out. */
static void test_who_the_candidates_are(void **state)
{
    static const char strange[] = "{\"host\":\"h\",\"pid\":1,\"label\":\"no\"}";
    struct test_process leader = TEST_PROCESS_INIT;
    struct test_process other = TEST_PROCESS_INIT;
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    const char *labels[2];
    const char *value;
    json_t *queue;

    (void)state;
    start_tool(&leader, etcd.endpoint, "elect", "-l", "anna b.", "tool/who",
               strange, "sh", "-c", "echo ready; sleep 60", NULL);
    expect_line(&leader, "ready");
    start_tool(&other, etcd.endpoint, "elect", "tool/who", "v", "true", NULL);
    do {
        queue = read_queue(etcd.endpoint, "tool/who");
        if (json_array_size(json_object_get(queue, "entries")) == 2) {
            break;
        }
        json_decref(queue);
    } while (true);
    assert_int_equal(json_unpack(queue, "{s:[{s:s, s:s}, {s:s}]}", "entries",
                                 "label", &labels[0], "value", &value, "label",
                                 &labels[1]),
                     0);
    assert_string_equal(labels[0], "anna b.");
    assert_string_equal(labels[1], "true");
    assert_string_equal(value, strange);
    json_decref(queue);
    assert_int_equal(run_leader("tool/who", line, sizeof(line)), 0);
    assert_string_equal(line, strange);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "ls", "tool/who", NULL), 0);
    expect_output(&tool, TEST_STDOUT, "anna b.");
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "queue", "tool/who", NULL),
                     0);
    expect_output(&tool, TEST_STDOUT, "candidate (tool/who/");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "elect", "-n", "tool/who", "w", NULL),
        1);
    expect_output(&tool, TEST_STDERR, " leaselock (anna b.)\n");
    test_process_end(&tool);
    test_process_end(&other);
    test_process_end(&leader);
}

/** Goal: without CMD the tool prints its key, or JSON, and leads until a
 * signal; -n does not wait, and reports the leader. */
static void test_elect_without_a_command(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_process other = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    const char *key = NULL;
    const char *value = NULL;
    json_int_t token = 0;
    json_t *held;

    (void)state;
    start_tool(&tool, etcd.endpoint, "elect", "--json", "tool/alone", "me",
               NULL);
    assert_true(
        test_process_line(&tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    held = json_loads(line, 0, NULL);
    assert_int_equal(json_unpack(held, "{s:s, s:s, s:I}", "key", &key, "value",
                                 &value, "token", &token),
                     0);
    assert_memory_equal(key, "tool/alone/", 11);
    assert_string_equal(value, "me");
    assert_true(token > 0);
    json_decref(held);
    assert_int_equal(run_tool(&other, etcd.endpoint, "elect", "-n",
                              "tool/alone", "other", NULL),
                     1);
    expect_output(&other, TEST_STDERR, "tool/alone is led by ");
    test_process_end(&other);
    assert_int_equal(test_process_signal(&tool, SIGINT), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 0);
    test_process_end(&tool);
    assert_int_equal(queue_length(etcd.endpoint, "tool/alone"), 0);
}

/** Goal: CMD is terminated when the leadership is lost, with exit code 70. */
static void test_elect_loses(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    json_t *queue;
    const char *key = NULL;

    (void)state;
    start_tool(&tool, etcd.endpoint, "elect", "tool/lost", "v", "sh", "-c",
               "echo ready; exec sleep 60", NULL);
    expect_line(&tool, "ready");
    queue = read_queue(etcd.endpoint, "tool/lost");
    assert_int_equal(json_unpack(queue, "{s:[{s:s}]}", "entries", "key", &key),
                     0);
    assert_int_equal(test_etcdctl(&etcd, NULL, 0, "del", key, NULL), 0);
    json_decref(queue);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 70);
    expect_output(&tool, TEST_STDERR, "the leadership of tool/lost is lost");
    test_process_end(&tool);
}

/** Goal: observe prints each leader and each gap, escaped, a line each, as text
 * and as JSON, and ends after --limit lines. */
static void test_observe(void **state)
{
    struct test_process text = TEST_PROCESS_INIT;
    struct test_process json = TEST_PROCESS_INIT;
    struct test_peer peer;
    leaselock_ticket *ticket = NULL;
    char line[LINE_SIZE];
    char wanted[LINE_SIZE];
    const char *value = NULL;
    json_int_t token = 0;
    json_t *leader;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    start_tool(&text, etcd.endpoint, "observe", "--limit", "4", "tool/watch",
               NULL);
    start_tool(&json, etcd.endpoint, "observe", "-j", "-L", "3", "tool/watch",
               NULL);
    expect_line(&text, "-");
    assert_true(
        test_process_line(&json, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    leader = json_loads(line, 0, NULL);
    assert_true(json_is_null(json_object_get(leader, "value")));
    assert_true(json_is_null(json_object_get(leader, "key")));
    json_decref(leader);
    assert_int_equal(leaselock_campaign(peer.session, "tool/watch", "a\nb", 3,
                                        NULL, TEST_WAIT_MS, &ticket, NULL),
                     0);
    (void)snprintf(wanted, sizeof(wanted), "%" PRId64 " a\\x0ab",
                   leaselock_ticket_token(ticket));
    expect_line(&text, wanted);
    assert_true(
        test_process_line(&json, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    leader = json_loads(line, 0, NULL);
    assert_int_equal(
        json_unpack(leader, "{s:s, s:I}", "value", &value, "token", &token), 0);
    assert_string_equal(value, "a\nb");
    assert_true(token == leaselock_ticket_token(ticket));
    json_decref(leader);
    assert_int_equal(leaselock_proclaim(ticket, "c", 1, TEST_WAIT_MS, NULL), 0);
    (void)snprintf(wanted, sizeof(wanted), "%" PRId64 " c",
                   leaselock_ticket_token(ticket));
    expect_line(&text, wanted);
    assert_int_equal(test_process_wait(&json, WAIT_MS), 0);
    test_release(ticket);
    expect_line(&text, "-");
    assert_int_equal(test_process_wait(&text, WAIT_MS), 0);
    test_process_end(&text);
    test_process_end(&json);
    test_peer_close(&peer);
}

/** Goal: an invalid command line is reported with exit code 2; without an
 * answer it is 69. */
static void test_usage(void **state)
{
    static const struct {
        const char *words[6];
        const char *message;
    } cases[] = {
        {{"elect"}, "the NAME of the election is missing"},
        {{"elect", "a"}, "the VALUE to proclaim is missing"},
        {{"elect", "a", "-t", "5"}, "options go before NAME"},
        {{"elect", "a", "--", "true"}, "options go before NAME"},
        {{"elect", "a", "v", "--"}, "CMD is missing behind the '--'"},
        {{"elect", "a//b", "v"}, "cannot be a NAME"},
        {{"elect", "--ttl", "0", "a", "v"}, "from 1s to 24h"},
        {{"elect", "--also", "x", "a", "v"}, "there is no option --also"},
        {{"leader"}, "the NAME of the election is missing"},
        {{"leader", "a", "b"}, "one NAME is enough"},
        {{"observe", "/a"}, "cannot be a NAME"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;
        const char *const *words = cases[i].words;

        assert_int_equal(run_tool(&tool, etcd.endpoint, words[0], words[1],
                                  words[2], words[3], words[4], words[5], NULL),
                         2);
        expect_output(&tool, TEST_STDERR, cases[i].message);
        test_process_end(&tool);
    }
    for (int i = 0; i < 2; i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, "127.0.0.1:1",
                                  i == 0 ? "leader" : "observe", "--timeout",
                                  "0.5", "a", NULL),
                         69);
        test_process_end(&tool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elect_runs_a_command),
        cmocka_unit_test(test_who_the_candidates_are),
        cmocka_unit_test(test_elect_without_a_command),
        cmocka_unit_test(test_elect_loses),
        cmocka_unit_test(test_observe),
        cmocka_unit_test(test_usage),
    };

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
