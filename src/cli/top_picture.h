/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The lines of `leaselock top`, as text and style: what the screen and the tests
 * get. Each line fits the width, and is safe for a terminal (see text.h).
 *
 *   line                 page LIST or FILTER    page QUEUE           page HELP
 *   first                locks, sums            the queue, its size  the title
 *   second               order, filter          when it was read     -
 *   third                titles of columns      titles of columns    -
 *   up to the last but 1 a lock each            a place each         the keys
 *   last                 keys; the filter while it is typed; or what is wrong
 */
#ifndef LL_CLI_TOP_PICTURE_H
#define LL_CLI_TOP_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "cli/top_model.h"
#include "cli/top_view.h"

enum ll_top_style {
    LL_TOP_STYLE_PLAIN,
    LL_TOP_STYLE_TITLE,
    LL_TOP_STYLE_COLUMNS,
    /** The row at the cursor. */
    LL_TOP_STYLE_CURSOR,
    /** A queue that a key without a ticket blocks. */
    LL_TOP_STYLE_BLOCKED,
    /** A place that holds its lock. */
    LL_TOP_STYLE_HOLDS,
    LL_TOP_STYLE_KEYS,
    /** Something is wrong: what is shown is old. */
    LL_TOP_STYLE_ALERT
};

/** All that a picture shows. Borrowed. */
struct ll_top_scene {
    const struct ll_top_model *model;
    const struct ll_top_view *view;
    /** Of the locks that are read; NULL: all. */
    const char *prefix;
    /** The queue of the page QUEUE, its lock, and the time of day when it was
     *  read; NULL: not read yet. */
    const struct leaselock_queue_info *queue;
    const char *name;
    int64_t queue_unix_s;
    /** The age of what is shown, in seconds, if etcd does not answer; -1: it
     *  does. */
    int64_t old_s;
    /** What is wrong; "": nothing. */
    const char *trouble;
    /** The size of the screen. */
    size_t rows;
    size_t columns;
};

/** Takes a line; the text is valid until it returns. */
typedef void ll_top_line_fn(void *arg,
                            size_t row,
                            enum ll_top_style style,
                            const char *text);

/** How many locks or places a screen of this height shows at a time. */
size_t ll_top_picture_shown(size_t rows);

/** Makes a line for each row of the screen. */
void ll_top_picture(const struct ll_top_scene *scene,
                    ll_top_line_fn *line,
                    void *arg);

#endif
