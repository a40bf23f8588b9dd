/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LL_CLI_GRID_H
#define LL_CLI_GRID_H

#include <stddef.h>

/** Text in columns that are as wide as their widest cell. */
struct ll_grid {
    size_t columns;
    size_t cells_n;
    size_t cells_max;
    char **cells;
    /** Not 0: there was no memory for a cell. */
    int is_broken;
};

#define LL_GRID_INIT(columns_n)                                                \
    {                                                                          \
        (columns_n), 0, 0, NULL, 0                                             \
    }

/** Appends a cell, row by row; unprintable bytes are escaped. */
void ll_grid_add(struct ll_grid *grid, const char *bytes, size_t n);

/** Appends a formatted cell. */
void ll_grid_addf(struct ll_grid *grid, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Adds the first row: a title for each column. */
void ll_grid_add_titles(struct ll_grid *grid, const char *const *titles);

/**
 * Prints the table on standard output, without trailing blanks.
 *
 * @return 0, or LL_EXIT_SYSTEM after a message
 */
int ll_grid_print(const struct ll_grid *grid);

/**
 * Prints as much of the table as a terminal shows, over what stands there: each
 * line is cut, and followed by the sequence that erases the rest of it.
 *
 * @param columns  of the terminal
 * @param rows     most lines to print
 * @return as ll_grid_print
 */
int ll_grid_print_over(const struct ll_grid *grid, size_t columns, size_t rows);

void ll_grid_free(struct ll_grid *grid);

#endif
