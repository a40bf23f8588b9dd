/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The page QUEUE of `leaselock top`: a row for each place of one queue.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/top_cells.h"
#include "cli/who.h"

#define STATE_WIDTH 6
#define MODE_WIDTH 10
#define TOKEN_WIDTH 9
#define WHO_WIDTH_MIN 8

/** What the columns of fixed width leave. */
static size_t who_width(const struct ll_top_scene *scene, size_t gap)
{
    size_t used = LL_TOP_COUNT_WIDTH + STATE_WIDTH + MODE_WIDTH +
                  2 * LL_TOP_AGE_WIDTH + TOKEN_WIDTH + 6 * gap;

    return scene->columns > used + WHO_WIDTH_MIN ? scene->columns - used
                                                 : WHO_WIDTH_MIN;
}

static void add_titles(struct ll_top_text *line,
                       const struct ll_top_scene *scene,
                       size_t gap)
{
    ll_top_add_cell(line, "POS", LL_TOP_COUNT_WIDTH, 1, gap);
    ll_top_add_cell(line, "STATE", STATE_WIDTH, 0, gap);
    ll_top_add_cell(line, "MODE", MODE_WIDTH, 0, gap);
    ll_top_add_cell(line, "AGE", LL_TOP_AGE_WIDTH, 1, gap);
    ll_top_add_cell(line, "TTL", LL_TOP_AGE_WIDTH, 1, gap);
    ll_top_add_cell(line, "TOKEN", TOKEN_WIDTH, 1, gap);
    ll_top_add(line, "WHO", who_width(scene, gap));
}

static void add_place(struct ll_top_text *line,
                      const struct ll_top_scene *scene,
                      size_t at,
                      size_t gap)
{
    const struct leaselock_queue_entry *entry = &scene->queue->entries[at];
    char number[24];
    char mode[LL_WHO_MODE_SIZE];

    (void)snprintf(number, sizeof(number), "%zu", at + 1);
    ll_top_add_cell(line, number, LL_TOP_COUNT_WIDTH, 1, gap);
    ll_top_add_cell(line, ll_who_state(entry), STATE_WIDTH, 0, gap);
    ll_who_mode(entry, mode);
    ll_top_add_cell(line, mode, MODE_WIDTH, 0, gap);
    ll_top_add_age(line, "", ll_top_age_s(entry, scene->queue_unix_s),
                   LL_TOP_AGE_WIDTH, gap);
    if (entry->lease == 0) {
        ll_top_add_cell(line, "never", LL_TOP_AGE_WIDTH, 1, gap);
    } else {
        ll_top_add_age(line, "", entry->ttl_s, LL_TOP_AGE_WIDTH, gap);
    }
    (void)snprintf(number, sizeof(number), "%" PRId64, entry->token);
    ll_top_add_cell(line, number, TOKEN_WIDTH, 1, gap);
    ll_top_add_who(line, entry, scene->queue_unix_s, who_width(scene, gap));
}

static enum ll_top_style style_of(const struct leaselock_queue_entry *entry,
                                  int is_at)
{
    if (is_at) {
        return LL_TOP_STYLE_CURSOR;
    }
    if (!ll_who_is_ticket(entry)) {
        return LL_TOP_STYLE_BLOCKED;
    }
    return entry->holds ? LL_TOP_STYLE_HOLDS : LL_TOP_STYLE_PLAIN;
}

void ll_top_put_queue(const struct ll_top_painter *painter)
{
    const struct ll_top_scene *scene = painter->scene;
    const struct leaselock_queue_info *queue = scene->queue;
    const struct ll_top_cursor *cursor = &scene->view->queue;
    size_t gap = scene->columns >= LL_TOP_WIDE ? 2 : 1;
    size_t shown_n = ll_top_picture_shown(scene->rows);
    struct ll_top_text titles = LL_TOP_TEXT_INIT;

    add_titles(&titles, scene, gap);
    ll_top_put(painter, &titles, LL_TOP_HEAD_LINES - 1, LL_TOP_STYLE_COLUMNS);
    for (size_t i = 0; i < shown_n; i++) {
        struct ll_top_text line = LL_TOP_TEXT_INIT;
        enum ll_top_style style = LL_TOP_STYLE_PLAIN;
        size_t at = cursor->first + i;

        if (queue != NULL && at < queue->entries_n) {
            add_place(&line, scene, at, gap);
            style = style_of(&queue->entries[at], at == cursor->at);
        } else if (i == 0) {
            ll_top_addf(&line, "%s",
                        queue == NULL ? "reading the queue" : "it is free");
        }
        ll_top_put(painter, &line, LL_TOP_HEAD_LINES + i, style);
    }
}
