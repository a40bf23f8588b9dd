/* SPDX-License-Identifier: Apache-2.0 */
/** A line of the screen that is put together from cells of given widths. */
#ifndef LL_CLI_TOP_LINE_H
#define LL_CLI_TOP_LINE_H

#include <stddef.h>

/** A wide terminal, with characters of four bytes. Longer lines are cut. */
#define LL_TOP_LINE_SIZE 8192

struct ll_top_text {
    char text[LL_TOP_LINE_SIZE];
    size_t length;
};

#define LL_TOP_TEXT_INIT                                                       \
    {                                                                          \
        "", 0                                                                  \
    }

/** Appends bytes: unprintable ones are escaped, and what is wider than @width is
 *  cut, with dots. */
void ll_top_add(struct ll_top_text *line, const char *bytes, size_t width);

/** The same, filled with blanks to @width, behind the text or (@is_right) in
 *  front of it. A blank or more follow: @gap. */
void ll_top_add_cell(struct ll_top_text *line,
                     const char *bytes,
                     size_t width,
                     int is_right,
                     size_t gap);

/** Appends formatted text, without a limit of its width. */
void ll_top_addf(struct ll_top_text *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Appends blanks and @text, so that it ends at @columns; not if there is no
 *  room for it. */
void ll_top_add_at_end(struct ll_top_text *line,
                       const char *text,
                       size_t columns);

#endif
