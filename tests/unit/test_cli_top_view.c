/* SPDX-License-Identifier: Apache-2.0 */
/* The views of `leaselock top`: what the keys do, and the lines that are drawn,
 * at several sizes and with names that could harm a terminal. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/text.h"
#include "cli/top_picture.h"
#include "cli/top_view.h"
#include "unit/locks.h"

#define ROWS 10
#define LINES_MAX 64
#define LINE_SIZE 8192
#define NOON INT64_C(1700000000)

/** A model with locks, a view, and the picture that it makes. */
struct world {
    struct test_lock locks[TEST_LOCKS_MAX];
    char names[TEST_LOCKS_MAX][16];
    struct test_locks list;
    struct ll_top_model model;
    struct ll_top_view view;
    struct ll_top_scene scene;
    char lines[LINES_MAX][LINE_SIZE];
    enum ll_top_style styles[LINES_MAX];
};

/** Makes n locks, "l00" and so on, the first the oldest. */
static struct world *world_new(size_t n)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->list.info.locks = world->list.locks;
    world->list.info.locks_n = n;
    world->list.info.revision = 4711;
    for (size_t i = 0; i < n; i++) {
        snprintf(world->names[i], sizeof(world->names[i]), "l%02u",
                 (unsigned)i % 100);
        world->locks[i] = (struct test_lock)TEST_LOCK("l", 10 + (int64_t)i,
                                                      NOON - 1000 + (int64_t)i);
        world->list.locks[i] = (struct leaselock_lock_info){
            world->names[i], 1, &world->locks[i].entry, 1};
    }
    assert_int_equal(
        ll_top_model_take(&world->model, &world->list.info, 0, NOON), 0);
    ll_top_model_arrange(&world->model, LL_TOP_AGE, 0, "");
    world->scene = (struct ll_top_scene){.model = &world->model,
                                         .view = &world->view,
                                         .name = "l00",
                                         .queue_unix_s = NOON,
                                         .old_s = -1,
                                         .trouble = "",
                                         .rows = ROWS,
                                         .columns = 80};
    return world;
}

static void world_free(struct world *world)
{
    ll_top_model_free(&world->model);
    ll_top_view_free(&world->view);
    free(world);
}

static size_t places_of(const struct world *world)
{
    return world->scene.queue != NULL ? world->scene.queue->entries_n : 0;
}

static enum ll_top_action press(struct world *world, uint32_t key)
{
    size_t shown_n = ll_top_picture_shown(world->scene.rows);
    enum ll_top_action action = ll_top_view_key(&world->view, &world->model,
                                                places_of(world), shown_n, key);

    if (action == LL_TOP_ARRANGE) {
        ll_top_model_arrange(&world->model, world->view.sort,
                             world->view.is_reversed, world->view.filter);
    }
    ll_top_view_settle(&world->view, &world->model, places_of(world), shown_n);
    return action;
}

static void type(struct world *world, const char *keys)
{
    for (; *keys != '\0'; keys++) {
        (void)press(world, (unsigned char)*keys);
    }
}

