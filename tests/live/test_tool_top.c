/* SPDX-License-Identifier: Apache-2.0 */
/* `leaselock top` on a terminal, and its table for scripts. */
#include "live/screen.h"

#include "support/one_etcd.h"
#include "support/test_live.h"

#define CTRL_C "\003"
#define CTRL_Z "\032"
#define ENTER "\r"
#define ESC "\033"

static const struct screen_options small = {24, 80, NULL, NULL};
static const struct screen_options large = {50, 200, NULL, NULL};

/** Three locks below top/: a with two waiters, b with one, c alone. */
static struct test_peer peer;
static leaselock_ticket *held[3];
static leaselock_ticket *waiting[3];
static struct test_call calls[3] = {TEST_CALL_INIT, TEST_CALL_INIT,
                                    TEST_CALL_INIT};

static int start_locks(void **state)
{
    if (start_etcd(state) != 0) {
        return -1;
    }
    test_peer_open(etcd.endpoint, TEST_TTL_LONG_S, &peer);
    held[0] = test_acquire(&peer, "top/a");
    held[1] = test_acquire(&peer, "top/b");
    held[2] = test_acquire(&peer, "top/c");
    waiting[0] = test_acquire_async(&peer, "top/a", &calls[0]);
    waiting[1] = test_acquire_async(&peer, "top/a", &calls[1]);
    waiting[2] = test_acquire_async(&peer, "top/b", &calls[2]);
    test_await_keys(&etcd, "top/", 6);
    return 0;
}

static int stop_locks(void **state)
{
    test_peer_close(&peer);
    return stop_etcd(state);
}

/** Starts "leaselock top WORD... top/", which reads five times a second. */
static void open_top(struct screen *screen,
                     const struct screen_options *options,
                     const char *word,
                     const char *other)
{
    const char *const argv[] = {"leaselock", "top", "-i",  "0.2",
                                "top/",      word,  other, NULL};

    screen_open(screen, options, etcd.endpoint, argv);
}

/** Goal: the locks by age, then in another order, with a filter, and the queue
 *  of one of them. Method: the keys, and the rows of the screen. */
static void test_keys_80(void **state)
{
    struct screen screen;

    (void)state;
    open_top(&screen, &small, NULL, NULL);
    screen_expect(&screen, "3 locks, 3 wait,");
    screen_expect(&screen, "NAME");
    screen_expect_row(&screen, 3, "top/a");
    screen_type(&screen, "w");
    screen_expect(&screen, "by waiters");
    screen_expect_row(&screen, 3, "top/a");
    screen_expect_row(&screen, 4, "top/b");
    screen_expect_row(&screen, 5, "top/c");
    screen_type(&screen, "w");
    screen_expect(&screen, "by waiters, reversed");
    screen_expect_row(&screen, 3, "top/c");
    screen_type(&screen, "/B");
    screen_expect(&screen, "/B");
    screen_await(&screen, "top/c", 0);
    screen_type(&screen, ENTER);
    screen_expect(&screen, "filter \"B\": 1 of 3");
    screen_type(&screen, ENTER);
    screen_expect(&screen, "queue of top/b");
    screen_expect(&screen, "2 places");
    screen_expect_row(&screen, 3, "1 holds  exclusive");
    screen_expect_row(&screen, 4, "2 waits  exclusive");
    screen_expect_row(&screen, 4, "m");
    screen_type(&screen, ESC);
    screen_expect(&screen, "filter \"B\": 1 of 3");
    screen_type(&screen, ESC);
    screen_expect(&screen, "top/c");
    screen_type(&screen, "?");
    screen_expect(&screen, "any key: back");
    screen_type(&screen, "x");
    screen_expect(&screen, "q quit");
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
}

/** Goal: a hand-over is seen: the holder's time begins anew, and it counts.
 *  Method: release a lock that a ticket of the same process waits for. */
static void test_hand_over(void **state)
{
    struct screen screen;

    (void)state;
    open_top(&screen, &large, "--sort", "rate");
    screen_expect(&screen, "by rate");
    screen_expect(&screen, ">");
    screen_await(&screen, "0 grants/min", 1);
    test_release(held[1]);
    assert_int_equal(test_call_await(&calls[2]), 0);
    held[1] = waiting[2];
    screen_await(&screen, "3 wait,", 0);
    screen_await(&screen, ", 0 grants/min", 0);
    screen_expect_row(&screen, 3, "top/b");
    /* The hold was seen from its beginning on. */
    screen_await_row(&screen, 3, ">", 0);
    screen_type(&screen, CTRL_C);
    assert_int_equal(screen_close(&screen), 128 + SIGINT);
}

