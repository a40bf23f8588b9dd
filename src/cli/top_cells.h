/* SPDX-License-Identifier: Apache-2.0 */
/** What the pages of `leaselock top` are put together from: cells of locks and
 *  places, and lines. */
#ifndef LL_CLI_TOP_CELLS_H
#define LL_CLI_TOP_CELLS_H

#include "cli/top_line.h"
#include "cli/top_picture.h"

/** From so many columns on there are two blanks between columns. */
#define LL_TOP_WIDE 100
/** Lines above the rows, and below. */
#define LL_TOP_HEAD_LINES 3
#define LL_TOP_FOOT_LINES 1

#define LL_TOP_COUNT_WIDTH 5
#define LL_TOP_AGE_WIDTH 6

/** A picture that is being made. */
struct ll_top_painter {
    const struct ll_top_scene *scene;
    ll_top_line_fn *line;
    void *arg;
};

/** Hands over a line, cut to the screen; not if it is below the screen. */
void ll_top_put(const struct ll_top_painter *painter,
                struct ll_top_text *line,
                size_t row,
                enum ll_top_style style);

/** The titles and the rows of the pages LIST and QUEUE. */
void ll_top_put_list(const struct ll_top_painter *painter);
void ll_top_put_queue(const struct ll_top_painter *painter);

/** Formats grants a minute, times 1000: "7.5", "120", or "-" if not known. */
#define LL_TOP_RATE_SIZE 24
void ll_top_rate(int64_t rate_milli, char ret_text[LL_TOP_RATE_SIZE]);

/** The mode of a lock, with how many hold it: "exclusive", "shared x3", "permit
 *  2/8", or "-" if no ticket holds it. */
#define LL_TOP_MODE_SIZE 48
void ll_top_mode(const struct leaselock_lock_info *lock,
                 char ret_text[LL_TOP_MODE_SIZE]);

/** Since a place's request, in seconds; -1: not known. */
int64_t ll_top_age_s(const struct leaselock_queue_entry *entry,
                     int64_t now_unix_s);

/** Appends a time, on the right of its cell; "-" for -1. */
void ll_top_add_age(struct ll_top_text *line,
                    const char *sign,
                    int64_t age_s,
                    size_t width,
                    size_t gap);

/** Appends who has a place, shorter if there are few columns, and what there is
 *  to note of it. */
void ll_top_add_who(struct ll_top_text *line,
                    const struct leaselock_queue_entry *entry,
                    int64_t now_unix_s,
                    size_t width);

#endif