static void
on_line(void *arg, size_t row, enum ll_top_style style, const char *text)
{
    struct world *world = arg;

    assert_true(row < world->scene.rows);
    assert_true(ll_text_columns(text) <= world->scene.columns);
    for (const char *p = text; *p != '\0'; p++) {
        assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
    snprintf(world->lines[row], LINE_SIZE, "%s", text);
    world->styles[row] = style;
}

static void draw(struct world *world)
{
    memset(world->lines, 0, sizeof(world->lines));
    ll_top_picture(&world->scene, on_line, world);
}

static void expect_line(struct world *world, size_t row, const char *part)
{
    draw(world);
    if (strstr(world->lines[row], part) == NULL) {
        fail_msg("\"%s\" is not in line %zu: \"%s\"", part, row,
                 world->lines[row]);
    }
}

/** The row that is drawn as the cursor's. */
static size_t cursor_line(struct world *world)
{
    draw(world);
    for (size_t i = 0; i < world->scene.rows; i++) {
        if (world->styles[i] == LL_TOP_STYLE_CURSOR) {
            return i;
        }
    }
    return SIZE_MAX;
}

/** Goal: the cursor moves within the list, and the list with it. */
static void test_moving(void **state)
{
    struct world *world = world_new(20);

    (void)state;
    assert_int_equal(cursor_line(world), 3);
    type(world, "jjjjj");
    assert_int_equal(cursor_line(world), 8);
    expect_line(world, 8, "l05");
    type(world, "j");
    expect_line(world, 8, "l06");
    expect_line(world, 3, "l01");
    type(world, "k");
    assert_int_equal(cursor_line(world), 7);
    (void)press(world, LL_TOP_KEY_END);
    expect_line(world, 8, "l19");
    (void)press(world, LL_TOP_KEY_DOWN);
    expect_line(world, 8, "l19");
    (void)press(world, LL_TOP_KEY_PAGE_UP);
    expect_line(world, 3, "l14");
    (void)press(world, LL_TOP_KEY_PAGE_UP);
    (void)press(world, LL_TOP_KEY_PAGE_UP);
    (void)press(world, LL_TOP_KEY_PAGE_UP);
    expect_line(world, 3, "l00");
    (void)press(world, LL_TOP_KEY_UP);
    assert_int_equal(cursor_line(world), 3);
    (void)press(world, LL_TOP_KEY_PAGE_DOWN);
    assert_int_equal(world->view.list.at, 5);
    type(world, "G");
    assert_int_equal(world->view.list.at, 19);
    type(world, "g");
    assert_int_equal(world->view.list.at, 0);
    world_free(world);
}

/** Goal: the cursor stays on its lock when the order changes, and on the first
 *  row if it is there. */
static void test_cursor_follows(void **state)
{
    struct world *world = world_new(20);

    (void)state;
    type(world, "jj");
    expect_line(world, cursor_line(world), "l02");
    type(world, "a");
    assert_int_equal(world->view.list.at, 17);
    expect_line(world, cursor_line(world), "l02");
    type(world, "g");
    expect_line(world, cursor_line(world), "l19");
    type(world, "a");
    expect_line(world, cursor_line(world), "l00");
    /* The lock is gone: the cursor stays where it was, within the list. */
    type(world, "G/l0\r");
    assert_true(world->view.list.at < world->model.rows_n);
    assert_int_equal(world->model.rows_n, 10);
    world_free(world);
}

/** Goal: each key of an order sets it, and the same key reverses it. */
static void test_sort_keys(void **state)
{
    static const struct {
        const char *key;
        const char *shown;
    } cases[] = {{"a", "by age, reversed"},  {"h", "by held"},
                 {"h", "by held, reversed"}, {"h", "by held"},
                 {"w", "by waiters"},        {"r", "by rate"},
                 {"m", "by mode"},           {"n", "by name"},
                 {"s", "by mode"},           {"s", "by age"}};
    struct world *world = world_new(3);

    (void)state;
    expect_line(world, 1, "by age");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        type(world, cases[i].key);
        draw(world);
        assert_int_equal(
            strncmp(world->lines[1], cases[i].shown, strlen(cases[i].shown)),
            0);
        assert_int_equal(strstr(world->lines[1], "reversed") != NULL,
                         strstr(cases[i].shown, "reversed") != NULL);
    }
    world_free(world);
}

/** Goal: the filter is typed, corrected, kept and given up; its keys do not sort
 *  or end. */
