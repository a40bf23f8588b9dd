/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The page LIST of `leaselock top`: a row for each lock.
 */
#include <stdio.h>
#include <string.h>

#include "cli/text.h"
#include "cli/top_cells.h"
#include "cli/who.h"

#define HELD_WIDTH 7
#define MODE_WIDTH_MIN 9
#define MODE_WIDTH_MAX 14
/** The least widths of the names and of the holders. */
#define NAME_WIDTH_MIN 8
#define WHO_WIDTH_MIN 8

/** The widths of the columns. */
struct layout {
    size_t gap;
    size_t name;
    size_t mode;
    size_t who;
};

static size_t most(size_t one, size_t other)
{
    return one > other ? one : other;
}

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

/** The columns of a name as it is shown. */
static size_t columns_of(const char *name)
{
    struct ll_top_text text = LL_TOP_TEXT_INIT;

    ll_top_add(&text, name, sizeof(text.text));
    return ll_text_columns(text.text);
}

/** Chooses the widths for the rows from @first to @end: the names get at most
 *  half of what the numbers leave. */
static struct layout
lay_out(const struct ll_top_scene *scene, size_t first, size_t end)
{
    struct layout layout = {scene->columns >= LL_TOP_WIDE ? 2 : 1,
                            NAME_WIDTH_MIN, MODE_WIDTH_MIN, WHO_WIDTH_MIN};
    size_t fixed;
    size_t left = NAME_WIDTH_MIN + WHO_WIDTH_MIN;

    for (size_t i = first; i < end; i++) {
        const struct leaselock_lock_info *lock = scene->model->rows[i].lock;
        char mode[LL_TOP_MODE_SIZE];

        ll_top_mode(lock, mode);
        layout.mode = most(layout.mode, strlen(mode));
        layout.name = most(layout.name, columns_of(lock->name));
    }
    layout.mode = least(layout.mode, MODE_WIDTH_MAX);
    fixed = 2 * LL_TOP_COUNT_WIDTH + LL_TOP_AGE_WIDTH + HELD_WIDTH +
            layout.mode + 6 * layout.gap;
    if (scene->columns > fixed) {
        left = most(left, scene->columns - fixed);
    }
    layout.name = least(layout.name, left / 2);
    layout.who = left - layout.name;
    return layout;
}

static void add_titles(struct ll_top_text *line, const struct layout *layout)
{
    ll_top_add_cell(line, "NAME", layout->name, 0, layout->gap);
    ll_top_add_cell(line, "WAIT", LL_TOP_COUNT_WIDTH, 1, layout->gap);
    ll_top_add_cell(line, "AGE", LL_TOP_AGE_WIDTH, 1, layout->gap);
    ll_top_add_cell(line, "HELD", HELD_WIDTH, 1, layout->gap);
    ll_top_add_cell(line, "/MIN", LL_TOP_COUNT_WIDTH, 1, layout->gap);
    ll_top_add_cell(line, "MODE", layout->mode, 0, layout->gap);
    ll_top_add(line, "HOLDER", layout->who);
}

static void add_row(struct ll_top_text *line,
                    const struct ll_top_scene *scene,
                    const struct layout *layout,
                    const struct ll_top_row *row)
{
    char number[LL_TOP_RATE_SIZE];
    char mode[LL_TOP_MODE_SIZE];

    ll_top_add_cell(line, row->lock->name, layout->name, 0, layout->gap);
    (void)snprintf(number, sizeof(number), "%zu", row->waiters);
    ll_top_add_cell(line, number, LL_TOP_COUNT_WIDTH, 1, layout->gap);
    ll_top_add_age(line, "", row->age_s, LL_TOP_AGE_WIDTH, layout->gap);
    ll_top_add_age(line, row->is_whole ? "" : ">", row->held_s, HELD_WIDTH,
                   layout->gap);
    ll_top_rate(row->rate_milli, number);
    ll_top_add_cell(line, number, LL_TOP_COUNT_WIDTH, 1, layout->gap);
    ll_top_mode(row->lock, mode);
    ll_top_add_cell(line, mode, layout->mode, 0, layout->gap);
    ll_top_add_who(line, row->lock->holder, scene->model->taken_unix_s,
                   layout->who);
}

static enum ll_top_style style_of(const struct ll_top_row *row, int is_at)
{
    if (is_at) {
        return LL_TOP_STYLE_CURSOR;
    }
    return ll_who_is_ticket(row->lock->holder) ? LL_TOP_STYLE_PLAIN
                                               : LL_TOP_STYLE_BLOCKED;
}

void ll_top_put_list(const struct ll_top_painter *painter)
{
    const struct ll_top_scene *scene = painter->scene;
    const struct ll_top_model *model = scene->model;
    const struct ll_top_cursor *cursor = &scene->view->list;
    size_t shown_n = ll_top_picture_shown(scene->rows);
    size_t end = least(cursor->first + shown_n, model->rows_n);
    struct layout layout = lay_out(scene, cursor->first, end);
    struct ll_top_text titles = LL_TOP_TEXT_INIT;

    add_titles(&titles, &layout);
    ll_top_put(painter, &titles, LL_TOP_HEAD_LINES - 1, LL_TOP_STYLE_COLUMNS);
    for (size_t i = 0; i < shown_n; i++) {
        struct ll_top_text line = LL_TOP_TEXT_INIT;
        enum ll_top_style style = LL_TOP_STYLE_PLAIN;
        size_t at = cursor->first + i;

        if (at < end) {
            add_row(&line, scene, &layout, &model->rows[at]);
            style = style_of(&model->rows[at], at == cursor->at);
        } else if (i == 0) {
            ll_top_addf(&line, "%s",
                        model->all_n == 0 ? "no lock is held"
                                          : "no lock matches the filter");
        }
        ll_top_put(painter, &line, LL_TOP_HEAD_LINES + i, style);
    }
}