/** Goal: the screen follows the terminal's size. Method: smaller, larger, and
 *  too small for anything. */
static void test_resize(void **state)
{
    struct screen screen;

    (void)state;
    open_top(&screen, &small, NULL, NULL);
    screen_expect(&screen, "q quit");
    screen_expect_row(&screen, 23, "q quit");
    screen_resize(&screen, 50, 200);
    screen_expect(&screen, "q quit");
    screen_expect_row(&screen, 49, "q quit");
    screen_resize(&screen, 3, 20);
    screen_expect(&screen, "leaselock top");
    screen_resize(&screen, 10, 60);
    screen_expect(&screen, "top/c");
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
}

/** Goal: while etcd does not answer, the view stays and is marked as old; then
 *  it goes on. Method: stop etcd, as a hang does. */
static void test_etcd_lost(void **state)
{
    struct screen screen;

    (void)state;
    open_top(&screen, &small, "--timeout", "1");
    screen_expect(&screen, "top/c");
    assert_int_equal(test_etcd_pause(&etcd), 0);
    screen_expect(&screen, "OLD, ");
    screen_expect_row(&screen, 3, "top/a");
    screen_type(&screen, "n");
    screen_expect(&screen, "by name");
    assert_int_equal(test_etcd_resume(&etcd), 0);
    screen_await(&screen, "OLD, ", 0);
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
}

/** Goal: ^Z gives the terminal back, and continuing draws again. Method: this
 *  process waits for it as a shell does. */
static void test_stop(void **state)
{
    struct screen screen;
    struct termios modes;
    int status = 0;

    (void)state;
    open_top(&screen, &small, NULL, NULL);
    screen_expect(&screen, "top/c");
    screen_type(&screen, CTRL_Z);
    assert_int_equal(waitpid(screen.pid, &status, WUNTRACED), screen.pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(tcgetattr(screen.tty, &modes), 0);
    assert_int_equal(modes.c_lflag, screen.modes.c_lflag);
    screen_read(&screen, 0);
    vterm_screen_reset(screen.cells, 1);
    assert_int_equal(kill(screen.pid, SIGCONT), 0);
    screen_expect(&screen, "top/c");
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
}

/** Goal: colours, and none with NO_COLOR; the row at the cursor is reversed in
 *  either case. */
static void test_colours(void **state)
{
    static const struct screen_options plain = {24, 80, NULL, "1"};
    static const struct screen_options empty = {24, 80, NULL, ""};
    struct screen screen;

    (void)state;
    open_top(&screen, &small, NULL, NULL);
    screen_expect(&screen, "q quit");
    assert_true(screen_has_colours(&screen));
    assert_true(screen_cell(&screen, 3, 0).attrs.reverse);
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
    open_top(&screen, &plain, NULL, NULL);
    screen_expect(&screen, "q quit");
    assert_false(screen_has_colours(&screen));
    assert_true(screen_cell(&screen, 3, 0).attrs.reverse);
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
    open_top(&screen, &empty, NULL, NULL);
    screen_expect(&screen, "q quit");
    assert_true(screen_has_colours(&screen));
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
}

/** Goal: names and labels from other clients cannot draw. Method: a name with a
 *  sequence that clears the screen, and wide characters. */
static void test_hostile_names(void **state)
{
    leaselock_ticket *hostile = test_acquire(&peer, "top/\xe9\x8e\x96\xc2\x9b"
                                                    "2J");
    struct screen screen;

    (void)state;
    open_top(&screen, &large, NULL, NULL);
    screen_expect(&screen, "top/\xe9\x8e\x96\\xc2\\x9b2J");
    screen_expect(&screen, "top/a");
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
    test_release(hostile);
}

/** Goal: without a terminal, with one that has no screen, and without etcd there
 *  is a message, and the terminal stays as it is. */
static void test_no_screen(void **state)
{
    static const struct screen_options dumb = {24, 80, "dumb", NULL};
    static const struct screen_options unknown = {24, 80, "no-such-type", NULL};
    const char *const argv[] = {"leaselock", "-T", "0.5", "top", NULL};
    struct test_process tool = TEST_PROCESS_INIT;
    struct screen screen;

    (void)state;
    assert_int_equal(run_tool(&tool, etcd.endpoint, "top", NULL), 2);
    expect_output(&tool, TEST_STDERR, "it needs a terminal; --once");
    test_process_end(&tool);
    open_top(&screen, &dumb, NULL, NULL);
    assert_int_equal(screen_close(&screen), 2);
    assert_non_null(strstr(screen.text, "\"dumb\" has no screen"));
    open_top(&screen, &unknown, NULL, NULL);
    assert_int_equal(screen_close(&screen), 2);
    assert_non_null(strstr(screen.text, "unknown type"));
    screen_open(&screen, &large, "127.0.0.1:1", argv);
    assert_int_equal(screen_close(&screen), 69);
    assert_non_null(strstr(screen.text,
                           "leaselock: cannot list the locks: etcd "
                           "could not be reached (endpoint "
                           "127.0.0.1:1)"));
}

/** Goal: --once prints a table or JSON, sorted and filtered, without sequences;
 *  with an etcd that does not answer it fails. */
static void test_once(void **state)
{
    struct test_process tool = TEST_PROCESS_INIT;
    const char *table;
    const char *name = NULL;
    int waiters = -1;
    json_t *object;

    (void)state;
    assert_int_equal(run_tool(&tool, etcd.endpoint, "top", "--once", "--sort",
                              "waiters", "top/", NULL),
                     0);
    table = test_process_output(&tool, TEST_STDOUT);
    assert_null(strchr(table, '\033'));
    assert_int_equal(strncmp(table, "NAME   WAIT  MODE       AGE", 27), 0);
    assert_true(strstr(table, "\ntop/a  2") < strstr(table, "\ntop/c  0"));
    test_process_end(&tool);
    assert_int_equal(run_tool(&tool, etcd.endpoint, "top", "-j", "--filter",
                              "/A", "top/", NULL),
                     0);
    object = json_loads(test_process_output(&tool, TEST_STDOUT), 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_array_size(json_object_get(object, "locks")), 1);
    assert_int_equal(json_unpack(object, "{s:[{s:s, s:i}]}", "locks", "name",
                                 &name, "waiters", &waiters),
                     0);
    assert_string_equal(name, "top/a");
    assert_int_equal(waiters, 2);
    json_decref(object);
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, etcd.endpoint, "top", "-o", "-f", "zzz", NULL), 0);
    assert_string_equal(test_process_output(&tool, TEST_STDOUT), "");
    expect_output(&tool, TEST_STDERR, "no lock matches the filter");
    test_process_end(&tool);
    assert_int_equal(
        run_tool(&tool, "127.0.0.1:1", "-T", "0.5", "top", "--once", NULL), 69);
    expect_output(&tool, TEST_STDERR, "127.0.0.1:1");
    test_process_end(&tool);
}

