/* SPDX-License-Identifier: Apache-2.0 */
/* `ls --watch` and `queue --watch`, on a pipe and on a terminal. */
#include "live/screen.h"

#include "support/one_etcd.h"
#include "support/test_live.h"

/** Reads the next line of a tool, which begins with this. */
static void expect_next(struct test_process *tool, const char *begin)
{
    char line[LINE_SIZE];

    if (!test_process_line(tool, TEST_STDOUT, WAIT_MS, line, sizeof(line))) {
        fail_msg("no line, where \"%s\" was expected; on stderr: \"%s\"", begin,
                 test_process_output(tool, TEST_STDERR));
    }
    if (strncmp(line, begin, strlen(begin)) != 0) {
        fail_msg("\"%s\", where \"%s\" was expected", line, begin);
    }
}

static json_t *next_object(struct test_process *tool)
{
    char line[4 * LINE_SIZE];
    json_t *object;

    assert_true(
        test_process_line(tool, TEST_STDOUT, WAIT_MS, line, sizeof(line)));
    object = json_loads(line, 0, NULL);
    assert_non_null(object);
    return object;
}

/** Goal: a line for each change of a queue, in order. Method: a holder, a
 *  waiter, a hand-over, the end. */
static void test_queue_lines(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *held;
    leaselock_ticket *next;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "line");
    start_tool(&tool, etcd.endpoint, "queue", "--watch", "-i", "0.1", "line",
               NULL);
    expect_next(&tool, "holds\t1\texclusive\t");
    next = test_acquire_async(&peer, "line", &call);
    expect_next(&tool, "joined\t2\texclusive\t");
    assert_int_equal(
        leaselock_yield(peer.client, "line", NULL, &(int){0}, NULL), 0);
    expect_next(&tool, "asked\t1\texclusive\t");
    test_release(held);
    expect_next(&tool, "left\t-\texclusive\t");
    expect_next(&tool, "holds\t1\texclusive\t");
    assert_int_equal(test_call_await(&call), 0);
    test_release(next);
    expect_next(&tool, "left\t-\texclusive\t");
    assert_int_equal(test_process_signal(&tool, SIGINT), 0);
    assert_int_equal(test_process_wait(&tool, WAIT_MS), 128 + SIGINT);
    assert_string_equal(test_process_output(&tool, TEST_STDERR), "");
    test_process_end(&tool);
    test_peer_close(&peer);
}

/** Goal: a hand-over is reported long before the interval is over. Method: an
 *  interval that no test waits for. */
static void test_queue_event(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_peer peer;
    leaselock_ticket *held;
    int64_t from_ns;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "event");
    start_tool(&tool, etcd.endpoint, "queue", "--watch", "-i", "1h", "event",
               NULL);
    expect_next(&tool, "holds\t1\t");
    from_ns = test_now_ns();
    test_release(held);
    expect_next(&tool, "left\t-\t");
    assert_true(test_now_ns() - from_ns < WAIT_MS * TEST_NS_PER_MS);
    test_process_end(&tool);
    test_peer_close(&peer);
}

/** Goal: the same as JSON, an object for each change, with the revision. */
static void test_queue_json(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    const char *change = NULL;
    const char *name = NULL;
    struct test_peer peer;
    leaselock_ticket *held;
    json_int_t token = 0;
    json_t *object;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "json");
    start_tool(&tool, etcd.endpoint, "queue", "-Wj", "-i", "0.1", "json", NULL);
    object = next_object(&tool);
    assert_int_equal(json_unpack(object, "{s:s, s:s, s:I, s:b}", "change",
                                 &change, "name", &name, "token", &token,
                                 "holds", &(int){0}),
                     0);
    assert_string_equal(change, "holds");
    assert_string_equal(name, "json");
    assert_int_equal(token, leaselock_ticket_token(held));
    assert_true(json_integer_value(json_object_get(object, "revision")) >=
                token);
    json_decref(object);
    test_release(held);
    object = next_object(&tool);
    assert_string_equal(json_string_value(json_object_get(object, "change")),
                        "left");
    assert_true(json_is_null(json_object_get(object, "position")));
    json_decref(object);
    test_process_end(&tool);
    test_peer_close(&peer);
}

/** Goal: a line, or an object, for each change of the locks below a prefix. */
static void test_ls(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    struct test_process other = TEST_PROCESS_INIT;
    struct test_call call = TEST_CALL_INIT;
    struct test_peer peer;
    leaselock_ticket *held;
    leaselock_ticket *next;
    json_t *object;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "w/a\xc2\x9b");
    start_tool(&tool, etcd.endpoint, "ls", "--watch", "-i", "0.1", "w/", NULL);
    start_tool(&other, etcd.endpoint, "ls", "-Wj", "-i", "0.1", "w/", NULL);
    expect_next(&tool, "held\tw/a\\xc2\\x9b\t1\t1\texclusive\t");
    next = test_acquire_async(&peer, "w/a\xc2\x9b", &call);
    expect_next(&tool, "places\tw/a\\xc2\\x9b\t2\t1\texclusive\t");
    test_release(held);
    expect_next(&tool, "passed\tw/a\\xc2\\x9b\t1\t1\texclusive\t");
    assert_int_equal(test_call_await(&call), 0);
    test_release(next);
    expect_next(&tool, "free\tw/a\\xc2\\x9b\t0\t0\t-\t-\t-");
    object = next_object(&other);
    assert_string_equal(json_string_value(json_object_get(object, "change")),
                        "held");
    do {
        json_decref(object);
        object = next_object(&other);
    } while (strcmp(json_string_value(json_object_get(object, "change")),
                    "free") != 0);
    assert_true(json_is_null(json_object_get(object, "holder")));
    json_decref(object);
    test_process_end(&tool);
    test_process_end(&other);
    test_peer_close(&peer);
}

