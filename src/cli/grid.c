/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grid.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/text.h"

#define GAP 2
#define CELLS_FIRST 64
#define CELL_MAX 256

static int make_room(struct ll_grid *grid)
{
    size_t more = grid->cells_max > 0 ? 2 * grid->cells_max : CELLS_FIRST;
    char **cells;

    if (grid->cells_n < grid->cells_max) {
        return 0;
    }
    cells = reallocarray(grid->cells, more, sizeof(*cells));
    if (cells == NULL) {
        return -1;
    }
    grid->cells = cells;
    grid->cells_max = more;
    return 0;
}

void ll_grid_add(struct ll_grid *grid, const char *bytes, size_t n)
{
    char *cell;

    if (grid->is_broken || make_room(grid) != 0) {
        grid->is_broken = 1;
        return;
    }
    cell = ll_text_escape_new(bytes, n);
    if (cell == NULL) {
        grid->is_broken = 1;
        return;
    }
    grid->cells[grid->cells_n++] = cell;
}

void ll_grid_addf(struct ll_grid *grid, const char *format, ...)
{
    char cell[CELL_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(cell, sizeof(cell), format, arguments);
    va_end(arguments);
    ll_grid_add(grid, cell, strlen(cell));
}

void ll_grid_add_titles(struct ll_grid *grid, const char *const *titles)
{
    for (size_t i = 0; i < grid->columns; i++) {
        ll_grid_addf(grid, "%s", titles[i]);
    }
}

/** A row as one line, without trailing blanks; NULL: no memory. */
static char *
line_new(const struct ll_grid *grid, char *const *cells, const size_t *widths)
{
    size_t last = grid->columns;
    size_t size = 1;
    char *line;
    char *p;

    while (last > 0 && cells[last - 1][0] == '\0') {
        last--;
    }
    for (size_t i = 0; i < last; i++) {
        size += strlen(cells[i]) + widths[i] + GAP;
    }
    p = line = malloc(size);
    for (size_t i = 0; p != NULL && i < last; i++) {
        size_t blanks = widths[i] - ll_text_columns(cells[i]) + GAP;

        p = stpcpy(p, cells[i]);
        if (i + 1 < last) {
            memset(p, ' ', blanks);
            p += blanks;
        }
    }
    if (p != NULL) {
        *p = '\0';
    }
    return line;
}

/** Prints so many rows, each cut to the columns and followed by @end. */
static int print_rows(const struct ll_grid *grid,
                      size_t rows,
                      size_t columns,
                      const char *end)
{
    size_t *widths = calloc(grid->columns, sizeof(*widths));
    int is_broken = grid->is_broken || widths == NULL;

    for (size_t i = 0; !is_broken && i < grid->cells_n; i++) {
        size_t width = ll_text_columns(grid->cells[i]);

        if (width > widths[i % grid->columns]) {
            widths[i % grid->columns] = width;
        }
    }
    for (size_t i = 0; !is_broken && i + grid->columns <= grid->cells_n &&
                       i / grid->columns < rows;
         i += grid->columns) {
        char *line = line_new(grid, grid->cells + i, widths);

        is_broken = line == NULL;
        if (line != NULL) {
            ll_text_cut(line, columns);
            (void)fputs(line, stdout);
            (void)fputs(end, stdout);
        }
        free(line);
    }
    free(widths);
    if (is_broken) {
        ll_say("out of memory");
        return LL_EXIT_SYSTEM;
    }
    return 0;
}

int ll_grid_print(const struct ll_grid *grid)
{
    return print_rows(grid, SIZE_MAX, SIZE_MAX, "\n");
}

int ll_grid_print_over(const struct ll_grid *grid, size_t columns, size_t rows)
{
    return print_rows(grid, rows, columns, "\033[K\n");
}

void ll_grid_free(struct ll_grid *grid)
{
    for (size_t i = 0; i < grid->cells_n; i++) {
        free(grid->cells[i]);
    }
    free(grid->cells);
    memset(grid, 0, sizeof(*grid));
}