static void test_filter_keys(void **state)
{
    struct world *world = world_new(12);

    (void)state;
    type(world, "/l1q");
    expect_line(world, ROWS - 1, "/l1q");
    expect_line(world, 3, "no lock matches the filter");
    (void)press(world, LL_TOP_KEY_BACKSPACE);
    assert_int_equal(world->model.rows_n, 2);
    (void)press(world, LL_TOP_KEY_ENTER);
    expect_line(world, 1, "filter \"l1\": 2 of 12");
    type(world, "/x");
    (void)press(world, LL_TOP_KEY_ESC);
    expect_line(world, 1, "filter \"l1\": 2 of 12");
    type(world, "/");
    (void)press(world, LL_TOP_KEY_CTRL_U);
    assert_int_equal(world->model.rows_n, 12);
    (void)press(world, LL_TOP_KEY_ESC);
    assert_int_equal(world->model.rows_n, 2);
    (void)press(world, LL_TOP_KEY_ESC);
    assert_int_equal(world->model.rows_n, 12);
    /* Characters of several bytes; ones that are none; more than fits. */
    type(world, "/");
    (void)press(world, 0xe4);
    (void)press(world, 0x20ac);
    (void)press(world, 0x1f512);
    (void)press(world, 0x07);
    (void)press(world, 0x9b);
    (void)press(world, LL_TOP_KEY_UP);
    assert_string_equal(world->view.filter,
                        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92");
    (void)press(world, LL_TOP_KEY_BACKSPACE);
    (void)press(world, LL_TOP_KEY_BACKSPACE);
    (void)press(world, LL_TOP_KEY_BACKSPACE);
    assert_string_equal(world->view.filter, "");
    (void)press(world, LL_TOP_KEY_BACKSPACE);
    for (size_t i = 0; i < 2 * LL_TOP_FILTER_SIZE; i++) {
        (void)press(world, 0x20ac);
    }
    assert_int_equal(strlen(world->view.filter), 126);
    world_free(world);
}

/** Goal: the pages, and the way back from each. */
static void test_pages(void **state)
{
    struct world *world = world_new(3);

    (void)state;
    assert_int_equal(press(world, LL_TOP_KEY_ENTER), LL_TOP_OPEN_QUEUE);
    expect_line(world, 0, "queue of l00");
    expect_line(world, 3, "reading the queue");
    type(world, "?");
    expect_line(world, 0, "the keys");
    assert_int_equal(press(world, 'x'), LL_TOP_NOTHING);
    expect_line(world, 0, "queue of l00");
    assert_int_equal(press(world, LL_TOP_KEY_ESC), LL_TOP_OPEN_LIST);
    expect_line(world, 0, "leaselock top");
    assert_int_equal(press(world, LL_TOP_KEY_CTRL_L), LL_TOP_REDRAW);
    type(world, "?");
    assert_int_equal(press(world, 'q'), LL_TOP_QUIT);
    type(world, "x/nothing\r");
    assert_int_equal(press(world, LL_TOP_KEY_ENTER), LL_TOP_NOTHING);
    assert_int_equal(press(world, 'q'), LL_TOP_QUIT);
    world_free(world);
}

/** Goal: the queue shows each place, with the time of its lease. */
static void test_queue_lines(void **state)
{
    struct leaselock_yield_request asked = {"host pid 3 other", "backup",
                                            NOON - 5};
    struct leaselock_queue_entry entries[] = {
        TEST_ENTRY("l00/7.1", 10, NOON - 70), TEST_ENTRY("l00/7.2", 11, 0),
        TEST_ENTRY("l00/data", 12, 0)};
    struct leaselock_queue_info queue = {99, 7, 3, entries};
    struct world *world = world_new(1);

    (void)state;
    entries[0].ttl_s = 9;
    entries[0].asked = &asked;
    entries[1].holds = 0;
    entries[1].mode = LEASELOCK_PERMIT;
    entries[1].permits = 8;
    entries[1].label = "b\033";
    entries[2].lease = 0;
    entries[2].host = "";
    entries[2].holds = 0;
    (void)press(world, LL_TOP_KEY_ENTER);
    world->scene.queue = &queue;
    world->scene.columns = 120;
    expect_line(world, 0, "the first 3 of 7 places");
    expect_line(world, 1, "revision 99");
    expect_line(world, 3,
                "    1  holds   exclusive    1m10s      9s         10"
                "  host pid 99 work; asked by host pid 3 other 5s "
                "ago: backup");
    expect_line(world, 4,
                "    2  waits   permit/8         -       -         11"
                "  host pid 99 work (b\\x1b)");
    expect_line(world, 5,
                "    3  blocks  -                -   never         12"
                "  blocked by l00/data, which is no ticket");
    assert_int_equal(world->styles[3], LL_TOP_STYLE_CURSOR);
    assert_int_equal(world->styles[5], LL_TOP_STYLE_BLOCKED);
    type(world, "j");
    draw(world);
    assert_int_equal(world->styles[3], LL_TOP_STYLE_HOLDS);
    assert_int_equal(world->styles[4], LL_TOP_STYLE_CURSOR);
    queue.entries_n = 0;
    queue.total = 0;
    (void)press(world, 'k');
    expect_line(world, 3, "it is free");
    world_free(world);
}

/** Goal: no name harms the terminal or breaks the columns. Method: hostile names
 *  and labels at every width; on_line checks each line. */
static void test_hostile_names(void **state)
{
    static const char *const hostile[] = {
        "a\033[2J\033]0;x\007",
        "a\r\n\tb\x7f\xc2\x9b",
        "\xff\xfe\xc0\x80",
        "\xe2\x80\xaeright to left",
        "\xe9\x8e\x96\xe5\xae\x9a\xe9\x8e\x96\xe5\xae\x9a\xe9\x8e\x96",
        "e\xcc\x81\xcc\x81\xcc\x81 combined",
        "\xf3\xbf\xbf\xbd unassigned",
        "a name that is much longer than what a narrow screen has room for"};
    size_t n = sizeof(hostile) / sizeof(hostile[0]);
    struct world *world = world_new(n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        world->list.locks[i].name = hostile[i];
        world->locks[i].entry.label = hostile[i];
    }
    world->scene.prefix = hostile[0];
    world->scene.name = hostile[1];
    world->scene.trouble = hostile[2];
    for (size_t columns = 0; columns <= 200; columns++) {
        for (size_t rows = 0; rows <= 24; rows += columns % 7 + 1) {
            world->scene.columns = columns;
            world->scene.rows = rows;
            draw(world);
        }
    }
    world->scene.columns = 120;
    world->scene.rows = 24;
    expect_line(world, 3, "a\\x1b[2J\\x1b]0;x\\x07");
    expect_line(world, 5, "\\xff\\xfe\\xc0\\x80");
    world_free(world);
}

/** Goal: the columns of a list line up, with wide names too. */
static void test_list_lines(void **state)
{
    struct world *world = world_new(3);

    (void)state;
    world->list.locks[2].name = "\xe9\x8e\x96\xe5\xae\x9a";
    world->list.locks[2].places_n = 12345;
    world->locks[2].entry.mode = LEASELOCK_SHARED;
    world->list.locks[2].holders_n = 3;
    world->locks[1].entry.lease = 0;
    world->locks[1].entry.host = "";
    assert_int_equal(
        ll_top_model_take(&world->model, &world->list.info, 1000000000, NOON),
        0);
    ll_top_model_arrange(&world->model, LL_TOP_AGE, 0, "");
    expect_line(world, 0, "leaselock top");
    expect_line(world, 0, "3 locks, 12342 wait, ");
    expect_line(world, 1, "revision 4711");
    expect_line(world, 2,
                "NAME      WAIT    AGE    HELD  /MIN MODE      HOLDER");
    expect_line(
        world, 3,
        "l00          0 16m40s     >1s     0 exclusive work host pid 99");
    expect_line(world, 4,
                "\xe9\x8e\x96\xe5\xae\x9a     12342 16m38s      0s  60.0 "
                "shared x3 work host pid");
    expect_line(world, 5, "-         blocked by l/7.1, which is");
    assert_int_equal(world->styles[5], LL_TOP_STYLE_BLOCKED);
    world_free(world);
}

/** Goal: what is wrong, and for how long, is in the last line; the rows stay. */
static void test_old(void **state)
{
    struct world *world = world_new(3);

    (void)state;
    expect_line(world, ROWS - 1, "q quit");
    world->scene.old_s = 75;
    expect_line(world, ROWS - 1, "OLD, 1m15s: etcd does not answer");
    assert_int_equal(world->styles[ROWS - 1], LL_TOP_STYLE_ALERT);
    world->scene.trouble = "no route";
    expect_line(world, ROWS - 1, "OLD, 1m15s: no route");
    expect_line(world, 3, "l00");
    type(world, "/x");
    expect_line(world, ROWS - 1, "OLD, 1m15s: /x");
    world_free(world);
}

/** Goal: the help fits a terminal of 24 rows, and its columns 80. */
static void test_help(void **state)
{
    struct world *world = world_new(0);

    (void)state;
    world->scene.rows = 24;
    expect_line(world, 3, "no lock is held");
    type(world, "?");
    draw(world);
    expect_line(world, 18, "/MIN");
    expect_line(world, 23, "any key: back");
    for (size_t i = 0; i < 24; i++) {
        assert_null(strstr(world->lines[i], "..."));
    }
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moving),
                                       cmocka_unit_test(test_cursor_follows),
                                       cmocka_unit_test(test_sort_keys),
                                       cmocka_unit_test(test_filter_keys),
                                       cmocka_unit_test(test_pages),
                                       cmocka_unit_test(test_queue_lines),
                                       cmocka_unit_test(test_hostile_names),
                                       cmocka_unit_test(test_list_lines),
                                       cmocka_unit_test(test_old),
                                       cmocka_unit_test(test_help)};

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
