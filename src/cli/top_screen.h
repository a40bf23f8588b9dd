/* SPDX-License-Identifier: Apache-2.0 */
/** The terminal that `leaselock top` draws on: the only file that uses curses. */
#ifndef LL_CLI_TOP_SCREEN_H
#define LL_CLI_TOP_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "cli/top_picture.h"

/**
 * Whether there is a terminal for it: standard input and output, in the
 * foreground, of a type that can move the cursor.
 *
 * @return 0, or LL_EXIT_USAGE after a message
 */
int ll_top_screen_check(void);

/**
 * Takes over the terminal. One at a time.
 *
 * @return 0, or LL_EXIT_SYSTEM after a message
 */
int ll_top_screen_open(void);

/** Restores the terminal; ll_top_screen_redraw takes it again. */
void ll_top_screen_leave(void);

/** Restores the terminal for good; does nothing if it is not open. */
void ll_top_screen_close(void);

/** Whether it is open. */
int ll_top_screen_is_open(void);

/** Takes over the size that the terminal has now. */
void ll_top_screen_resize(void);

void ll_top_screen_size(size_t *ret_rows, size_t *ret_columns);

/** Begins a picture. */
void ll_top_screen_clear(void);

/** Puts a line; shown by ll_top_screen_show. A ll_top_line_fn. */
void ll_top_screen_line(void *arg,
                        size_t row,
                        enum ll_top_style style,
                        const char *text);

void ll_top_screen_show(void);

/** Draws all of it again at the next ll_top_screen_show. */
void ll_top_screen_redraw(void);

/** The next key that was typed: a character or an enum ll_top_key; 0: there is
 *  none. Does not wait. */
uint32_t ll_top_screen_key(void);

#endif
