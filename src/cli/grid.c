/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grid.h"

#include <stdarg.h>
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

static void
print_row(const struct ll_grid *grid, char *const *cells, const size_t *widths)
{
    size_t last = grid->columns;

    while (last > 0 && cells[last - 1][0] == '\0') {
        last--;
    }
    for (size_t i = 0; i < last; i++) {
        size_t blanks = widths[i] - ll_text_columns(cells[i]) + GAP;

        (void)fputs(cells[i], stdout);
        for (size_t k = 0; i + 1 < last && k < blanks; k++) {
            putchar(' ');
        }
    }
    putchar('\n');
}

int ll_grid_print(const struct ll_grid *grid)
{
    size_t *widths = calloc(grid->columns, sizeof(*widths));

    if (grid->is_broken || widths == NULL) {
        free(widths);
        ll_say("out of memory");
        return LL_EXIT_SYSTEM;
    }
    for (size_t i = 0; i < grid->cells_n; i++) {
        size_t columns = ll_text_columns(grid->cells[i]);

        if (columns > widths[i % grid->columns]) {
            widths[i % grid->columns] = columns;
        }
    }
    for (size_t i = 0; i + grid->columns <= grid->cells_n; i += grid->columns) {
        print_row(grid, grid->cells + i, widths);
    }
    free(widths);
    return 0;
}

void ll_grid_free(struct ll_grid *grid)
{
    for (size_t i = 0; i < grid->cells_n; i++) {
        free(grid->cells[i]);
    }
    free(grid->cells);
    memset(grid, 0, sizeof(*grid));
}
