/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

/** A cell's text before it is cut. */
#define CELL_SIZE 5120

static void add_bytes(struct ll_top_text *line, const char *text, size_t size)
{
    if (line->length + size < sizeof(line->text)) {
        memcpy(line->text + line->length, text, size);
        line->length += size;
        line->text[line->length] = '\0';
    }
}

static void add_blanks(struct ll_top_text *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add_bytes(line, " ", 1);
    }
}

/** Makes a cell's text. Returns its columns. */
static size_t
make_cell(const char *bytes, size_t width, char ret_text[CELL_SIZE])
{
    ll_text_escape(bytes, strlen(bytes), ret_text, CELL_SIZE);
    ll_text_known(ret_text);
    ll_text_cut(ret_text, width);
    return ll_text_columns(ret_text);
}

void ll_top_add(struct ll_top_text *line, const char *bytes, size_t width)
{
    char text[CELL_SIZE];

    (void)make_cell(bytes, width, text);
    add_bytes(line, text, strlen(text));
}

void ll_top_add_cell(struct ll_top_text *line,
                     const char *bytes,
                     size_t width,
                     int is_right,
                     size_t gap)
{
    char text[CELL_SIZE];
    size_t blanks = width - make_cell(bytes, width, text);

    add_blanks(line, is_right ? blanks : 0);
    add_bytes(line, text, strlen(text));
    add_blanks(line, (is_right ? 0 : blanks) + gap);
}

void ll_top_addf(struct ll_top_text *line, const char *format, ...)
{
    char bytes[CELL_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(bytes, sizeof(bytes), format, arguments);
    va_end(arguments);
    ll_top_add(line, bytes, sizeof(bytes));
}

void ll_top_add_at_end(struct ll_top_text *line,
                       const char *text,
                       size_t columns)
{
    size_t used = ll_text_columns(line->text) + 2 + strlen(text);

    if (used <= columns) {
        add_blanks(line, columns - used + 2);
        add_bytes(line, text, strlen(text));
    }
}