/** Goal: on a terminal the table is drawn over the last one, without colours,
 *  and cut to the width; ^C ends it. */
static void test_terminal(void **state)
{
    static const struct screen_options options = {12, 60, NULL, NULL};
    const char *const queue[] = {"leaselock", "queue", "-W", "-i",
                                 "0.1",       "scr",   NULL};
    const char *const ls[] = {"leaselock", "ls", "-W", "-i", "0.1", "sc", NULL};
    struct test_call call = TEST_CALL_INIT;
    struct screen screen;
    struct test_peer peer;
    leaselock_ticket *held;
    leaselock_ticket *next;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "scr");
    screen_open(&screen, &options, etcd.endpoint, queue);
    screen_expect(&screen, "queue of scr, every 0.1 s; ^C ends");
    screen_expect(&screen, "holds");
    screen_expect_row(&screen, 1, "POS");
    next = test_acquire_async(&peer, "scr", &call);
    screen_expect(&screen, "waits");
    screen_expect_row(&screen, 3, "waits");
    test_release(held);
    assert_int_equal(test_call_await(&call), 0);
    screen_await(&screen, "waits", 0);
    screen_expect_row(&screen, 2, "holds");
    assert_false(screen_has_colours(&screen));
    screen_type(&screen, "\003");
    assert_int_equal(screen_close(&screen), 128 + SIGINT);
    screen_open(&screen, &options, etcd.endpoint, ls);
    screen_expect(&screen, "locks below sc, every");
    screen_expect(&screen, "scr");
    test_release(next);
    screen_expect(&screen, "no lock is held");
    screen_await(&screen, "NAME", 0);
    screen_type(&screen, "\003");
    assert_int_equal(screen_close(&screen), 128 + SIGINT);
    test_peer_close(&peer);
}

/** Goal: on a terminal that understands no sequences there are none. */
static void test_dumb_terminal(void **state)
{
    static const struct screen_options options = {12, 60, "dumb", NULL};
    const char *const argv[] = {"leaselock", "queue", "-W", "-i",
                                "0.1",       "dmb",   NULL};
    struct screen screen;
    struct test_peer peer;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    (void)test_acquire(&peer, "dmb");
    screen_open(&screen, &options, etcd.endpoint, argv);
    screen_expect(&screen, "holds   1       exclusive");
    screen_type(&screen, "\003");
    assert_int_equal(screen_close(&screen), 128 + SIGINT);
    test_peer_close(&peer);
}

/** Goal: an outage is reported once, and its end; the changes go on. Method: a
 *  frozen etcd. */
static void test_outage(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    char line[LINE_SIZE];
    struct test_peer peer;
    leaselock_ticket *held;

    (void)state;
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held = test_acquire(&peer, "out");
    start_tool(&tool, etcd.endpoint, "queue", "-W", "-i", "0.1", "-T", "0.3",
               "out", NULL);
    expect_next(&tool, "holds\t1\t");
    assert_int_equal(test_etcd_pause(&etcd), 0);
    assert_true(
        test_process_line(&tool, TEST_STDERR, WAIT_MS, line, sizeof(line)));
    assert_non_null(strstr(line, "cannot read the queue"));
    assert_int_equal(test_etcd_resume(&etcd), 0);
    assert_true(
        test_process_line(&tool, TEST_STDERR, WAIT_MS, line, sizeof(line)));
    assert_string_equal(line, "leaselock: etcd answers again");
    test_release(held);
    expect_next(&tool, "left\t-\t");
    test_process_end(&tool);
    test_peer_close(&peer);
}

/** Goal: what cannot be read at the start, and usage errors, end it. */
static void test_mistakes(void **state)
{
    static const struct {
        const char *words[4];
        int code;
    } cases[] = {{{"queue", "-W", "x", NULL}, 69},
                 {{"ls", "-W", NULL, NULL}, 69},
                 {{"queue", "-W", "/x", NULL}, 2},
                 {{"ls", "-W", "/x", NULL}, 2},
                 {{"ls", "-i", "1ms", NULL}, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, "127.0.0.1:1", "-T", "0.5",
                                  cases[i].words[0], cases[i].words[1],
                                  cases[i].words[2], NULL),
                         cases[i].code);
        expect_output(&tool, TEST_STDERR, "leaselock: ");
        test_process_end(&tool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_queue_lines),
                                       cmocka_unit_test(test_queue_event),
                                       cmocka_unit_test(test_queue_json),
                                       cmocka_unit_test(test_ls),
                                       cmocka_unit_test(test_terminal),
                                       cmocka_unit_test(test_dumb_terminal),
                                       cmocka_unit_test(test_outage),
                                       cmocka_unit_test(test_mistakes)};

    return cmocka_run_group_tests(tests, start_etcd, stop_etcd);
}