/** Goal: usage errors are reported. */
static void test_mistakes(void **state)
{
    static const char *const wrong[][4] = {
        {"top", "--sort", "size", NULL}, {"top", "a", "b", NULL},
        {"top", "--once", "a", "b"},     {"top", "-i", "0.05", NULL},
        {"top", "-i", "never", NULL},    {"top", "--once", "/a", NULL},
        {"top", "--watch", NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct test_process tool = TEST_PROCESS_INIT;

        assert_int_equal(run_tool(&tool, etcd.endpoint, wrong[i][0],
                                  wrong[i][1], wrong[i][2], wrong[i][3], NULL),
                         2);
        expect_output(&tool, TEST_STDERR, "leaselock: ");
        test_process_end(&tool);
    }
}

/** Goal: a view costs etcd one read at a time, an interval apart. Method: etcd's
 *  own count of requests while the view is shown. */
static void test_cost(void **state)
{
    int64_t before = test_etcd_requests(&etcd, "Range");
    int64_t from_ns = test_now_ns();
    struct screen screen;
    int64_t reads;
    int64_t took_ms;

    (void)state;
    open_top(&screen, &small, NULL, NULL);
    screen_expect(&screen, "top/c");
    while (test_etcd_requests(&etcd, "Range") < before + 5) {
        screen_read(&screen, 10);
    }
    screen_type(&screen, "q");
    assert_int_equal(screen_close(&screen), 0);
    reads = test_etcd_requests(&etcd, "Range") - before;
    took_ms = (test_now_ns() - from_ns) / TEST_NS_PER_MS;
    /* Tickets of this process may read as well. */
    assert_in_range(reads, 5, 4 + took_ms / 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_80),       cmocka_unit_test(test_hand_over),
        cmocka_unit_test(test_resize),        cmocka_unit_test(test_etcd_lost),
        cmocka_unit_test(test_stop),          cmocka_unit_test(test_colours),
        cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_no_screen),
        cmocka_unit_test(test_once),          cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_cost)};

    return cmocka_run_group_tests(tests, start_locks, stop_locks);
}
