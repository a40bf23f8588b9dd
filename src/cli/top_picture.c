/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"
#include "cli/top_cells.h"

static const char *const help_lines[] = {
    "  Up k   Down j       move by a row",
    "  PgUp   PgDn         move by a screen",
    "  Home g End G        move to the first or the last row",
    "  Enter  Right        show the queue of the lock: who holds it, who waits",
    "  Esc    Left         back to the list; in the list: remove the filter",
    "  a h w r n m         sort by age, held, waiters, rate, name, mode;",
    "                      the same again: the other way round",
    "  s                   sort by the next of these",
    "  /                   filter: locks whose name or holder has a text;",
    "                      Enter keeps it, Esc restores the former one",
    "  ^L                  draw the screen again",
    "  q ^C                end",
    "",
    "  WAIT  places behind the holders",
    "  AGE   since the holder's request, by the holder's clock",
    "  HELD  since this holder was seen first; '>': it held the lock before",
    "  /MIN  grants that were seen, a minute; one between two reads at most",
};

#define HELP_N (sizeof(help_lines) / sizeof(help_lines[0]))

size_t ll_top_picture_shown(size_t rows)
{
    size_t others = LL_TOP_HEAD_LINES + LL_TOP_FOOT_LINES;

    return rows > others ? rows - others : 0;
}

static void put_list_title(const struct ll_top_painter *painter)
{
    const struct ll_top_scene *scene = painter->scene;
    const struct ll_top_model *model = scene->model;
    struct ll_top_text line = LL_TOP_TEXT_INIT;
    char rate[LL_TOP_RATE_SIZE];
    char sums[160];
    size_t sums_width;

    ll_top_rate(model->rate_milli, rate);
    (void)snprintf(sums, sizeof(sums), "%zu lock%s, %zu wait%s, %s grants/min",
                   model->all_n, model->all_n == 1 ? "" : "s", model->waiters_n,
                   model->waiters_n == 1 ? "s" : "", rate);
    sums_width = strlen(sums) + 2;
    ll_top_addf(&line, "leaselock top");
    if (scene->prefix != NULL &&
        scene->columns > line.length + 2 + sums_width) {
        ll_top_addf(&line, "  ");
        ll_top_add(&line, scene->prefix,
                   scene->columns - line.length - sums_width);
    }
    ll_top_add_at_end(&line, sums, scene->columns);
    ll_top_put(painter, &line, 0, LL_TOP_STYLE_TITLE);
}

static void put_queue_title(const struct ll_top_painter *painter)
{
    const struct ll_top_scene *scene = painter->scene;
    const struct leaselock_queue_info *queue = scene->queue;
    struct ll_top_text line = LL_TOP_TEXT_INIT;
    char sums[160] = "";
    size_t sums_width;

    if (queue != NULL && queue->total > (int64_t)queue->entries_n) {
        (void)snprintf(sums, sizeof(sums),
                       "the first %zu of %" PRId64 " places", queue->entries_n,
                       queue->total);
    } else if (queue != NULL) {
        (void)snprintf(sums, sizeof(sums), "%zu place%s", queue->entries_n,
                       queue->entries_n == 1 ? "" : "s");
    }
    sums_width = strlen(sums) + 2;
    ll_top_addf(&line, "queue of ");
    if (scene->columns > line.length + sums_width) {
        ll_top_add(&line, scene->name,
                   scene->columns - line.length - sums_width);
    }
    ll_top_add_at_end(&line, sums, scene->columns);
    ll_top_put(painter, &line, 0, LL_TOP_STYLE_TITLE);
}

/** The second line: how the list is sorted and filtered, and which revision of
 *  etcd's store is shown. */
static void put_state(const struct ll_top_painter *painter)
{
    const struct ll_top_scene *scene = painter->scene;
    const struct ll_top_view *view = scene->view;
    struct ll_top_text line = LL_TOP_TEXT_INIT;
    char revision[48] = "";

    if (view->page == LL_TOP_QUEUE) {
        if (scene->queue != NULL) {
            (void)snprintf(revision, sizeof(revision), "revision %" PRId64,
                           scene->queue->revision);
        }
    } else {
        ll_top_addf(&line, "by %s%s", ll_top_sort_name(view->sort),
                    view->is_reversed ? ", reversed" : "");
        if (view->filter[0] != '\0') {
            ll_top_addf(&line, "; filter \"%s\": %zu of %zu", view->filter,
                        scene->model->rows_n, scene->model->all_n);
        }
        (void)snprintf(revision, sizeof(revision), "revision %" PRId64,
                       scene->model->revision);
    }
    ll_top_add_at_end(&line, revision, scene->columns);
    ll_top_put(painter, &line, 1, LL_TOP_STYLE_PLAIN);
}

static void put_help(const struct ll_top_painter *painter)
{
    struct ll_top_text title = LL_TOP_TEXT_INIT;

    ll_top_addf(&title, "leaselock top: the keys");
    ll_top_put(painter, &title, 0, LL_TOP_STYLE_TITLE);
    for (size_t row = 1; row < painter->scene->rows; row++) {
        struct ll_top_text line = LL_TOP_TEXT_INIT;

        if (row >= 2 && row - 2 < HELP_N) {
            ll_top_addf(&line, "%s", help_lines[row - 2]);
        }
        ll_top_put(painter, &line, row, LL_TOP_STYLE_PLAIN);
    }
}

static const char *keys_of(enum ll_top_page page)
{
    switch (page) {
    case LL_TOP_LIST:
        return "? help  / filter  Enter queue  a h w r n m sort  q quit";
    case LL_TOP_QUEUE:
        return "? help  Esc list  q quit";
    case LL_TOP_FILTER:
    case LL_TOP_HELP:
        break;
    }
    return "any key: back";
}

/** The last line: the filter while it is typed, else what is wrong, else the
 *  keys. */
static void put_foot(const struct ll_top_painter *painter)
{
    const struct ll_top_scene *scene = painter->scene;
    struct ll_top_text line = LL_TOP_TEXT_INIT;
    enum ll_top_style style = LL_TOP_STYLE_KEYS;
    char age[LL_TEXT_AGE_SIZE];

    if (scene->old_s >= 0 || scene->trouble[0] != '\0') {
        style = LL_TOP_STYLE_ALERT;
    }
    if (scene->old_s >= 0) {
        ll_text_age(scene->old_s, age);
        ll_top_addf(&line, "OLD, %s: ", age);
    }
    if (scene->view->page == LL_TOP_FILTER) {
        ll_top_addf(&line, "/%s", scene->view->filter);
    } else if (style == LL_TOP_STYLE_ALERT) {
        ll_top_addf(&line, "%s",
                    scene->trouble[0] != '\0' ? scene->trouble
                                              : "etcd does not answer");
    } else {
        ll_top_addf(&line, "%s", keys_of(scene->view->page));
    }
    if (scene->rows > 0) {
        ll_top_put(painter, &line, scene->rows - 1, style);
    }
}

void ll_top_picture(const struct ll_top_scene *scene,
                    ll_top_line_fn *line,
                    void *arg)
{
    const struct ll_top_painter painter = {scene, line, arg};

    switch (scene->view->page) {
    case LL_TOP_LIST:
    case LL_TOP_FILTER:
        put_list_title(&painter);
        put_state(&painter);
        ll_top_put_list(&painter);
        break;
    case LL_TOP_QUEUE:
        put_queue_title(&painter);
        put_state(&painter);
        ll_top_put_queue(&painter);
        break;
    case LL_TOP_HELP:
        put_help(&painter);
        break;
    }
    put_foot(&painter);
}
